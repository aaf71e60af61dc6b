"""Support, upgrades and maintenance of simulated clusters, as the GKE API describes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import container_v1 as gke

from job.simulator.fleet import VERSIONS, Cluster, NodePool

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""Support ends so many days after it, on whatever day the fleet starts: there is always a cluster near the end."""

_MINORS = (31, 32, 33, 34)
_NEWEST = {
    31: "1.31.14-gke.1012000",
    32: "1.32.10-gke.1089000",
    33: "1.33.6-gke.1011000",
    34: "1.34.2-gke.1003000",
}
_DAYS_OF_STANDARD_SUPPORT = {31: -90, 32: 30, 33: 150, 34: 270}
_EXTENDED_DAYS = 305
_DEFAULTS = {"RAPID": 34, "REGULAR": 33, "STABLE": 32, "EXTENDED": 32}
_PAUSED = {
    2: ("UPGRADE_PAUSED", "MAINTENANCE_EXCLUSION_NO_UPGRADES", "NO_UPGRADES"),
    4: ("MINOR_UPGRADE_PAUSED", "MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES", "NO_MINOR_UPGRADES"),
}
"""Number of a cluster, modulo 6 -> the status, reason and scope of a maintenance exclusion."""


def channel_of(cluster: Cluster) -> str:
    """The cluster's release channel."""
    return "REGULAR" if cluster.number % 4 else "STABLE"


def cluster_upgrade_info(cluster: Cluster) -> gke.ClusterUpgradeInfo:
    """The answer of `fetchClusterUpgradeInfo`."""
    minor = _minor(cluster.version)
    is_first = minor == min(_MINORS)
    details = [] if is_first else [_upgrade(_NEWEST[minor - 1], cluster.version, 100)]
    return gke.ClusterUpgradeInfo(**_info(cluster, cluster.version), upgrade_details=details)


def node_pool_upgrade_info(pool: NodePool, cluster: Cluster) -> gke.NodePoolUpgradeInfo:
    """The answer of `fetchNodePoolUpgradeInfo`."""
    minor = _minor(pool.version)
    is_first = minor == min(_MINORS)
    details = [] if is_first else [_upgrade(_NEWEST[minor - 1], pool.version, 95)]
    if pool.version != cluster.version:
        details.append(_upgrade(pool.version, cluster.version, 3, state="FAILED"))
    return gke.NodePoolUpgradeInfo(**_info(cluster, pool.version), upgrade_details=details)


def server_config() -> gke.ServerConfig:
    """The answer of `getServerConfig`, the same in all locations."""
    versions = sorted((*_NEWEST.values(), *VERSIONS), reverse=True)
    return gke.ServerConfig(
        default_cluster_version=_NEWEST[_DEFAULTS["REGULAR"]],
        valid_master_versions=versions,
        valid_node_versions=versions,
        channels=[
            gke.ServerConfig.ReleaseChannelConfig(
                channel=channel,
                default_version=_NEWEST[default],
                valid_versions=[version for version in versions if _minor(version) >= default - 1],
                upgrade_target_version=_NEWEST[default],
            )
            for channel, default in _DEFAULTS.items()
        ],
    )


def maintenance_policy(cluster: Cluster) -> gke.MaintenancePolicy | None:
    """The cluster's window and exclusions: on weekends, daily, or none."""
    window = gke.MaintenanceWindow()
    if cluster.number % 3 == 0:
        first = {"start_time": "2026-01-03T01:00:00Z", "end_time": "2026-01-03T07:00:00Z"}
        window.recurring_window = gke.RecurringTimeWindow(window=first, recurrence="FREQ=WEEKLY;BYDAY=SA,SU")
    elif cluster.number % 3 == 1:
        window.daily_maintenance_window = gke.DailyMaintenanceWindow(start_time="03:00", duration="PT4H0M0S")
    if paused := _PAUSED.get(cluster.number % 6):
        window.maintenance_exclusions = {
            "sale": gke.TimeWindow(
                start_time=TODAY - timedelta(days=10),
                end_time=TODAY + timedelta(days=20),
                maintenance_exclusion_options=gke.MaintenanceExclusionOptions(scope=paused[2]),
            )
        }
    return gke.MaintenancePolicy(window=window)


def _info(cluster: Cluster, version: str) -> dict[str, Any]:
    """The fields that are the same of a control plane and of a node pool."""
    minor, target = _minor(version), _DEFAULTS[channel_of(cluster)]
    status, reason, _ = _PAUSED.get(cluster.number % 6, ("ACTIVE", None, None))
    days = _DAYS_OF_STANDARD_SUPPORT[minor]
    return {
        "minor_target_version": _NEWEST[minor + 1] if minor < target else None,
        "patch_target_version": _NEWEST[minor] if minor <= target and version != _NEWEST[minor] else None,
        "auto_upgrade_status": [status],
        "paused_reason": [reason] if reason else [],
        "end_of_standard_support_timestamp": f"{TODAY + timedelta(days=days):%Y-%m-%d}",
        "end_of_extended_support_timestamp": f"{TODAY + timedelta(days=days + _EXTENDED_DAYS):%Y-%m-%d}",
    }


def _upgrade(before: str, after: str, days: int, state: str = "SUCCEEDED") -> gke.UpgradeDetails:
    started = TODAY - timedelta(days=days)
    return gke.UpgradeDetails(
        initial_version=before,
        target_version=after,
        state=state,
        start_type="AUTOMATIC",
        start_time=started,
        end_time=started + timedelta(minutes=20),
    )


def _minor(version: str) -> int:
    return int(version.split(".")[1])
