"""`show`: one object of one cluster as YAML, JSON or a line of a table, with its secrets hidden."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from job.client import kubernetes_client
from job.collect.deadlines import Deadline
from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.http_reader import HttpReader, Request
from job.collect.refusals import response_failure
from job.collect.stats import ReadStats
from job.commands.api_resources import ApiResource, decoded, find_resource
from job.commands.hidden import SECRET_KINDS, without_secrets
from job.commands.output import json_text
from job.commands.wide import columns_of, line_of, members
from job.config import Config
from job.errors import ConfigError, InventoryError, NotFoundError
from job.printable import printable
from job.waiting import waiting_for

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_JSON = "application/json"
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_TABLE = f"application/json;as=Table;g=meta.k8s.io;v=v1,{_METADATA_ONLY}"
_MAX_BYTES = 8 << 20  # of an object, which etcd holds to 1.5 MiB by default, or of a group's list of kinds
_MAX_NAME_LENGTH = 253  # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_MAX_NAMED = 10  # namespaces in an error
_NO_NAME = re.compile(r"[/%?#\\]|\s")


def show(
    cluster: str,
    kind: str,
    name: str,
    namespace: str | None,
    config: Config,
    *,
    all_namespaces: bool = False,
    form: str = "yaml",
) -> str:
    """The object as text.

    Of Secrets and ConfigMaps only the metadata is read. Values of env, commands and arguments are hidden, and so are
    annotations that carry whole objects. What is hidden depends on what the server sends, not on what was asked for.

    Args:
        cluster: `PROJECT/LOCATION/CLUSTER`.
        kind: in any form that kubectl accepts: `pods`, `pod`, `po`, `Pod`, `pods.metrics.k8s.io`, `jobs.v1.batch`.
        namespace: None means `default`, for kinds that have namespaces.
        all_namespaces: looks for the name in all of them instead.
        form: `yaml`, `json`, or `wide`: the columns that the API server makes of it, as `kubectl get -o wide` has them.

    Raises:
        ConfigError: the cluster's name does not have three parts, a name could be a path, or several objects have it.
        NotFoundError: there is no such cluster, kind or object.
        InventoryError: the API server refuses, cannot be reached, or sends something else.
    """
    parts = cluster.split("/")
    if len(parts) != 3 or not all(parts):
        raise ConfigError(f"{cluster!r} is not PROJECT/LOCATION/CLUSTER, such as shop-prod/europe-west1/web")
    namespace = "default" if namespace is None else namespace
    check_name("name", name)
    check_name("namespace", namespace)
    with kubernetes_client(*parts, config=config) as client:
        server = _Server(client, cluster, config)
        resource = find_resource(server.get, cluster, kind)
        if all_namespaces and resource.namespaced:
            namespace = _only_namespace(server, resource, name, cluster)
        scope = f"/namespaces/{namespace}" if resource.namespaced else ""
        what = f"{resource.name}/{name}" + (f" in {namespace}" if scope else "")
        is_secret = resource.kind in SECRET_KINDS or resource.name in ("secrets", "configmaps")
        accept = _TABLE if form == "wide" else _METADATA_ONLY if is_secret else _JSON
        body = server.get(what, f"{resource.path}{scope}/{resource.name}/{name}", accept=accept)
    found = decoded(body, f"{cluster}: {what}")
    tokens = [client_token(client)]
    if form == "wide":
        columns, shown = columns_of(found)
        _check_identity(shown, resource, name, namespace if scope else None, f"{cluster}: {what}")
        return line_of(columns, namespace if all_namespaces and scope else None, tokens)
    _check_identity(found, resource, name, namespace if scope else None, f"{cluster}: {what}")
    hidden = without_secrets(found, tokens)
    return _as_yaml(hidden) if form == "yaml" else json_text(msgspec.json.format(msgspec.json.encode(hidden))) + "\n"


def _only_namespace(server: _Server, resource: ApiResource, name: str, cluster: str) -> str:
    """The namespace of the only object with this name.

    Raises:
        NotFoundError: there is none.
        ConfigError: there are several.
    """
    what = f"{resource.name} named {name} in all namespaces"
    selector = name.replace(",", "\\,").replace("=", "\\=")
    query = (("fieldSelector", f"metadata.name={selector}"),)
    body = server.get(what, f"{resource.path}/{resource.name}", accept=_METADATA_LIST, query=query)
    items = members(decoded(body, f"{cluster}: {what}"), "items")
    found = [item["metadata"] for item in items if isinstance(item, dict) and isinstance(item.get("metadata"), dict)]
    namespaces = sorted({str(each.get("namespace")) for each in found if each.get("name") == name})
    if not namespaces:
        raise NotFoundError(f"{cluster}: there is no {resource.name}/{name} in any namespace")
    if len(namespaces) > 1:
        listed = ", ".join(printable(each) for each in namespaces[:_MAX_NAMED])
        raise ConfigError(f"{cluster}: {resource.name}/{name} is in {len(namespaces)} namespaces: name one: {listed}")
    check_name("namespace", namespaces[0])
    return namespaces[0]


def check_name(argument: str, name: str) -> None:
    """Rejects names that would be more than one segment of a path: API servers decode `%2F` into a slash.

    https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/path/name.go

    Raises:
        ConfigError: it is no name of an object.
    """
    if not name or name in (".", "..") or _NO_NAME.search(name) or not name.isprintable():
        raise ConfigError(f"{argument}: {name[:80]!r} is no name of an object: it is empty, or could be a path")
    if len(name) > _MAX_NAME_LENGTH:
        raise ConfigError(f"{argument}: a name has at most {_MAX_NAME_LENGTH} characters, and this one {len(name)}")


def client_token(client: ApiClient) -> str:
    """The bearer token that the client sent last, which a server may repeat."""
    return str(client.configuration.api_key.get("BearerToken") or "")


class _Server:
    """GETs of one API server: bounded in time and bytes as lists are, without redirects, and not retried."""

    def __init__(self, client: ApiClient, cluster: str, config: Config) -> None:
        self._seconds = seconds = config.timeouts.kind_seconds
        self._deadline = Deadline(monotonic() + seconds, "KindTimeout", f"it was not read within {seconds:g} s")
        self._readers = {
            accept: HttpReader(client, config.timeouts, accept=accept, max_bytes=_MAX_BYTES)
            for accept in (_JSON, _METADATA_ONLY, _METADATA_LIST, _TABLE)
        }
        self._cluster = cluster

    def get(self, what: str, path: str, *, accept: str = _JSON, query: Sequence[tuple[str, str]] = ()) -> bytes:
        """The body of a response with status 200.

        Raises:
            NotFoundError: the status is 404.
            InventoryError: the request failed otherwise.
        """
        reader, request = self._readers[accept], Request(path, query, self._deadline, ReadStats())
        try:
            with waiting_for(f"{self._cluster} to send {what}", self._seconds):
                response = reader.open(request)
                with reader.body(response, request) as body:
                    if response.raw.status != 200:
                        raise response_failure(response.raw.status, response.raw.headers, body, response.token)
                    return bytes(body)
        except ReadFailure as error:
            message = f"{self._cluster}: {what}: {error}"
            raise NotFoundError(message) if error.cause.http_status == 404 else InventoryError(message) from error
        except ContinueTokenExpired as error:
            raise InventoryError(f"{self._cluster}: {what}: {error}") from error


def _check_identity(found: Any, resource: ApiResource, name: str, namespace: str | None, what: str) -> None:
    """A proxy may mix up responses, and a path may lead elsewhere: another object than that asked for is refused.

    Raises:
        InventoryError: it is another object, or none.
    """
    metadata = found.get("metadata") if isinstance(found, dict) else None
    if not isinstance(metadata, dict):
        raise InventoryError(f"{what}: the API server's answer is no object")
    kinds = (resource.kind, "PartialObjectMetadata")
    if found.get("kind") not in kinds or metadata.get("name") != name or metadata.get("namespace") != namespace:
        raise InventoryError(f"{what}: the API server answers with another object")


def _as_yaml(value: Any) -> str:
    """YAML that a terminal prints as it is: where a character is not printable, all that are not ASCII are escaped."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if text.replace("\n", "").isprintable():
        return text
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=False))
