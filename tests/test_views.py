"""The views: what an analyst may conclude from them, run by run."""

from __future__ import annotations

from pathlib import Path

import pytest
from warehouse import Read, publish, rows, run_of

from job.sinks import Sink
from job.sinks.duckdb import DuckDBSink
from job.tables import TABLES
from job.views import for_bigquery, views

PODS = "SELECT cluster, name, carried_forward FROM latest_pods ORDER BY 1, 2"


@pytest.fixture
def sink(tmp_path: Path) -> Sink:
    return DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)


def test_latest_shows_the_newest_run(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1", "p2"])))
    publish(sink, run_of(2, Read("a", ["x"], ["p2", "p3"])))
    assert rows(sink, PODS) == [("a", "p2", False), ("a", "p3", False)]
    assert rows(sink, "SELECT run_id FROM latest_runs") == [("run-2",)]
    assert rows(sink, "SELECT snapshot_id FROM latest_snapshots") == [("2-a",)]


def test_what_could_not_be_read_is_carried_forward_with_its_age(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    publish(sink, run_of(2, Read("a", ["x", "y"], "forbidden")))
    assert rows(sink, PODS) == [("a", "p1", True)]
    assert rows(sink, "SELECT name, carried_forward FROM latest_namespaces ORDER BY 1") == [("x", False), ("y", False)]
    told = "SELECT status, outcome, read_snapshot_id, snapshot_id FROM coverage WHERE resource = 'pods'"
    assert rows(sink, told) == [("stale", "forbidden", "1-a", "2-a")]
    ages = rows(sink, "SELECT (SELECT max(age_seconds) FROM latest_pods) - max(age_seconds) FROM latest_namespaces")
    assert ages[0][0] in (3599, 3600, 3601)


def test_a_cluster_that_fails_keeps_its_last_good_snapshot(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(2, Read("a", "timed_out", "timed_out"), Read("b", ["x"], ["q2"])))
    assert rows(sink, PODS) == [("a", "p1", True), ("b", "q2", False)]
    assert rows(sink, "SELECT cluster, status FROM latest_snapshots ORDER BY 1") == [("a", "failed"), ("b", "complete")]


def test_a_cluster_that_was_not_collected_is_not_gone(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(2, Read("b", ["x"], ["q2"]), listed=["a", "b"]))
    assert rows(sink, PODS) == [("a", "p1", False), ("b", "q2", False)]


def test_a_cluster_that_its_projects_whole_list_lacks_is_gone(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(2, Read("b", ["x"], ["q1"])))
    assert rows(sink, PODS) == [("b", "q1", False)]
    assert rows(sink, "SELECT DISTINCT cluster FROM coverage WHERE cluster IS NOT NULL") == [("b",)]


@pytest.mark.parametrize("outcome", ["partial", "forbidden", "unreachable"])
def test_a_list_that_is_not_whole_proves_no_deletion(sink: Sink, outcome: str) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    publish(sink, run_of(2, listed=[], outcome=outcome))
    assert rows(sink, PODS) == [("a", "p1", False)]
    project = "SELECT outcome, read_snapshot_id FROM coverage WHERE cluster IS NULL"
    assert rows(sink, project) == [(outcome, "run-2" if outcome == "partial" else "run-1")]


def test_a_project_without_clusters_leaves_none(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    publish(sink, run_of(2))
    assert rows(sink, PODS) == []
    assert rows(sink, "SELECT run_id FROM latest_runs") == [("run-2",)]


def test_a_cluster_made_anew_under_its_name_inherits_nothing(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"], cluster_id="old")))
    publish(sink, run_of(2, Read("a", ["x"], "forbidden", cluster_id="new")))
    assert rows(sink, PODS) == []
    assert rows(sink, "SELECT status FROM coverage WHERE resource = 'pods'") == [("never_read",)]


@pytest.mark.parametrize("missing", [("snapshots",), ("snapshots", "runs"), ("snapshots", "runs", "collections")])
def test_rows_of_a_run_that_was_killed_are_in_no_view(sink: Sink, missing: tuple[str, ...]) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    seen = {
        view.name: rows(sink, f"SELECT * EXCLUDE (age) FROM (SELECT *, 0 AS age FROM {view.name})") for view in views()
    }
    publish(sink, run_of(2, Read("a", ["x"], ["p2"]), Read("b", ["x"], ["q"])), without=missing)
    assert rows(sink, PODS) == [("a", "p1", False)]
    assert rows(sink, "SELECT run_id FROM latest_runs") == [("run-1",)]
    for view in views():
        assert len(rows(sink, f"SELECT * FROM {view.name}")) == len(seen[view.name]), view.name


def test_a_run_published_again_is_not_there_twice(sink: Sink) -> None:
    for _ in range(2):
        publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    assert rows(sink, "SELECT count(*) FROM snapshots UNION ALL SELECT count(*) FROM pods") == [(1,), (1,)]


def test_a_kind_that_was_never_read_and_one_that_is_off_say_so(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", "off", "forbidden")))
    assert rows(sink, "SELECT resource, status FROM coverage WHERE cluster = 'a' ORDER BY 1") == [
        ("namespaces", "off"),
        ("pods", "never_read"),
    ]


def test_there_is_a_latest_view_of_every_table() -> None:
    names = {view.name for view in views()}
    assert {f"latest_{table}" for table in TABLES} | {"coverage"} <= names


def test_each_view_opens_with_the_question_it_answers() -> None:
    for view in views():
        assert "?" in view.description.partition(". ")[0], view.name
        assert "${" not in view.description
        assert len(view.description) <= 1024  # BigQuery's limit


def test_bigquerys_form_names_the_whole_dataset() -> None:
    for view in views():
        sql = for_bigquery(view, "my-project.inventory")
        assert "${" not in sql
        assert "FROM `my-project.inventory`." in sql
