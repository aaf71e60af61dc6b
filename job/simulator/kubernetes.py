"""A simulated Kubernetes API server: what it answers, as a real one was recorded to."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import json
import time
from email.utils import formatdate
from typing import Any, NamedTuple

from aiohttp import web

from job.simulator.faults import REQUEST, Fault, Faults
from job.simulator.fleet import Cluster
from job.simulator.identity import Identity
from job.simulator.resources import BROKEN_API, Resource, discovery, find, is_served, with_broken_api
from job.simulator.store import GoneError, Item, Page, Store, described
from job.simulator.wire_faults import send, spoil

_GZIP_FROM = 128 * 1024  # bytes, as the real server
_METADATA = "as=PartialObjectMetadata"
_ACCEPTED = ("application/json", "application/*", "*/*", "application/yaml", "application/vnd.kubernetes.protobuf")


class Answer(NamedTuple):
    """What goes out, but for faults."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}  # noqa: RUF012 (never changed)


class ApiServer:
    """One cluster's API server."""

    def __init__(self, cluster: Cluster, identity: Identity, faults: Faults, log: list[dict[str, Any]]) -> None:
        self.cluster = cluster
        self.store = Store(cluster)
        self._identity, self._faults, self._log = identity, faults, log

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request, or plays the fault that applies to it."""
        asked = find(request.path)
        resource = asked[0].name if asked else "version" if request.path == "/version" else "discovery"
        page = _page_number(request.query.get("continue"))
        fault = self._faults.take(self.cluster.path, resource, page=page, kinds=REQUEST)
        answer = self._refusal(request, fault) or self._answer(request, fault)
        self._log.append(
            {
                "cluster": self.cluster.path,
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "status": answer.status,
                "user_agent": request.headers.get("User-Agent", ""),
                "authorized": self._identity.is_valid(request.headers.get("Authorization")),
                "fault": fault.kind if fault else None,
            }
        )
        if fault and fault.kind in ("delay", "hang"):
            await asyncio.sleep(fault.seconds)
        body = spoil(answer.body, fault) if fault and answer.status == 200 else answer.body
        headers = {"Cache-Control": "no-cache, private", "Content-Type": answer.content_type, **answer.headers}
        if answer.status == 200 and len(body) > _GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return await send(request, answer.status, headers, body, fault)

    def _refusal(self, request: web.BaseRequest, fault: Fault | None) -> Answer | None:
        """What an API server checks before it looks at the path."""
        kind = fault.kind if fault else None
        if kind == "revoke_tokens":
            self._identity.revoke()
        if kind == "unauthorized" or not self._identity.is_valid(request.headers.get("Authorization")):
            return status(401, "Unauthorized", "Unauthorized")
        if fault and kind == "status":
            return _failure(fault)
        if kind == "redirect":
            return Answer(302, b"", "text/plain", {"Location": "https://elsewhere.invalid/"})
        if kind == "not_served":
            return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8", _NO_SNIFF)
        if kind == "broken_api" and request.path.startswith(BROKEN_API):
            return Answer(503, b"service unavailable\n", "text/plain; charset=utf-8", _NO_SNIFF)
        if kind == "not_acceptable":
            return _not_acceptable()
        return None

    def _answer(self, request: web.BaseRequest, fault: Fault | None) -> Answer:
        path, accept = request.path, request.headers.get("Accept", "*/*")
        if path in ("/healthz", "/livez", "/readyz"):
            return Answer(200, b"ok", "text/plain; charset=utf-8")
        if not any(kind in accept for kind in _ACCEPTED):
            return _not_acceptable()
        if path == "/version":
            return _json(_version(self.cluster.version))
        if request.method == "GET" and (document := discovery(path.rstrip("/"))) is not None:
            return _json(with_broken_api(document) if fault and fault.kind == "broken_api" else document)
        asked = find(path)
        if asked is None:
            if is_served(path):
                return status(404, "NotFound", "the server could not find the requested resource", details={})
            return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8", _NO_SNIFF)
        resource, namespace, name = asked
        if request.method != "GET":
            return _forbidden(resource, _VERBS.get(request.method, "update"))
        if (fault and fault.kind == "forbidden") or self.cluster.forbidden & {"*", resource.name}:
            return _forbidden(resource, "get" if name else "list", name)
        if name is not None:
            return self._get(resource, namespace, name, metadata_only=_METADATA in accept)
        return self._list(request, resource, namespace, fault, metadata_only=f"{_METADATA}List" in accept)

    def _get(self, resource: Resource, namespace: str | None, name: str, *, metadata_only: bool) -> Answer:
        item = self.store.get(resource.name, namespace, name)
        if item is None:
            told = {"name": name, **({"group": resource.group} if resource.group else {}), "kind": resource.name}
            group = f"{resource.name}.{resource.group}" if resource.group else resource.name
            return status(404, "NotFound", f'{group} "{name}" not found', details=told)
        return Answer(200, described(resource.name, item, metadata_only=metadata_only))

    def _list(
        self,
        request: web.BaseRequest,
        resource: Resource,
        namespace: str | None,
        fault: Fault | None,
        *,
        metadata_only: bool,
    ) -> Answer:
        query = request.query
        version, after = None, ""
        if token := query.get("continue"):
            try:
                version, after = _read_token(token)
            except ValueError:
                return status(400, "BadRequest", "invalid continue token: continue key is not valid: invalid character")
            if fault and fault.kind == "expired_continue":
                return _expired(after)
            version = None if version == -1 else version
        limit = int(query["limit"]) if query.get("limit", "").isdecimal() else None
        try:
            page = self.store.page(
                resource.name, namespace, limit, version=version, after=after, suits=_selected(query)
            )
        except GoneError:
            return _expired(after)
        if fault and fault.kind == "repeat_object" and (last := self.store.at(resource.name, after, page.version)):
            page = page._replace(items=[last, *page.items])
        following = _token(page.version, page.after) if page.after else None
        if fault and fault.kind == "repeat_continue":
            turn = len(after) % int(fault.options.get("tokens", 1))  # a token of each length in turn
            following = _token(page.version, "0" * (turn + 1))
        return Answer(200, _listed(resource, page, following, metadata_only=metadata_only))


def status(
    code: int,
    reason: str,
    message: str,
    *,
    details: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Answer:
    """A `Status`, with its members in the real server's order."""
    body: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata or {},
        "status": "Failure",
        "message": message,
    }
    body |= {"reason": reason} | ({"details": details} if details is not None else {}) | {"code": code}
    return Answer(code, json.dumps(body, separators=(",", ":")).encode() + b"\n", headers=headers or {})


def _failure(fault: Fault) -> Answer:
    """The answer of `status`: of the API server itself or, with 502 and 504, of a proxy before it."""
    code = int(fault.options.get("code", 500))
    headers = {}
    if (wait := fault.options.get("retry_after")) is not None:
        headers["Retry-After"] = str(wait)
    if (wait := fault.options.get("retry_date")) is not None:
        headers["Retry-After"] = formatdate(time.time() + int(wait), usegmt=True)
    if code in (502, 504):
        page = b"<html><title>Error</title><body>The server encountered an error</body></html>"
        return Answer(code, page, "text/html; charset=UTF-8", headers)
    return status(code, _REASONS.get(code, "InternalError"), "injected by the simulator", headers=headers)


_REASONS = {429: "TooManyRequests", 503: "ServiceUnavailable"}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NO_SNIFF = {"X-Content-Type-Options": "nosniff"}


def _listed(resource: Resource, page: Page, following: str | None, *, metadata_only: bool) -> bytes:
    kind = f"{resource.kind}List" if not metadata_only else "PartialObjectMetadataList"
    api_version = resource.api_version if not metadata_only else "meta.k8s.io/v1"
    metadata: dict[str, Any] = {"resourceVersion": str(page.version)}
    if following:
        metadata |= {"continue": following, "remainingItemCount": page.remaining}
    head = json.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata}, separators=(",", ":"))
    if metadata_only:
        items = [described(resource.name, item, metadata_only=True) for item in page.items]
    else:
        items = [item.body for item in page.items]
    return b'%s,"items":[%s]}\n' % (head[:-1].encode(), b",".join(items))


def _forbidden(resource: Resource, verb: str, name: str | None = None) -> Answer:
    group = f"{resource.name}.{resource.group}" if resource.group else resource.name
    details = {**({"name": name} if name else {}), **({"group": resource.group} if resource.group else {})}
    subject = f'{group} "{name}" is forbidden' if name else f"{group} is forbidden"
    message = (
        f'{subject}: User "inventory" cannot {verb} resource "{resource.name}" in API group "{resource.group}" '
        "at the cluster scope"
    )
    return status(403, "Forbidden", message, details={**details, "kind": resource.name}, headers=_NO_SNIFF)


def _expired(after: str) -> Answer:
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return status(410, "Expired", message, metadata={"continue": _token(-1, after)})


def _not_acceptable() -> Answer:
    message = (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )
    return status(406, "NotAcceptable", message, details={})


def _selected(query: Any) -> Any:
    """What `fieldSelector=metadata.name=...` and `labelSelector=key=value` let through; None without either."""
    pairs = [term.partition("=") for term in query.get("labelSelector", "").split(",") if "=" in term]
    names = [
        term.partition("=")[2]
        for term in query.get("fieldSelector", "").split(",")
        if term.startswith("metadata.name=")
    ]
    if not pairs and not names:
        return None

    def suits(item: Item) -> bool:
        return all(item.labels.get(key) == value.lstrip("=") for key, _, value in pairs) and all(
            item.name == name.lstrip("=") for name in names
        )

    return suits


def _token(version: int, after: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": f"{after}\u0000"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    try:
        told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(told["rv"]), str(told["start"]).rstrip("\u0000")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise ValueError("not a continue token") from error


def _page_number(token: str | None) -> int:
    """1 for a list's first page, 2 for any other."""
    return 2 if token else 1


def _version(gke_version: str) -> dict[str, str]:
    major, minor, *_ = gke_version.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{gke_version}",
        "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.6",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value).encode() + b"\n")
