"""HTTPRoutes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Part, Record


class RouteParent(Part, frozen=True, kw_only=True):
    """What a route is to be attached to."""

    kind: Annotated[str, "`Gateway`, or `Service` in a mesh."]
    namespace: Annotated[str, "Namespace of the parent."]
    name: Annotated[str, "Name of the parent."]
    section_name: Annotated[str | None, "Listener of the Gateway; NULL for all."] = None
    port: Annotated[int | None, "Port of the only listeners, or of the Service; NULL for all."] = None
    controller: Annotated[
        str | None,
        "Controller of the parent: `networking.gke.io/gateway`, ...; of several one that accepts the route.",
    ] = None
    accepted: Annotated[
        bool | None, "Whether the parent accepts the route; NULL until its controller has acted on this generation."
    ] = None
    accepted_reason: Annotated[str | None, "Reason, such as `NotAllowedByListeners`."] = None
    resolved_refs: Annotated[bool | None, "Whether all backends exist and may be referred to; NULL likewise."] = None
    resolved_refs_reason: Annotated[str | None, "Reason, such as `BackendNotFound`."] = None


class RouteBackend(Part, frozen=True, kw_only=True):
    """What a rule of a route sends traffic to."""

    rule: Annotated[int, "Position of the rule in the route, from 0."]
    kind: Annotated[str, "`Service`, `ServiceImport`, ..."]
    namespace: Annotated[str | None, "Namespace of the backend, if it is another one than the route's."] = None
    name: Annotated[str, "Name of the backend."]
    port: Annotated[int | None, "Port of the Service."] = None
    weight: Annotated[int | None, "Share of the rule's traffic, in proportion to the sum of its weights."] = None
    is_mirror: Annotated[bool, "True if it gets copies of requests alone, and its responses are ignored."] = False


class HttpRoute(Record, frozen=True, kw_only=True):
    """An HTTPRoute."""

    table = "http_routes"
    description = "An HTTPRoute of the Gateway API: Gateways, hosts, backends, whether a Gateway accepts it."
    read_from = "httproutes"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the route."]
    name: Annotated[str, "Name of the route."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the route was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    generation: Annotated[int | None, "Version of the specification, counted by the API server."] = None
    hostnames: Annotated[tuple[str, ...], "Hosts, which may begin with `*.`; empty for all of the listener's."] = ()
    parents: Annotated[tuple[RouteParent, ...], "Gateways or Services that it is to be attached to."] = ()
    backends: Annotated[tuple[RouteBackend, ...], "Services to which its rules send traffic."] = ()
    accepted: Annotated[
        bool | None,
        "Whether at least one parent accepts the route; NULL until a controller has acted on this generation.",
    ] = None
    labels: Annotated[tuple[KeyValue, ...], "Labels of the route."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
