"""ConfigMaps (`v1`), by their metadata."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata_only import MetadataAlone, metadata_columns
from job.kinds.parts.scope import Scope
from job.wire.meta import Wire


class ConfigMap(Wire, frozen=True):
    metadata: MetadataAlone


def config_map_rows(found: ConfigMap, _: Scope) -> Iterator[tables.Record]:
    """Its row."""
    yield tables.ConfigMap(**metadata_columns(found.metadata))


KIND = Kind("configmaps", "/api/v1/configmaps", ConfigMap, config_map_rows, metadata_only=True)
