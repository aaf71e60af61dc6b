"""Upgrades: those of the past, and those that are under way."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Record
from job.tables.upgrade_info import UPGRADE_INFO


class Upgrade(Record, frozen=True, kw_only=True):
    """An element of `upgradeDetails` of the GKE API."""

    table = "upgrades"
    description = (
        "An upgrade of a cluster's control plane or of a node pool, as far back as GKE reports them. Read once a day."
    )
    read_from = UPGRADE_INFO

    resource_type: Annotated[str, "What it is of, in GKE's words: `MASTER`, the control plane, or `NODE_POOL`."]
    node_pool: Annotated[str | None, "Name of the node pool; NULL for the control plane."] = None
    initial_version: Annotated[str | None, "Version before the upgrade."] = None
    target_version: Annotated[str | None, "Version after it."] = None
    state: Annotated[str | None, "`RUNNING`, `SUCCEEDED`, `FAILED` or `CANCELED`; NULL if GKE does not know."] = None
    start_type: Annotated[str | None, "`AUTOMATIC` or `MANUAL`."] = None
    started_at: Annotated[datetime | None, "When it started."] = None
    ended_at: Annotated[datetime | None, "When it ended; NULL while it runs."] = None
