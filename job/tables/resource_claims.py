"""ResourceClaims."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, OtherApiVersions, Part, Record


class DeviceRequest(Part, frozen=True, kw_only=True):
    """Devices that a claim asks for."""

    name: Annotated[str, "Name of the request; for one of its alternatives `REQUEST/ALTERNATIVE`."]
    preference: Annotated[int | None, "Which of the alternatives it is, 0 first; NULL if the request has none."] = None
    device_class: Annotated[str | None, "DeviceClass of the devices: `gpu.nvidia.com`, ..."] = None
    allocation_mode: Annotated[str | None, "`ExactCount`, or `All` devices that match."] = None
    count: Annotated[int | None, "How many devices, for `ExactCount`."] = None
    admin_access: Annotated[bool, "Whether it asks for access to devices that others use, to monitor them."]


class AllocatedDevice(Part, frozen=True, kw_only=True):
    """A device that a claim has."""

    request: Annotated[str, "Request that it is for, as in `requests`."]
    driver: Annotated[str, "DRA driver of the device: `gpu.nvidia.com`, `tpu.google.com`, ..."]
    pool: Annotated[str, "Pool of the driver that has the device: often the name of a node."]
    device: Annotated[str, "Name of the device in its pool."]
    admin_access: Annotated[bool, "Whether others may use the device too, since the claim only monitors it."]


class ClaimConsumer(Part, frozen=True, kw_only=True):
    """An object that uses a claim."""

    api_group: Annotated[str | None, "API group; NULL for the core group."] = None
    resource: Annotated[str, "Plural name of its kind: `pods`."]
    name: Annotated[str, "Its name, in the namespace of the claim."]
    uid: Annotated[str, "Its UID."]


class ResourceClaim(Record, frozen=True, kw_only=True):
    """A ResourceClaim."""

    table = "resource_claims"
    description = "A ResourceClaim of dynamic resource allocation: devices asked for, devices allocated, who uses them."
    read_from = "resourceclaims"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the claim."]
    name: Annotated[str, "Name of the claim."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the claim was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[
        str | None, "Kind of the controller: `Pod` for claims that are made from a template; NULL without one."
    ] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    requests: Annotated[
        tuple[DeviceRequest, ...],
        "Devices that it asks for. Of a request with alternatives, one of these is enough. The expressions that select "
        "devices and the parameters of drivers are not read.",
    ] = ()
    allocated: Annotated[bool, "Whether it has its devices."]
    allocated_at: Annotated[datetime | None, "When it got them; NULL if the API server does not say."] = None
    devices: Annotated[tuple[AllocatedDevice, ...], "Devices that it has."] = ()
    reserved_for: Annotated[tuple[ClaimConsumer, ...], "Objects that may use it now, such as Pods."] = ()
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the claim."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
