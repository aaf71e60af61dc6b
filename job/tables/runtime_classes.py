"""RuntimeClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, OtherApiVersions, Record, ResourceQuantity


class RuntimeClass(Record, frozen=True, kw_only=True):
    """A RuntimeClass."""

    table = "runtime_classes"
    description = "A RuntimeClass: what runs the containers of pods that name it, and what that costs."
    read_from = "runtimeclasses"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the class, as in `runtimeClassName` of a pod: `gvisor`."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the class was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    handler: Annotated[str | None, "The handler in the node's container runtime: `runsc`."] = None
    overhead_cpu_millicores: Annotated[int | None, "CPU that each pod takes besides its containers, in millicores."] = (
        None
    )
    overhead_memory_bytes: Annotated[int | None, "Memory that each pod takes besides its containers, in bytes."] = None
    overhead: Annotated[tuple[ResourceQuantity, ...], "The whole overhead, as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values that are no valid quantities, or that 64 bits cannot hold: `overhead.memory`. Their own columns are "
        "NULL; `overhead` has the text.",
    ] = ()
    node_selector: Annotated[tuple[KeyValue, ...], "Labels of the only nodes that its pods may run on."] = ()
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the class."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
