"""The rows that objects of access, admission and configuration must lead to, written from the columns' descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from truth.amounts import fraction
from truth.model import Object

Row = tuple[str, tuple[Any, ...], Object]


def _quota(quota: Object) -> Object:
    spec, used = quota["spec"], quota["status"].get("used", {})
    return {
        "scopes": spec.get("scopes", []),
        "resources": [
            {
                "resource": name,
                "hard": hard,
                "hard_amount": float(fraction(hard)),
                "used": used.get(name),
                "used_amount": float(fraction(used[name])) if name in used else None,
                "share_used": float(fraction(used[name]) / fraction(hard)) if name in used else None,
            }
            for name, hard in spec["hard"].items()
        ],
    }


def _service_account(account: Object) -> Object:
    annotations = account["metadata"].get("annotations") or {}
    return {
        "google_service_account": annotations.get("iam.gke.io/gcp-service-account"),
        "automount_token": account.get("automountServiceAccountToken"),
        "image_pull_secrets": [secret["name"] for secret in account.get("imagePullSecrets", [])],
    }


def _definition(definition: Object) -> Object:
    spec, status = definition["spec"], definition["status"]
    flags = ("served", "storage", "deprecated")
    return {
        "api_group": spec["group"],
        "kind": spec["names"]["kind"],
        "plural": spec["names"]["plural"],
        "scope": spec["scope"],
        "versions": [
            {"name": each["name"], **{flag: each.get(flag, False) for flag in flags}} for each in spec["versions"]
        ],
        "stored_versions": status["storedVersions"],
        "conversion_strategy": spec["conversion"]["strategy"],
        "established": _state(status, "Established")["status"] == "True",
    }


def _state(status: Object, type_: str) -> Object:
    return next(dict(condition) for condition in status["conditions"] if condition["type"] == type_)


def _api_service(found: Object) -> Object:
    spec, available = found["spec"], _state(found["status"], "Available")
    service = spec.get("service", {})
    return {
        "api_group": spec.get("group"),
        "version": spec["version"],
        "local": "service" not in spec,
        "service_name": service.get("name"),
        "service_port": service.get("port"),
        "available": available["status"] == "True",
        "available_reason": available["reason"],
        "insecure_skip_tls_verify": spec.get("insecureSkipTLSVerify", False),
    }


def _policy(policy: Object) -> Object:
    spec = policy["spec"]
    return {
        "failure_policy": spec["failurePolicy"],
        "fail_closed": spec["failurePolicy"] == "Fail",
        "validations": len(spec["validations"]),
        "rules": _admission_rules(spec["matchConstraints"]["resourceRules"]),
        "namespace_selector": None,
    }


def _admission_rules(rules: list[Object]) -> list[Object]:
    return [
        {
            "operations": rule["operations"],
            "api_groups": rule["apiGroups"],
            "api_versions": rule["apiVersions"],
            "resources": rule["resources"],
            "resource_names": [],
            "scope": rule["scope"],
        }
        for rule in rules
    ]


def _metadata_only(found: Object) -> Object:
    metadata = found["metadata"]
    owner = next((one for one in metadata.get("ownerReferences", []) if one.get("controller")), {})
    return {
        "finalizers": len(metadata.get("finalizers", [])),
        "owner_kind": owner.get("kind"),
        "owner_name": owner.get("name"),
        "owner_uid": owner.get("uid"),
    }


def _priority(found: Object) -> Object:
    return {
        "priority": found["value"],
        "global_default": found.get("globalDefault", False),
        "preemption_policy": found["preemptionPolicy"],
    }


def _runtime(found: Object) -> Object:
    fixed = found["overhead"]["podFixed"]
    return {
        "handler": found["handler"],
        "overhead_cpu_millicores": int(fraction(fixed["cpu"]) * 1000),
        "overhead_memory_bytes": int(fraction(fixed["memory"])),
    }


def warnings_of(events: Iterable[Object]) -> Iterator[Row]:
    """A row for each object, reason and component, of which any order of Events gives the same."""
    found: dict[tuple[Any, ...], list[Object]] = {}
    for event in events:
        of = event["involvedObject"]
        component = event["reportingComponent"] or event["source"]["component"]
        found.setdefault((of["uid"], event["reason"], component), []).append(event)
    for (uid, reason, component), same in found.items():
        of = same[0]["involvedObject"]
        columns = {
            "namespace": of.get("namespace"), "object_kind": of["kind"], "object_name": of["name"],
            "count": sum(each.get("series", each).get("count", 1) for each in same),
            "first_seen_at": min(map(_first, same)), "last_seen_at": max(map(_last, same)),
        }  # fmt: skip
        yield "warning_events", (uid, reason, component), columns


def _first(event: Object) -> str:
    return _whole_second(event["firstTimestamp"] or event["eventTime"])


def _last(event: Object) -> str:
    series = event.get("series", {})
    return _whole_second(series.get("lastObservedTime") or event["lastTimestamp"] or event["eventTime"])


def _whole_second(time: str) -> str:
    return f"{time[:19]}Z"


COLUMNS = {
    "service_accounts": "namespace uid labels created_at google_service_account automount_token image_pull_secrets",
    "roles": "resource kind namespace uid labels created_at aggregates rules has_wildcard",
    "role_bindings": (
        "resource kind namespace labels scope subject_kind subject_name subject_namespace role_kind role_name"
    ),
    "admission_webhooks": (
        "resource kind webhook failure_policy fail_closed timeout_seconds rules scope match_conditions "
        "namespace_selector object_selector side_effects reinvocation_policy service_name url_host ca_bundle_present"
    ),
    "admission_policies": "uid labels created_at failure_policy fail_closed validations rules namespace_selector",
    "custom_resource_definitions": (
        "uid labels created_at api_group kind plural scope versions stored_versions conversion_strategy established"
    ),
    "api_services": (
        "uid labels created_at api_group version local service_name service_port available available_reason "
        "insecure_skip_tls_verify"
    ),
    "config_maps": "namespace uid labels created_at finalizers owner_kind owner_name owner_uid",
    "secrets": "namespace uid labels created_at finalizers owner_kind owner_name owner_uid",
    "priority_classes": "uid labels created_at priority global_default preemption_policy",
    "runtime_classes": "uid labels created_at handler overhead_cpu_millicores overhead_memory_bytes",
    "quotas": "namespace uid labels created_at resources scopes",
    "limit_ranges": "namespace type minimum minimum_amount maximum maximum_amount default_limit default_request",
}
"""Table -> the columns below, besides those of every row."""

MORE: dict[str, Callable[[Object], Object]] = {
    "resourcequotas": _quota, "serviceaccounts": _service_account, "customresourcedefinitions": _definition,
    "apiservices": _api_service, "validatingadmissionpolicies": _policy, "priorityclasses": _priority,
    "runtimeclasses": _runtime, "configmaps": _metadata_only, "secrets": _metadata_only,
}  # fmt: skip
"""Kind -> the columns of its own table that are judged, besides those that all objects have."""


def _limit_range(found: Object) -> Iterator[Row]:
    metadata = found["metadata"]
    fields = {"min": "minimum", "max": "maximum", "default": "default_limit", "defaultRequest": "default_request"}
    for position, limit in enumerate(found["spec"]["limits"]):
        for resource in {name for bound in fields for name in limit.get(bound, {})}:
            amounts = {column: limit.get(field, {}).get(resource) for field, column in fields.items()}
            numbers = {f"{column}_amount": float(fraction(text)) if text else None for column, text in amounts.items()}
            columns = {"namespace": metadata["namespace"], "name": metadata["name"], "type": limit["type"]}
            yield "limit_ranges", (metadata["uid"], position, resource), columns | amounts | numbers


def _role(role: Object) -> Iterator[Row]:
    """A row in the table that Roles share with ClusterRoles."""
    fields = {
        "verbs": "verbs", "api_groups": "apiGroups", "resources": "resources", "resource_names": "resourceNames",
        "non_resource_urls": "nonResourceURLs",
    }  # fmt: skip
    selectors = role.get("aggregationRule", {}).get("clusterRoleSelectors", [])
    yield from _shared("roles", "Role", role, (), {
        "labels": role["metadata"].get("labels") or {},
        "aggregates": [f"{key}={value}" for each in selectors for key, value in each["matchLabels"].items()],
        "rules": [{column: rule.get(field, []) for column, field in fields.items()} for rule in role["rules"]],
        "has_wildcard": any("*" in [*rule["verbs"], *rule.get("resources", [])] for rule in role["rules"]),
    })  # fmt: skip


def _shared(table: str, kind: str, item: Object, within: tuple[Any, ...], columns: Object) -> Iterator[Row]:
    metadata = item["metadata"]
    namespace = metadata.get("namespace")
    kind = kind if namespace else f"Cluster{kind}"
    own = {
        "resource": f"{kind.lower()}s", "kind": kind, "namespace": namespace, "name": metadata["name"],
        "created_at": metadata["creationTimestamp"],
    }  # fmt: skip
    yield table, (metadata["uid"], *within), own | columns


def _binding(binding: Object) -> Iterator[Row]:
    for position, subject in enumerate(binding.get("subjects", [])):
        yield from _shared("role_bindings", "RoleBinding", binding, (position,), {
            "labels": binding["metadata"].get("labels") or {},
            "scope": "namespace" if "namespace" in binding["metadata"] else "cluster",
            "subject_kind": subject["kind"],
            "subject_name": subject["name"],
            "subject_namespace": subject.get("namespace"),
            "role_kind": binding["roleRef"]["kind"],
            "role_name": binding["roleRef"]["name"],
        })  # fmt: skip


def _webhooks(kind: str) -> Callable[[Object], Iterator[Row]]:
    def rows(configuration: Object) -> Iterator[Row]:
        metadata = configuration["metadata"]
        for position, webhook in enumerate(configuration["webhooks"]):
            client = webhook["clientConfig"]
            columns = {
                "resource": f"{kind.lower()}s",
                "kind": kind,
                "name": metadata["name"],
                "webhook": webhook["name"],
                "failure_policy": webhook["failurePolicy"],
                "fail_closed": webhook["failurePolicy"] == "Fail",
                "timeout_seconds": webhook["timeoutSeconds"],
                "rules": _admission_rules(webhook["rules"]),
                "scope": webhook["rules"][0]["scope"],
                "match_conditions": len(webhook.get("matchConditions", [])),
                "namespace_selector": _selector(webhook["namespaceSelector"]),
                "object_selector": _selector(webhook["objectSelector"]),
                "side_effects": webhook["sideEffects"],
                "reinvocation_policy": webhook.get("reinvocationPolicy"),
                "service_name": client.get("service", {}).get("name"),
                "url_host": client["url"].split("/")[2] if "url" in client else None,
                "ca_bundle_present": "caBundle" in client,
            }
            yield "admission_webhooks", (metadata["uid"], position), columns

    return rows


def _selector(selector: Object) -> str | None:
    """`NotIn` is the only operator in the fleet."""
    terms = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    terms += [f"{one['key']} notin ({','.join(one['values'])})" for one in selector.get("matchExpressions", [])]
    return ",".join(terms) or None


FLAT: dict[str, Callable[[Object], Iterator[Row]]] = {
    "limitranges": _limit_range, "roles": _role, "clusterroles": _role, "rolebindings": _binding,
    "clusterrolebindings": _binding,
    "validatingwebhookconfigurations": _webhooks("ValidatingWebhookConfiguration"),
    "mutatingwebhookconfigurations": _webhooks("MutatingWebhookConfiguration"),
}  # fmt: skip
"""Kind -> its rows in tables that it shares, or those of its elements."""
