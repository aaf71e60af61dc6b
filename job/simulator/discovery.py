"""Discovery in both forms: one aggregated document, and the many plain ones that say the same."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from job.simulator.resources import GROUPS

AGGREGATED = ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2")
"""What an Accept header asks for as `as`, `g` and `v`."""


BROKEN_API = "/apis/metrics.k8s.io"


def with_broken_api(document: dict[str, Any]) -> dict[str, Any]:
    """The list of groups with one in front whose server is down; any other document as it is."""
    if document["kind"] != "APIGroupList":
        return document
    told = {"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}
    broken = {"name": "metrics.k8s.io", "versions": [told], "preferredVersion": told}
    return {**document, "groups": [broken, *document["groups"]]}


def aggregated(path: str) -> dict[str, Any] | None:
    """All of `/api`, or all of `/apis`, in one document."""
    if path not in ("/api", "/apis"):
        return None
    items = [group for group in GROUPS if ("name" in group["metadata"]) == (path == "/apis")]
    return {"kind": AGGREGATED[0], "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def plain(path: str) -> dict[str, Any] | None:
    """The document at the path in the form that every client understands; None where there is none."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]}
    if parts == ["apis"]:
        groups = [_group(group) for group in GROUPS if "name" in group["metadata"]]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if parts[0] == "api" and len(parts) == 2:
        return _resources("", parts[1])
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
                    "resources": [line for told in found["resources"] for line in _lines(told, name, version)],
                }
    return None


def _lines(told: dict[str, Any], group: str, version: str) -> list[dict[str, Any]]:
    """A resource, and each of its subresources as if it were one."""
    kind = told["responseKind"]["kind"]
    line: dict[str, Any] = {
        "name": told["resource"],
        "singularName": told["singularResource"],
        "namespaced": told["scope"] == "Namespaced",
        "kind": kind,
        "verbs": told["verbs"],
        **{key: told[key] for key in ("shortNames", "categories") if key in told},
    }
    if "watch" in told["verbs"]:  # what is stored: https://pkg.go.dev/k8s.io/apiserver/pkg/endpoints/discovery
        digest = hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()
        line["storageVersionHash"] = base64.b64encode(digest[:8]).decode()
    return [line, *(_subresource(told, subresource) for subresource in told.get("subresources", ()))]


def _subresource(told: dict[str, Any], subresource: dict[str, Any]) -> dict[str, Any]:
    kind = subresource["responseKind"]
    return {
        "name": f"{told['resource']}/{subresource['subresource']}",
        "singularName": "",
        "namespaced": told["scope"] == "Namespaced",
        **{key: kind[key] for key in ("group", "version") if kind[key]},  # where it is not its parent's
        "kind": kind["kind"],
        "verbs": subresource["verbs"],
    }
