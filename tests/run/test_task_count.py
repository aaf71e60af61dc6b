"""How many processes a run takes by itself: more than one only where the last run into the file was large."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
from made import sink_at
from warehouse import Read, publish, run_of

from job.config import Clusters, Config
from job.run import task_count
from job.run.task_count import worthwhile
from job.sinks.open_sink import open_warehouse

MIB = 1 << 20
LARGE = {f"shop-prod/europe-west1/c-{number}": 5000 for number in range(6)}


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(task_count, "container_limit", lambda: None)
    monkeypatch.setattr(task_count, "container_cpus", lambda: None)
    monkeypatch.setattr(task_count, "_WORTH_OBJECTS", 2)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A file whose last run has read two clusters."""
    found = Config(projects=("shop-prod",), sink=sink_at(tmp_path / "x.duckdb"))
    publish(open_warehouse(found), run_of(1, Read("a", ["x"], ["p"]), Read("b", ["x"], ["p"])))
    return found


def test_a_large_last_run_makes_a_process_for_each_core(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert task_count.task_count(config) == 2
    monkeypatch.setattr(task_count, "_WORTH_OBJECTS", 3)
    assert task_count.task_count(config) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    assert task_count.task_count(config) == 1


@pytest.mark.parametrize("variable", ["CLOUD_RUN_JOB", "CLOUD_RUN_TASK_INDEX"])
def test_under_cloud_run_its_own_tasks_count(config: Config, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "0")
    assert task_count.task_count(config) == 1


def test_nothing_is_asked_of_bigquery_and_an_unreadable_file_is_the_runs_to_report(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "text.duckdb").write_text("no database " * 100)
    duckdb.connect(str(tmp_path / "theirs.duckdb")).close()
    sinks = [
        "bigquery://nowhere.nothing",
        *(f"duckdb:///{tmp_path}/{name}.duckdb" for name in ("new", "text", "theirs")),
    ]
    assert [task_count.task_count(Config(projects=("shop-prod",), sink=sink)) for sink in sinks] == [1] * 4
    assert not (tmp_path / "new.duckdb").exists()


def test_clusters_of_other_projects_do_not_count() -> None:
    assert worthwhile(Config(projects=("shop-prod",)), LARGE, 4, None) == 4
    assert worthwhile(Config(projects=("other",)), LARGE, 4, None) == 1
    assert worthwhile(Config(folders=("1",)), LARGE, 8, None) == 6


@pytest.mark.parametrize(
    ("clusters", "count"),
    [
        (Clusters(include=("c-1",)), 1),
        (Clusters(include=("c-1", "shop-prod/*/c-2")), 2),
        (Clusters(exclude=("c-[0-4]",)), 1),
        (Clusters(locations=("us-central1",)), 1),
    ],
)
def test_clusters_that_are_not_selected_do_not_count(clusters: Clusters, count: int) -> None:
    assert worthwhile(Config(projects=("shop-prod",), clusters=clusters), LARGE, 4, None) == count


def test_excluded_projects_do_not_count_unless_they_are_named() -> None:
    assert worthwhile(Config(folders=("1",), exclude_projects=("shop-*",)), LARGE, 4, None) == 1
    assert worthwhile(Config(folders=("1",), projects=("shop-prod",), exclude_projects=("*",)), LARGE, 4, None) == 4


@pytest.mark.parametrize(("limit", "count"), [(None, 2), (0.5, 1), (1.5, 1), (2.0, 2), (8.0, 2)])
def test_a_container_has_the_cpus_of_its_limit(
    limit: float | None, count: int, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_count, "container_cpus", lambda: limit)
    assert task_count.cpu_count() == count
    assert task_count.task_count(config) == count


def test_a_container_gets_what_fits_into_its_memory() -> None:
    config = Config(projects=("shop-prod",))
    assert [worthwhile(config, LARGE, 4, limit * MIB) for limit in (512, 1024, 4096)] == [1, 2, 4]
