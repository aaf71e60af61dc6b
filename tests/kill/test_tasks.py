"""Tasks of one run at once, as Cloud Run starts them, three of them killed and tried again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import msgspec
import pytest
from declared import EVERY_KIND
from kill import killed
from made import make_dataset

from job.config import Config
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse

PLACES = ("job.discover:4", "job.collect:50", "job.sinks:60")
"""In which of its dealings with the outer world, of which modules, a task is killed."""


@pytest.fixture
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=50, pods=4, plain=True, seed=9) as found:
        yield found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("tasks", "victims"), [(5, (1, 2, 4)), pytest.param(20, (3, 11, 17), marks=pytest.mark.exhaustive)]
)
def test_many_tasks_of_which_three_are_killed_read_every_cluster_once(
    fleet: Simulator, tasks: int, victims: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at = dict(zip(victims, PLACES, strict=True))
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    projects = [project for project in fleet.projects if project != "acquired-company"]
    asked = {"kinds": EVERY_KIND, "projects": projects, "sink": make_dataset(fleet.bigquery, f"tasks_{tasks}")}
    keys = {**fleet.configuration, **asked}
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(keys))

    def start(task: int, attempt: int, at: str = killed.NEVER) -> ForkServerProcess:
        own = {
            "CLOUD_RUN_EXECUTION": "execution",
            "CLOUD_RUN_TASK_INDEX": str(task),
            "CLOUD_RUN_TASK_COUNT": str(tasks),
            "CLOUD_RUN_TASK_ATTEMPT": str(attempt),
        }
        return killed.start(path, os.environ | fleet.environment | own, at)

    def ended(process: ForkServerProcess) -> int | None:
        process.join(timeout=300)
        return process.exitcode

    config = msgspec.convert(keys, Config)
    sink = open_warehouse(config)
    sink.apply()
    first = [start(task, 0, killed_at.get(task, killed.NEVER)) for task in range(tasks)]
    assert [ended(process) for process in first] == [-9 if task in killed_at else 0 for task in range(tasks)]
    assert 0 < len(sink.query("SELECT cluster FROM latest_snapshots").rows) < len(fleet.clusters)
    again = [start(task, 1) for task in victims]
    assert [ended(process) for process in again] == [0] * len(victims)

    clusters = sorted(fleet.clusters)
    for table in ("snapshots", "latest_snapshots"):
        seen = sink.query(f"SELECT project_id, location, cluster FROM {table}").rows
        assert sorted("/".join(row) for row in seen) == clusters
    pods = {pod["metadata"]["uid"] for found in fleet.inventory()["clusters"] for pod in found["objects"]["pods"]}
    assert sorted(uid for (uid,) in sink.query("SELECT uid FROM pods").rows) == sorted(pods)
    assert sink.query("SELECT COUNT(DISTINCT run_id), COUNT(*) FROM runs").rows == [(1, tasks)]
    assert sink.query("SELECT COUNT(*) FROM coverage WHERE status <> 'ok'").rows == [(0,)]
