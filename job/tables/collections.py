"""Collections: what happened to each list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Record

Outcome = Literal[
    "ok", "partial", "off", "forbidden", "unauthorized", "not_served", "not_found", "disabled", "throttled",
    "server_error", "unreachable", "timed_out", "stopped", "expired", "invalid", "refused", "not_running", "bug",
]  # fmt: skip
"""What happened to one list: the column `outcome` of `collections`, which describes each value."""


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
