"""Secrets (`v1`), by their metadata."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata_only import MetadataAlone, metadata_columns
from job.kinds.parts.scope import Scope
from job.wire.meta import Wire


class Secret(Wire, frozen=True):
    metadata: MetadataAlone


def secret_rows(found: Secret, _: Scope) -> Iterator[tables.Record]:
    """Its row."""
    yield tables.Secret(**metadata_columns(found.metadata))


# The permission to list them reads their data too, whatever the job asks for.
KIND = Kind("secrets", "/api/v1/secrets", Secret, secret_rows, metadata_only=True, default=False)
