"""The kinds that the simulated API servers serve, as data."""

from __future__ import annotations

from typing import Any, NamedTuple


class Resource(NamedTuple):
    """A kind of object, as discovery tells of it."""

    name: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """`/api/v1` or `/apis/GROUP/VERSION`."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


RESOURCES = (
    Resource("namespaces", "Namespace", namespaced=False, short_names=("ns",)),
    Resource("nodes", "Node", namespaced=False, short_names=("no",)),
    Resource("pods", "Pod", short_names=("po",)),
    Resource("services", "Service", short_names=("svc",)),
    Resource("secrets", "Secret"),
    Resource("configmaps", "ConfigMap", short_names=("cm",)),
    Resource("serviceaccounts", "ServiceAccount", short_names=("sa",)),
    Resource("deployments", "Deployment", "apps", short_names=("deploy",)),
    Resource("replicasets", "ReplicaSet", "apps", short_names=("rs",)),
    Resource("statefulsets", "StatefulSet", "apps", short_names=("sts",)),
    Resource("daemonsets", "DaemonSet", "apps", short_names=("ds",)),
    Resource("jobs", "Job", "batch"),
    Resource("cronjobs", "CronJob", "batch", short_names=("cj",)),
    Resource("rollouts", "Rollout", "argoproj.io", "v1alpha1", short_names=("ro",)),
    Resource(
        "customresourcedefinitions", "CustomResourceDefinition", "apiextensions.k8s.io", namespaced=False,
        short_names=("crd", "crds"),
    ),
)  # fmt: skip
BY_NAME = {resource.name: resource for resource in RESOURCES}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def find(path: str) -> tuple[Resource, str | None, str | None] | None:
    """Resource, namespace and name that a path asks for; None where it is none of these."""
    for resource in RESOURCES:
        if not path.startswith(resource.path + "/"):
            continue
        parts = path.removeprefix(resource.path + "/").split("/")
        if parts[0] == resource.name and len(parts) <= 2:
            return resource, None, parts[1] if len(parts) == 2 else None
        if len(parts) in (3, 4) and parts[0] == "namespaces" and parts[2] == resource.name and resource.namespaced:
            return resource, parts[1], parts[3] if len(parts) == 4 else None
    return None


def is_served(path: str) -> bool:
    """Whether the path's group is, in any version; a group that is not answers in plain text."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return True
    return parts[0] == "apis" and len(parts) > 1 and parts[1] in {resource.group for resource in RESOURCES}


def discovery(path: str) -> dict[str, Any] | None:
    """The discovery document at the path, in the plain form that every client understands."""
    if path == "/api":
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups()]}
    if path.startswith("/apis/") and path.count("/") == 2 and (name := path.rpartition("/")[2]) in _groups():
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}
    served = [resource for resource in RESOURCES if resource.path == path]
    if not served:
        return None
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if served[0].group else {}),
        "groupVersion": served[0].api_version,
        "resources": [_described(resource) for resource in served],
    }


BROKEN_API = "/apis/metrics.k8s.io"


def with_broken_api(document: dict[str, Any]) -> dict[str, Any]:
    """The list of groups with one in front whose server is down; any other document as it is."""
    if document["kind"] != "APIGroupList":
        return document
    told = {"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}
    broken = {"name": "metrics.k8s.io", "versions": [told], "preferredVersion": told}
    return {**document, "groups": [broken, *document["groups"]]}


def _groups() -> list[str]:
    return list(dict.fromkeys(resource.group for resource in RESOURCES if resource.group))


def _group(name: str) -> dict[str, Any]:
    version = next(resource.version for resource in RESOURCES if resource.group == name)
    told = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [told], "preferredVersion": told}


def _described(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
        **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
    }
