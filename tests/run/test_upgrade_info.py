"""Support and upgrades of clusters: read once a day, beside the lists, and at no cost to anything else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import sink_at

from job.config import Config
from job.connect.identity import default_identity
from job.discover.upgrade_info import UpgradeInfoReader, upgrade_info_reader
from job.kinds import RESOURCES
from job.run.one_task import run
from job.run.summary import Summary
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse
from job.wire import gke

WEB = "shop-prod/asia-southeast1/web-1"
ABOUT_UPGRADES = ("FetchClusterUpgradeInfo", "FetchNodePoolUpgradeInfo", "GetServerConfig")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=2, pods=4, plain=True, bigquery=False) as found:
        yield found


class Job:
    """Runs on one warehouse."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        few = {kind: kind in ("namespaces", "nodes", "pods") for kind in RESOURCES}
        projects = [project for project in simulator.projects if project != "acquired-company"]
        keys = {**simulator.configuration, "projects": projects, "kinds": few, "sink": sink_at(directory / "x.duckdb")}
        self.config = msgspec.convert(keys, Config)

    def run(self, **settings: Any) -> tuple[Summary, Counter[str]]:
        """A run, and how often it called each method about upgrades."""
        before = len(self.simulator.requests())
        summary = run(msgspec.structs.replace(self.config, **settings))
        calls = Counter(request["call"] for request in self.simulator.requests()[before:] if "call" in request)
        return summary, Counter({method: calls[method] for method in ABOUT_UPGRADES if calls[method]})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return open_warehouse(self.config).query(sql).rows

    def outcomes(self) -> list[tuple[Any, ...]]:
        """What the ledger has of upgrade info, by run and cluster."""
        return self.rows(
            "SELECT cluster, outcome, reason, objects FROM collections WHERE resource = 'upgrade_info' "
            "ORDER BY snapshot_time, cluster"
        )


@pytest.fixture
def job(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    yield Job(simulator, tmp_path)
    simulator.clear()


@pytest.fixture
def pools(simulator: Simulator) -> dict[str, int]:
    """Cluster -> how many node pools it has."""
    return {cluster["name"]: len(cluster["node_pools"]) for cluster in simulator.inventory()["clusters"]}


def test_a_day_asks_once_for_each_cluster_node_pool_and_location(job: Job, pools: dict[str, int]) -> None:
    summary, asked = job.run()
    assert summary.run.status == "complete"
    assert asked == {
        "FetchClusterUpgradeInfo": 2, "FetchNodePoolUpgradeInfo": sum(pools.values()), "GetServerConfig": 2,
    }  # fmt: skip
    expected = sorted((name, 1 + count) for name, count in pools.items())
    assert job.rows("SELECT cluster, COUNT(*) FROM upgrade_info GROUP BY 1 ORDER BY 1") == expected
    assert job.outcomes() == [(name, "ok", None, rows) for name, rows in expected]
    ((objects,),) = job.rows("SELECT objects FROM runs")

    summary, asked = job.run()
    assert (summary.run.status, summary.run.objects, asked) == ("complete", objects, {})
    assert len(job.outcomes()) == 2
    sql = "SELECT COUNT(*), COUNT(DISTINCT snapshot_id) FROM upgrade_info WHERE read_status = 'ok'"
    assert job.rows(sql) == [(sum(pools.values()) + 2, 2)]
    assert job.rows("SELECT COUNT(*) FROM upgrades WHERE read_status = 'ok'") > [(0,)]
    assert job.rows("SELECT COUNT(*) FROM coverage WHERE status NOT IN ('ok', 'off')") == [(0,)]


def test_the_next_day_asks_again(job: Job) -> None:
    job.run()
    connection = open_warehouse(job.config)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert len(connection.upgrade_info_since("r", yesterday)) == 2
    assert connection.upgrade_info_since("r", datetime.now(UTC) + timedelta(hours=1)) == frozenset()


def test_a_cluster_that_was_made_again_is_asked_for_the_same_day(job: Job) -> None:
    job.run()
    job.simulator.create_cluster("shop-prod/europe-west4/new-1")
    try:
        _, asked = job.run()
        assert asked["FetchClusterUpgradeInfo"] == 1
    finally:
        job.simulator.delete_cluster("shop-prod/europe-west4/new-1")


def test_a_missing_permission_costs_the_upgrade_info_alone_and_is_asked_for_again(job: Job) -> None:
    job.simulator.fault(WEB, "gke_denied", "upgrade_info")
    summary, asked = job.run()
    assert [(gap.name, gap.status, gap.reason) for gap in summary.gaps] == [(WEB, "partial", "forbidden")]
    assert "grant container.clusters.get on projects/shop-prod" in summary.gaps[0].message
    assert asked["FetchClusterUpgradeInfo"] == 2
    assert [row[:3] for row in job.outcomes()] == [
        ("payments-1", "ok", None), ("web-1", "forbidden", "IamPermissionMissing"),
    ]  # fmt: skip
    assert job.rows("SELECT cluster FROM coverage WHERE status NOT IN ('ok', 'off')") == [("web-1",)]
    sql = "SELECT DISTINCT cluster, beyond_support IS NULL, upgrades_paused FROM support WHERE cluster = 'web-1'"
    assert job.rows(sql) == [("web-1", True, None)]

    job.simulator.clear()
    summary, asked = job.run()
    assert (summary.run.status, asked["FetchClusterUpgradeInfo"]) == ("complete", 1)


def test_a_node_pool_and_a_location_that_fail_leave_the_rest(job: Job, pools: dict[str, int]) -> None:
    job.simulator.fault(f"{WEB}/default-pool", "gke_denied", "node_pool_upgrade_info")
    job.simulator.fault("shop-prod/asia-southeast1", "gke_denied", "server_config")
    summary, _ = job.run()
    assert summary.gaps[0].status == "partial"
    found = job.rows(
        "SELECT outcome, unreadable, unreadable_objects, objects, message FROM collections "
        "WHERE resource = 'upgrade_info' AND cluster = 'web-1'"
    )
    assert [row[2:4] for row in found] == [(1, pools["web-1"])]
    assert found[0][0] == "partial"
    assert "the server config of asia-southeast1: forbidden" in found[0][4]
    assert "node pool default-pool: forbidden" in found[0][4]
    sql = "SELECT channel_default_version FROM support WHERE cluster = 'web-1' AND node_pool IS NULL"
    assert job.rows(sql) == [(None,)]
    _, asked = job.run()
    assert asked["FetchClusterUpgradeInfo"] == 1


def test_a_gke_api_that_never_answers_holds_up_no_list_and_ends_with_its_cluster(job: Job) -> None:
    job.simulator.fault(WEB, "hang", "upgrade_info")
    timeouts = msgspec.structs.replace(job.config.timeouts, cluster_seconds=4.0)
    began = time.monotonic()
    summary, _ = job.run(timeouts=timeouts)
    assert time.monotonic() - began < 15
    assert job.outcomes() == [("payments-1", "ok", None, 3), ("web-1", "timed_out", "ClusterTimeout", 0)]
    assert summary.run.clusters_partial == 1
    assert job.rows("SELECT COUNT(*) FROM collections WHERE cluster = 'web-1' AND outcome = 'ok'") == [(3,)]


def test_a_time_that_is_none_is_null(job: Job) -> None:
    job.simulator.fault(WEB, "bad_time", "upgrade_info")
    summary, _ = job.run()
    assert summary.run.status == "complete"
    sql = (
        "SELECT end_of_standard_support_at IS NULL, end_of_extended_support_at IS NULL FROM support "
        "WHERE cluster = 'web-1' AND node_pool IS NULL"
    )
    assert job.rows(sql) == [(True, False)]


def test_the_setting_switches_it_off(job: Job) -> None:
    summary, asked = job.run(upgrade_info=False)
    assert (summary.run.status, asked) == ("complete", {})
    assert job.outcomes() == [("payments-1", "off", None, 0), ("web-1", "off", None, 0)]
    assert job.rows("SELECT DISTINCT status FROM coverage WHERE resource = 'upgrade_info'") == [("off",)]


def test_a_cluster_that_does_not_run_is_not_asked_for(job: Job) -> None:
    job.simulator.set_status(WEB, "PROVISIONING")
    try:
        _, asked = job.run()
    finally:
        job.simulator.set_status(WEB, "RUNNING")
    assert asked["FetchClusterUpgradeInfo"] == 1
    assert job.outcomes()[-1] == ("web-1", "not_running", "PROVISIONING", 0)


def test_once_three_clusters_have_waited_in_vain_no_other_waits(job: Job) -> None:
    job.simulator.fault("*", "gke_unavailable", "upgrade_info")
    timeouts = msgspec.structs.replace(job.config.timeouts, retry_seconds=0.2)
    config = msgspec.structs.replace(job.config, timeouts=timeouts)
    cluster = gke.Cluster(name="web-1", location="asia-southeast1", id="1", status="RUNNING")

    def read(reader: UpgradeInfoReader) -> tuple[str, int]:
        reading = reader.read("shop-prod", cluster, time.monotonic() + 30)
        assert reading is not None
        return reading.columns["outcome"], reading.columns["requests"]

    with upgrade_info_reader(config, default_identity(), frozenset()) as reader:
        found = [read(reader) for _ in range(4)]
    assert [outcome for outcome, _ in found] == ["unreachable"] * 4
    assert [requests > 0 for _, requests in found] == [True, True, True, False]
