"""PriorityClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class PriorityClass(Record, frozen=True, kw_only=True):
    """A PriorityClass."""

    table = "priority_classes"
    description = "A PriorityClass: how important pods are that name it, and whether they evict others."
    read_from = "priorityclasses"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the class, as in `priorityClassName` of a pod."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the class was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    priority: Annotated[int | None, "Priority of its pods (`value`): the higher, the more important."] = None
    global_default: Annotated[bool, "Whether pods that name no class get this one."]
    preemption_policy: Annotated[
        str | None, "`PreemptLowerPriority` if its pods evict others to be scheduled, or `Never`."
    ] = None
    labels: Annotated[tuple[KeyValue, ...], "Labels of the class."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
