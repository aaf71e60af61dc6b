"""The kinds that the simulated API servers serve, and the parser of request paths."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, NamedTuple

GATEWAY_API = "gateway.networking.k8s.io"
VPA = "autoscaling.k8s.io"
DRA = "resource.k8s.io"
"""Served by clusters that have them."""
GROUPS: list[dict[str, Any]] = json.loads(files(__package__).joinpath("discovery.json").read_text())
"""The aggregated discovery document of a real API server, plus the Gateway API and other custom resources."""
CUSTOM_GROUPS = frozenset(
    {"argoproj.io", "agones.dev", "core.strimzi.io", "leaderworkerset.x-k8s.io", "sparkoperator.k8s.io"}
    | {GATEWAY_API, VPA}
)


class Resource(NamedTuple):
    """A kind of object in one version of its group."""

    name: str
    kind: str
    group: str
    version: str
    namespaced: bool
    verbs: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def custom(self) -> bool:
        """True for a custom resource: its objects are stored and sent as they were written."""
        return self.group in CUSTOM_GROUPS


class RequestInfo(NamedTuple):
    """The resource that a path names, whether or not it is served."""

    group: str
    version: str
    resource: str
    namespace: str | None
    name: str | None
    subresource: str | None


def request_info(path: str) -> RequestInfo | None:
    """`/api/v1/namespaces/web/pods` -> pods in the namespace web; None for a non-resource path.

    Follows https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/request/requestinfo.go
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name, subresource, *_ = [*rest, None, None]
    return RequestInfo(group, version, str(resource), namespace, name, subresource)


_CAMEL_CASE = {
    "apiservices": "apiServices", "clusterrolebindings": "clusterRoleBindings", "clusterroles": "clusterRoles",
    "configmaps": "configMaps", "cronjobs": "cronJobs", "csidrivers": "csiDrivers",
    "customresourcedefinitions": "customResourceDefinitions", "daemonsets": "daemonSets",
    "horizontalpodautoscalers": "horizontalPodAutoscalers", "limitranges": "limitRanges",
    "mutatingwebhookconfigurations": "mutatingWebhookConfigurations", "networkpolicies": "networkPolicies",
    "persistentvolumeclaims": "persistentVolumeClaims", "persistentvolumes": "persistentVolumes",
    "poddisruptionbudgets": "podDisruptionBudgets", "priorityclasses": "priorityClasses",
    "replicasets": "replicaSets", "resourceclaims": "thirdPartyObjects",
    "resourcequotas": "resourceQuotas", "rolebindings": "roleBindings",
    "runtimeclasses": "runtimeClasses", "serviceaccounts": "serviceAccounts", "statefulsets": "statefulSets",
    "storageclasses": "storageClasses", "validatingadmissionpolicies": "thirdPartyObjects",
    "validatingwebhookconfigurations": "validatingWebhookConfigurations",
}  # fmt: skip


def iam_permission(resource: str, verb: str) -> str:
    """GKE's IAM permission for a verb on a resource: https://cloud.google.com/iam/docs/roles-permissions/container"""
    if (found := BY_NAME.get(resource)) and found.custom:
        return f"container.thirdPartyObjects.{verb}"
    return f"container.{_CAMEL_CASE.get(resource, resource)}.{verb}"


def served(info: RequestInfo, absent: frozenset[str] = frozenset()) -> Resource | None:
    """The kind of the requested resource; None if it is not served. Subresources are never served.

    Args:
        absent: groups that the server lacks.
    """
    return None if info.subresource or info.group in absent else _SERVED.get((info.group, info.version, info.resource))


def is_group(name: str, absent: frozenset[str] = frozenset()) -> bool:
    """True if any version of the group is served."""
    return name not in absent and any(group == name for group, _, _ in _SERVED)


_SERVED = {
    (group["metadata"].get("name", ""), version["version"], entry["resource"]): Resource(
        name=entry["resource"],
        kind=entry["responseKind"]["kind"],
        group=group["metadata"].get("name", ""),
        version=version["version"],
        namespaced=entry["scope"] == "Namespaced",
        verbs=tuple(entry["verbs"]),
    )
    for group in GROUPS
    for version in group["versions"]
    for entry in version["resources"]
}
BY_NAME = {name: _SERVED[group, version, name] for group, version, name in reversed(_SERVED)}
"""The kind that a store keeps for each name: the preferred version, of the core group if several groups have it."""
