"""RBAC of a simulated cluster, and its self-subject reviews: https://kubernetes.io/docs/reference/access-authn-authz/rbac/"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from job.simulator.fleet import Cluster
from job.simulator.identity import VIEWER
from job.simulator.resources import GROUPS, RequestInfo, iam_permission

READ = ("get", "list", "watch")


class Rule(NamedTuple):
    """Allows verbs on resources; `*` means all."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """True if the rule allows the verb on the resource."""
        return all(
            asked in granted or "*" in granted
            for asked, granted in ((verb, self.verbs), (group, self.groups), (resource, self.resources))
        )


def _view(groups: str, resources: str) -> Rule:
    return Rule(READ, tuple(groups.split(",")), tuple(resources.split()))


_ALL = Rule(("get", "list"), ("*",), ("*",))
_BASIC = (  # granted to every user with a valid token
    Rule(("create",), ("authorization.k8s.io",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
    Rule(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
)
_VIEW = (  # what the ClusterRole `view` aggregates: no Secrets, no nodes, nothing cluster-scoped except namespaces
    _view(
        "",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status",
    ),
    _view(
        "",
        "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas "
        "resourcequotas/status",
    ),
    _view("", "namespaces"),
    _view(",events.k8s.io", "events"),
    _view("discovery.k8s.io", "endpointslices"),
    _view(
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status "
        "replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    _view("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    _view("batch", "cronjobs cronjobs/status jobs jobs/status"),
    _view(
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
        "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
    ),
    _view("policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    _view("networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    _view("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
)
_PATHS = (
    ("/healthz", "/livez", "/readyz", "/version", "/version/"),
    ("/.well-known", "/.well-known/*"),
    (
        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
        "/version/",
    ),
)  # fmt: skip


def allows(user: str, cluster: Cluster, verb: str, group: str, resource: str) -> bool:
    """True if the user may use the verb on the resource, by RBAC or by IAM."""
    if cluster.permissions is not None and iam_permission(resource, verb) in cluster.permissions:
        return True
    return any(rule.allows(verb, group, resource) for rule in _rules(user, cluster))


def allows_path(path: str) -> bool:
    """True if every user may GET this non-resource path."""
    granted = {path for paths in _PATHS for path in paths}
    return path in granted or any(path.startswith(prefix[:-1]) for prefix in granted if prefix.endswith("/*"))


def review(
    info: RequestInfo, body: dict[str, Any], user: str, cluster: Cluster, user_agent: str
) -> dict[str, Any] | None:
    """Answers a self-subject review; None if the request does not say what to review."""
    if info.resource == "selfsubjectrulesreviews":
        return _rules_review(user, cluster)
    if info.resource == "selfsubjectreviews":
        who = {"username": user, "groups": ["system:authenticated"]}
        version = "authentication.k8s.io/v1"
        return {"kind": "SelfSubjectReview", "apiVersion": version, "metadata": {}, "status": {"userInfo": who}}
    return _access_review(body.get("spec") or {}, user, cluster, user_agent)


def _rules(user: str, cluster: Cluster) -> Iterator[Rule]:
    """The rules granted to the user, without the resources that the cluster forbids."""
    if cluster.permissions is not None:
        yield from _BASIC
        return
    for rule in (*_BASIC, *_VIEW) if user == VIEWER else (_ALL, *_BASIC):
        if rule in _BASIC or not cluster.forbidden:
            yield rule
        elif "*" not in cluster.forbidden:
            yield from _without(cluster.forbidden, rule)


def _without(forbidden: frozenset[str], rule: Rule) -> Iterator[Rule]:
    """The rule without some resources. RBAC cannot deny, so the result names all the others."""
    rules = [rule]
    if rule is _ALL:
        rules = [
            rule._replace(groups=(group["metadata"].get("name", ""),), resources=_resources(group)) for group in GROUPS
        ]
    for each in rules:
        if left := tuple(name for name in each.resources if name.split("/")[0] not in forbidden):
            yield each._replace(resources=left)


def _resources(group: dict[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry["resource"] for version in group["versions"] for entry in version["resources"]))


def _access_review(spec: dict[str, Any], user: str, cluster: Cluster, user_agent: str) -> dict[str, Any] | None:
    if attributes := spec.get("resourceAttributes"):
        resource = attributes.get("resource", "")
        if attributes.get("subresource"):
            resource = f"{resource}/{attributes['subresource']}"
        allowed = allows(user, cluster, attributes.get("verb", ""), attributes.get("group", ""), resource)
    elif attributes := spec.get("nonResourceAttributes"):
        allowed = attributes.get("verb") == "get" and allows_path(attributes.get("path", ""))
    else:
        return None
    reason = (
        'RBAC: allowed by ClusterRoleBinding "viewer-pods" of ClusterRole "system:aggregate-to-view" to User "viewer"'
    )
    kind = "resourceAttributes" if "resourceAttributes" in spec else "nonResourceAttributes"
    api_version = "authorization.k8s.io/v1"
    fields: dict[str, Any] = {"f:spec": {f"f:{kind}": {".": {}, **{f"f:{key}": {} for key in sorted(attributes)}}}}
    managed = {
        "manager": user_agent.split("/")[0],
        "operation": "Update",
        "apiVersion": api_version,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": api_version,
        "metadata": {"managedFields": [managed]},
        "spec": {kind: attributes},
        "status": {"allowed": allowed, **({"reason": reason} if allowed and user == VIEWER else {})},
    }


def _rules_review(user: str, cluster: Cluster) -> dict[str, Any]:
    return {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {},
        "status": {
            "resourceRules": [
                {"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources}
                for rule in _rules(user, cluster)
            ],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths} for paths in _PATHS],
            "incomplete": False,
        },
    }
