"""Snapshots: one row for each cluster and run, which commits the rows of all other tables."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Record

SnapshotStatus = Literal["complete", "partial", "failed"]
"""The column `status` of `snapshots`."""


class Snapshot(Record, frozen=True, kw_only=True):
    """One cluster, collected once."""

    table = "snapshots"
    description = (
        "One cluster, collected once: complete, partial or failed. The commit marker: written last, and rows in any "
        "other table count only when their snapshot is here."
    )
    clustering = ("project_id", "cluster", "snapshot_id")

    run_id: Annotated[str, "The run that took the snapshot."]
    task_index: Annotated[int, "The task of the run that took it."]
    attempt: Annotated[int, "The attempt of the task that took it."]
    status: Annotated[
        SnapshotStatus, "`complete`, `partial` (something could not be read) or `failed` (nothing could)."
    ]
    reason: Annotated[
        str | None,
        "Why a snapshot is not complete: an outcome as in `collections`, or the cluster's state in GKE.",
    ] = None
    message: Annotated[str | None, "The same in a sentence."] = None
    cluster_id: Annotated[
        str | None, "GKE's own id of the cluster: a cluster deleted and made anew under its old name has another."
    ] = None
    cluster_status: Annotated[str | None, "State of the cluster in GKE: `RUNNING`, `PROVISIONING`, ..."] = None
    endpoint_type: Annotated[
        str | None, "Endpoint of the control plane that was used: `public`, `dns` or `private`."
    ] = None
    endpoint: Annotated[str | None, "Host, and port where it is not 443, of that endpoint."] = None
    server_version: Annotated[str | None, "Version that the API server itself told: `v1.33.5-gke.1080000`."] = None
    started_at: Annotated[datetime, "When collecting the cluster began."]
    duration_seconds: Annotated[float, "Seconds that collecting the cluster took."]
    resources_read: Annotated[int, "Resources that were read to the end."]
    resources_unread: Annotated[int, "Resources asked for that were not read to the end."]
    objects: Annotated[int, "Kubernetes objects read."]
    row_count: Annotated[int, "Rows of this snapshot in all tables but `snapshots`."]
