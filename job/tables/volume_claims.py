"""PersistentVolumeClaims."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record, ResourceQuantity


class VolumeClaim(Record, frozen=True, kw_only=True):
    """A PersistentVolumeClaim."""

    table = "volume_claims"
    description = "A PersistentVolumeClaim: phase, class, access modes, requested and actual size, volume."
    read_from = "persistentvolumeclaims"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the claim."]
    name: Annotated[str, "Name of the claim."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the claim was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as a custom resource; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    phase: Annotated[str | None, "`Pending`, `Bound` or `Lost`."] = None
    storage_class: Annotated[
        str | None,
        "StorageClass; empty where it asks for a volume without one, NULL where it leaves the class to the default.",
    ] = None
    volume_attributes_class: Annotated[str | None, "VolumeAttributesClass that it asks for."] = None
    access_modes: Annotated[
        tuple[str, ...], "`ReadWriteOnce`, `ReadOnlyMany`, `ReadWriteMany` or `ReadWriteOncePod`."
    ] = ()
    volume_mode: Annotated[str | None, "`Filesystem` or `Block`."] = None
    volume_name: Annotated[str | None, "PersistentVolume that it is bound to, or asks for."] = None
    requested_bytes: Annotated[int | None, "Requested size, in bytes, rounded up."] = None
    capacity_bytes: Annotated[int | None, "Actual size, in bytes, rounded up; NULL until it is bound."] = None
    requests: Annotated[tuple[ResourceQuantity, ...], "Requests as written."] = ()
    capacity: Annotated[tuple[ResourceQuantity, ...], "Actual amounts as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values that are no valid quantities, or that 64 bits cannot hold: `requests.storage`, ... Their own columns "
        "are NULL; `requests` and `capacity` have the text.",
    ] = ()
    data_source_kind: Annotated[
        str | None, "Kind of what the volume is filled from: `VolumeSnapshot`, `PersistentVolumeClaim`, ..."
    ] = None
    data_source_namespace: Annotated[str | None, "Namespace of what it is filled from, if it is another one."] = None
    data_source_name: Annotated[str | None, "Name of what it is filled from."] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions, such as `FileSystemResizePending`."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the claim."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
