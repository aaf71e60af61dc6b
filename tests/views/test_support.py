"""The view `support`, and what becomes of a reading that is made once a day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from engines import Warehouse
from warehouse import Read, gke_cluster, node_pool, run_of

from job.tables import Upgrade, UpgradeInfo

DAY = 86400
OLD, NEW = "1.31.13-gke.1", "1.33.5-gke.2"


def info(pool: str | None = None, version: str = OLD, **more: Any) -> UpgradeInfo:
    of = {"resource_type": "NODE_POOL"} if pool else {"resource_type": "MASTER", "release_channel": "REGULAR"}
    return UpgradeInfo(node_pool=pool, version=version, **of | more)


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def test_support_ends_when_gke_says_so_for_what_the_channel_has(warehouse: Warehouse) -> None:
    ends = {"end_of_standard_support_at": at(2026, 1, 2), "end_of_extended_support_at": at(2026, 3, 4)}
    extended = msgspec.structs.replace(gke_cluster(OLD), release_channel="EXTENDED")
    warehouse.publish(
        run_of(
            47,
            Read("a", gke=[gke_cluster(OLD), node_pool("p", NEW)], more={"upgrade_info": [
                info(**ends), info("p", NEW, end_of_standard_support_at=at(2026, 1, 3)),
            ]}),
            Read("extended", gke=[extended], more={"upgrade_info": [info(**ends)]}),
            Read("unread", gke=[gke_cluster(OLD)], more={"upgrade_info": "forbidden"}),
        )
    )  # fmt: skip
    sql = (
        "SELECT cluster, node_pool, version, standard_support_days_left, extended_support_days_left, beyond_support, "
        "read_age_seconds FROM support"
    )
    assert warehouse.query(sql) == [
        ("a", "p", NEW, 0, None, True, 3600),
        ("a", None, OLD, -1, 60, True, 3600),
        ("extended", None, OLD, -1, 60, False, 3600),
        ("unread", None, OLD, None, None, None, None),
    ]


def test_how_far_behind_the_channel_and_the_target_and_what_pauses(warehouse: Warehouse) -> None:
    paused = {"auto_upgrade_status": ("MINOR_UPGRADE_PAUSED",), "paused_reason": ("SYSTEM_CONFIG",)}
    channel = {"channel_default_version": NEW, "channel_valid_versions": (NEW, "1.32.9-gke.7")}
    rows = [
        info(minor_target_version="1.32.9-gke.7", patch_target_version="1.31.14-gke.1", **paused, **channel),
        info("active", NEW, auto_upgrade_status=("ACTIVE",), patch_target_version="1.33.6-gke.1"),
        info("odd", "odd", auto_upgrade_status=("UNKNOWN",)),
    ]
    pools = [node_pool("active", NEW), node_pool("odd", "odd"), node_pool("unread", NEW)]
    warehouse.publish(run_of(47, Read("a", gke=[gke_cluster(OLD), *pools], more={"upgrade_info": rows})))
    sql = (
        "SELECT node_pool, channel_default_version, minor_versions_behind_default, version_offered, "
        "minor_versions_behind_target, upgrades_paused, auto_upgrade_status, paused_reason FROM support"
    )
    assert warehouse.query(sql) == [
        ("active", NEW, 0, None, 0, False, ["ACTIVE"], []),
        ("odd", NEW, None, None, None, None, ["UNKNOWN"], []),
        ("unread", None, None, None, None, None, [], []),
        (None, NEW, 2, False, 1, True, ["MINOR_UPGRADE_PAUSED"], ["SYSTEM_CONFIG"]),
    ]


def test_what_was_read_of_another_version_is_not_said_of_this_one(warehouse: Warehouse) -> None:
    """A control plane that was upgraded since: the dates hold for its minor version alone."""
    rows = [info(end_of_standard_support_at=at(2026, 3, 1), minor_target_version="1.32.9-gke.7")]
    before = Read("a", gke=[gke_cluster(OLD)], more={"upgrade_info": rows})
    warehouse.publish(run_of(24, before))
    warehouse.publish(run_of(25, Read("a", gke=[gke_cluster("1.31.14-gke.1")])))
    sql = "SELECT version, standard_support_days_left, minor_target_version, read_age_seconds FROM support"
    assert warehouse.query(sql) == [("1.31.14-gke.1", 57, None, DAY)]
    warehouse.publish(run_of(26, Read("a", gke=[gke_cluster("1.32.9-gke.7")])))
    assert warehouse.query(sql) == [("1.32.9-gke.7", None, None, DAY)]


def test_what_was_read_of_another_channel_is_not_said_of_this_one(warehouse: Warehouse) -> None:
    channel = {"channel_default_version": NEW, "channel_valid_versions": (OLD,)}
    rows = [
        info(end_of_standard_support_at=at(2026, 3, 1), patch_target_version=NEW, **channel),
        info("p", minor_target_version=NEW),
    ]
    regular, pool = gke_cluster(OLD), node_pool("p", OLD)
    rapid, without = (msgspec.structs.replace(regular, release_channel=each) for each in ("RAPID", None))
    more = {"upgrade_info": rows}
    free = {"upgrade_info": [info(release_channel=None, **channel)]}
    warehouse.publish(
        run_of(
            24,
            *(Read(name, gke=[regular, pool], more=more) for name in ("left", "moved", "stays")),
            Read("free", gke=[without], more=free),
        )
    )
    later = {"left": without, "moved": rapid, "stays": regular, "free": without}
    warehouse.publish(run_of(25, *(Read(name, gke=[each, pool]) for name, each in later.items())))
    sql = (
        "SELECT cluster, node_pool, channel_default_version, minor_versions_behind_default, version_offered, "
        "minor_target_version, patch_target_version, minor_versions_behind_target FROM support"
    )
    unread = (None,) * 6
    expected = [
        ("free", None, NEW, 2, True, None, None, None),
        ("free", "p", *unread),
        ("left", None, *unread),
        ("left", "p", *unread),
        ("moved", None, *unread),
        ("moved", "p", *unread),
        ("stays", None, NEW, 2, True, None, NEW, 2),
        ("stays", "p", NEW, 2, None, NEW, None, 2),
    ]
    assert warehouse.query(sql) == sorted(expected, key=repr)
    ends = "SELECT DISTINCT standard_support_days_left FROM support WHERE node_pool IS NULL AND cluster <> 'free'"
    assert warehouse.query(ends) == [(57,)]


def test_a_reading_stays_for_its_day_and_is_stale_once_a_later_day_has_none(warehouse: Warehouse) -> None:
    rows = [info(), Upgrade(resource_type="MASTER", target_version=OLD)]
    coverage = "SELECT status, outcome, read_age_seconds FROM coverage WHERE resource = 'upgrade_info'"
    status = "SELECT node_pool, read_status FROM upgrade_info"
    warehouse.publish(run_of(1, Read("a", more={"upgrade_info": rows})))
    warehouse.publish(run_of(23, Read("a")))
    assert warehouse.query(coverage) == [("ok", "ok", 47 * 3600)]
    assert warehouse.query(status) == [(None, "ok")]
    warehouse.publish(run_of(24, Read("a")))
    assert warehouse.query(coverage) == [("stale", "not_collected", 47 * 3600)]
    assert warehouse.query(status) == [(None, "stale")]
    assert warehouse.query("SELECT target_version, read_status FROM upgrades") == [(OLD, "stale")]
    warehouse.publish(run_of(25, Read("a", more={"upgrade_info": "forbidden"})))
    assert warehouse.query(coverage) == [("stale", "forbidden", 47 * 3600)]
    warehouse.publish(run_of(26, Read("a", more={"upgrade_info": [info(), info("p")]})))
    assert warehouse.query(status) == [("p", "ok"), (None, "ok")]


def test_a_cluster_that_was_made_again_has_nothing_of_the_one_before(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", cluster_id="1", more={"upgrade_info": [info()]})))
    warehouse.publish(run_of(2, Read("a", cluster_id="2", gke=[gke_cluster(OLD)])))
    assert warehouse.query("SELECT * FROM upgrade_info") == []
    assert warehouse.query("SELECT version, upgrades_paused FROM support") == [(OLD, None)]
