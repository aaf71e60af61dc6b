"""The tables that say what was read and what was not: runs, snapshots, collections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Record

Outcome = Literal[
    "ok", "partial", "off", "forbidden", "unauthorized", "not_served", "not_found", "disabled", "throttled",
    "server_error", "unreachable", "timed_out", "stopped", "expired", "invalid", "refused", "not_running", "bug",
]  # fmt: skip
"""What happened to one list: the column `outcome` of `collections`, which describes each value."""

SnapshotStatus = Literal["complete", "partial", "failed"]
"""The column `status` of `snapshots`."""

RunStatus = Literal["complete", "incomplete"]
"""The column `status` of `runs`."""


class Run(Record, frozen=True, kw_only=True):
    """One task of one run."""

    table = "runs"
    description = "One task of one run of the job: version, configuration, counts, outcome."
    clustering = ("run_id",)

    run_id: Annotated[str, "The run: the Cloud Run execution's name, else made from the time and a random part."]
    task_index: Annotated[int, "Which task of the run this was, from 0."]
    task_count: Annotated[int, "How many tasks the run had."]
    attempt: Annotated[int, "Which attempt of the task this was, from 0."]
    version: Annotated[str, "Version of gke-inventory."]
    config_digest: Annotated[str, "SHA-256 of the configuration in effect, but for `sink`: 16 hexadecimal digits."]
    status: Annotated[RunStatus, "`complete`, or `incomplete` when anything asked for could not be read."]
    acceptable: Annotated[bool, "What could not be read is no more than `fail_on` lets pass: the exit code is 0."]
    started_at: Annotated[datetime, "When the task began."]
    finished_at: Annotated[datetime, "When the task had collected all it could, just before the commit."]
    duration_seconds: Annotated[float, "Seconds from start to the commit."]
    projects: Annotated[int, "Projects asked for their clusters."]
    projects_failed: Annotated[int, "Projects whose clusters could not all be listed."]
    clusters: Annotated[int, "Snapshots that this task commits; 0 is a run that found no cluster."]
    clusters_complete: Annotated[int, "Clusters read in full."]
    clusters_partial: Annotated[int, "Clusters of which something could not be read."]
    clusters_failed: Annotated[int, "Clusters of which nothing could be read."]
    objects: Annotated[int, "Kubernetes objects read."]
    row_count: Annotated[int, "Rows in all tables but this one and `snapshots`."]


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


class Collection(Record, frozen=True, kw_only=True):
    """One resource of one cluster, collected once."""

    table = "collections"
    description = (
        "One resource of one cluster, collected once: what happened. A row with no cluster is a project that was "
        "asked for its clusters."
    )
    clustering = ("project_id", "cluster", "resource")

    run_id: Annotated[str, "The run that collected it."]
    resource: Annotated[str, "The API resource: `pods`, `deployments`, ...; `clusters` for a project's clusters."]
    outcome: Annotated[
        Outcome,
        "`ok`: read to the end. `partial`: read to the end, but for what `unreadable` or `missing_zones` name. "
        "`off`: switched off in the configuration. Otherwise not read: `forbidden`, `unauthorized`, `not_served`, "
        "`not_found`, `disabled` (the API is), `throttled`, `server_error`, `unreachable`, `timed_out`, `stopped` (the "
        "run was, by SIGTERM), `expired` (the list's continue token, each time), `invalid` (not an answer that can be "
        "decoded), `refused` (any other answer), `not_running` (the cluster's state does not allow it), `bug` (of this "
        "program).",
    ]
    http_status: Annotated[int | None, "HTTP status of the last answer; NULL where there was none."] = None
    reason: Annotated[str | None, "The server's reason: `Forbidden`, `Expired`, `SERVICE_DISABLED`, ..."] = None
    message: Annotated[str | None, "What went wrong, in a sentence, cut short."] = None
    resource_version: Annotated[str | None, "The resourceVersion that all pages of the list share."] = None
    pages: Annotated[int, "Pages read, those of lists that were started again included."]
    objects: Annotated[int, "Objects read and kept."]
    bytes: Annotated[int, "Bytes of the pages read, decompressed."]
    requests: Annotated[int, "Requests sent."]
    retries: Annotated[int, "Requests sent again after a failure."]
    restarts: Annotated[int, "Times the list was started from its beginning, since its continue token had expired."]
    waited_seconds: Annotated[float, "Seconds spent waiting before retries."]
    started_at: Annotated[datetime, "When the first request was about to be sent."]
    duration_seconds: Annotated[float, "Seconds from then to the end."]
    unreadable: Annotated[
        tuple[str, ...], "`namespace/name` of objects that could not be decoded, at most 100 of them."
    ] = ()
    unreadable_objects: Annotated[int, "How many objects could not be decoded."]
    listed_clusters: Annotated[
        tuple[str, ...],
        "For a project: `location/name` of every cluster it has, collected or not: what is absent here is deleted.",
    ] = ()
    missing_zones: Annotated[
        tuple[str, ...],
        "For a project: zones whose clusters GKE could not list; theirs are unknown, not deleted.",
    ] = ()
