"""Kinds of which only metadata is requested and decoded: neither their data nor their annotations, which repeat it."""

from __future__ import annotations

from typing import Any

from job.kinds.parts.metadata import key_values, object_columns
from job.wire.meta import Elements, PlainMeta


class MetadataAlone(PlainMeta, frozen=True):
    finalizers: Elements[str] | None = None


def metadata_columns(metadata: MetadataAlone) -> dict[str, Any]:
    """The columns of `tables.MetadataOnly`."""
    others = {"finalizers": len(metadata.finalizers or ()), "labels": key_values(metadata.labels)}
    return object_columns(metadata) | others
