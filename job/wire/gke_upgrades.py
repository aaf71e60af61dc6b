"""What the GKE API says of support and upgrades, in the JSON form of its REST API.

https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/ClusterUpgradeInfo
"""

from __future__ import annotations

from job.wire.gke import Enum
from job.wire.meta import Elements, Time, Wire, check_years


class UpgradeDetails(Wire, frozen=True):
    """A past upgrade of a control plane or a node pool, or one that is under way."""

    initial_version: str | None = None
    target_version: str | None = None
    state: Enum | None = None
    start_type: Enum | None = None
    start_time: Time | None = None
    end_time: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.start_time, self.end_time)


class UpgradeInfo(Wire, frozen=True):
    """`ClusterUpgradeInfo` and `NodePoolUpgradeInfo`: the fields that both have."""

    minor_target_version: str | None = None
    patch_target_version: str | None = None
    auto_upgrade_status: Elements[Enum] | None = None
    paused_reason: Elements[Enum] | None = None
    upgrade_details: Elements[UpgradeDetails] | None = None
    end_of_standard_support_timestamp: str | None = None
    """A date such as `2026-08-03`; the API promises no form."""
    end_of_extended_support_timestamp: str | None = None


class ReleaseChannelConfig(Wire, frozen=True):
    channel: Enum | None = None
    default_version: str | None = None
    valid_versions: Elements[str] | None = None
    upgrade_target_version: str | None = None


class ServerConfig(Wire, frozen=True):
    default_cluster_version: str | None = None
    valid_master_versions: Elements[str] | None = None
    channels: Elements[ReleaseChannelConfig] | None = None
