"""Gateways."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Part, Record


class GatewayAddress(Part, frozen=True, kw_only=True):
    """An address of a Gateway."""

    type: Annotated[str | None, "`IPAddress`, `Hostname`, or a type of the controller."] = None
    value: Annotated[str | None, "The address."] = None


class GatewayListener(Part, frozen=True, kw_only=True):
    """A listener of a Gateway."""

    name: Annotated[str, "Name of the listener."]
    port: Annotated[int, "Port."]
    protocol: Annotated[str, "`HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or a protocol of the controller."]
    hostname: Annotated[str | None, "Host, which may begin with `*.`; NULL for all hosts."] = None
    tls_mode: Annotated[str | None, "`Terminate` or `Passthrough`; NULL without TLS."] = None
    attached_routes: Annotated[int | None, "Number of routes that it serves; NULL until its controller has acted."] = (
        None
    )


class Gateway(Record, frozen=True, kw_only=True):
    """A Gateway."""

    table = "gateways"
    description = "A Gateway of the Gateway API: class, addresses, listeners, whether it is programmed."
    read_from = "gateways"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the Gateway."]
    name: Annotated[str, "Name of the Gateway."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the Gateway was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    generation: Annotated[int | None, "Version of the specification, counted by the API server."] = None
    gateway_class: Annotated[
        str | None, "GatewayClass, which names the controller: `gke-l7-global-external-managed`, `gke-l7-rilb`, ..."
    ] = None
    addresses: Annotated[
        tuple[GatewayAddress, ...], "Addresses that it has; empty until its controller has acted."
    ] = ()
    listeners: Annotated[tuple[GatewayListener, ...], "Ports and hosts that it serves."] = ()
    accepted: Annotated[
        bool | None,
        "Whether the condition `Accepted` is true: its controller takes it as it is written. NULL until the controller "
        "has acted on this generation.",
    ] = None
    accepted_reason: Annotated[str | None, "Reason of that condition, such as `ListenersNotValid`."] = None
    programmed: Annotated[
        bool | None,
        "Whether the condition `Programmed` is true: the load balancer is, or will soon be, as it is written. NULL "
        "until the controller has acted on this generation.",
    ] = None
    programmed_reason: Annotated[str | None, "Reason of that condition, such as `AddressNotAssigned`."] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the Gateway."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
