"""PersistentVolumes (`v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.quantities import as_written, base_units, unparsed
from job.kinds.parts.scope import Scope
from job.kinds.parts.storage import ZONE_KEYS, allowed_values, storage_class, zones_of_labels
from job.wire.meta import Elements, ObjectMeta, Quantities, Time, Wire, check_years
from job.wire.node_selector import NodeSelector
from job.wire.pod_spec import VolumeSource


class CSIPersistentVolumeSource(Wire, frozen=True):
    driver: str
    volume_handle: str
    fs_type: str | None = None


class GCEPersistentDiskVolumeSource(Wire, frozen=True):
    pd_name: str
    fs_type: str | None = None


class ObjectReference(Wire, frozen=True):
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None


class VolumeNodeAffinity(Wire, frozen=True):
    required: NodeSelector | None = None


class PersistentVolumeSpec(Wire, frozen=True):
    capacity: Quantities | None = None
    access_modes: Elements[str] | None = None
    claim_ref: ObjectReference | None = None
    persistent_volume_reclaim_policy: str | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    node_affinity: VolumeNodeAffinity | None = None
    csi: CSIPersistentVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    aws_elastic_block_store: VolumeSource | None = None
    azure_disk: VolumeSource | None = None
    azure_file: VolumeSource | None = None
    cephfs: VolumeSource | None = None
    cinder: VolumeSource | None = None
    fc: VolumeSource | None = None
    flex_volume: VolumeSource | None = None
    flocker: VolumeSource | None = None
    glusterfs: VolumeSource | None = None
    host_path: VolumeSource | None = None
    iscsi: VolumeSource | None = None
    local: VolumeSource | None = None
    nfs: VolumeSource | None = None
    photon_persistent_disk: VolumeSource | None = None
    portworx_volume: VolumeSource | None = None
    quobyte: VolumeSource | None = None
    rbd: VolumeSource | None = None
    scale_io: VolumeSource | None = field(default=None, name="scaleIO")
    storageos: VolumeSource | None = None
    vsphere_volume: VolumeSource | None = None


class PersistentVolumeStatus(Wire, frozen=True):
    phase: str | None = None
    last_phase_transition_time: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.last_phase_transition_time)


class PersistentVolume(Wire, frozen=True):
    metadata: ObjectMeta
    spec: PersistentVolumeSpec | None = None
    status: PersistentVolumeStatus | None = None


def volume_rows(volume: PersistentVolume, scope: Scope) -> Iterator[tables.Record]:
    """The volume's row."""
    metadata, spec = volume.metadata, volume.spec or PersistentVolumeSpec()
    status, claim = volume.status or PersistentVolumeStatus(), spec.claim_ref or ObjectReference()
    capacity, csi, disk = spec.capacity or {}, spec.csi, spec.gce_persistent_disk
    required = spec.node_affinity.required if spec.node_affinity else None
    terms = (required.node_selector_terms if required else None) or ()
    yield tables.Volume(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        phase=status.phase or None,
        phase_changed_at=status.last_phase_transition_time,
        storage_class=storage_class(metadata, spec.storage_class_name) or None,
        volume_attributes_class=spec.volume_attributes_class_name or None,
        access_modes=tuple(spec.access_modes or ()),
        volume_mode=spec.volume_mode or None,
        reclaim_policy=spec.persistent_volume_reclaim_policy or None,
        claim_namespace=claim.namespace or None,
        claim_name=claim.name or None,
        claim_uid=claim.uid or None,
        capacity_bytes=base_units(capacity.get("storage")),
        capacity=as_written(capacity),
        unparsed_quantities=tuple(unparsed("capacity", capacity)),
        source=next((name for attribute, name in _SOURCES if getattr(spec, attribute) is not None), None),
        csi_driver=csi.driver if csi else None,
        volume_handle=csi.volume_handle if csi else disk.pd_name if disk else None,
        fs_type=((csi.fs_type if csi else disk.fs_type if disk else None) or None),
        zones=allowed_values(terms, ZONE_KEYS) or zones_of_labels(metadata.labels),
        nodes=allowed_values(terms, ("kubernetes.io/hostname",)),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


_SOURCES = tuple(
    zip(PersistentVolumeSpec.__struct_fields__, PersistentVolumeSpec.__struct_encode_fields__, strict=True)
)[PersistentVolumeSpec.__struct_fields__.index("csi") :]
"""Attribute and JSON name of each source that a volume may have."""

KIND = Kind("persistentvolumes", "/api/v1/persistentvolumes", PersistentVolume, volume_rows)
