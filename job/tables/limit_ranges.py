"""LimitRanges."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Record


class LimitRange(Record, frozen=True, kw_only=True):
    """What a LimitRange says of one resource of one type of object."""

    table = "limit_ranges"
    description = "A limit of a LimitRange: bounds and defaults of one resource of containers, pods or claims."
    read_from = "limitranges"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid", "position", "resource_name")

    namespace: Annotated[str, "Namespace of the LimitRange."]
    name: Annotated[str, "Name of the LimitRange."]
    uid: Annotated[str, "Kubernetes UID of the LimitRange."]
    created_at: Annotated[datetime | None, "When the LimitRange was created."] = None
    position: Annotated[int, "Index of the limit in `spec.limits`, from 0."]
    type: Annotated[str | None, "`Container`, `Pod` or `PersistentVolumeClaim`."] = None
    resource_name: Annotated[str, "Resource name: `cpu`, `memory`, `storage`, ..."]
    minimum: Annotated[str | None, "The least that an object may ask for, as written."] = None
    minimum_amount: Annotated[float | None, "`minimum` as a number: cores or bytes."] = None
    maximum: Annotated[str | None, "The most that an object may ask for, as written."] = None
    maximum_amount: Annotated[float | None, "`maximum` as a number: cores or bytes."] = None
    default_limit: Annotated[str | None, "The limit of a container that has none, as written (`default`)."] = None
    default_limit_amount: Annotated[float | None, "`default_limit` as a number: cores or bytes."] = None
    default_request: Annotated[str | None, "The request of a container that has none, as written."] = None
    default_request_amount: Annotated[float | None, "`default_request` as a number: cores or bytes."] = None
    max_limit_request_ratio: Annotated[float | None, "The most that a limit may be, as a multiple of its request."] = (
        None
    )
