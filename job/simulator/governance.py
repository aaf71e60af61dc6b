"""Objects that govern a cluster: roles and bindings, admission, definitions of APIs, classes of pods."""

from __future__ import annotations

from typing import Any

from job.simulator.metadata import Maker, Object, applied, condition

_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
_BUNDLE = "Q0FOQVJZLWNhLWJ1bmRsZQ=="
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}


def governing_objects(maker: Maker, teams: list[str]) -> dict[str, list[Object]]:
    """The objects, by resource."""

    def made(name: str, version: str, namespace: str | None = None, **parts: Any) -> Object:
        metadata = {"labels": parts.pop("labels", None), "annotations": applied("Object", name)}
        if version.startswith(_RBAC):
            return {"metadata": maker.metadata(name, namespace, api_version=version, **metadata), **parts}
        return {"metadata": maker.metadata(name, namespace, api_version=version, generation=1, **metadata), **parts}

    rbac, admission = f"{_RBAC}/v1", f"{_ADMISSION}/v1"
    return {
        "clusterroles": [made(name, rbac, **parts) for name, parts in _CLUSTER_ROLES.items()],
        "roles": [made("secret-reader", rbac, team, rules=_SECRET_READER) for team in teams],
        "clusterrolebindings": [
            made(name, rbac, roleRef=_role(role), subjects=[subject], labels=labels)
            for name, role, subject, labels in _bindings(maker.cluster.project, teams[0])
        ],
        "rolebindings": [
            made("team", rbac, team, roleRef=_role("secret-reader", "Role"), subjects=_members(team)) for team in teams
        ]
        + [made("dangling", rbac, teams[0], roleRef=_role("no-such-role"))],
        "validatingwebhookconfigurations": [made("policy.example.com", admission, webhooks=_validating(teams[0]))],
        "mutatingwebhookconfigurations": [made("injector.example.com", admission, webhooks=[_INJECTOR])],
        "validatingadmissionpolicies": [made("replicas", admission, spec=_POLICY, status={})],
        "apiservices": [_api_service(maker, *each) for each in _API_SERVICES],
        "priorityclasses": [
            {**made(name, "scheduling.k8s.io/v1", value=value, preemptionPolicy=policy), **more}
            for name, value, policy, more in _PRIORITIES
        ],
        "runtimeclasses": [_gvisor(maker)],
    }


def _rule(verbs: str, groups: str, resources: str, **more: Any) -> Object:
    return {"verbs": verbs.split(), "apiGroups": groups.split(","), "resources": resources.split(), **more}


_SECRET_READER = [_rule("get", "", "secrets", resourceNames=["tls"]), _rule("list watch", ",apps", "*")]
_AGGREGATED = {"clusterRoleSelectors": [{"matchLabels": {f"{_RBAC}/aggregate-to-admin": "true"}}]}
_CLUSTER_ROLES: dict[str, Object] = {
    "admin": {"rules": [_rule("get list", "", "pods")], "aggregationRule": _AGGREGATED, "labels": _BOOTSTRAP},
    "cluster-admin": {
        "rules": [_rule("*", "*", "*"), {"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "labels": _BOOTSTRAP,
    },
    "debugger": {"rules": [_rule("get list", "", "pods"), _rule("create", "", "pods/exec")]},
    "role-keeper": {"rules": [_rule("bind escalate", _RBAC, "clusterroles roles"), _rule("impersonate", "", "users")]},
    "url-reader": {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/metrics", "/healthz/*"]}]},
}


def _role(name: str, kind: str = "ClusterRole") -> Object:
    return {"apiGroup": _RBAC, "kind": kind, "name": name}


def _subject(kind: str, name: str, namespace: str | None = None) -> Object:
    return {"kind": kind, "name": name, **({"namespace": namespace} if namespace else {"apiGroup": _RBAC})}


def _members(team: str) -> list[Object]:
    return [
        _subject("Group", f"{team}@example.com"),
        _subject("ServiceAccount", "default", team),
        _subject("User", "someone@example.com"),
    ]


def _bindings(project: str, team: str) -> list[tuple[str, str, Object, Object]]:
    """Name, role, subject, labels."""
    return [
        ("cluster-admin", "cluster-admin", _subject("Group", "system:masters"), _BOOTSTRAP),
        ("debuggers", "debugger", _subject("Group", f"{team}@example.com"), {}),
        ("deployer", "cluster-admin", _subject("User", f"deployer@{project}.iam.gserviceaccount.com"), {}),
        ("keeper", "role-keeper", _subject("ServiceAccount", "default", team), {}),
    ]


def _on(operations: str, groups: str, resources: str) -> list[Object]:
    return [
        {
            "operations": operations.split(),
            "apiGroups": groups.split(","),
            "apiVersions": ["*"],
            "resources": resources.split(),
            "scope": "*",
        }
    ]


def _validating(team: str) -> list[Object]:
    service = {"namespace": team, "name": "policy", "path": "/validate", "port": 443}
    excluded = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
    return [
        {
            "name": "deny.policy.example.com",
            "clientConfig": {"service": service, "caBundle": _BUNDLE},
            "rules": _on("CREATE UPDATE", ",apps", "pods deployments"),
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchExpressions": [excluded]},
            "objectSelector": {},
            "sideEffects": "None",
            "timeoutSeconds": 30,
            "admissionReviewVersions": ["v1"],
            "matchConditions": [{"name": "not-nodes", "expression": "'CANARY-expression' != ''"}],
        }
    ]


_INJECTOR = {
    "name": "inject.example.com",
    "clientConfig": {"url": "https://injector.example.com/CANARY-path"},
    "rules": _on("CREATE", "", "pods"),
    "failurePolicy": "Ignore",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {"matchLabels": {"inject": "true"}},
    "sideEffects": "NoneOnDryRun",
    "timeoutSeconds": 10,
    "admissionReviewVersions": ["v1"],
    "reinvocationPolicy": "IfNeeded",
}
_POLICY = {
    "matchConstraints": {
        "namespaceSelector": {},
        "objectSelector": {},
        "resourceRules": _on("CREATE", "apps", "deployments"),
        "matchPolicy": "Equivalent",
    },
    "validations": [{"expression": "object.spec.replicas <= 100", "message": "CANARY-validation"}],
    "failurePolicy": "Fail",
}
_METRICS = {
    "service": {"namespace": "kube-system", "name": "metrics-server", "port": 443},
    "insecureSkipTLSVerify": True,
}
_API_SERVICES: tuple[tuple[str, Object, tuple[str, str], Object], ...] = (
    ("v1.", {}, ("True", "Local"), {"kube-aggregator.kubernetes.io/automanaged": "onstart"}),
    ("v1.apps", {"group": "apps"}, ("True", "Local"), {"kube-aggregator.kubernetes.io/automanaged": "onstart"}),
    ("v1beta1.metrics.k8s.io", {"group": "metrics.k8s.io", **_METRICS}, ("False", "MissingEndpoints"), {}),
)
"""Name, specification, whether it is available and why, labels."""


def _api_service(maker: Maker, name: str, spec: Object, state: tuple[str, str], labels: Object) -> Object:
    priorities = {"version": name.partition(".")[0], "groupPriorityMinimum": 100, "versionPriority": 15}
    metadata = maker.metadata(name, api_version="apiregistration.k8s.io/v1", labels=labels)
    return {
        "metadata": metadata,
        "spec": spec | priorities,
        "status": {"conditions": [condition("Available", *state)]},
    }


_PRIORITIES: tuple[tuple[str, int, str, Object], ...] = (
    ("lowest", -(2**31), "PreemptLowerPriority", {}),
    ("payments-critical", 100_000, "Never", {"description": "for payments", "globalDefault": True}),
    ("system-cluster-critical", 2_000_000_000, "PreemptLowerPriority", {}),
)


def _gvisor(maker: Maker) -> Object:
    return {
        "metadata": maker.metadata("gvisor", api_version="node.k8s.io/v1"),
        "handler": "runsc",
        "overhead": {"podFixed": {"cpu": "250m", "memory": "120Mi"}},
        "scheduling": {"nodeSelector": {"sandbox.gke.io/runtime": "gvisor"}},
    }
