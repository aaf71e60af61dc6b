"""The kinds that the simulated API servers serve, and what a path asks for."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, NamedTuple

GROUPS: list[dict[str, Any]] = json.loads(files(__package__).joinpath("discovery.json").read_text())
"""The aggregated discovery document of a real API server, one Rollout of Argo's included."""
CUSTOM_GROUPS = frozenset({"argoproj.io"})


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
        """Whether a CustomResourceDefinition defines it: such objects are stored and sent as they were written."""
        return self.group in CUSTOM_GROUPS


class Asked(NamedTuple):
    """What a path asks for, whether or not it is served."""

    group: str
    version: str
    resource: str
    namespace: str | None
    name: str | None
    subresource: str | None


def asked(path: str) -> Asked | None:
    """`/api/v1/namespaces/web/pods` -> pods in the namespace web; None for a path of no resource.

    As https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/request/requestinfo.go
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
    return Asked(group, version, str(resource), namespace, name, subresource)


def served(what: Asked) -> Resource | None:
    """The kind that is asked for; None where this server has none such. Subresources it has none at all."""
    return None if what.subresource else _SERVED.get((what.group, what.version, what.resource))


def is_group(name: str) -> bool:
    """Whether the group is served in any version."""
    return any(group == name for group, _, _ in _SERVED)


_SERVED = {
    (group["metadata"].get("name", ""), version["version"], told["resource"]): Resource(
        name=told["resource"],
        kind=told["responseKind"]["kind"],
        group=group["metadata"].get("name", ""),
        version=version["version"],
        namespaced=told["scope"] == "Namespaced",
        verbs=tuple(told["verbs"]),
    )
    for group in GROUPS
    for version in group["versions"]
    for told in version["resources"]
}
BY_NAME = {name: _SERVED[group, version, name] for group, version, name in reversed(_SERVED)}
"""Each name in its group's preferred version, the core's where several groups have it: what a store goes by."""
