"""Kinds of which only metadata is requested and decoded: neither their data nor their annotations, which repeat it."""

from __future__ import annotations

from typing import Any

from job.kinds.parts.metadata import key_values
from job.wire.meta import Elements, NonEmpty, OwnerReference, Texts, Time, Wire, check_years


class PlainMeta(Wire, frozen=True):
    """An object's metadata without its annotations."""

    name: NonEmpty
    uid: NonEmpty
    namespace: str | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: Texts | None = None
    owner_references: Elements[OwnerReference] | None = None
    finalizers: Elements[str] | None = None

    def __post_init__(self) -> None:
        check_years(self.creation_timestamp, self.deletion_timestamp)


def metadata_columns(metadata: PlainMeta) -> dict[str, Any]:
    """The columns of `tables.MetadataOnly`."""
    owner = next((owner for owner in metadata.owner_references or () if owner.controller), None)
    return {
        "namespace": metadata.namespace or "",
        "name": metadata.name,
        "uid": metadata.uid,
        "created_at": metadata.creation_timestamp,
        "deleted_at": metadata.deletion_timestamp,
        "owner_kind": owner.kind if owner else None,
        "owner_api_version": owner.api_version if owner else None,
        "owner_name": owner.name if owner else None,
        "owner_uid": owner.uid if owner else None,
        "finalizers": len(metadata.finalizers or ()),
        "labels": key_values(metadata.labels),
    }
