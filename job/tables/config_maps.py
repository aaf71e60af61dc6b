"""ConfigMaps, by their metadata."""

from __future__ import annotations

from job.tables.metadata_only import MetadataOnly


class ConfigMap(MetadataOnly, frozen=True, kw_only=True):
    """A ConfigMap."""

    table = "config_maps"
    description = "A ConfigMap: its metadata. Neither its data nor its annotations are read."
    read_from = "configmaps"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")
