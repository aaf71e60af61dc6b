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
    kind: str | None = None
    namespace: str | None = None
    section_name: str | None = None


class HTTPBackendRef(Wire, frozen=True):
    name: str
    kind: str | None = None
    namespace: str | None = None
    port: Int64 | None = None
    weight: Int64 | None = None


class HTTPRouteRule(Wire, frozen=True):
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
        backends=tuple(
            _backend(number, backend)
            for number, rule in enumerate(spec.rules or ())
            for backend in rule.backend_refs or ()
        ),
        accepted=True if True in answers else False if False in answers else None,
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _parents(metadata: ObjectMeta, spec: HTTPRouteSpec, status: HTTPRouteStatus) -> Iterator[tables.RouteParent]:
    """What the route is to be attached to, each with what its controller says."""
    reported = {_identity(one.parent_ref, metadata): one for one in status.parents or ()}
    for parent in spec.parent_refs or ():
        found = reported.get(_identity(parent, metadata))
        of_parent = found.conditions if found else None
        accepted, reason = holds(of_parent, "Accepted", metadata.generation)
        resolved, resolved_reason = holds(of_parent, "ResolvedRefs", metadata.generation)
        yield tables.RouteParent(
            kind=parent.kind or "Gateway",
            namespace=parent.namespace or metadata.namespace or "",
            name=parent.name,
            section_name=parent.section_name or None,
            controller=(found.controller_name or None) if found else None,
            accepted=accepted,
            accepted_reason=reason,
            resolved_refs=resolved,
            resolved_refs_reason=resolved_reason,
        )


def _identity(parent: ParentReference, metadata: ObjectMeta) -> tuple[str, str, str, str]:
    namespace = parent.namespace or metadata.namespace or ""
    return parent.kind or "Gateway", namespace, parent.name, parent.section_name or ""


def _backend(rule: int, backend: HTTPBackendRef) -> tables.RouteBackend:
    return tables.RouteBackend(
        rule=rule,
        kind=backend.kind or "Service",
        namespace=backend.namespace or None,
        name=backend.name,
        port=backend.port,
        weight=backend.weight,
    )


KIND = Kind(
    "httproutes", f"{GATEWAY_API}/httproutes", HTTPRoute, route_rows, permission="thirdPartyObjects", optional=True
)
