"""Snapshots: one row for each cluster in each run. Rows of all other tables but `runs` belong to one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Part, Record

SnapshotStatus = Literal["complete", "partial", "failed"]
"""The column `status` of `snapshots`."""


class FailedEndpoint(Part, frozen=True, kw_only=True):
    """An endpoint that did not answer."""

    endpoint_type: Annotated[str, "`public`, `dns`, `private` or `connect_gateway`."]
    endpoint: Annotated[str, "Its host."]
    reason: Annotated[str, "Cause in one word, as in `collections`."]
    message: Annotated[str, "What went wrong, in a sentence."]
    seconds: Annotated[float, "Seconds that all attempts took."]


class Snapshot(Record, frozen=True, kw_only=True):
    """One collection of one cluster."""

    table = "snapshots"
    description = (
        "One collection of one cluster: complete, partial or failed. Rows in other tables belong to one of them."
    )
    clustering = ("project_id", "cluster", "snapshot_id")
    primary_key = ("snapshot_id",)

    run_id: Annotated[str, "The run that took the snapshot."]
    task_index: Annotated[int, "Index of the task that took it."]
    attempt: Annotated[int, "Attempt number of that task."]
    status: Annotated[
        SnapshotStatus,
        "`complete`, `partial` (some resources could not be read) or `failed` (no resource of its API server could be "
        "read). After an attempt that was stopped, what it has read counts too.",
    ]
    reason: Annotated[
        str | None, "Why the snapshot is not complete: an outcome of `collections`, or the cluster's state in GKE."
    ] = None
    message: Annotated[str | None, "The reason in a sentence."] = None
    cluster_id: Annotated[
        str | None, "Unique id of the cluster in GKE. A cluster that is recreated under the same name has a new id."
    ] = None
    cluster_status: Annotated[str | None, "State of the cluster in GKE: `RUNNING`, `PROVISIONING`, ..."] = None
    endpoint_type: Annotated[
        str | None, "Control plane endpoint that was used: `public`, `dns`, `private` or `connect_gateway`."
    ] = None
    endpoint: Annotated[str | None, "Host of that endpoint, with the port unless it is 443."] = None
    failed_endpoints: Annotated[
        tuple[FailedEndpoint, ...], "Endpoints that were tried and did not answer, in the order of the attempts."
    ] = ()
    server_version: Annotated[str | None, "Version that the API server reports: `v1.33.5-gke.1080000`."] = None
    started_at: Annotated[datetime, "When collecting the cluster started."]
    duration_seconds: Annotated[float, "Seconds that collecting the cluster took."]
    resources_read: Annotated[int, "Number of resources read to the end."]
    resources_unread: Annotated[int, "Number of resources that should have been read to the end and were not."]
    objects: Annotated[int, "Number of Kubernetes objects read."]
    row_count: Annotated[int, "Number of rows of this snapshot in all tables except `snapshots`."]
