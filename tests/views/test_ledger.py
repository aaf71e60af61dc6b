"""What counts, what is there now and what is missing: the views that all others rest upon, run by run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from engines import Warehouse
from warehouse import (
    FIRST,
    LOCATION,
    Attempt,
    Read,
    container,
    gke_cluster,
    image_parts,
    publish,
    rows,
    run_of,
    workload,
)

from job.sinks.duckdb import DuckDBSink
from job.views import views

PODS = "SELECT cluster, name, carried_forward FROM latest_pods"
HOUR = 3600


def test_latest_shows_the_newest_run(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1", "p2"])))
    house.publish(run_of(2, Read("a", ["x"], ["p2", "p3"])))
    assert house.ask(PODS) == [("a", "p2", False), ("a", "p3", False)]
    assert house.ask("SELECT run_id FROM latest_runs") == [("run-2",)]
    assert house.ask("SELECT snapshot_id, age_seconds FROM latest_snapshots") == [("2-a", 46 * HOUR)]


def test_what_could_not_be_read_is_carried_forward_with_its_own_time(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(2, Read("a", ["x", "y"], "forbidden")))
    house.publish(run_of(3, Read("a", ["x", "y"], "timed_out")))
    shown = "SELECT name, snapshot_time, age_seconds, carried_forward FROM "
    assert house.ask(f"{shown} latest_pods") == [("p1", FIRST + timedelta(hours=1), 47 * HOUR, True)]
    assert house.ask(f"{shown} latest_namespaces") == [
        ("x", FIRST + timedelta(hours=3), 45 * HOUR, False),
        ("y", FIRST + timedelta(hours=3), 45 * HOUR, False),
    ]
    told = "SELECT resource, status, outcome, snapshot_id, read_snapshot_id, read_age_seconds, objects FROM coverage"
    assert house.ask(f"{told} WHERE cluster = 'a'") == [
        ("namespaces", "ok", "ok", "3-a", "3-a", 45 * HOUR, 2),
        ("pods", "stale", "timed_out", "3-a", "1-a", 47 * HOUR, 1),
    ]


def test_a_cluster_that_fails_keeps_its_last_good_snapshot(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("a", "timed_out", "timed_out"), Read("b", ["x"], ["q2"])))
    assert house.ask(PODS) == [("a", "p1", True), ("b", "q2", False)]
    assert house.ask("SELECT cluster, status FROM latest_snapshots") == [("a", "failed"), ("b", "complete")]


def test_what_gke_tells_is_that_of_the_newest_snapshot_whatever_could_be_read(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], [], gke=[gke_cluster("1.33.1")])))
    house.publish(run_of(2, Read("a", "unreachable", "unreachable", gke=[gke_cluster("1.34.1")])))
    told = "SELECT cluster, control_plane_version, age_seconds, carried_forward FROM latest_clusters"
    assert house.ask(told) == [("a", "1.34.1", 46 * HOUR, False)]


def test_a_kind_that_is_partly_unreadable_shows_what_was_read_and_says_so(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1", "p2"])))
    house.publish(run_of(2, Read("a", ["x"], ["p1"], partial=["pods"])))
    assert house.ask(PODS) == [("a", "p1", False)]
    assert house.ask("SELECT status, outcome, read_snapshot_id FROM coverage WHERE resource = 'pods'") == [
        ("partial", "partial", "2-a")
    ]


def test_a_kind_that_was_never_read_and_one_that_is_off_say_so(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", "off", "forbidden")))
    assert house.ask("SELECT resource, status, read_age_seconds FROM coverage WHERE cluster = 'a'") == [
        ("namespaces", "off", None),
        ("pods", "never_read", None),
    ]


def test_a_kind_that_was_switched_off_keeps_what_was_read(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(2, Read("a", ["x"], "off")))
    assert house.ask(PODS) == [("a", "p1", True)]
    assert house.ask("SELECT status, outcome, read_snapshot_id FROM coverage WHERE resource = 'pods'") == [
        ("off", "off", "1-a")
    ]


def test_a_kind_that_is_not_asked_for_any_more_is_stale(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], [], more={"deployments": [workload("w")]})))
    house.publish(run_of(2, Read("a", ["x"], [])))
    told = "SELECT status, outcome, snapshot_id, read_snapshot_id FROM coverage WHERE resource = 'deployments'"
    assert house.ask(told) == [("stale", "not_collected", "2-a", "1-a")]
    assert house.ask("SELECT name, carried_forward FROM latest_workloads") == [("w", True)]


def test_each_kind_of_workload_is_carried_forward_on_its_own(house: Warehouse) -> None:
    job = workload("j", kind="Job")
    house.publish(run_of(1, Read("a", more={"deployments": [workload("w1")], "jobs": [job]})))
    house.publish(run_of(2, Read("a", more={"deployments": [workload("w2")], "jobs": "not_served"})))
    assert house.ask("SELECT name, carried_forward FROM latest_workloads") == [("j", True), ("w2", False)]


def test_a_cluster_that_was_not_collected_is_not_gone_but_stale(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("b", ["x"], ["q2"]), listed=["a", "b"]))
    assert house.ask(PODS) == [("a", "p1", False), ("b", "q2", False)]
    assert house.ask("SELECT cluster, status, outcome FROM coverage WHERE resource = 'pods'") == [
        ("a", "stale", "not_collected"),
        ("b", "ok", "ok"),
    ]


def test_a_cluster_that_was_never_collected_is_missing(house: Warehouse) -> None:
    house.publish(run_of(1, Read("b", ["x"], ["q2"]), listed=["a", "b"]))
    assert house.ask("SELECT location, cluster, resource, status, outcome FROM coverage WHERE status <> 'ok'") == [
        (LOCATION, "a", "*", "never_read", "not_collected")
    ]


def test_a_cluster_that_its_projects_whole_list_lacks_is_gone(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("b", ["x"], ["q1"])))
    assert house.ask(PODS) == [("b", "q1", False)]
    assert house.ask("SELECT DISTINCT cluster FROM coverage WHERE cluster IS NOT NULL") == [("b",)]
    assert house.ask("SELECT cluster FROM latest_snapshots") == [("b",)]


def test_a_cluster_that_is_gone_in_one_project_is_there_in_another(house: Warehouse) -> None:
    both = ("shop-prod", "shop-staging")
    house.publish(run_of(1, Read("a"), Read("a", project="shop-staging"), projects=both))
    house.publish(run_of(2, Read("a", project="shop-staging"), projects=both))
    assert house.ask("SELECT project_id, cluster FROM latest_snapshots") == [("shop-staging", "a")]
    house.publish(run_of(3, Read("a", project="shop-staging"), projects=["shop-staging"]))
    assert house.ask("SELECT project_id, cluster FROM latest_snapshots") == [("shop-staging", "a")]


@pytest.mark.parametrize(
    ("outcome", "status"), [("partial", "partial"), ("forbidden", "stale"), ("unreachable", "stale")]
)
def test_a_list_that_is_not_whole_proves_no_deletion(house: Warehouse, outcome: str, status: str) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(2, listed=[], outcome=outcome, reason="Why", message="That is why."))
    assert house.ask(PODS) == [("a", "p1", False)]
    told = "SELECT cluster, resource, status, outcome, reason, message, read_snapshot_id FROM coverage"
    assert house.ask(told) == [
        ("a", "namespaces", "stale", outcome, "Why", "That is why.", "1-a"),
        ("a", "pods", "stale", outcome, "Why", "That is why.", "1-a"),
        (None, "clusters", status, outcome, "Why", "That is why.", "run-2" if outcome == "partial" else "run-1"),
    ]


def test_a_kind_that_failed_tells_its_own_reason_when_its_cluster_is_then_passed_over(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], "timed_out")))
    house.publish(run_of(2, outcome="forbidden"))
    assert house.ask("SELECT resource, status, outcome FROM coverage WHERE cluster = 'a'") == [
        ("namespaces", "stale", "forbidden"),
        ("pods", "never_read", "timed_out"),
    ]


def test_a_partial_list_still_tells_of_the_clusters_that_it_has(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("b", ["x"], ["q2"]), outcome="partial", missing_zones=("europe-west1-b",)))
    assert house.ask(PODS) == [("a", "p1", False), ("b", "q2", False)]
    assert house.ask("SELECT cluster, status FROM coverage WHERE resource = 'pods'") == [("a", "stale"), ("b", "ok")]


def test_a_project_without_clusters_leaves_none(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(2))
    assert house.ask(PODS) == []
    assert house.ask("SELECT run_id FROM latest_runs") == [("run-2",)]
    assert house.ask("SELECT resource, status FROM coverage") == [("clusters", "ok")]


def test_a_cluster_made_anew_under_its_name_inherits_nothing(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"], cluster_id="old")))
    house.publish(run_of(2, Read("a", ["x"], "forbidden", cluster_id="new")))
    assert house.ask(PODS) == []
    assert house.ask("SELECT status, read_snapshot_id FROM coverage WHERE resource = 'pods'") == [("never_read", None)]


def test_a_cluster_of_unknown_id_keeps_what_was_read(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"], cluster_id="1")))
    house.publish(run_of(2, Read("a", ["x"], "forbidden", cluster_id=None)))
    assert house.ask(PODS) == [("a", "p1", True)]


def test_rows_of_runs_that_were_killed_are_in_no_view(house: Warehouse) -> None:
    app = [workload("w"), container("w", **image_parts("app:1"))]
    house.publish(run_of(1, Read("a", ["x"], ["p1"], more={"deployments": app}, gke=[gke_cluster("1.33.1")])))
    seen = {view.name: house.ask(f"SELECT * FROM {view.name}") for view in views()}
    killed = [
        Read("a", ["x", "y"], ["p2"], more={"deployments": []}, gke=[gke_cluster("1.34.1")]),
        Read("b", ["x"], ["q"]),
    ]
    for number, missing in enumerate((["snapshots"], ["snapshots", "runs"], ["snapshots", "runs", "collections"]), 2):
        house.publish(run_of(number, *killed), without=missing)
    for view in views():
        assert house.ask(f"SELECT * FROM {view.name}") == seen[view.name], view.name


@pytest.mark.parametrize("missing", [("runs",), ("collections",), ("runs", "collections")])
def test_a_run_that_found_no_cluster_counts_once_all_of_it_is_there(house: Warehouse, missing: tuple[str, ...]) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(2), without=missing)
    assert house.ask("SELECT run_id FROM committed_runs") == [("run-1",)]
    assert house.ask("SELECT run_id FROM latest_runs") == [("run-1",)]
    assert house.ask(PODS) == [("a", "p1", False)]


def test_a_run_published_again_is_not_there_twice(tmp_path: Path) -> None:
    sink = DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)
    for _ in range(2):
        publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    assert rows(sink, "SELECT COUNT(*) FROM snapshots UNION ALL SELECT COUNT(*) FROM pods") == [(1,), (1,)]
    assert rows(sink, PODS) == [("a", "p1", False)]


def test_two_attempts_of_a_task_count_as_one_run(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(1, Read("a", ["x"], ["p2"]), by=Attempt(attempt=1)))
    assert house.ask("SELECT run_id, attempt FROM committed_runs") == [("run-1", 1)]
    assert house.ask("SELECT run_id, attempt FROM latest_runs") == [("run-1", 1)]
    assert house.ask("SELECT attempt, superseded FROM committed_attempts") == [(0, True), (1, False)]
    assert house.ask(PODS) == [("a", "p2", False)]
    assert house.ask("SELECT resource, status FROM coverage") == [
        ("clusters", "ok"), ("namespaces", "ok"), ("pods", "ok"),
    ]  # fmt: skip


def test_a_failed_attempt_is_made_good_by_the_next(house: Warehouse) -> None:
    house.publish(run_of(1, outcome="forbidden"))
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(attempt=1)))
    assert house.ask("SELECT cluster, resource, status, outcome FROM coverage") == [
        ("a", "namespaces", "ok", "ok"), ("a", "pods", "ok", "ok"), (None, "clusters", "ok", "ok"),
    ]  # fmt: skip


def test_an_attempt_that_reads_less_than_the_one_before_loses_nothing(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"])))
    house.publish(run_of(1, Read("a", ["x"], "forbidden"), by=Attempt(attempt=1)))
    house.publish(run_of(1, outcome="unreachable", by=Attempt(attempt=2)))
    assert house.ask(PODS) == [("a", "p1", True)]
    assert house.ask("SELECT resource, status, read_snapshot_id FROM coverage") == [
        ("clusters", "stale", "run-1-0.1"), ("namespaces", "ok", "1-a-0.1"), ("pods", "stale", "1-a"),
    ]  # fmt: skip


def test_a_deletion_that_an_attempt_saw_stays_seen_when_the_next_sees_nothing(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, outcome="forbidden", by=Attempt(attempt=1)))
    assert house.ask(PODS) == [("b", "q1", False)]


def test_tasks_of_one_run_are_one_run(house: Warehouse) -> None:
    listed = ["a", "b"]
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), listed=listed, by=Attempt(0, 2)))
    house.publish(run_of(1, Read("b", ["x"], ["q1"]), listed=listed, by=Attempt(1, 2)))
    assert house.ask("SELECT run_id, task_index, tasks_committed FROM committed_runs") == [
        ("run-1", 0, 2), ("run-1", 1, 2),
    ]  # fmt: skip
    assert house.ask("SELECT run_id, task_index FROM latest_runs") == [("run-1", 0), ("run-1", 1)]
    assert house.ask(PODS) == [("a", "p1", False), ("b", "q1", False)]
    assert house.ask("SELECT cluster, resource, status FROM coverage WHERE resource <> 'namespaces'") == [
        ("a", "pods", "ok"), ("b", "pods", "ok"), (None, "clusters", "ok"),
    ]  # fmt: skip
    assert house.ask("SELECT resource, cluster FROM latest_collections WHERE resource <> 'namespaces'") == [
        ("clusters", None), ("pods", "a"), ("pods", "b"),
    ]  # fmt: skip


def test_while_tasks_are_at_work_no_cluster_is_stale_for_that(house: Warehouse) -> None:
    listed = ["a", "b"]
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("a", ["x"], ["p2"]), listed=listed, by=Attempt(0, 2)))
    statuses = "SELECT cluster, status, outcome FROM coverage WHERE resource = 'pods'"
    assert house.ask(statuses) == [("a", "ok", "ok"), ("b", "ok", "ok")]
    assert house.ask("SELECT tasks_committed, task_count FROM latest_runs") == [(1, 2)]
    house.publish(run_of(2, Read("a", ["x"], ["p2"]), listed=listed, by=Attempt(0, 2, attempt=1)))
    assert house.ask(statuses) == [("a", "ok", "ok"), ("b", "ok", "ok")]
    assert house.ask("SELECT tasks_committed, task_count FROM latest_runs") == [(1, 2)]


def test_the_clusters_of_a_task_that_never_committed_are_stale_once_a_later_run_is_there(house: Warehouse) -> None:
    listed = ["a", "b", "c"]
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    house.publish(run_of(2, Read("a", ["x"], ["p2"]), listed=listed, by=Attempt(0, 2)))
    house.publish(run_of(3, Read("a", ["x"], ["p3"]), listed=listed, by=Attempt(0, 2)))
    assert house.ask("SELECT cluster, resource, status, outcome FROM coverage WHERE resource IN ('pods', '*')") == [
        ("a", "pods", "ok", "ok"), ("b", "pods", "stale", "not_collected"), ("c", "*", "never_read", "not_collected"),
    ]  # fmt: skip
    assert house.ask(PODS) == [("a", "p3", False), ("b", "q1", False)]


def test_of_a_run_whose_tasks_disagree_the_project_is_as_the_one_that_failed_tells(house: Warehouse) -> None:
    for failing, number in ((0, 1), (1, 2)):
        for task in (0, 1):
            by = Attempt(task, 2)
            read = [] if task == failing else [Read("a", ["x"], ["p"])]
            outcome = "forbidden" if task == failing else "ok"
            house.publish(run_of(number, *read, outcome=outcome, by=by))
        status = house.ask("SELECT status, outcome, read_snapshot_id FROM coverage WHERE cluster IS NULL")
        read_from = f"run-{number}" if failing else f"run-{number}-1.0"
        assert status == [("stale", "forbidden", read_from)]
        assert house.ask("SELECT status FROM coverage WHERE resource = 'pods'") == [("ok",)]


def test_tasks_that_collected_the_same_cluster_show_it_once(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(0, 2, time=FIRST)))
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(1, 2, time=FIRST)))
    assert house.ask(PODS) == [("a", "p1", False)]
    assert house.ask("SELECT cluster, resource FROM coverage") == [
        ("a", "namespaces"), ("a", "pods"), (None, "clusters"),
    ]  # fmt: skip


def test_of_snapshots_of_the_same_moment_all_views_choose_the_same(house: Warehouse) -> None:
    same = Attempt(time=FIRST)
    house.publish(run_of(1, Read("a", ["x1"], ["p1"]), by=same))
    house.publish(run_of(2, Read("a", ["x2"], "forbidden"), by=same))
    house.publish(run_of(3, Read("a", ["x0"], ["p0"]), by=Attempt(time=FIRST - timedelta(hours=1))))
    assert house.ask("SELECT snapshot_id FROM latest_snapshots") == [("2-a",)]
    assert house.ask("SELECT name FROM latest_namespaces") == [("x2",)]
    assert house.ask(PODS) == [("a", "p1", True)]
    assert house.ask("SELECT run_id FROM latest_runs") == [("run-2",)]
    assert house.ask("SELECT snapshot_id FROM latest_collections") == [("2-a",), ("2-a",), ("run-2",)]


def test_a_list_of_the_same_moment_as_a_snapshot_proves_no_deletion(house: Warehouse) -> None:
    house.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(time=FIRST)))
    house.publish(run_of(2, by=Attempt(time=FIRST)))
    assert house.ask(PODS) == [("a", "p1", False)]
