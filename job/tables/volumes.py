"""PersistentVolumes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record, ResourceQuantity


class Volume(Record, frozen=True, kw_only=True):
    """A PersistentVolume."""

    table = "volumes"
    description = "A PersistentVolume: phase, size, claim, reclaim policy, disk, zones."
    read_from = "persistentvolumes"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the volume."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the volume was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    phase: Annotated[str | None, "`Available`, `Bound`, `Released`, `Failed` or `Pending`."] = None
    phase_changed_at: Annotated[datetime | None, "When the phase last changed."] = None
    storage_class: Annotated[str | None, "StorageClass; NULL without one."] = None
    volume_attributes_class: Annotated[str | None, "VolumeAttributesClass of the volume."] = None
    access_modes: Annotated[
        tuple[str, ...], "`ReadWriteOnce`, `ReadOnlyMany`, `ReadWriteMany` or `ReadWriteOncePod`."
    ] = ()
    volume_mode: Annotated[str | None, "`Filesystem` or `Block`."] = None
    reclaim_policy: Annotated[
        str | None, "What happens to the disk when the claim is deleted: `Delete`, `Retain` or `Recycle`."
    ] = None
    claim_namespace: Annotated[str | None, "Namespace of the claim that it is bound to."] = None
    claim_name: Annotated[str | None, "Name of the claim."] = None
    claim_uid: Annotated[str | None, "UID of the claim; NULL if it is reserved for a claim by name."] = None
    capacity_bytes: Annotated[int | None, "Size, in bytes, rounded up."] = None
    capacity: Annotated[tuple[ResourceQuantity, ...], "Capacity as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values that are no valid quantities, or that 64 bits cannot hold: `capacity.storage`. Their own columns are "
        "NULL; `capacity` has the text.",
    ] = ()
    source: Annotated[str | None, "Type of the volume: `csi`, `gcePersistentDisk`, `nfs`, `local`, `hostPath`, ..."] = (
        None
    )
    csi_driver: Annotated[str | None, "CSI driver, such as `pd.csi.storage.gke.io`; NULL for other types."] = None
    volume_handle: Annotated[
        str | None, "The CSI driver's name for the volume, such as the path of a disk; the disk of `gcePersistentDisk`."
    ] = None
    fs_type: Annotated[str | None, "File system: `ext4`, `xfs`, ..."] = None
    zones: Annotated[
        tuple[str, ...],
        "Zones in which nodes can use it, by its node affinity or, without one, its label "
        "`topology.kubernetes.io/zone`; empty for all. A pod with a volume of one zone cannot move to another.",
    ] = ()
    nodes: Annotated[
        tuple[str, ...], "Nodes (label `kubernetes.io/hostname`) that can use it, by its node affinity; empty for all."
    ] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the volume."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
