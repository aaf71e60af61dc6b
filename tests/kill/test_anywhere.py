"""SIGKILL at points spread over discovery, collection, spool, upload and commit, then a retry as Cloud Run makes one.

Judged from the analyst's side: what they see is the state before, whole, or the new one, whole; once a retry has come
to its end, the new one, once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND, UID_TABLES
from kill import killed
from loopback_bigquery import lift_update_limits
from made import make_dataset, sink_at

from job.config import Config
from job.kinds import RESOURCES
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Warehouse

POINTS = int(os.environ.get("KILL_POINTS", "4"))  # for each sink
KILLS = 4  # of one task, before an attempt is let through


@pytest.fixture
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=3, pods=6, plain=True, seed=5) as found:
        lift_update_limits(found.bigquery_endpoint)
        yield found


class Analyst:
    """Looks at the warehouse, and knows what there has been to see."""

    def __init__(self, sink: Warehouse, fleet: Simulator, projects: int) -> None:
        self._sink, self._fleet, self._projects = sink, fleet, projects
        self.clusters = len(fleet.clusters)
        objects = [cluster["objects"] for cluster in fleet.inventory()["clusters"]]
        self._pods = sum(len(each["pods"]) for each in objects)
        self._namespaces = sum(len(each["namespaces"]) for each in objects)
        self.generation = 0

    def change_the_fleet(self) -> None:
        """Another namespace in every cluster."""
        self.generation += 1
        for cluster in self._fleet.clusters:
            name = f"generation-{self.generation}"
            item = {"metadata": {"name": name, "uid": f"{cluster}/{name}"}, "status": {"phase": "Active"}}
            self._fleet.create(cluster, "namespaces", item)

    def sees(self) -> int:
        """The generation that the views show, when they show one whole, and nothing of any other."""
        ((newest,),) = self._rows("SELECT COUNT(*) FROM namespaces WHERE name LIKE 'generation-%'")
        generation, rest = divmod(newest, self.clusters)
        assert rest == 0
        seen = (
            "SELECT (SELECT COUNT(*) FROM latest_snapshots WHERE status = 'complete'), "
            "(SELECT COUNT(*) FROM pods), (SELECT COUNT(DISTINCT uid) FROM pods), "
            "(SELECT COUNT(*) FROM namespaces), (SELECT COUNT(*) FROM clusters), "
            "(SELECT COUNT(*) FROM coverage WHERE status = 'ok'), (SELECT COUNT(*) FROM coverage WHERE status <> 'ok')"
        )
        assert self._rows(seen) == [
            (
                self.clusters, self._pods, self._pods, self._namespaces + generation * self.clusters, self.clusters,
                (len(RESOURCES) + 1) * self.clusters + self._projects, 0,  # with upgrade info
            )
        ]  # fmt: skip
        return generation

    def finds_once(self, execution: str) -> None:
        """The execution has one committed run, one snapshot of each cluster, and each row of them once."""
        runs = f"SELECT COUNT(*) FROM runs WHERE run_id = '{execution}'"
        snapshots = f"SELECT COUNT(*), COUNT(DISTINCT cluster) FROM snapshots WHERE run_id = '{execution}'"
        assert self._rows(runs) == [(1,)]
        assert self._rows(snapshots) == [(self.clusters, self.clusters)]
        for table in UID_TABLES:
            twice = (
                f"SELECT t.snapshot_id, t.uid FROM raw_{table} AS t "
                "JOIN snapshots AS s ON s.snapshot_id = t.snapshot_id GROUP BY 1, 2 HAVING COUNT(*) > 1"
            )
            assert self._rows(twice) == []

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._sink.query(sql).rows


PHASES = {"discovery": "job.discover", "collection": "job.collect", "spool": "job.spool", "commit": "job.sinks"}
"""The modules at work in each."""


def points_in(places: list[str]) -> list[str]:
    """As many events of each phase, spread over those that it had; of all phases in turn.

    An event is counted among those of its own phase: how often a socket is read depends on the machine.
    """
    count = POINTS // len(PHASES)
    events = {module: sum(place.startswith(module) for place in places) for module in PHASES.values()}
    return [
        f"{module}:{found * (2 * index + 1) // (2 * count) + 1}"
        for index in range(count)
        for module, found in events.items()
    ]


def attempt(path: Path, execution: str, number: int, at: str, environment: dict[str, str]) -> tuple[int, list[str]]:
    """One attempt of the task, killed at its event `at`: exit code, and the module at work in each event until then."""
    own = {"CLOUD_RUN_EXECUTION": execution, "CLOUD_RUN_TASK_ATTEMPT": str(number), "TMPDIR": str(path.parent)}
    process = killed.start(path, os.environ | environment | own, at)
    process.join(timeout=120)
    assert process.exitcode in (0, -9)
    return process.exitcode, killed.places(path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["duckdb", "bigquery"])
def test_nothing_is_half_visible_or_twice_wherever_it_is_killed(
    fleet: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    url = sink_at(tmp_path / "k.duckdb") if kind == "duckdb" else make_dataset(fleet.bigquery, "kill")
    projects = [project for project in fleet.projects if project != "acquired-company"]
    keys = {**fleet.configuration, "kinds": EVERY_KIND, "projects": projects, "sink": url}
    config = msgspec.convert(keys, Config)
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(keys))
    sink = open_warehouse(config)
    analyst = Analyst(sink, fleet, len(keys["projects"]))

    for execution in ("first", "second"):  # the second knows the first
        code, places = attempt(path, execution, 0, killed.NEVER, fleet.environment)
        assert code == 0
    assert analyst.sees() == analyst.generation
    points = points_in(places)
    reached = []
    for first in range(0, len(points), KILLS):
        execution, before = f"execution-{first}", analyst.sees()
        analyst.change_the_fleet()
        for number, at in enumerate(points[first : first + KILLS]):
            code, places = attempt(path, execution, number, at, fleet.environment)
            if code == -9:
                reached.append(at.partition(":")[0])
            assert analyst.sees() in (before, analyst.generation)
        code, _ = attempt(path, execution, KILLS, killed.NEVER, fleet.environment)
        assert code == 0
        assert analyst.sees() == analyst.generation
        analyst.finds_once(execution)
    assert len(reached) >= len(points) * 2 // 3  # a retry of a committed task ends early: there is nothing left to kill
    assert set(reached) == set(PHASES.values())
