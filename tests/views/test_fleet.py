"""All views over the rows that the job writes for a simulated fleet: the same on both engines."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec
import pytest
from declared import EVERY_KIND, is_like_another
from engines import Answer, OnDuckDB, OnGoogleSQL, tables_of
from googlesql import DATASET, Dataset
from made import sink_at

from job import latest
from job.config import Config
from job.kinds import RESOURCES
from job.run.one_task import run
from job.simulator import Simulator, simulate
from job.sinks.duckdb import DuckDBSink
from job.tables import TABLES, raw
from job.views import View, for_bigquery, views
from job.views.recent import RECENT

pytestmark = pytest.mark.xdist_group("googlesql")
_SHARES = 4  # of the views, each in a test of its own: together they would take too long for one
_SHARED = [view for view in views() if not is_like_another(view)], [view for view in views() if is_like_another(view)]


class Fleet(NamedTuple):
    """The database of a fleet that changed between two runs."""

    path: Path
    now: datetime
    """A day after the newest run."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two runs with changes and faults between them, and a third that was killed before its commit."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.duckdb"
    with simulate(clusters=6, pods=40, seed=3) as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.environment.items():
            patch.setenv(name, value)
        config = msgspec.convert(simulator.configuration | {"kinds": EVERY_KIND, "sink": sink_at(path)}, Config)
        run(config)
        _change(simulator)
        run(config)
        killed = run(config)
        with duckdb.connect(str(path)) as connection:
            connection.execute("DELETE FROM raw_runs WHERE run_id = ?", [killed.run.run_id])
            newest = connection.execute("SELECT epoch_us(max(snapshot_time)) FROM runs").fetchone()
    assert newest is not None
    return Fleet(path, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=newest[0], days=1))


@pytest.fixture(scope="module")
def googlesql(fleet: Fleet) -> OnGoogleSQL:
    """The fleet's views on GoogleSQL, each evaluated once for all tests."""
    return OnGoogleSQL(tables_of(fleet.path), fleet.now)


def _change(simulator: Simulator) -> None:
    clusters = {f"{c['project']}/{c['location']}/{c['name']}": c for c in simulator.inventory()["clusters"]}
    readable = [name for name, c in clusters.items() if not c["forbidden"]]
    changed, blind, stopping, deleted = readable
    deployments = clusters[changed]["objects"]["deployments"]
    for item, image in zip(deployments[:2], ("registry.example.com/anew:1", "busybox"), strict=True):
        key = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        simulator.delete(changed, "deployments", key)
        item["spec"]["replicas"] += 3
        item["spec"]["template"]["spec"]["containers"][0] |= {"image": image, "resources": {"limits": {"cpu": "3"}}}
        simulator.create(changed, "deployments", item)
        for running in clusters[changed]["objects"]["pods"]:
            if running["metadata"]["name"].startswith(f"{item['metadata']['name']}-"):
                key = f"{running['metadata']['namespace']}/{running['metadata']['name']}"
                simulator.delete(changed, "pods", key)
                running["spec"]["containers"][0]["image"] = image
                for status in running["status"].get("containerStatuses", ()):
                    status["restartCount"] += 2
                simulator.create(changed, "pods", running)
    gone = deployments[2]["metadata"]
    simulator.delete(changed, "deployments", f"{gone['namespace']}/{gone['name']}")
    simulator.forbid(blind, "pods", "deployments", "nodes")
    simulator.set_status(stopping, "STOPPING")
    simulator.delete_cluster(deleted)
    simulator.fault("data-platform", "gke_denied")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "shared", [_SHARED[0], pytest.param(_SHARED[1], marks=pytest.mark.exhaustive)], ids=["", "like"]
)
@pytest.mark.parametrize(
    "share", [pytest.param(share, marks=[pytest.mark.exhaustive] if share else []) for share in range(_SHARES)]
)
def test_every_view_has_the_same_rows_on_both_engines(
    fleet: Fleet, googlesql: OnGoogleSQL, share: int, shared: list[View]
) -> None:
    different, empty = {}, []
    with closing(OnDuckDB(fleet.path, fleet.now)) as duckdb_:
        for view in shared[share::_SHARES]:
            here, there = (engine.query(f"SELECT * FROM {view.name}") for engine in (duckdb_, googlesql))
            if here.columns != there.columns or _counted(here) != _counted(there):
                different[view.name] = (_only(here, there), _only(there, here))
            if not here.rows:
                empty.append(view.name)
    assert different == {}
    assert empty == []


def test_the_views_show_what_happened_to_the_fleet(fleet: Fleet) -> None:
    database = OnDuckDB(fleet.path, fleet.now)
    kinds = len(RESOURCES)
    sql = "SELECT cluster, status, outcome, COUNT(*) FROM coverage WHERE resource <> 'upgrade_info' GROUP BY ALL"
    assert sorted(database.query(sql).rows, key=repr) == [
        ("batch-1", "stale", "not_running", kinds),
        ("edge-1", "never_read", "forbidden", kinds),
        ("payments-1", "ok", "ok", kinds - 3),
        ("payments-1", "stale", "forbidden", 3),
        ("search-1", "never_read", "forbidden", 2),
        ("search-1", "stale", "forbidden", kinds - 2),
        ("web-1", "ok", "ok", kinds),
        (None, "never_read", "forbidden", 1),
        (None, "ok", "ok", 2),
        (None, "stale", "forbidden", 1),
    ]
    changes = database.query("SELECT DISTINCT cluster, field, change FROM changes").rows
    database.close()
    assert {change for change in changes if change[0] != "web-1"} == {("ml-1", "cluster", "removed")}
    assert {("workload", "removed"), ("image", "changed"), ("replicas_wanted", "changed")} <= {
        change[1:] for change in changes
    }


@pytest.mark.exhaustive  # tests of the columns analyse most of them already
@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_googlesql_accepts_each_view_as_rendered(view: View) -> None:
    columns = Dataset({}).analyse(view)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]* [A-Z].*", column) for column in columns), columns
    names = [column.partition(" ")[0] for column in columns]
    assert len(names) == len(set(names))
    read = re.findall(r"`([^`]*)`", for_bigquery(view, DATASET))
    known = {*map(raw, TABLES), *RECENT, *(other.name for other in views())}
    assert read
    assert {name.removeprefix(f"{DATASET}.") for name in read} <= known


def test_ages_are_counted_from_now(fleet: Fleet) -> None:
    sink, dataset = DuckDBSink(fleet.path, timeout_seconds=30), Dataset(tables_of(fleet.path))
    sql = "SELECT started_at, attempt_age_seconds FROM latest_snapshots"
    for answer in (lambda: sink.query(sql).rows, lambda: dataset.query(sql)[1]):
        before = datetime.now(UTC)
        rows = answer()
        after = datetime.now(UTC)
        assert rows
        for time, age in rows:
            assert int((before - time).total_seconds()) <= age <= int((after - time).total_seconds())


def test_a_view_whose_name_is_a_reserved_word_can_be_a_frame(fleet: Fleet) -> None:
    assert {"container", "missing"} <= set(latest("without_limits", sink=f"duckdb:///{fleet.path}").columns)


@pytest.mark.exhaustive
def test_every_example_runs_on_both_engines(fleet: Fleet, googlesql: OnGoogleSQL) -> None:
    sink = DuckDBSink(fleet.path, timeout_seconds=30)
    for view in views():
        assert re.search(rf"\bFROM {view.name}\b", view.example), view.name
        assert [name for name, _ in sink.query(view.example).columns] == googlesql.query(view.example).columns


def _counted(answer: Answer) -> Counter[str]:
    return Counter(repr(row) for row in answer.rows)


def _only(one: Answer, other: Answer) -> list[str]:
    """Column names, and the first rows that the other answer lacks."""
    return [str(one.columns), *sorted((_counted(one) - _counted(other)).elements())[:3]]
