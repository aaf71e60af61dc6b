"""What a reading, a list or a run does not prove, no view claims: runs overlap, lists fail or are partial, pods end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from engines import Warehouse
from warehouse import FIRST, Attempt, Read, container, image_parts, node, pod_container, pod_of, run_of, workload

from job.tables import Key, Record

EVENTS = "SELECT seen_before, name, container, field, old_value, new_value FROM events WHERE kind <> 'Cluster'"
CLUSTERS = "SELECT cluster, change, seen_after, seen_before FROM {} WHERE field = 'cluster'"
Rows = Sequence[tuple[Key, Record]]


def at(minutes: float) -> object:
    return FIRST + timedelta(minutes=minutes)


def begun(rows: Rows, table: str, minutes: float, resource: str | None = None) -> list[tuple[Key, Record]]:
    """The rows, with the time when a cluster's snapshot, or one of its lists, began."""
    return [
        (key, msgspec.structs.replace(row, started_at=at(minutes)))
        if key.cluster and row.table == table and resource in (None, getattr(row, "resource", None))
        else (key, row)
        for key, row in rows
    ]


def test_what_overlapping_runs_have_read_is_read(warehouse: Warehouse) -> None:
    """The run whose snapshot began last is not the one whose list of pods did."""
    first, second = (run_of(number, Read("a", ["x"], ["p"])) for number in (0, 1))
    warehouse.publish(begun(begun(begun(first, "snapshots", 0), "collections", 0), "collections", 18, "pods"))
    warehouse.publish(begun(begun(begun(second, "snapshots", 6), "collections", 6), "collections", 12, "pods"))
    statuses = "SELECT resource, status, outcome, read_at FROM coverage WHERE cluster = 'a'"
    assert warehouse.query(statuses) == [("namespaces", "ok", "ok", at(6)), ("pods", "ok", "ok", at(18))]


@pytest.mark.parametrize("outcome", ["forbidden", "partial"])
def test_a_cluster_that_nobody_has_collected_is_missed_while_its_projects_list_fails(
    warehouse: Warehouse, outcome: str
) -> None:
    warehouse.publish(run_of(1, Read("a", ["x"], ["p"]), listed=["a", "new"]))
    warehouse.publish(run_of(2, Read("a", ["x"], ["p"]), outcome=outcome))
    missing = "SELECT cluster, status, outcome, snapshot_id FROM coverage WHERE resource = '*'"
    assert warehouse.query(missing) == [("new", "never_read", "not_collected", "run-1")]
    capacity = "SELECT cluster, pods, nodes, pods_read_status FROM capacity_by_cluster"
    assert warehouse.query(capacity) == [("a", 1, None, "ok"), ("new", None, None, "never_read")]
    assert ("run-1",) in warehouse.query("SELECT run_id FROM needed_attempts")
    for number in (3, 4, 5):
        warehouse.publish(run_of(number, Read("a", ["x"], ["p"]), listed=["a"]))
    assert warehouse.query(missing) == []
    assert ("run-1",) not in warehouse.query("SELECT run_id FROM needed_attempts")  # the cluster was deleted


def test_lists_are_compared_in_the_order_in_which_they_began(warehouse: Warehouse) -> None:
    """A task of the first run lists late, and fails; the second run has listed a new cluster meanwhile."""
    warehouse.publish(run_of(0, Read("a", ["x"]), by=Attempt(0, 2, 0, FIRST)))
    warehouse.publish(run_of(9, Read("a", ["x"]), Read("b", ["x"]), by=Attempt(time=FIRST + timedelta(minutes=10))))
    warehouse.publish(run_of(0, outcome="forbidden", by=Attempt(1, 2, 0, FIRST + timedelta(minutes=30))))
    for view in ("changes", "events"):
        assert warehouse.query(CLUSTERS.format(view)) == [("b", "added", at(0), at(10))], view


def test_pods_that_a_partial_list_lacks_change_nothing(warehouse: Warehouse) -> None:
    pods = [
        pod_of("web", "p1", host_network=True), pod_container("p1", "app:1", privileged=True),
        pod_of("web", "p2"), pod_container("p2", "app:2"),
    ]  # fmt: skip
    template = {"deployments": [workload("web"), container("web", **image_parts("app:2"))]}
    for number, (found, partial) in enumerate(((pods, ()), (pods[2:], ("pods",)), (pods, ()))):
        warehouse.publish(run_of(number, Read("a", ["x"], found, more=template, partial=partial)))
    assert warehouse.query(EVENTS) == []
    moved = [pod_of("web", "p3"), pod_container("p3", "app:3")]
    warehouse.publish(run_of(3, Read("a", ["x"], [*pods[2:], *moved], more=template, partial=["pods"])))
    assert warehouse.query(EVENTS) == [(at(180), "web", "app", "image", "app:1, app:2", "app:2, app:3")]


def test_an_object_that_both_lists_have_is_compared_though_one_is_partial(warehouse: Warehouse) -> None:
    plain = [workload("web"), container("web", **image_parts("app:1"), cpu_limit_millicores=500)]
    added = [workload("web"), container("web", **image_parts("app:1"), capabilities_added=("SYS_ADMIN",))]
    for number, (found, partial) in enumerate(((plain, True), (added, False), (plain, True))):
        of_cluster = Read("a", more={"deployments": found}, partial=["deployments"] if partial else [])
        warehouse.publish(run_of(number, of_cluster))
    assert warehouse.query(EVENTS) == [
        (at(60), "web", "app", "capabilities_added", None, "SYS_ADMIN"),
        (at(60), "web", "app", "cpu_limit_millicores", "500", None),
        (at(120), "web", "app", "capabilities_added", "SYS_ADMIN", None),
        (at(120), "web", "app", "cpu_limit_millicores", None, "500"),
    ]


def test_a_pod_that_ends_changes_no_setting_and_uses_no_image(warehouse: Warehouse) -> None:
    known = {"resource": "pods", "kind": "Pod", "known_through_pods": False}
    for number, phase in enumerate(("Running", "Succeeded")):
        alone = [
            workload("job", uid="uid-p", **known), container("job", kind="Pod", **image_parts("app:1")),
            pod_of("job", "p", kind="Pod", phase=phase), pod_container("p", "app:1"),
        ]  # fmt: skip
        warehouse.publish(run_of(number, Read("a", ["x"], alone)))
        assert warehouse.query("SELECT image FROM images") == ([("app:1",)] if phase == "Running" else [])
    fields = {field for (field,) in warehouse.query("SELECT field FROM events WHERE kind = 'Pod'")}
    assert fields <= {"image"}


def test_a_node_that_does_not_say_what_it_has_makes_sums_unknown(warehouse: Warehouse) -> None:
    nodes = [node("n1", cpu_allocatable_millicores=1000), node("n2", cpu_allocatable_millicores=None)]
    warehouse.publish(run_of(1, Read("a", ["x"], ["p"], more={"nodes": nodes})))
    sums = "SELECT nodes, cpu_allocatable_millicores, cpu_requested FROM {} WHERE nodes > 0"
    for view in ("capacity_by_cluster", "capacity_by_node_pool"):
        assert warehouse.query(sums.format(view)) == [(2, None, None)], view
