"""`show`: one object of one cluster as YAML, with its secrets hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import yaml

from job.client import kubernetes_client
from job.collect.failures import connection_failure
from job.config import Config
from job.errors import ConfigError, InventoryError, NotFoundError
from job.wire.meta import NOT_DECODABLE

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

HIDDEN = "(hidden)"
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_SECRET_KINDS = frozenset({"secrets", "configmaps"})
_FIRST_GROUPS = ("/api/v1", "/apis/apps/v1", "/apis/batch/v1")  # these have nearly every kind that is asked for
_TIMEOUTS = (10.0, 60.0)  # seconds to connect, and to answer


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


def show(cluster: str, kind: str, name: str, namespace: str | None, config: Config) -> str:
    """The object as YAML.

    Of Secrets and ConfigMaps only the metadata is read. Values of env, commands and arguments are hidden, and so are
    annotations that carry whole objects.

    Args:
        cluster: `PROJECT/LOCATION/CLUSTER`.
        kind: in any form that kubectl accepts: `pods`, `pod`, `po`, `Pod`.
        namespace: None means `default`, for kinds that have namespaces.

    Raises:
        ConfigError: the cluster's name does not have three parts.
        NotFoundError: there is no such cluster, kind or object.
        InventoryError: the API server refuses, or cannot be reached.
    """
    parts = cluster.split("/")
    if len(parts) != 3 or not all(parts):
        raise ConfigError(f"{cluster!r} is not PROJECT/LOCATION/CLUSTER, such as shop-prod/europe-west1/web")
    for part in (name, namespace or "default"):
        if part in ("", ".", ".."):  # as a part of a path it would ask for another object, or for all of them
            raise ConfigError(f"{part!r} is no name of an object")
    with kubernetes_client(*parts, config=config) as client:
        path, resource = _find_kind(client, cluster, kind)
        scope = f"/namespaces/{quote(namespace or 'default', safe='')}" if resource.namespaced else ""
        accept = _METADATA_ONLY if resource.name in _SECRET_KINDS else "application/json"
        where = f"{cluster}: {resource.name}/{name}" + (f" in {namespace or 'default'}" if scope else "")
        body = _get(client, where, f"{path}{scope}/{resource.name}/{quote(name, safe='')}", accept)
    return yaml.safe_dump(_without_secrets(_decoded(body, where)), sort_keys=False, allow_unicode=True)


def _find_kind(client: ApiClient, cluster: str, kind: str) -> tuple[str, _Resource]:
    """The API path and resource of a kind, from the server's discovery."""
    name = kind.lower()
    broken: list[str] = []
    for path in _FIRST_GROUPS:
        if found := _match(client, cluster, path, name, broken):
            return path, found
    where = f"{cluster}: API groups"
    for group in _decoded(_get(client, where, "/apis"), where, _Groups).groups or ():
        version = group.preferred_version or (group.versions[0] if group.versions else None)
        path = f"/apis/{version.group_version}" if version else ""
        if path and path not in _FIRST_GROUPS and (found := _match(client, cluster, path, name, broken)):
            return path, found
    but = f"; discovery failed for {', '.join(broken)}" if broken else ""
    raise NotFoundError(f"{cluster}: the API server has no kind {kind!r}{but}")


def _match(client: ApiClient, cluster: str, path: str, name: str, broken: list[str]) -> _Resource | None:
    where = f"{cluster}: API resources of {path}"
    try:
        resources: tuple[_Resource, ...] | None = _decoded(_get(client, where, path), where, _Resources).resources
    except NotFoundError:
        return None
    except InventoryError:
        broken.append(path)  # a broken aggregated API must not hide the kinds of all others
        return None
    for resource in resources or ():
        names = {resource.name, resource.singular_name, resource.kind.lower(), *(resource.short_names or ())}
        if name in names and "/" not in resource.name:
            return resource
    return None


def _get(client: ApiClient, where: str, path: str, accept: str = "application/json") -> bytes:
    from urllib3.exceptions import HTTPError

    request = client.param_serialize("GET", path, header_params={"Accept": accept}, auth_settings=["BearerToken"])
    try:
        response = client.call_api(*request, _request_timeout=_TIMEOUTS)
        body = response.response.data
    except HTTPError as error:
        raise InventoryError(
            f"{where}: the API server cannot be reached: {connection_failure(error, _TIMEOUTS[1])}"
        ) from error
    if response.status == 200:
        return bytes(body)
    try:
        text = msgspec.json.decode(body).get("message")
    except (*NOT_DECODABLE, AttributeError):
        text = None
    message = f"{where}: {text or f'HTTP status {response.status}'}"
    raise NotFoundError(message) if response.status == 404 else InventoryError(message)


def _decoded(body: bytes, where: str, kind: Any = Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except NOT_DECODABLE as error:
        raise InventoryError(f"{where}: the API server's answer is malformed") from error


def _without_secrets(value: Any, key: str = "") -> Any:
    """The same object, with values hidden that may be a password."""
    if key in ("command", "args") and isinstance(value, list):
        return [HIDDEN]
    if key == "env" and isinstance(value, list):
        return [item | ({"value": HIDDEN} if "value" in item else {}) for item in value if isinstance(item, dict)]
    if key == "annotations" and isinstance(value, dict):
        return {
            name: HIDDEN if len(str(text)) > 1024 or "last-applied" in name else text for name, text in value.items()
        }
    if key == "managedFields":
        return HIDDEN
    if isinstance(value, dict):
        return {name: _without_secrets(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value
