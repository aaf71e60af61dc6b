"""HTTPRoutes (`gateway.networking.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.gateway_api import GATEWAY_API, ObservedCondition, holds
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, Int64, ObjectMeta, Wire


class ParentReference(Wire, frozen=True):
    name: str
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    section_name: str | None = None
    port: Int64 | None = None


class BackendObjectReference(Wire, frozen=True):
    name: str
    kind: str | None = None
    namespace: str | None = None
    port: Int64 | None = None


class HTTPRequestMirrorFilter(Wire, frozen=True):
    backend_ref: BackendObjectReference


class HTTPRouteFilter(Wire, frozen=True):
    request_mirror: HTTPRequestMirrorFilter | None = None


class HTTPBackendRef(BackendObjectReference, frozen=True):
    weight: Int64 | None = None
    filters: Elements[HTTPRouteFilter] | None = None


class HTTPRouteRule(Wire, frozen=True):
    filters: Elements[HTTPRouteFilter] | None = None
    backend_refs: Elements[HTTPBackendRef] | None = None


class HTTPRouteSpec(Wire, frozen=True):
    hostnames: Elements[str] | None = None
    parent_refs: Elements[ParentReference] | None = None
    rules: Elements[HTTPRouteRule] | None = None


class RouteParentStatus(Wire, frozen=True):
    parent_ref: ParentReference
    controller_name: str | None = None
    conditions: Elements[ObservedCondition] | None = None


class HTTPRouteStatus(Wire, frozen=True):
    parents: Elements[RouteParentStatus] | None = None


class HTTPRoute(Wire, frozen=True):
    metadata: ObjectMeta
    spec: HTTPRouteSpec | None = None
    status: HTTPRouteStatus | None = None


def route_rows(route: HTTPRoute, scope: Scope) -> Iterator[tables.Record]:
    """The route's row."""
    metadata, spec, status = route.metadata, route.spec or HTTPRouteSpec(), route.status or HTTPRouteStatus()
    parents = tuple(_parents(metadata, spec, status))
    answers = {parent.accepted for parent in parents}
    yield tables.HttpRoute(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        generation=metadata.generation,
        hostnames=tuple(spec.hostnames or ()),
        parents=parents,
        backends=tuple(each for number, rule in enumerate(spec.rules or ()) for each in _backends(number, rule)),
        accepted=True if True in answers else False if False in answers else None,
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _parents(metadata: ObjectMeta, spec: HTTPRouteSpec, status: HTTPRouteStatus) -> Iterator[tables.RouteParent]:
    """What the route is to be attached to, each with what its controller says."""
    reported: dict[tuple[object, ...], list[RouteParentStatus]] = {}
    for one in status.parents or ():
        reported.setdefault(_identity(one.parent_ref, metadata), []).append(one)
    for parent in spec.parent_refs or ():
        answers = reported.get(_identity(parent, metadata), [])
        accepting = [one for one in answers if holds(one.conditions, "Accepted", metadata.generation)[0]]
        found = next(iter(accepting or answers), None)
        of_parent = found.conditions if found else None
        accepted, reason = holds(of_parent, "Accepted", metadata.generation)
        resolved, resolved_reason = holds(of_parent, "ResolvedRefs", metadata.generation)
        yield tables.RouteParent(
            kind=parent.kind or "Gateway",
            namespace=parent.namespace or metadata.namespace or "",
            name=parent.name,
            section_name=parent.section_name or None,
            port=parent.port,
            controller=(found.controller_name or None) if found else None,
            accepted=accepted,
            accepted_reason=reason,
            resolved_refs=resolved,
            resolved_refs_reason=resolved_reason,
        )


def _identity(parent: ParentReference, metadata: ObjectMeta) -> tuple[object, ...]:
    """What tells a parent from the others: a status has one entry for each parent and controller.

    https://gateway-api.sigs.k8s.io/reference/spec/#routeparentstatus
    """
    namespace, group = parent.namespace or metadata.namespace, _GROUP if parent.group is None else parent.group
    return group, parent.kind or "Gateway", namespace, parent.name, parent.section_name or "", parent.port


def _backends(number: int, rule: HTTPRouteRule) -> Iterator[tables.RouteBackend]:
    """What gets requests by a rule, and then what gets copies of them."""
    found = rule.backend_refs or ()
    for backend in found:
        yield _backend(number, backend, weight=backend.weight, is_mirror=False)
    for one in (*(rule.filters or ()), *(each for backend in found for each in backend.filters or ())):
        if one.request_mirror is not None:
            yield _backend(number, one.request_mirror.backend_ref, weight=None, is_mirror=True)


def _backend(rule: int, backend: BackendObjectReference, *, weight: int | None, is_mirror: bool) -> tables.RouteBackend:
    return tables.RouteBackend(
        rule=rule,
        kind=backend.kind or "Service",
        namespace=backend.namespace or None,
        name=backend.name,
        port=backend.port,
        weight=weight,
        is_mirror=is_mirror,
    )


_GROUP = "gateway.networking.k8s.io"  # of a parent that names no group
KIND = Kind(
    "httproutes", f"{GATEWAY_API}/httproutes", HTTPRoute, route_rows, permission="thirdPartyObjects", optional=True
)
