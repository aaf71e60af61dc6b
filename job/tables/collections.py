"""Collections: one row for each resource of each cluster in each run, with what happened to its list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Record

Outcome = Literal[
    "ok", "partial", "off", "forbidden", "unauthorized", "not_served", "not_found", "disabled", "throttled",
    "server_error", "unreachable", "timed_out", "stopped", "expired", "invalid", "refused", "not_running",
    "known_elsewhere", "bug",
]  # fmt: skip
"""What happened to one list: the column `outcome` of `collections`, which describes each value."""


class Collection(Record, frozen=True, kw_only=True):
    """One list of one resource."""

    table = "collections"
    description = (
        "One collection of one resource of one cluster, and its outcome. Rows without a cluster are about a project's "
        "list of clusters, or a folder's list of projects; rows of `clusters` with one, about a glob of "
        "`clusters.include` or `clusters.locations` that matches none, or about a cluster that only Cloud Asset "
        "Inventory knows."
    )
    clustering = ("project_id", "cluster", "resource")

    run_id: Annotated[str, "The run that collected it."]
    resource: Annotated[
        str,
        "API resource: `pods`, `deployments`, ...; `clusters` for a project's list of clusters; `memberships` "
        "for its fleet's list of attached clusters; `projects` for a folder's or organization's list of projects and "
        "folders; `upgrade_info` for what the GKE API says of a "
        "cluster's upgrades, which is asked for once a day; `cloud_asset_inventory` for the clusters that it knows in "
        "a project, folder or organization. For the kinds that the setting `objects` chooses: "
        "`rollouts.argoproj.io`, ...; and `objects` for the discovery of the kinds.",
    ]
    outcome: Annotated[
        Outcome,
        "`ok`: read to the end; or, of a kind that is read only where it is installed, not served (`reason` is "
        "`NotServed`). `partial`: read to the end, except for `unreadable` objects, or groups, or `missing_zones`. "
        "`off`: disabled in the configuration; for a project that was found in a folder: its GKE API is disabled. "
        "The others mean that the list was not read: `forbidden`, "
        "`unauthorized`, `not_served`, `not_found`, `disabled` (the API is), `throttled`, `server_error`, "
        "`unreachable`, `timed_out`, `stopped` (the run, by SIGTERM), `expired` (the continue token, on every try), "
        "`invalid` (the response cannot be decoded), `refused` (any other error status, or more than one cluster may "
        "cost), `not_running` (the cluster's state does not allow it), `known_elsewhere` (of a cluster: Cloud Asset "
        "Inventory knows it, and no list of the GKE API has it), `bug` (in this program).",
    ]
    http_status: Annotated[int | None, "HTTP status of the last response; NULL without a response."] = None
    reason: Annotated[
        str | None,
        "Cause in one word, which `message` explains: `Rbac`, `IamPermissionMissing`, `ExternalTrafficDisabled`, "
        "`ApiDisabled`, `Intermediary` (a proxy or firewall), ..., else the server's own, such as `TooManyRequests`.",
    ] = None
    message: Annotated[str | None, "What went wrong, in a sentence; may be truncated."] = None
    resource_version: Annotated[str | None, "`resourceVersion` of the list, the same on all of its pages."] = None
    pages: Annotated[int, "Number of pages read, including those of lists that were restarted."]
    objects: Annotated[int, "Number of objects read and kept."]
    bytes: Annotated[int, "Size of the pages read, in bytes, uncompressed."]
    received_bytes: Annotated[
        int | None,
        "Bytes of all response bodies as they were received: compressed, and with those of requests that were retried. "
        "NULL for a project.",
    ] = None
    requests: Annotated[int, "Number of requests sent."]
    retries: Annotated[int, "Number of requests that were retries."]
    restarts: Annotated[int, "Number of times the list was restarted because its continue token had expired."]
    waited_seconds: Annotated[float, "Seconds spent waiting before retries."]
    started_at: Annotated[datetime, "When the first request was about to be sent."]
    duration_seconds: Annotated[float, "Seconds from `started_at` to the end."]
    unreadable: Annotated[
        tuple[str, ...],
        "`namespace/name` of objects that could not be decoded, at most 100; for `objects`, API groups whose kinds are "
        "not known.",
    ] = ()
    unreadable_objects: Annotated[int, "Number of objects that could not be decoded."]
    listed_clusters: Annotated[
        tuple[str, ...],
        "For a project: `location/name` of all its clusters, collected or not; of `memberships`, "
        "`location/membership:name` of all its attached clusters. A cluster that is not here is deleted. "
        "Of Cloud Asset Inventory: `project/location/name` of all clusters that it knows, deleted ones among them.",
    ] = ()
    missing_zones: Annotated[
        tuple[str, ...],
        "For a project: zones that GKE could not list; of `memberships`, locations that GKE Hub could not. Their "
        "clusters are unknown, not deleted.",
    ] = ()
    ancestors: Annotated[
        tuple[str, ...],
        "For a project that was found in a folder or organization: those above it, as `organizations/NUMBER` and "
        "`folders/NUMBER`, from the configured one down to the project's parent.",
    ] = ()
    required: Annotated[
        bool | None,
        "False for a search of Cloud Asset Inventory that the configuration does not ask for: its failure is no gap, "
        "and `coverage` leaves it out. NULL for all else.",
    ] = None
