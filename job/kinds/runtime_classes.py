"""RuntimeClasses (`node.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.quantities import as_written, base_units, milli_units, unparsed
from job.kinds.parts.scope import Scope
from job.wire.meta import ManagedMeta, Quantities, Texts, Wire


class Overhead(Wire, frozen=True):
    pod_fixed: Quantities | None = None


class Scheduling(Wire, frozen=True):
    node_selector: Texts | None = None


class RuntimeClass(Wire, frozen=True):
    metadata: ManagedMeta
    handler: str | None = None
    overhead: Overhead | None = None
    scheduling: Scheduling | None = None


def runtime_class_rows(found: RuntimeClass, scope: Scope) -> Iterator[tables.Record]:
    """The class's row."""
    metadata, fixed = found.metadata, (found.overhead and found.overhead.pod_fixed) or {}
    yield tables.RuntimeClass(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        handler=found.handler or None,
        overhead_cpu_millicores=milli_units(fixed.get("cpu")),
        overhead_memory_bytes=base_units(fixed.get("memory")),
        overhead=as_written(fixed),
        unparsed_quantities=tuple(unparsed("overhead", fixed)),
        node_selector=key_values(found.scheduling.node_selector if found.scheduling else None),
        labels=key_values(metadata.labels),
        other_api_versions=other_api_versions(metadata, KIND.api_version),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind("runtimeclasses", "/apis/node.k8s.io/v1/runtimeclasses", RuntimeClass, runtime_class_rows)
