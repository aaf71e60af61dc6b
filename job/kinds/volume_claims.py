"""PersistentVolumeClaims (`v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, conditions, key_values, object_columns
from job.kinds.parts.quantities import as_written, base_units, unparsed
from job.kinds.parts.scope import Scope
from job.kinds.parts.storage import storage_class
from job.wire.meta import Condition, Elements, ObjectMeta, Quantities, Wire


class VolumeResourceRequirements(Wire, frozen=True):
    requests: Quantities | None = None


class TypedObjectReference(Wire, frozen=True):
    kind: str
    name: str
    namespace: str | None = None


class PersistentVolumeClaimSpec(Wire, frozen=True):
    access_modes: Elements[str] | None = None
    resources: VolumeResourceRequirements | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str | None = None
    data_source_ref: TypedObjectReference | None = None


class PersistentVolumeClaimStatus(Wire, frozen=True):
    phase: str | None = None
    capacity: Quantities | None = None
    conditions: Elements[Condition] | None = None


class PersistentVolumeClaim(Wire, frozen=True):
    metadata: ObjectMeta
    spec: PersistentVolumeClaimSpec | None = None
    status: PersistentVolumeClaimStatus | None = None


def claim_rows(claim: PersistentVolumeClaim, scope: Scope) -> Iterator[tables.Record]:
    """The claim's row."""
    metadata, spec = claim.metadata, claim.spec or PersistentVolumeClaimSpec()
    status = claim.status or PersistentVolumeClaimStatus()
    source = spec.data_source_ref
    requests, capacity = (spec.resources.requests if spec.resources else None) or {}, status.capacity or {}
    yield tables.VolumeClaim(
        **object_columns(metadata),
        phase=status.phase or None,
        storage_class=storage_class(metadata, spec.storage_class_name),
        volume_attributes_class=spec.volume_attributes_class_name or None,
        access_modes=tuple(spec.access_modes or ()),
        volume_mode=spec.volume_mode or None,
        volume_name=spec.volume_name or None,
        requested_bytes=base_units(requests.get("storage")),
        capacity_bytes=base_units(capacity.get("storage")),
        requests=as_written(requests),
        capacity=as_written(capacity),
        unparsed_quantities=(*unparsed("requests", requests), *unparsed("capacity", capacity)),
        data_source_kind=source.kind if source else None,
        data_source_namespace=(source.namespace or None) if source else None,
        data_source_name=source.name if source else None,
        conditions=conditions(status.conditions),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("persistentvolumeclaims", "/api/v1/persistentvolumeclaims", PersistentVolumeClaim, claim_rows)
