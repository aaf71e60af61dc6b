"""Gateways (`gateway.networking.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.gateway_api import GATEWAY_API, ObservedCondition, holds
from job.kinds.parts.metadata import allowed_annotations, conditions, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, Int64, ObjectMeta, Wire


class GatewayAddress(Wire, frozen=True):
    value: str | None = None
    type: str | None = None


class ListenerTLSConfig(Wire, frozen=True):
    mode: str | None = None


class Listener(Wire, frozen=True):
    name: str
    port: Int64
    protocol: str
    hostname: str | None = None
    tls: ListenerTLSConfig | None = None


class ListenerStatus(Wire, frozen=True):
    name: str
    attached_routes: Int64 | None = None


class GatewaySpec(Wire, frozen=True):
    gateway_class_name: str | None = None
    listeners: Elements[Listener] | None = None


class GatewayStatus(Wire, frozen=True):
    addresses: Elements[GatewayAddress] | None = None
    conditions: Elements[ObservedCondition] | None = None
    listeners: Elements[ListenerStatus] | None = None


class Gateway(Wire, frozen=True):
    metadata: ObjectMeta
    spec: GatewaySpec | None = None
    status: GatewayStatus | None = None


def gateway_rows(gateway: Gateway, scope: Scope) -> Iterator[tables.Record]:
    """The Gateway's row."""
    metadata, spec, status = gateway.metadata, gateway.spec or GatewaySpec(), gateway.status or GatewayStatus()
    accepted, accepted_reason = holds(status.conditions, "Accepted", metadata.generation)
    programmed, programmed_reason = holds(status.conditions, "Programmed", metadata.generation)
    attached = {listener.name: listener.attached_routes for listener in status.listeners or ()}
    yield tables.Gateway(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        generation=metadata.generation,
        gateway_class=spec.gateway_class_name or None,
        addresses=tuple(
            tables.GatewayAddress(type=address.type or None, value=address.value or None)
            for address in status.addresses or ()
        ),
        listeners=tuple(
            tables.GatewayListener(
                name=listener.name,
                port=listener.port,
                protocol=listener.protocol,
                hostname=listener.hostname or None,
                tls_mode=(listener.tls.mode or None) if listener.tls else None,
                attached_routes=attached.get(listener.name),
            )
            for listener in spec.listeners or ()
        ),
        accepted=accepted,
        accepted_reason=accepted_reason,
        programmed=programmed,
        programmed_reason=programmed_reason,
        conditions=conditions(status.conditions),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("gateways", f"{GATEWAY_API}/gateways", Gateway, gateway_rows, permission="thirdPartyObjects", optional=True)
