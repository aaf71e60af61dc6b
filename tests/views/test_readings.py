"""What was read by any committed run is read: jobs side by side, interleaved runs, history, and what was known when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engines import Warehouse
from warehouse import FIRST, Attempt, Read, container, gke_cluster, image_parts, run_of, workload

STATUSES = "SELECT cluster, status, outcome FROM coverage WHERE resource = 'pods'"


def of_a(number: int, **more: object) -> list:
    """A run of the job that collects the cluster `a` of two."""
    return run_of(number, Read("a", ["x"], [f"p{number}"]), listed=["a", "b"], config="A", **more)


def of_b(number: int, **more: object) -> list:
    """A run of the job that collects the cluster `b` of two."""
    return run_of(number, Read("b", ["x"], [f"q{number}"]), listed=["a", "b"], config="B", **more)


def test_two_jobs_on_one_project_do_not_call_each_others_clusters_stale(warehouse: Warehouse) -> None:
    expected = [("a", "ok", "ok"), ("b", "ok", "ok")]
    warehouse.publish(of_a(1))
    warehouse.publish(of_b(2))
    assert warehouse.query(STATUSES) == expected
    warehouse.publish(of_a(3))
    assert warehouse.query(STATUSES) == expected
    assert warehouse.query("SELECT name, read_status FROM pods") == [("p3", "ok"), ("q2", "ok")]
    assert warehouse.query("SELECT cluster FROM latest_snapshots WHERE lapse IS NOT NULL") == []


def test_jobs_with_clusters_in_common_are_told_apart_once_both_have_run(warehouse: Warehouse) -> None:
    def all_of(number: int) -> list:
        read = [Read("a", ["x"], [f"p{number}"]), Read("b", ["x"], [f"q{number}"])]
        return run_of(number, *read, listed=["a", "b"], config="A")

    warehouse.publish(all_of(1))
    warehouse.publish(of_b(2))
    warehouse.publish(all_of(4))
    warehouse.publish(of_b(5))
    assert warehouse.query(STATUSES) == [("a", "ok", "ok"), ("b", "ok", "ok")]


def test_a_cluster_that_a_changed_configuration_excludes_is_stale(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"]), config="before"))
    warehouse.publish(run_of(2, Read("b", ["x"], ["q2"]), listed=["a", "b"], config="after"))
    expected = [("a", "stale", "not_collected"), ("b", "ok", "ok")]
    assert warehouse.query(STATUSES) == expected
    warehouse.publish(run_of(3, Read("b", ["x"], ["q3"]), listed=["a", "b"], config="after"))
    assert warehouse.query(STATUSES) == expected
    assert warehouse.query("SELECT cluster, name, read_status FROM pods") == [("a", "p1", "stale"), ("b", "q3", "ok")]


def test_the_clusters_of_a_job_that_no_longer_runs_are_stale_after_twice_its_interval(warehouse: Warehouse) -> None:
    warehouse.publish(of_a(1))
    warehouse.publish(of_a(3))
    warehouse.publish(of_b(7))
    assert warehouse.query(STATUSES) == [("a", "ok", "ok"), ("b", "ok", "ok")]
    warehouse.publish(of_b(8))
    assert warehouse.query(STATUSES) == [("a", "stale", "not_collected"), ("b", "ok", "ok")]


def test_a_project_that_may_no_longer_be_listed_makes_its_clusters_stale(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), config="before"))
    warehouse.publish(run_of(2, outcome="forbidden", reason="IamPermissionMissing", config="after"))
    sql = "SELECT status, outcome, reason FROM coverage WHERE cluster = 'a' AND resource = 'pods'"
    assert warehouse.query(sql) == [("stale", "forbidden", "IamPermissionMissing")]
    assert warehouse.query("SELECT read_status FROM pods") == [("stale",)]


def test_what_another_job_has_switched_off_is_read(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], "off"), config="B"))
    warehouse.publish(run_of(2, Read("a", ["x"], ["p2"]), config="A"))
    warehouse.publish(run_of(3, Read("a", ["x"], "off"), config="B"))
    assert warehouse.query(STATUSES) == [("a", "ok", "ok")]
    assert warehouse.query("SELECT name, read_status FROM pods") == [("p2", "ok")]


def test_interleaved_runs_of_several_tasks_leave_nothing_stale(warehouse: Warehouse) -> None:
    """Run 2 begins before run 1 ends; each task lists the project when it begins, and each run reads each cluster."""
    listed = ["a", "b"]
    begins = {(1, 0): 0, (2, 0): 2, (1, 1): 3, (2, 1): 1}
    for (run, task), minutes in begins.items():
        by = Attempt(task, 2, time=FIRST + timedelta(minutes=minutes))
        warehouse.publish(run_of(run, Read("ab"[task], ["x"], [f"p{run}"]), listed=listed, by=by))
    assert warehouse.query(STATUSES) == [("a", "ok", "ok"), ("b", "ok", "ok")]
    assert warehouse.query("SELECT cluster, name FROM pods") == [("a", "p2"), ("b", "p1")]


def test_the_newest_reading_is_the_one_that_was_made_last(warehouse: Warehouse) -> None:
    """A long run reads a cluster after a shorter run that began later."""
    warehouse.publish(run_of(1, Read("a", ["x"], ["long"]), by=Attempt(time=FIRST)))
    warehouse.publish(run_of(2, Read("a", ["x"], ["short"]), by=Attempt(time=FIRST + timedelta(minutes=5))))
    assert warehouse.query("SELECT name, read_at FROM pods") == [("short", FIRST + timedelta(minutes=5))]


def test_a_name_without_a_prefix_shows_no_row_of_a_run_that_did_not_commit(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"], gke=[gke_cluster("1.33.1")])))
    killed = run_of(2, Read("a", ["x"], ["p1", "p2"], gke=[gke_cluster("1.33.1")]))
    warehouse.publish(killed, without=["runs"])
    for name in ("runs", "snapshots", "pods", "pods_history", "clusters", "clusters_history"):
        assert warehouse.query(f"SELECT COUNT(*) FROM {name}") == [(1,)], name
    assert warehouse.query("SELECT COUNT(*) FROM collections") == [(3,)]
    assert warehouse.query("SELECT COUNT(*) FROM raw_pods") == [(3,)]


def test_a_history_has_every_reading_and_not_what_was_not_read(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("gone", ["x"], ["g"])))
    warehouse.publish(run_of(2, Read("a", ["x"], "forbidden")))
    warehouse.publish(run_of(3, Read("a", ["x"], ["p1", "p3"])))
    hour = timedelta(hours=1)
    assert warehouse.query("SELECT cluster, name, read_at FROM pods_history") == [
        ("a", "p1", FIRST + hour), ("a", "p1", FIRST + 3 * hour), ("a", "p3", FIRST + 3 * hour),
        ("gone", "g", FIRST + hour),
    ]  # fmt: skip
    readings = "SELECT cluster, resource, newest FROM readings WHERE resource = 'pods'"
    assert warehouse.query(readings) == [("a", "pods", 1), ("a", "pods", 2), ("gone", "pods", 1)]


def moment(hours: float) -> str:
    return f"TIMESTAMP '{(FIRST + timedelta(hours=hours)).isoformat()}'"


def test_each_moment_shows_what_was_known_then(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    warehouse.publish(run_of(2, Read("a", ["x"], "forbidden"), Read("b", ["x"], ["q2"])))
    warehouse.publish(run_of(3, Read("a", ["x"], ["p3"])))

    def known(hours: float) -> list[tuple]:
        return warehouse.query(f"SELECT cluster, name, read_status, read_age_seconds FROM pods_as_of({moment(hours)})")

    assert known(0.5) == []
    assert known(1.5) == [("a", "p1", "ok", 1800), ("b", "q1", "ok", 1800)]
    assert known(2.5) == [("a", "p1", "stale", 5400), ("b", "q2", "ok", 1800)]
    assert known(3.5) == [("a", "p3", "ok", 1800)]
    statuses = f"SELECT cluster, status, outcome FROM coverage_as_of({moment(2.5)}) WHERE resource = 'pods'"
    assert warehouse.query(statuses) == [("a", "stale", "forbidden"), ("b", "ok", "ok")]


def test_a_deleted_cluster_was_there_before(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"], gke=[gke_cluster("1.33.1")])))
    warehouse.publish(run_of(2))
    assert warehouse.query("SELECT cluster FROM clusters") == []
    assert warehouse.query(f"SELECT cluster FROM clusters_as_of({moment(1.5)})") == [("a",)]
    assert warehouse.query(f"SELECT name FROM pods_as_of({moment(1.5)})") == [("p1",)]


def test_a_moment_of_now_shows_what_the_views_show(warehouse: Warehouse) -> None:
    app = [workload("w"), container("w", **image_parts("app:1"))]
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"], more={"deployments": app}, gke=[gke_cluster("1.33.1")])))
    newer = [workload("w"), container("w", **image_parts("app:2"))]
    warehouse.publish(
        run_of(2, Read("a", ["x"], "forbidden", more={"deployments": newer}, gke=[gke_cluster("1.34.1")]))
    )
    for view in ("coverage", "pods", "clusters", "workloads", "changes", "capacity_by_cluster"):
        shown = warehouse.query(f"SELECT * FROM {view}")
        assert warehouse.query(f"SELECT * FROM {view}_as_of({moment(48)})") == shown, view


@pytest.mark.parametrize("text", ["'2026-01-01 01:30:00+00'", "TIMESTAMP '2026-01-01 01:30:00+00'"])
def test_a_moment_may_be_written_as_text(warehouse: Warehouse, text: str) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p1"])))
    assert warehouse.query(f"SELECT name FROM pods_as_of({text})") == [("p1",)]
