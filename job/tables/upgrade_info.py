"""Upgrade info: how long GKE supports the version of each cluster and node pool, and what it upgrades them to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Record

UPGRADE_INFO = "upgrade_info"
"""What the ledger calls the reading."""


class UpgradeInfo(Record, frozen=True, kw_only=True):
    """The upgrade info of a control plane or a node pool of the GKE API."""

    table = "upgrade_info"
    description = (
        "How long GKE supports the version of a cluster's control plane or of a node pool, and what it upgrades it to. "
        "Read once a day."
    )
    read_from = UPGRADE_INFO

    resource_type: Annotated[str, "What it is of, in GKE's words: `MASTER`, the control plane, or `NODE_POOL`."]
    node_pool: Annotated[str | None, "Name of the node pool; NULL for the control plane."] = None
    version: Annotated[str | None, "Version that it had when this was read."] = None
    end_of_standard_support_at: Annotated[
        datetime | None,
        "When standard support of the minor version ends (`endOfStandardSupportTimestamp`): the start of that day in "
        "UTC, if GKE names a day.",
    ] = None
    end_of_extended_support_at: Annotated[
        datetime | None,
        "When extended support of the minor version ends (`endOfExtendedSupportTimestamp`). Only clusters in the "
        "channel `EXTENDED` have that support.",
    ] = None
    auto_upgrade_status: Annotated[
        tuple[str, ...], "Of automatic upgrades: `ACTIVE`, `MINOR_UPGRADE_PAUSED`, `UPGRADE_PAUSED`, `UNKNOWN`."
    ] = ()
    paused_reason: Annotated[
        tuple[str, ...],
        "Why they are paused: `MAINTENANCE_WINDOW` (outside of it), `MAINTENANCE_EXCLUSION_NO_UPGRADES`, "
        "`MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES`, `CLUSTER_DISRUPTION_BUDGET`, `SYSTEM_CONFIG`, ...",
    ] = ()
    minor_target_version: Annotated[
        str | None, "Next minor version that GKE upgrades it to; NULL if GKE has chosen none."
    ] = None
    patch_target_version: Annotated[
        str | None, "Next patch version that GKE upgrades it to; NULL if GKE has chosen none."
    ] = None
    release_channel: Annotated[
        str | None,
        "Release channel that the cluster was in when this was read; NULL without a channel. NULL for a node pool, as "
        "are the next three.",
    ] = None
    channel_default_version: Annotated[
        str | None,
        "Version that new clusters get in the cluster's channel and location; without a channel, in the location.",
    ] = None
    channel_upgrade_target_version: Annotated[
        str | None, "Version that GKE upgrades clusters of the channel to; NULL without a channel."
    ] = None
    channel_valid_versions: Annotated[
        tuple[str, ...], "Versions that the channel offers there, the newest first; without a channel, the location."
    ] = ()
