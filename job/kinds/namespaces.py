"""Namespaces (`v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, conditions, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Condition, Elements, ObjectMeta, Wire


class NamespaceStatus(Wire, frozen=True):
    phase: str | None = None
    conditions: Elements[Condition] | None = None


class Namespace(Wire, frozen=True):
    metadata: ObjectMeta
    status: NamespaceStatus | None = None


def namespace_rows(namespace: Namespace, scope: Scope) -> Iterator[tables.Record]:
    """The namespace's row."""
    metadata, status = namespace.metadata, namespace.status or NamespaceStatus()
    yield tables.Namespace(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        phase=status.phase or None,
        conditions=conditions(status.conditions),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("namespaces", "/api/v1/namespaces", Namespace, namespace_rows)
