"""Support, upgrades and maintenance, as the GKE API writes them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from google.cloud import container_v1
from google.protobuf.json_format import MessageToDict
from kinds.gke import NAMED, a_cluster
from kinds.objects import as_spooled

from job.kinds.upgrade_info import control_plane_rows, node_pool_rows
from job.wire import gke
from job.wire.gke_upgrades import ServerConfig, UpgradeInfo

CONFIG = {
    "defaultClusterVersion": "1.33.5-gke.1",
    "validMasterVersions": ["1.34.1-gke.1", "1.33.5-gke.1"],
    "channels": [
        {
            "channel": "STABLE", "defaultVersion": "1.32.9-gke.1", "upgradeTargetVersion": "1.32.9-gke.2",
            "validVersions": ["1.32.9-gke.2", "1.32.9-gke.1"],
        }
    ],
}  # fmt: skip


def decoded(message: Any, fields: dict[str, Any], struct: type[Any]) -> Any:
    """A struct, by way of the client library's own message."""
    return msgspec.convert(MessageToDict(message.pb(message.from_json(json.dumps(fields)))), struct, strict=False)


def of_control_plane(channel: str | None = "STABLE", config: dict[str, Any] | None = CONFIG, **info: Any) -> Any:
    fields = NAMED | {"currentMasterVersion": "1.31.13-gke.1"}
    if channel is not None:
        fields |= {"releaseChannel": {"channel": channel}}
    cluster = decoded(container_v1.Cluster, fields, gke.Cluster)
    offered = None if config is None else decoded(container_v1.ServerConfig, config, ServerConfig)
    read = decoded(container_v1.ClusterUpgradeInfo, info, UpgradeInfo)
    return as_spooled(list(control_plane_rows(cluster, read, offered)))


def test_a_control_plane_has_its_info_what_its_channel_offers_and_its_upgrades() -> None:
    assert of_control_plane(
        autoUpgradeStatus=["MINOR_UPGRADE_PAUSED"], pausedReason=["SYSTEM_CONFIG"],
        minorTargetVersion="1.32.9-gke.2", patchTargetVersion="1.31.14-gke.1",
        endOfStandardSupportTimestamp="2026-08-03", endOfExtendedSupportTimestamp="2027-06-03T12:00:00Z",
        upgradeDetails=[
            {
                "initialVersion": "1.30.1-gke.1", "targetVersion": "1.31.13-gke.1", "state": "SUCCEEDED",
                "startType": "AUTOMATIC", "startTime": "2026-01-02T03:04:05Z", "endTime": "2026-01-02T03:24:05Z",
            },
            {"targetVersion": "1.31.14-gke.1", "startTime": "2026-02-02T03:04:05Z"},
        ],
    ) == {
        "upgrade_info": [
            {
                "resource_type": "MASTER", "version": "1.31.13-gke.1", "auto_upgrade_status": ["MINOR_UPGRADE_PAUSED"],
                "paused_reason": ["SYSTEM_CONFIG"], "minor_target_version": "1.32.9-gke.2",
                "patch_target_version": "1.31.14-gke.1", "end_of_standard_support_at": "2026-08-03T00:00:00Z",
                "end_of_extended_support_at": "2027-06-03T12:00:00Z", "release_channel": "STABLE",
                "channel_default_version": "1.32.9-gke.1",
                "channel_upgrade_target_version": "1.32.9-gke.2",
                "channel_valid_versions": ["1.32.9-gke.2", "1.32.9-gke.1"],
            }
        ],
        "upgrades": [
            {
                "resource_type": "MASTER", "initial_version": "1.30.1-gke.1", "target_version": "1.31.13-gke.1",
                "state": "SUCCEEDED", "start_type": "AUTOMATIC", "started_at": "2026-01-02T03:04:05Z",
                "ended_at": "2026-01-02T03:24:05Z",
            },
            {"resource_type": "MASTER", "target_version": "1.31.14-gke.1", "started_at": "2026-02-02T03:04:05Z"},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "config", "expected"),
    [
        (None, CONFIG, ("1.33.5-gke.1", ["1.34.1-gke.1", "1.33.5-gke.1"])),
        ("RAPID", CONFIG, (None, None)),
        ("STABLE", None, (None, None)),
    ],
    ids=["no channel has what the location has", "a channel that the location lacks", "nothing was read"],
)
def test_what_a_location_offers(channel: str | None, config: dict[str, Any] | None, expected: tuple[Any, ...]) -> None:
    (row,) = of_control_plane(channel, config)["upgrade_info"]
    assert (row.get("channel_default_version"), row.get("channel_valid_versions")) == expected
    assert row.get("release_channel") == channel


def test_a_node_pool_has_its_own_rows_and_what_gke_leaves_out_is_null() -> None:
    info = decoded(container_v1.NodePoolUpgradeInfo, {"upgradeDetails": [{}]}, UpgradeInfo)
    found = as_spooled(list(node_pool_rows(gke.NodePool(name="p"), info)))
    of_pool = {"resource_type": "NODE_POOL", "node_pool": "p"}
    assert found == {"upgrade_info": [of_pool], "upgrades": [of_pool]}


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_an_end_of_support_that_is_no_time_is_null(text: str) -> None:
    (row,) = of_control_plane(endOfStandardSupportTimestamp=text)["upgrade_info"]
    assert "end_of_standard_support_at" not in row


WINDOWS = [
    ({"dailyMaintenanceWindow": {"startTime": "03:00", "duration": "PT4H0M0S"}}, ("FREQ=DAILY", "03:00", 14400)),
    (
        {
            "recurringWindow": {
                "window": {"startTime": "2026-01-03T01:30:00+02:00", "endTime": "2026-01-03T05:30:00+02:00"},
                "recurrence": "FREQ=WEEKLY;BYDAY=SA",
            }
        },
        ("FREQ=WEEKLY;BYDAY=SA", "23:30", 14400),
    ),
    (
        {
            "recurringMaintenanceWindow": {
                "windowStartTime": {"hours": 3}, "windowDuration": "7200s", "recurrence": "FREQ=DAILY",
            }
        },
        ("FREQ=DAILY", "03:00", 7200),
    ),
    ({}, (None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("window", "expected"), WINDOWS)
def test_a_maintenance_window_is_the_same_in_each_form_of_the_api(
    window: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    found = a_cluster(maintenancePolicy={"window": window})
    names = ("maintenance_recurrence", "maintenance_start_time", "maintenance_seconds")
    assert tuple(found.get(name) for name in names) == expected


def test_maintenance_exclusions_come_by_name_with_the_scope_that_gke_leaves_out() -> None:
    times = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
    exclusions = {
        "sale": times,
        "freeze": {
            **times,
            "maintenanceExclusionOptions": {"scope": "NO_MINOR_UPGRADES", "endTimeBehavior": "UNTIL_END_OF_SUPPORT"},
        },
    }
    found = a_cluster(maintenancePolicy={"window": {"maintenanceExclusions": exclusions}})
    of_both = {"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-02-01T00:00:00Z"}
    assert found["maintenance_exclusions"] == [
        {"name": "freeze", "scope": "NO_MINOR_UPGRADES", "until_end_of_support": True, **of_both},
        {"name": "sale", "scope": "NO_UPGRADES", "until_end_of_support": False, **of_both},
    ]
