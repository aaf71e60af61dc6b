"""From a kind as kubectl accepts it to the resource that an API server has, by the server's discovery.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec

from job.errors import ConfigError, InventoryError, NotFoundError
from job.wire.decoders import decoder
from job.wire.meta import NOT_DECODABLE

_FIRST_GROUPS = ("/api/v1", "/apis/apps/v1", "/apis/batch/v1")  # these have nearly every kind that is asked for
_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){0,20}\.?")
_SEGMENT = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


class ApiResource(NamedTuple):
    """A kind that an API server has."""

    path: str
    """Of its group and version: `/apis/apps/v1`."""
    name: str
    """The plural, as in paths."""
    kind: str
    namespaced: bool


class Get(Protocol):
    """Reads a document of the API server."""

    def __call__(self, what: str, path: str) -> bytes: ...


def find_resource(get: Get, cluster: str, kind: str) -> ApiResource:
    """The resource that a kind means: a plural, singular or short name, or the kind itself.

    With a group (`jobs.batch.volcano.sh`), or a version and a group (`jobs.v1.batch`), it is that group's. Without one,
    the built-in groups come first, and then the others in the server's order.

    Raises:
        ConfigError: it is no kind.
        NotFoundError: the server has no such kind.
        InventoryError: the server cannot be asked.
    """
    if not _KIND.fullmatch(kind):
        raise ConfigError(f"{kind[:80]!r} is no kind such as pods, Deployment, or jobs.batch")
    name, _, group = kind.lower().partition(".")
    broken: list[str] = []
    for path in _paths_of_group(get, group) if group else _all_paths(get):
        if found := _match(get, path, name, broken):
            return found
    but = f"; discovery failed for {', '.join(broken)}" if broken else ""
    raise NotFoundError(f"{cluster}: the API server has no kind {kind!r}{but}")


def decoded(body: bytes, what: str, decode: msgspec.json.Decoder[Any] | None = None) -> Any:
    """The JSON of a body.

    Raises:
        InventoryError: it is malformed.
    """
    try:
        return (decode or msgspec.json).decode(body)
    except NOT_DECODABLE as error:
        raise InventoryError(f"{what}: the API server's answer is malformed") from error


def _paths_of_group(get: Get, group: str) -> Iterator[str]:
    """As kubectl reads it: `VERSION.GROUP` first, and then all of it as a group."""
    version, _, rest = group.partition(".")
    if _VERSION.fullmatch(version):
        yield f"/apis/{rest}/{version}" if rest else f"/api/{version}"
    if _SEGMENT.fullmatch(group):
        what = f"API group {group}"
        try:
            yield from _paths(decoded(get(what, f"/apis/{group}"), what, _GROUP))
        except NotFoundError:
            return


def _all_paths(get: Get) -> Iterator[str]:
    yield from _FIRST_GROUPS
    groups = decoded(get("API groups", "/apis"), "API groups", _GROUPS).groups or ()
    preferred: list[str] = []
    others: list[str] = []
    for group in groups:
        first, *rest = _paths(group) or [""]
        preferred.append(first)
        others += rest
    yield from (path for path in [*preferred, *others] if path and path not in _FIRST_GROUPS)


def _paths(group: _Group) -> list[str]:
    """Of a group's versions, the preferred one first."""
    versions = [*([group.preferred_version] if group.preferred_version else []), *group.versions]
    return list(dict.fromkeys(f"/apis/{version.group_version}" for version in versions if _is_path(version)))


def _is_path(version: _Version) -> bool:
    parts = version.group_version.split("/")
    return len(parts) == 2 and all(_SEGMENT.fullmatch(part) for part in parts)


def _match(get: Get, path: str, name: str, broken: list[str]) -> ApiResource | None:
    what = f"API resources of {path}"
    try:
        resources: Iterable[_Resource] = decoded(get(what, path), what, _RESOURCES).resources or ()
    except NotFoundError:
        return None
    except InventoryError:
        broken.append(path)  # a broken aggregated API must not hide the kinds of all others
        return None
    for resource in resources:
        names = {resource.name, resource.singular_name, resource.kind.lower(), *(resource.short_names or ())}
        if name in names and _SEGMENT.fullmatch(resource.name):  # `pods/log` is no kind
            return ApiResource(path, resource.name, resource.kind, resource.namespaced)
    return None


class _Resource(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    kind: str
    namespaced: bool
    singular_name: str = ""
    short_names: tuple[str, ...] | None = None


class _Resources(msgspec.Struct, frozen=True):
    resources: tuple[_Resource, ...] | None = None


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    group_version: str


class _Group(msgspec.Struct, frozen=True, rename="camel"):
    preferred_version: _Version | None = None
    versions: tuple[_Version, ...] = ()


class _Groups(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...] | None = None


_RESOURCES, _GROUP, _GROUPS = decoder(_Resources), decoder(_Group), decoder(_Groups)
_VERSION = re.compile(r"v[0-9]+(?:(?:alpha|beta)[0-9]+)?")
