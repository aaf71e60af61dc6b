"""Support and upgrades of a cluster and its node pools, from the GKE API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from job import tables
from job.kinds.parts.gke import enum_name
from job.wire import gke
from job.wire.gke_upgrades import ReleaseChannelConfig, ServerConfig, UpgradeInfo

# https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/UpgradeInfoEvent#upgraderesourcetype
_MASTER, _NODE_POOL = "MASTER", "NODE_POOL"


def control_plane_rows(cluster: gke.Cluster, info: UpgradeInfo, config: ServerConfig | None) -> Iterator[tables.Record]:
    """The row of the control plane, and those of its upgrades.

    Args:
        config: of the cluster's location; None where it could not be read.
    """
    offered = _offered(cluster, config) if config is not None else ReleaseChannelConfig()
    yield tables.UpgradeInfo(
        resource_type=_MASTER,
        version=cluster.current_master_version or None,
        end_of_standard_support_at=day(info.end_of_standard_support_timestamp),
        end_of_extended_support_at=day(info.end_of_extended_support_timestamp),
        auto_upgrade_status=_names(info.auto_upgrade_status),
        paused_reason=_names(info.paused_reason),
        minor_target_version=info.minor_target_version or None,
        patch_target_version=info.patch_target_version or None,
        release_channel=_channel(cluster),
        channel_default_version=offered.default_version or None,
        channel_upgrade_target_version=offered.upgrade_target_version or None,
        channel_valid_versions=tuple(offered.valid_versions or ()),
    )
    yield from _upgrades(None, info)


def node_pool_rows(pool: gke.NodePool, info: UpgradeInfo) -> Iterator[tables.Record]:
    """The row of a node pool, and those of its upgrades."""
    yield tables.UpgradeInfo(
        resource_type=_NODE_POOL,
        node_pool=pool.name,
        version=pool.version or None,
        end_of_standard_support_at=day(info.end_of_standard_support_timestamp),
        end_of_extended_support_at=day(info.end_of_extended_support_timestamp),
        auto_upgrade_status=_names(info.auto_upgrade_status),
        paused_reason=_names(info.paused_reason),
        minor_target_version=info.minor_target_version or None,
        patch_target_version=info.patch_target_version or None,
    )
    yield from _upgrades(pool.name, info)


def day(text: str | None) -> datetime | None:
    """The time of a day or an RFC 3339 timestamp; None for anything else, which is no time that we know.

    >>> day("2026-08-03"), day("2026-08-03T12:00:00+02:00"), day("soon")
    (datetime.datetime(2026, 8, 3, 0, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2026, 8, 3, 10, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        time = datetime.fromisoformat(text or "")
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _upgrades(node_pool: str | None, info: UpgradeInfo) -> Iterator[tables.Upgrade]:
    for details in info.upgrade_details or ():
        yield tables.Upgrade(
            resource_type=_MASTER if node_pool is None else _NODE_POOL,
            node_pool=node_pool,
            initial_version=details.initial_version or None,
            target_version=details.target_version or None,
            state=None if (state := enum_name(details.state)) == "UNKNOWN" else state,
            start_type=enum_name(details.start_type),
            started_at=details.start_time,
            ended_at=details.end_time,
        )


def _offered(cluster: gke.Cluster, config: ServerConfig) -> ReleaseChannelConfig:
    """What the cluster's channel offers in its location; for a cluster without a channel, what the location offers."""
    channel = _channel(cluster)
    if channel is None:
        versions = config.valid_master_versions
        return ReleaseChannelConfig(default_version=config.default_cluster_version, valid_versions=versions)
    channels = config.channels or ()
    return next((each for each in channels if enum_name(each.channel) == channel), ReleaseChannelConfig())


def _channel(cluster: gke.Cluster) -> str | None:
    return enum_name(cluster.release_channel.channel) if cluster.release_channel else None


def _names(values: list[gke.Enum] | None) -> tuple[str, ...]:
    return tuple(name for value in values or () if (name := enum_name(value)))
