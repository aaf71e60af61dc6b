"""Simulates a Kubernetes API server; its answers follow recordings of a real one."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from job.simulator import access, discovery
from job.simulator.answers import (
    Answer,
    expired,
    forbidden,
    forbidden_path,
    indented,
    json_answer,
    not_acceptable,
    not_found,
    not_served,
    not_supported,
    status,
    text,
)
from job.simulator.continue_tokens import InvalidTokenError, read, token
from job.simulator.faults import REQUEST, Fault, Faults
from job.simulator.fleet import Cluster
from job.simulator.identity import Identity
from job.simulator.in_front import in_front
from job.simulator.negotiation import PLAIN, negotiated
from job.simulator.resources import RequestInfo, Resource, is_group, request_info, served
from job.simulator.store import GoneError, Item, Page, Store, described, in_version
from job.simulator.wire_faults import send, spoil

_CONNECT = "container.clusters.connect"  # asked by Google's frontend, which serves DNS endpoints
_GZIP_FROM = 128 * 1024  # bytes; as the real server does
_METADATA = ("PartialObjectMetadata", "meta.k8s.io", "v1")
_METADATA_LIST = ("PartialObjectMetadataList", "meta.k8s.io", "v1")


class ApiServer:
    """One cluster's API server."""

    def __init__(self, cluster: Cluster, identity: Identity, faults: Faults, log: list[dict[str, Any]]) -> None:
        self.cluster = cluster
        self.store = Store(cluster)
        self._identity, self._faults, self._log = identity, faults, log

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request, with the fault that applies to it."""
        info = request_info(request.path)
        resource = info.resource if info else "version" if request.path == "/version" else "discovery"
        page = _page_number(request.query.get("continue"))
        fault = self._faults.take(self.cluster.path, resource, page=page, kinds=REQUEST)
        user = self._identity.user(request.headers.get("Authorization"))
        sent = await request.read()
        refusal = (
            self._refusal_of_frontend() or self._refusal(request, user, fault) or self._refusal_of_others(request, user)
        )
        answer = refusal or self._answer(request, info, user or "", sent, fault)
        if answer.status >= 400 and negotiated(request.headers.get("Accept")) != PLAIN:
            answer = indented(answer)
        self._log.append(
            {
                "cluster": self.cluster.path,
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "status": answer.status,
                "user_agent": request.headers.get("User-Agent", ""),
                "accept_encoding": request.headers.get("Accept-Encoding", ""),
                "authorized": user is not None,
                "fault": fault.kind if fault else None,
            }
        )
        logged = self._log[-1]
        if fault and fault.kind in ("delay", "hang"):
            await asyncio.sleep(fault.seconds)
        body = spoil(answer.body, fault) if fault and answer.status == 200 else answer.body
        headers = {"Cache-Control": "no-cache, private", **answer.headers}
        if answer.content_type:
            headers["Content-Type"] = answer.content_type
        is_in_front = fault is not None and fault.kind == "in_front"
        if answer.status != 401 and not is_in_front:  # the real server applies flow control after authentication
            headers |= {name: str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}/{user}")) for name in _FLOW_CONTROL}
        if answer.status == 200 and len(body) > _GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        logged["bytes"] = len(body)
        return await send(request, answer.status, headers, body, fault)

    def _refusal_of_frontend(self) -> Answer | None:
        """The error of Google's frontend, where the identity may not use the DNS endpoint; None where it may."""
        granted = self.cluster.permissions
        if self.cluster.endpoint != "dns" or granted is None or _CONNECT in granted:
            return None
        named = {"form": "google_json", "reason": "IAM_PERMISSION_DENIED", "permission": _CONNECT}
        return in_front(Fault(self.cluster.path, "in_front", options=named), "")

    def _refusal_of_others(self, request: web.BaseRequest, user: str | None) -> Answer | None:
        """Where the cluster's project is another account's alone."""
        if self._identity.may_read(request.headers.get("Authorization"), self.cluster.project):
            return None
        return status(403, "Forbidden", f'forbidden: User "{user}" cannot get path "{request.path}"')

    def _refusal(self, request: web.BaseRequest, user: str | None, fault: Fault | None) -> Answer | None:
        """The error that an API server sends before it looks at the path; None if it sends none."""
        kind = fault.kind if fault else None
        if fault and kind == "in_front":
            return in_front(fault, request.headers.get("Authorization", ""))
        if kind == "revoke_tokens":
            self._identity.revoke()
        if kind in ("unauthorized", "revoke_tokens") or user is None:
            return status(401, "Unauthorized", "Unauthorized")
        if fault and kind == "status":
            return _failure(fault)
        if fault and kind == "redirect":
            location = str(fault.options.get("to", "https://elsewhere.invalid/"))
            return Answer(302, b"", "text/plain", {"Location": location})
        if kind == "echo_token":
            said = f"cannot read the header Authorization: {request.headers.get('Authorization')}"
            return status(400, "BadRequest", said)
        if kind == "not_served":
            return not_served(group=False)
        if fault and kind == "broken_api" and request.path.startswith(f"/apis/{_group(fault)}"):
            return Answer(503, b"service unavailable\n", "text/plain; charset=utf-8")
        if kind == "not_acceptable":
            return not_acceptable()
        return None

    def _answer(
        self, request: web.BaseRequest, info: RequestInfo | None, user: str, sent: bytes, fault: Fault | None
    ) -> Answer:
        if info is None:
            return self._path(request, user, fault)
        verb = _verb(request, info)
        resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
        allowed = access.allows(user, self.cluster, verb, info.group, resource)
        if not allowed or (fault and fault.kind == "forbidden"):
            by_iam = self.cluster.permissions is not None
            return forbidden(user, verb, info, gke=by_iam or bool(fault and fault.options.get("gke")))
        absent = self._absent_groups(fault)
        found = served(info, absent)
        if found is None:
            return not_served(group=is_group(info.group, absent))
        if verb == "create":  # RBAC allows nobody to create anything except self-subject reviews
            return self._review(request, info, user, sent)
        if verb == "watch" or verb not in found.verbs:
            return not_supported(verb, info)
        form = negotiated(request.headers.get("Accept"), (_METADATA if info.name else _METADATA_LIST,))
        if form is None:
            return not_acceptable()
        if info.name:
            return self._get(found, info, metadata_only=form != PLAIN)
        return self._list(request, found, info.namespace, fault, metadata_only=form != PLAIN)

    def _path(self, request: web.BaseRequest, user: str, fault: Fault | None) -> Answer:
        """Answers a non-resource path: health, version, discovery."""
        path = request.path.rstrip("/")
        if not access.allows_path(path):
            return forbidden_path(user, path)
        if path in ("/healthz", "/livez", "/readyz"):
            return text("ok")
        if path == "/version":
            return indented(json_answer(_version(self.cluster.version)))
        absent = self._absent_groups(fault)
        document, plain = discovery.aggregated(path, absent), discovery.plain(path, absent)
        if fault is not None and fault.kind == "broken_api" and plain and path != "/api":
            plain = discovery.with_broken_api(plain, _group(fault))
            document = document and discovery.with_broken_api(document, _group(fault))
        form = negotiated(request.headers.get("Accept"), (discovery.AGGREGATED,) if document else ())
        if form == discovery.AGGREGATED:
            return _aggregated(document, request.headers.get("If-None-Match"))
        if plain is None:
            return not_served(group=False)
        return not_acceptable() if form is None else json_answer(plain)

    def _absent_groups(self, fault: Fault | None) -> frozenset[str]:
        is_one_more = fault is not None and fault.kind == "absent_group"
        return self.cluster.absent_groups | ({_group(fault)} if fault is not None and is_one_more else set())

    def _review(self, request: web.BaseRequest, info: RequestInfo, user: str, sent: bytes) -> Answer:
        try:
            body = json.loads(sent)
            review = access.review(info, body, user, self.cluster, request.headers.get("User-Agent", ""))
        except (ValueError, AttributeError):
            review = None
        if review is None:
            return status(400, "BadRequest", "the object provided is unrecognized: it does not say what to review")
        return json_answer(review, 201)

    def _get(self, resource: Resource, info: RequestInfo, *, metadata_only: bool) -> Answer:
        namespace = info.namespace if resource.namespaced else None
        item = self.store.get(resource.name, namespace, info.name or "")
        if item is None:
            return not_found(info)
        return Answer(200, described(resource, item, metadata_only=metadata_only) + b"\n")

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
        if encoded := query.get("continue"):
            try:
                version, after = read(encoded)
            except InvalidTokenError as error:
                return status(400, "BadRequest", f"invalid continue token: {error}")
            if fault and fault.kind == "expired_continue":
                return expired(after)
        limit = int(query["limit"]) if query.get("limit", "").isdecimal() else None
        if query.get("resourceVersion") == "0":
            limit = None  # answered from the server's cache, which ignores `limit`
        try:
            matches = _selected(query, _FIELDS.get(resource.name, ()))
        except ValueError as error:
            return status(400, "BadRequest", str(error))
        try:
            page = self.store.page(resource.name, namespace, limit, version=version, after=after, matches=matches)
        except GoneError:
            return expired(after)
        if fault and fault.kind == "repeat_object" and (last := self.store.at(resource.name, after, page.version)):
            page = page._replace(items=[last, *page.items])
        following = token(page.version, page.after) if page.after else None
        if fault and fault.kind == "repeat_continue":
            turn = len(after) % int(fault.options.get("tokens", 1))  # tokens of different lengths in turn
            following = token(page.version, "0" * (turn + 1))
        remaining = page.remaining if matches is None else None
        return Answer(200, _listed(resource, page, following, remaining, metadata_only=metadata_only))


def _group(fault: Fault) -> str:
    """The API group that a fault is about."""
    return str(fault.options.get("group", discovery.BROKEN_API))


def _failure(fault: Fault) -> Answer:
    """The answer of the fault `status`: the API server's own or, for 502 and 504, that of a proxy in front of it.

    With `reason`, it is the API server's own.
    """
    code = int(fault.options.get("code", 500))
    headers = {}
    if (wait := fault.options.get("retry_after")) is not None:
        headers["Retry-After"] = str(wait)
    if (wait := fault.options.get("retry_date")) is not None:
        headers["Retry-After"] = formatdate(time.time() + int(wait), usegmt=True)
    reason = fault.options.get("reason")
    if code in (502, 504) and reason is None:
        page = b"<html><title>Error</title><body>The server encountered an error</body></html>"
        return Answer(code, page, "text/html; charset=UTF-8", headers)
    return status(code, reason or _REASONS.get(code, "InternalError"), "injected by the simulator", headers=headers)


_REASONS = {429: "TooManyRequests", 503: "ServiceUnavailable"}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_FLOW_CONTROL = ("X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid")


def _verb(request: web.BaseRequest, info: RequestInfo) -> str:
    if request.method not in ("GET", "HEAD"):
        return _VERBS.get(request.method, "update")
    if info.name:
        return "get"
    return "watch" if request.query.get("watch") in ("1", "true") else "list"


def _listed(
    resource: Resource, page: Page, following: str | None, remaining: int | None, *, metadata_only: bool
) -> bytes:
    """A list as JSON. Lists of custom resources sort their members, and end with an empty `continue`."""
    kind = f"{resource.kind}List" if not metadata_only else "PartialObjectMetadataList"
    api_version = resource.api_version if not metadata_only else "meta.k8s.io/v1"
    custom = resource.custom and not metadata_only
    metadata: dict[str, Any] = {"resourceVersion": str(page.version)}
    if following or custom:
        metadata["continue"] = following or ""
    if following and remaining is not None:
        metadata["remainingItemCount"] = remaining
    if metadata_only:
        items = [described(resource, item, metadata_only=True) for item in page.items]
    else:
        items = [in_version(resource, item) for item in page.items]
    envelope: dict[str, Any] = {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": []}
    head, _, tail = json.dumps(envelope, separators=(",", ":"), sort_keys=custom).partition("[]")
    return b"%s[%s]%s\n" % (head.encode(), b",".join(items), tail.encode())


def _aggregated(document: Any, known: str | None) -> Answer:
    """The document, or 304 if the client already has it."""
    kind, group, version = discovery.AGGREGATED
    whole = json_answer(document)
    tag = f'"{hashlib.sha512(whole.body).hexdigest().upper()}"'
    headers = {"Cache-Control": "public", "ETag": tag, "Vary": "Accept"}
    if known == tag:  # without a Content-Type: clients would apply it to their cached document
        return Answer(304, b"", "", headers)
    return whole._replace(content_type=f"application/json;g={group};v={version};as={kind}", headers=headers)


_FIELDS = {"events": ("type", "reason")}
"""Resource -> fields that its objects may be selected by, besides their names."""


def _selected(query: Any, more: tuple[str, ...]) -> Callable[[Item], bool] | None:
    """A predicate for the field and label selectors of the query; None without any.

    Args:
        more: fields besides the name and the namespace.

    Raises:
        ValueError: the selector is not simulated.
    """
    fields = [_term(term, ("metadata.name", "metadata.namespace", *more)) for term in _terms(query, "fieldSelector")]
    labels = [_term(term) for term in _terms(query, "labelSelector")]
    if not fields and not labels:
        return None

    def matches(item: Item) -> bool:
        named = {"metadata.name": item.name, "metadata.namespace": item.namespace, **item.fields}
        return all(named[key] == value for key, value in fields) and all(
            item.labels.get(key) == value for key, value in labels
        )

    return matches


def _terms(query: Any, name: str) -> list[str]:
    return [term for term in query.get(name, "").split(",") if term]


def _term(term: str, known: tuple[str, ...] | None = None) -> tuple[str, str]:
    key, equal, value = term.partition("=")
    if not equal or key.endswith("!") or (known is not None and key not in known):
        raise ValueError(f"field label not supported: {key}" if known else f"selector not simulated: {term}")
    return key, value.lstrip("=")


def _page_number(token: str | None) -> int:
    """1 for the first page of a list, 2 for all later pages."""
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
