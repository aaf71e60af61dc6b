"""Secrets, by their metadata."""

from __future__ import annotations

from job.tables.metadata_only import MetadataOnly


class Secret(MetadataOnly, frozen=True, kw_only=True):
    """A Secret."""

    table = "secrets"
    description = "A Secret: its metadata. Neither its data nor its annotations are read."
    read_from = "secrets"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")
