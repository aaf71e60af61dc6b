"""Events of the type Warning."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Record


class WarningEvent(Record, frozen=True, kw_only=True):
    """The Events of the type Warning with one reason about one object."""

    table = "warning_events"
    description = (
        "What went wrong with an object, by the Events of the type Warning that the cluster still has, which are those "
        "of an hour: one row for each object, reason and component. Their messages are not read."
    )
    read_from = "events"
    clustering = ("project_id", "cluster", "namespace", "reason")

    namespace: Annotated[str | None, "Namespace of the object; NULL if it is in none."] = None
    object_kind: Annotated[str | None, "Kind of the object: `Pod`, `Node`, `HorizontalPodAutoscaler`, ..."] = None
    object_api_version: Annotated[str | None, "apiVersion of the object."] = None
    object_name: Annotated[str | None, "Name of the object."] = None
    object_uid: Annotated[str | None, "UID of the object, as in the table of its kind; NULL if the Events lack it."] = (
        None
    )
    reason: Annotated[str | None, "Machine-readable reason: `BackOff`, `FailedScheduling`, `FailedMount`, ..."] = None
    component: Annotated[str | None, "Controller that reported it: `kubelet`, `default-scheduler`, ..."] = None
    count: Annotated[int, "How often it was reported."]
    first_seen_at: Annotated[datetime | None, "When it was first reported, by the Events that are kept."] = None
    last_seen_at: Annotated[datetime | None, "When it was last reported."] = None
