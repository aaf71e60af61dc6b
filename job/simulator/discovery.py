"""API discovery in both forms: one aggregated document, and many plain ones with the same content."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from job.simulator.resources import GROUPS

AGGREGATED = ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2")
"""The aggregated form's `as`, `g` and `v` in an Accept header."""


BROKEN_API = "metrics.k8s.io"
"""The group whose server is down, unless a fault names another."""


def with_broken_api(document: dict[str, Any], group: str = BROKEN_API) -> dict[str, Any]:
    """Puts a group whose server is down into the list of groups, first in the plain form and last in the aggregated.

    Other documents stay as they are.
    """
    version = {"groupVersion": f"{group}/v1beta1", "version": "v1beta1"}
    if document["kind"] == "APIGroupList":
        broken = {"name": group, "versions": [version], "preferredVersion": version}
        return {**document, "groups": [broken, *(each for each in document["groups"] if each["name"] != group)]}
    if document["kind"] == AGGREGATED[0]:
        others = [each for each in document["items"] if each["metadata"].get("name") != group]
        stale = {"metadata": {"name": group}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]}
        return {**document, "items": [*others, stale]}
    return document


def aggregated(path: str, absent: frozenset[str] = frozenset()) -> dict[str, Any] | None:
    """Everything below `/api` or `/apis` in one document, without the absent groups; None for any other path."""
    if path not in ("/api", "/apis"):
        return None
    items = [group for group in _groups(absent) if ("name" in group["metadata"]) == (path == "/apis")]
    return {"kind": AGGREGATED[0], "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _groups(absent: frozenset[str]) -> list[dict[str, Any]]:
    return [group for group in GROUPS if group["metadata"].get("name") not in absent]


def plain(path: str, absent: frozenset[str] = frozenset()) -> dict[str, Any] | None:
    """The plain document at the path, which every client understands; None if there is none."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]}
    if parts == ["apis"]:
        groups = [_group(group) for group in _groups(absent) if "name" in group["metadata"]]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if parts[0] == "api" and len(parts) == 2:
        return _resources("", parts[1])
    if parts[1:2] and parts[1] in absent:
        return None
    if parts[0] == "apis" and len(parts) == 3:
        return _resources(parts[1], parts[2])
    for group in GROUPS:
        if parts == ["apis", group["metadata"].get("name")]:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
    return None


def _group(group: dict[str, Any]) -> dict[str, Any]:
    name = group["metadata"]["name"]
    versions = [
        {"groupVersion": f"{name}/{version['version']}", "version": version["version"]} for version in group["versions"]
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(name: str, version: str) -> dict[str, Any] | None:
    for group in GROUPS:
        for found in group["versions"]:
            if (group["metadata"].get("name", ""), found["version"]) == (name, version):
                return {
                    "kind": "APIResourceList",
                    **({"apiVersion": "v1"} if name else {}),
                    "groupVersion": f"{name}/{version}" if name else version,
                    "resources": [
                        entry for resource in found["resources"] for entry in _entries(resource, name, version)
                    ],
                }
    return None


def _entries(resource: dict[str, Any], group: str, version: str) -> list[dict[str, Any]]:
    """The resource, followed by each of its subresources."""
    kind = resource["responseKind"]["kind"]
    entry: dict[str, Any] = {
        "name": resource["resource"],
        "singularName": resource["singularResource"],
        "namespaced": resource["scope"] == "Namespaced",
        "kind": kind,
        "verbs": resource["verbs"],
        **{key: resource[key] for key in ("shortNames", "categories") if key in resource},
    }
    if (
        "watch" in resource["verbs"]
    ):  # the resource is stored: https://pkg.go.dev/k8s.io/apiserver/pkg/endpoints/discovery
        digest = hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()
        entry["storageVersionHash"] = base64.b64encode(digest[:8]).decode()
    return [entry, *(_subresource(resource, subresource) for subresource in resource.get("subresources", ()))]


def _subresource(resource: dict[str, Any], subresource: dict[str, Any]) -> dict[str, Any]:
    kind = subresource["responseKind"]
    return {
        "name": f"{resource['resource']}/{subresource['subresource']}",
        "singularName": "",
        "namespaced": resource["scope"] == "Namespaced",
        **{key: kind[key] for key in ("group", "version") if kind[key]},  # if it differs from its parent's
        "kind": kind["kind"],
        "verbs": subresource["verbs"],
    }
