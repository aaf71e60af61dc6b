"""Committed runs, newest snapshots and `coverage`: the views that all others are built on."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from declared import is_like_another
from engines import Warehouse
from made import made_file
from warehouse import (
    FIRST,
    LOCATION,
    PROJECT,
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
from job.tables import Collection, Key, Record
from job.views import views

PODS = "SELECT cluster, name, read_status FROM pods"
HOUR = 3600


def test_latest_shows_the_newest_run(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1", "p2"])))
    warehouse.publish(run_of(2, Read("a", ["x"], ["p2", "p3"])))
    assert warehouse.query(PODS) == [("a", "p2", "ok"), ("a", "p3", "ok")]
    assert warehouse.query("SELECT run_id FROM latest_runs") == [("run-2",)]
    assert warehouse.query("SELECT snapshot_id, attempt_age_seconds FROM latest_snapshots") == [("2-a", 46 * HOUR)]


def test_a_resource_that_could_not_be_read_is_read_status_with_its_own_time(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(2, Read("a", ["x", "y"], "forbidden")))
    warehouse.publish(run_of(3, Read("a", ["x", "y"], "timed_out")))
    shown = "SELECT name, read_at, read_age_seconds, read_status FROM "
    assert warehouse.query(f"{shown} pods") == [("p1", FIRST + timedelta(hours=1), 47 * HOUR, "stale")]
    assert warehouse.query(f"{shown} namespaces") == [
        ("x", FIRST + timedelta(hours=3), 45 * HOUR, "ok"),
        ("y", FIRST + timedelta(hours=3), 45 * HOUR, "ok"),
    ]
    sql = "SELECT resource, status, outcome, snapshot_id, read_snapshot_id, read_age_seconds, objects FROM coverage"
    assert warehouse.query(f"{sql} WHERE cluster = 'a'") == [
        ("namespaces", "ok", "ok", "3-a", "3-a", 45 * HOUR, 2),
        ("pods", "stale", "timed_out", "3-a", "1-a", 47 * HOUR, 1),
    ]


def test_a_failed_cluster_keeps_its_last_good_snapshot(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("a", "timed_out", "timed_out"), Read("b", ["x"], ["q2"])))
    assert warehouse.query(PODS) == [("a", "p1", "stale"), ("b", "q2", "ok")]
    assert warehouse.query("SELECT cluster, status FROM latest_snapshots") == [("a", "failed"), ("b", "complete")]


def test_rows_from_the_gke_api_are_always_those_of_the_newest_snapshot(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], [], gke=[gke_cluster("1.33.1")])))
    warehouse.publish(run_of(2, Read("a", "unreachable", "unreachable", gke=[gke_cluster("1.34.1")])))
    sql = "SELECT cluster, control_plane_version, read_age_seconds, read_status FROM clusters"
    assert warehouse.query(sql) == [("a", "1.34.1", 46 * HOUR, "ok")]


def test_a_partial_list_shows_its_readable_objects_and_is_partial_in_coverage(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1", "p2"])))
    warehouse.publish(run_of(2, Read("a", ["x"], ["p1"], partial=["pods"])))
    assert warehouse.query(PODS) == [("a", "p1", "partial")]
    assert warehouse.query("SELECT status, outcome, read_snapshot_id FROM coverage WHERE resource = 'pods'") == [
        ("partial", "partial", "2-a")
    ]


def test_coverage_names_a_resource_that_was_never_read_and_one_that_is_off(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", "off", "forbidden")))
    assert warehouse.query("SELECT resource, status, read_age_seconds FROM coverage WHERE cluster = 'a'") == [
        ("namespaces", "off", None),
        ("pods", "never_read", None),
    ]


def test_a_resource_that_was_switched_off_keeps_its_last_rows(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(2, Read("a", ["x"], "off")))
    assert warehouse.query(PODS) == [("a", "p1", "off")]
    assert warehouse.query("SELECT status, outcome, read_snapshot_id FROM coverage WHERE resource = 'pods'") == [
        ("off", "off", "1-a")
    ]


def test_a_resource_that_is_no_longer_collected_is_stale(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], [], more={"deployments": [workload("w")]})))
    warehouse.publish(run_of(2, Read("a", ["x"], [])))
    sql = "SELECT status, outcome, snapshot_id, read_snapshot_id FROM coverage WHERE resource = 'deployments'"
    assert warehouse.query(sql) == [("stale", "not_collected", "2-a", "1-a")]
    assert warehouse.query("SELECT name, read_status FROM workloads") == [("w", "stale")]


def test_each_kind_of_workload_is_read_status_separately(warehouse: Warehouse) -> None:
    job = workload("j", kind="Job")
    warehouse.publish(run_of(1, Read("a", more={"deployments": [workload("w1")], "jobs": [job]})))
    warehouse.publish(run_of(2, Read("a", more={"deployments": [workload("w2")], "jobs": "not_served"})))
    assert warehouse.query("SELECT name, read_status FROM workloads") == [("j", "stale"), ("w2", "ok")]


def test_a_listed_cluster_that_was_not_collected_is_stale_and_not_gone(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("b", ["x"], ["q2"]), listed=["a", "b"]))
    assert warehouse.query(PODS) == [("a", "p1", "stale"), ("b", "q2", "ok")]
    assert warehouse.query("SELECT cluster, status, outcome FROM coverage WHERE resource = 'pods'") == [
        ("a", "stale", "not_collected"),
        ("b", "ok", "ok"),
    ]


def test_a_cluster_that_was_never_collected_is_in_coverage(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("b", ["x"], ["q2"]), listed=["a", "b"]))
    assert warehouse.query(
        "SELECT location, cluster, resource, status, outcome FROM coverage WHERE status <> 'ok'"
    ) == [(LOCATION, "a", "*", "never_read", "not_collected")]


def test_a_glob_that_matched_no_cluster_in_the_last_run_is_in_coverage(warehouse: Warehouse) -> None:
    sql = "SELECT location, cluster, resource, status, outcome, message FROM coverage WHERE status <> 'ok'"
    warehouse.publish(run_of(1, Read("b", ["x"], ["q1"]), unmatched=["a"]), without=["runs"])
    assert warehouse.query(sql) == []
    warehouse.publish(run_of(2, Read("b", ["x"], ["q1"]), unmatched=["a"]))
    assert warehouse.query(sql) == [(LOCATION, "a", "*", "never_read", "not_found", "a matches no cluster")]
    warehouse.publish(run_of(3, Read("a", ["x"], ["q1"]), Read("b", ["x"], ["q1"])))
    assert warehouse.query(sql) == []


def test_a_cluster_that_a_list_and_another_witness_know_has_one_row(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("b", ["x"]), listed=["a", "b"]))
    warehouse.publish(run_of(2, outcome="forbidden", unmatched=["a"]))
    sql = "SELECT outcome FROM coverage WHERE cluster = 'a'"
    assert warehouse.query(sql) == [("not_collected",)]


def test_a_cluster_missing_from_its_projects_complete_list_is_gone(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("b", ["x"], ["q1"])))
    assert warehouse.query(PODS) == [("b", "q1", "ok")]
    assert warehouse.query("SELECT DISTINCT cluster FROM coverage WHERE cluster IS NOT NULL") == [("b",)]
    assert warehouse.query("SELECT cluster FROM latest_snapshots") == [("b",)]


def test_a_cluster_that_is_gone_from_one_project_stays_in_another(warehouse: Warehouse) -> None:
    both = ("shop-prod", "shop-staging")
    warehouse.publish(run_of(1, Read("a"), Read("a", project="shop-staging"), projects=both))
    warehouse.publish(run_of(2, Read("a", project="shop-staging"), projects=both))
    assert warehouse.query("SELECT project_id, cluster FROM latest_snapshots") == [("shop-staging", "a")]
    warehouse.publish(run_of(3, Read("a", project="shop-staging"), projects=["shop-staging"]))
    assert warehouse.query("SELECT project_id, cluster FROM latest_snapshots") == [("shop-staging", "a")]


@pytest.mark.parametrize(
    ("outcome", "status"), [("partial", "partial"), ("forbidden", "stale"), ("unreachable", "stale")]
)
def test_an_incomplete_list_proves_no_deletion(warehouse: Warehouse, outcome: str, status: str) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(2, listed=[], outcome=outcome, reason="Why", message="That is why."))
    assert warehouse.query(PODS) == [("a", "p1", "stale")]
    sql = "SELECT cluster, resource, status, outcome, reason, message, read_snapshot_id FROM coverage"
    assert warehouse.query(sql) == [
        ("a", "namespaces", "stale", outcome, "Why", "That is why.", "1-a"),
        ("a", "pods", "stale", outcome, "Why", "That is why.", "1-a"),
        (None, "clusters", status, outcome, "Why", "That is why.", "run-2" if outcome == "partial" else "run-1"),
    ]


def test_a_failed_resource_keeps_its_own_reason_when_its_cluster_is_then_skipped(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], "timed_out")))
    warehouse.publish(run_of(2, outcome="forbidden"))
    assert warehouse.query("SELECT resource, status, outcome FROM coverage WHERE cluster = 'a'") == [
        ("namespaces", "stale", "forbidden"),
        ("pods", "never_read", "timed_out"),
    ]


def test_a_cluster_in_a_partial_list_that_was_not_collected_is_stale(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("b", ["x"], ["q2"]), outcome="partial", missing_zones=("europe-west1-b",)))
    assert warehouse.query(PODS) == [("a", "p1", "stale"), ("b", "q2", "ok")]
    assert warehouse.query("SELECT cluster, status FROM coverage WHERE resource = 'pods'") == [
        ("a", "stale"),
        ("b", "ok"),
    ]


def test_a_run_of_a_project_without_clusters_leaves_none(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(2))
    assert warehouse.query(PODS) == []
    assert warehouse.query("SELECT run_id FROM latest_runs") == [("run-2",)]
    assert warehouse.query("SELECT resource, status FROM coverage") == [("clusters", "ok")]


def test_a_cluster_created_again_under_its_name_inherits_nothing(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"], cluster_id="old")))
    warehouse.publish(run_of(2, Read("a", ["x"], "forbidden", cluster_id="new")))
    assert warehouse.query(PODS) == []
    assert warehouse.query("SELECT status, read_snapshot_id FROM coverage WHERE resource = 'pods'") == [
        ("never_read", None)
    ]


def test_a_cluster_of_unknown_id_keeps_its_last_rows(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"], cluster_id="1")))
    warehouse.publish(run_of(2, Read("a", ["x"], "forbidden", cluster_id=None)))
    assert warehouse.query(PODS) == [("a", "p1", "stale")]


def test_rows_of_killed_runs_are_in_no_view(warehouse: Warehouse) -> None:
    app = [workload("w"), container("w", **image_parts("app:1"))]
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"], more={"deployments": app}, gke=[gke_cluster("1.33.1")])))
    names = ["runs", "snapshots", "collections", "coverage", "latest_collections", "pods", "pods_history", "clusters"]
    names += ["workloads", "changes", "images", "capacity_by_cluster"]
    if warehouse.engine == "duckdb":  # GoogleSQL takes seconds for each
        names = [view.name for view in views() if not is_like_another(view)]
    seen = {name: warehouse.query(f"SELECT * FROM {name}") for name in names}
    killed = [
        Read("a", ["x", "y"], ["p2"], more={"deployments": []}, gke=[gke_cluster("1.34.1")]),
        Read("b", ["x"], ["q"]),
    ]
    for number, missing in enumerate((["runs"], ["runs", "snapshots"], ["runs", "snapshots", "collections"]), 2):
        warehouse.publish(run_of(number, *killed), without=missing)
    for name in names:
        assert warehouse.query(f"SELECT * FROM {name}") == seen[name], name


@pytest.mark.parametrize("missing", [("runs",), ("runs", "collections")])
def test_a_run_that_found_no_cluster_is_committed_once_all_its_rows_are_loaded(
    warehouse: Warehouse, missing: tuple[str, ...]
) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(2), without=missing)
    assert warehouse.query("SELECT run_id FROM runs") == [("run-1",)]
    assert warehouse.query("SELECT run_id FROM latest_runs") == [("run-1",)]
    assert warehouse.query(PODS) == [("a", "p1", "ok")]


def test_a_run_that_is_published_again_does_not_double_its_rows(tmp_path: Path) -> None:
    sink = DuckDBSink(Path(shutil.copy(made_file(), tmp_path / "x.duckdb")), timeout_seconds=5)
    for _ in range(2):
        publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    assert rows(sink, "SELECT COUNT(*) FROM snapshots UNION ALL SELECT COUNT(*) FROM raw_pods") == [(1,), (1,)]
    assert rows(sink, PODS) == [("a", "p1", "ok")]


def test_two_attempts_of_a_task_count_as_one_run(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(1, Read("a", ["x"], ["p2"]), by=Attempt(attempt=1)))
    assert warehouse.query("SELECT run_id, attempt FROM runs") == [("run-1", 1)]
    assert warehouse.query("SELECT run_id, attempt FROM latest_runs") == [("run-1", 1)]
    assert warehouse.query("SELECT attempt, superseded FROM committed_attempts") == [(0, True), (1, False)]
    assert warehouse.query(PODS) == [("a", "p2", "ok")]
    assert warehouse.query("SELECT resource, status FROM coverage") == [
        ("clusters", "ok"), ("namespaces", "ok"), ("pods", "ok"),
    ]  # fmt: skip


def test_the_next_attempt_replaces_a_failed_one(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, outcome="forbidden"))
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(attempt=1)))
    assert warehouse.query("SELECT cluster, resource, status, outcome FROM coverage") == [
        ("a", "namespaces", "ok", "ok"), ("a", "pods", "ok", "ok"), (None, "clusters", "ok", "ok"),
    ]  # fmt: skip


def test_an_attempt_that_reads_less_than_the_one_before_hides_nothing(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    warehouse.publish(run_of(1, Read("a", ["x"], "forbidden"), by=Attempt(attempt=1)))
    warehouse.publish(run_of(1, outcome="unreachable", by=Attempt(attempt=2)))
    assert warehouse.query(PODS) == [("a", "p1", "stale")]
    assert warehouse.query("SELECT resource, status, read_snapshot_id FROM coverage") == [
        ("clusters", "stale", "run-1-0.1"), ("namespaces", "ok", "1-a-0.1"), ("pods", "stale", "1-a"),
    ]  # fmt: skip


def test_a_deletion_seen_by_one_attempt_holds_when_the_next_lists_nothing(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, outcome="forbidden", by=Attempt(attempt=1)))
    assert warehouse.query(PODS) == [("b", "q1", "ok")]


def test_tasks_of_one_run_are_one_run(warehouse: Warehouse) -> None:
    listed = ["a", "b"]
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), listed=listed, by=Attempt(0, 2)))
    warehouse.publish(run_of(1, Read("b", ["x"], ["q1"]), listed=listed, by=Attempt(1, 2)))
    assert warehouse.query("SELECT run_id, task_index, tasks_committed FROM runs") == [
        ("run-1", 0, 2), ("run-1", 1, 2),
    ]  # fmt: skip
    assert warehouse.query("SELECT run_id, task_index FROM latest_runs") == [("run-1", 0), ("run-1", 1)]
    assert warehouse.query(PODS) == [("a", "p1", "ok"), ("b", "q1", "ok")]
    assert warehouse.query("SELECT cluster, resource, status FROM coverage WHERE resource <> 'namespaces'") == [
        ("a", "pods", "ok"), ("b", "pods", "ok"), (None, "clusters", "ok"),
    ]  # fmt: skip
    assert warehouse.query("SELECT resource, cluster FROM latest_collections WHERE resource <> 'namespaces'") == [
        ("clusters", None), ("pods", "a"), ("pods", "b"),
    ]  # fmt: skip


def in_folder(number: int, *read: Read, folder: str = "ok", config: str = "0") -> list[tuple[Key, Record]]:
    """A run that found the project in a folder if that could be listed, and nothing if it could not."""
    projects = [PROJECT] if read else []
    rows = run_of(number, *read, projects=projects, config=config, ancestors=("organizations/9", "folders/1"))
    (listing,) = (row for _, row in run_of(number) if isinstance(row, Collection))
    for name, outcome in (("organizations/9", "ok"), ("folders/1", folder)):
        key = msgspec.structs.replace(rows[-1][0], project_id=name, location="-")
        rows.insert(0, (key, msgspec.structs.replace(listing, resource="projects", outcome=outcome)))
    return rows


def test_a_project_in_a_folder_that_is_not_listed_is_stale_and_one_that_is_no_longer_there_is_not_gone(
    warehouse: Warehouse,
) -> None:
    sql = "SELECT project_id, resource, status, outcome, message FROM coverage WHERE resource <> 'namespaces'"
    listed = [("folders/1", "projects", "ok", "ok", None), ("organizations/9", "projects", "ok", "ok", None)]
    project = [(PROJECT, resource, "ok", "ok", None) for resource in ("clusters", "pods")]
    warehouse.publish(in_folder(1, Read("a", ["x"], ["p1"])))
    assert warehouse.query(sql) == listed + project
    warehouse.publish(in_folder(2, folder="forbidden"))
    denied = "the projects in folders/1 could not be listed: forbidden"
    assert warehouse.query(sql) == [
        ("folders/1", "projects", "stale", "forbidden", None), listed[1],
        *((PROJECT, resource, "stale", "forbidden", denied) for resource in ("clusters", "pods")),
    ]  # fmt: skip
    assert warehouse.query(PODS) == [("a", "p1", "stale")]
    warehouse.publish(in_folder(3))
    lost = "the project is no longer in folders/1"
    assert warehouse.query(sql) == [
        *listed, *((PROJECT, resource, "stale", "not_found", lost) for resource in ("clusters", "pods")),
    ]  # fmt: skip
    assert warehouse.query(PODS) == [("a", "p1", "stale")]
    warehouse.publish(in_folder(4, Read("a", ["x"], ["p1"])))
    warehouse.publish(in_folder(5, config="another job, which leaves the project out"))
    assert warehouse.query(sql) == listed + project


def test_the_run_that_found_a_project_in_a_folder_is_needed_while_the_folder_cannot_be_listed(
    warehouse: Warehouse,
) -> None:
    found = run_of(1, outcome="off", ancestors=("organizations/9", "folders/1"))
    warehouse.publish([*in_folder(1)[:2], *found])
    for number in (2, 3, 4):
        warehouse.publish(in_folder(number, folder="forbidden"))
    assert warehouse.query("SELECT DISTINCT run_id FROM needed_attempts") == [("run-1",), ("run-3",), ("run-4",)]
    sql = f"SELECT outcome FROM project_lists WHERE project_id = '{PROJECT}' ORDER BY newest"
    assert warehouse.query(sql) == [("forbidden",), ("forbidden",), ("forbidden",), ("off",)]


def test_no_cluster_is_stale_while_its_task_may_still_commit(warehouse: Warehouse) -> None:
    listed = ["a", "b"]
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("a", ["x"], ["p2"]), listed=listed, by=Attempt(0, 2)))
    statuses = "SELECT cluster, status, outcome FROM coverage WHERE resource = 'pods'"
    assert warehouse.query(statuses) == [("a", "ok", "ok"), ("b", "ok", "ok")]
    assert warehouse.query("SELECT tasks_committed, task_count FROM latest_runs") == [(1, 2)]
    warehouse.publish(run_of(2, Read("a", ["x"], ["p2"]), listed=listed, by=Attempt(0, 2, attempt=1)))
    assert warehouse.query(statuses) == [("a", "ok", "ok"), ("b", "ok", "ok")]
    assert warehouse.query("SELECT tasks_committed, task_count FROM latest_runs") == [(1, 2)]


def test_the_clusters_of_a_task_that_never_committed_are_stale_after_a_later_run(warehouse: Warehouse) -> None:
    listed = ["a", "b", "c"]
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("a", ["x"], ["p2"]), listed=listed, by=Attempt(0, 2)))
    warehouse.publish(run_of(3, Read("a", ["x"], ["p3"]), listed=listed, by=Attempt(0, 2)))
    sql = "SELECT cluster, resource, status, outcome FROM coverage WHERE resource IN ('pods', '*')"
    assert warehouse.query(sql) == [
        ("a", "pods", "ok", "ok"), ("b", "pods", "stale", "not_collected"), ("c", "*", "never_read", "not_collected"),
    ]  # fmt: skip
    assert warehouse.query(PODS) == [("a", "p3", "ok"), ("b", "q1", "stale")]


def test_when_tasks_of_a_run_disagree_the_failed_list_of_a_project_wins(warehouse: Warehouse) -> None:
    for failing, number in ((0, 1), (1, 2)):
        for task in (0, 1):
            by = Attempt(task, 2)
            read = [] if task == failing else [Read("a", ["x"], ["p"])]
            outcome = "forbidden" if task == failing else "ok"
            warehouse.publish(run_of(number, *read, outcome=outcome, by=by))
        status = warehouse.query("SELECT status, outcome, read_snapshot_id FROM coverage WHERE cluster IS NULL")
        read_from = f"run-{number}" if failing else f"run-{number}-1.0"
        assert status == [("stale", "forbidden", read_from)]
        assert warehouse.query("SELECT status FROM coverage WHERE resource = 'pods'") == [("ok",)]


def test_a_cluster_that_two_tasks_collected_is_shown_once(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(0, 2, time=FIRST)))
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(1, 2, time=FIRST)))
    assert warehouse.query(PODS) == [("a", "p1", "ok")]
    assert warehouse.query("SELECT cluster, resource FROM coverage") == [
        ("a", "namespaces"), ("a", "pods"), (None, "clusters"),
    ]  # fmt: skip


def test_all_views_choose_the_same_of_two_simultaneous_snapshots(warehouse: Warehouse) -> None:
    same = Attempt(time=FIRST)
    warehouse.publish(run_of(1, Read("a", ["x1"], ["p1"]), by=same))
    warehouse.publish(run_of(2, Read("a", ["x2"], "forbidden"), by=same))
    warehouse.publish(run_of(3, Read("a", ["x0"], ["p0"]), by=Attempt(time=FIRST - timedelta(hours=1))))
    assert warehouse.query("SELECT snapshot_id FROM latest_snapshots") == [("2-a",)]
    assert warehouse.query("SELECT name FROM namespaces") == [("x2",)]
    assert warehouse.query(PODS) == [("a", "p1", "stale")]
    assert warehouse.query("SELECT run_id FROM latest_runs") == [("run-2",)]
    assert warehouse.query("SELECT snapshot_id FROM latest_collections") == [("2-a",), ("2-a",), ("run-2",)]


def test_a_list_as_old_as_a_snapshot_proves_no_deletion(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(time=FIRST)))
    warehouse.publish(run_of(2, by=Attempt(time=FIRST)))
    assert warehouse.query(PODS) == [("a", "p1", "ok")]


def test_a_run_without_the_task_that_lists_the_projects_leaves_nothing_fresh(warehouse: Warehouse) -> None:
    """Task 0 lists the project and records it. In later runs only task 1 ends, which has cluster b."""
    a, b = Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])
    warehouse.publish(run_of(1, a, listed=["a", "b"], by=Attempt(0, 2)))
    warehouse.publish(run_of(1, b, projects=(), by=Attempt(1, 2)))
    lists = "SELECT run_id, outcome, reason, known_by_run_id FROM project_lists ORDER BY newest"
    pods = "SELECT cluster, status, outcome, reason FROM coverage WHERE resource IN ('pods', 'clusters')"
    listed = ("run-1", "ok", None, None)
    for number in (2, 3):
        warehouse.publish(run_of(number, b, projects=(), by=Attempt(1, 2)))
        lost = [(f"run-{older}", "not_collected", "TaskNotCommitted", "run-1") for older in range(2, number)]
        assert warehouse.query(lists) == sorted([*lost, listed], key=repr)
        status = ("stale", "not_collected", "TaskNotCommitted") if lost else ("ok", "ok", None)
        assert warehouse.query(pods) == [("a", *status), ("b", "ok", "ok", None), (None, *status)]
    assert warehouse.query("SELECT DISTINCT run_id FROM needed_attempts") == [("run-1",), ("run-2",), ("run-3",)]
    warehouse.publish(run_of(4, a, b, listed=["a", "b"]))
    assert {row[1] for row in warehouse.query(pods)} == {"ok"}
