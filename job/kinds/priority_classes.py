"""PriorityClasses (`scheduling.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Int64, ObjectMeta, Wire


class PriorityClass(Wire, frozen=True):
    metadata: ObjectMeta
    value: Int64 | None = None
    global_default: bool | None = None
    preemption_policy: str | None = None


def priority_class_rows(found: PriorityClass, scope: Scope) -> Iterator[tables.Record]:
    """The class's row."""
    metadata = found.metadata
    yield tables.PriorityClass(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        priority=found.value,
        global_default=bool(found.global_default),
        preemption_policy=found.preemption_policy or None,
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("priorityclasses", "/apis/scheduling.k8s.io/v1/priorityclasses", PriorityClass, priority_class_rows)
