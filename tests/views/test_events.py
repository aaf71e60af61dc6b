"""The view `events` and the functions of two moments: they compare readings as `changes` compares the last two."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from engines import Warehouse
from warehouse import (
    FIRST,
    Attempt,
    Read,
    container,
    gke_cluster,
    image_parts,
    node,
    node_pool,
    pod_container,
    pod_of,
    run_of,
    workload,
)

from job.tables import Key, Record
from job.views import views

SEEDS = range(int(os.environ.get("EVENTS_EXAMPLES", "1")))
EVENTS = "SELECT previous_snapshot_id, snapshot_id, name, field, old_value, new_value FROM events"


def read(name: str, image: str, **more: Any) -> Read:
    return Read(name, more={"deployments": [workload("web"), container("web", **image_parts(image))]}, **more)


def at(hours: float) -> str:
    return f"TIMESTAMP '{(FIRST + timedelta(hours=hours)).isoformat()}'"


def between(first: float, last: float, *, view: str = "changes") -> str:
    return f"FROM {view}_between({at(first)}, {at(last)})"


def test_each_change_of_the_history_lies_between_two_readings(warehouse: Warehouse) -> None:
    unread = Read("a", more={"deployments": "forbidden"})
    warehouse.publish(run_of(1, read("a", "app:1")))
    warehouse.publish(run_of(2, read("a", "app:2")))
    warehouse.publish(run_of(3, unread))
    warehouse.publish(run_of(4, read("a", "app:4")), without=["runs"])
    warehouse.publish(run_of(5, read("a", "app:5")))
    warehouse.publish(run_of(6, read("a", "app:5")))
    shown = [("1-a", "2-a", "web", "image", "app:1", "app:2"), ("2-a", "5-a", "web", "image", "app:2", "app:5")]
    assert warehouse.query(EVENTS) == shown
    assert warehouse.query("SELECT seen_after, seen_before FROM events WHERE new_value = 'app:5'") == [
        (FIRST + timedelta(hours=2), FIRST + timedelta(hours=5))
    ]
    # a change needs the reading before it
    assert warehouse.query(f"SELECT new_value {between(1.5, 6, view='events')}") == [("app:5",)]
    if warehouse.engine == "googlesql":  # which takes seconds for each function
        return
    assert warehouse.query("SELECT * FROM changes") == []
    assert warehouse.query(EVENTS.replace("events", f"events_as_of({at(4)})")) == shown[:1]
    values = "SELECT seen_after, seen_before, old_value, new_value"
    assert warehouse.query(f"{values} {between(1, 6)}") == [
        (FIRST + timedelta(hours=1), FIRST + timedelta(hours=6), "app:1", "app:5")
    ]
    assert warehouse.query(f"SELECT field {between(3, 4.5)}") == []  # nothing new was read
    assert warehouse.query(f"SELECT field {between(6, 1)}") == []
    assert warehouse.query(f"SELECT field {between(0.5, 6)}") == []  # nothing was known
    assert warehouse.query(f"SELECT new_value {between(2.5, 6, view='events')}") == []
    assert warehouse.query(f"SELECT new_value {between(1, 4, view='events')}") == [("app:2",)]
    text = "SELECT new_value FROM changes_between('2026-01-01 01:00:00+00', '2026-01-01 02:30:00+00')"
    assert warehouse.query(text) == [("app:2",)]
    for view in views():
        if view.between:
            assert warehouse.query(view.between.example) == []


def test_a_cluster_that_is_deleted_and_made_again_inherits_no_changes(warehouse: Warehouse) -> None:
    def made(number: int, image: str) -> Read:
        record = msgspec.structs.replace(gke_cluster("1.33"), id=f"id-{number}")
        return read("a", image, gke=[record], cluster_id=f"id-{number}")

    def of_project(rest: str) -> list[tuple[Any, ...]]:
        return warehouse.query(f"SELECT field, change, old_value, new_value {rest}")

    warehouse.publish(run_of(1, made(1, "app:1"), Read("b")))
    warehouse.publish(run_of(2, made(1, "app:2"), Read("b")))
    warehouse.publish(run_of(3, Read("b")))
    warehouse.publish(run_of(4, Read("b"), outcome="partial"))  # which proves nothing
    warehouse.publish(run_of(5, made(2, "app:5"), Read("b")))
    warehouse.publish(run_of(6, made(2, "app:6"), Read("b")))
    warehouse.publish(run_of(7, made(3, "app:7"), Read("b")))
    path = "europe-west1/a"
    names = "SELECT previous_snapshot_id, snapshot_id, field, change, old_value, new_value FROM events"
    assert warehouse.query(names) == [
        ("1-a", "2-a", "image", "changed", "app:1", "app:2"),
        ("2-a", "5-a", "cluster", "changed", "id-1", "id-2"),
        ("5-a", "6-a", "image", "changed", "app:5", "app:6"),
        ("6-a", "7-a", "cluster", "changed", "id-2", "id-3"),
        ("run-2", "run-3", "cluster", "removed", path, None),
        ("run-3", "run-5", "cluster", "added", None, path),
    ]
    if warehouse.engine == "googlesql":
        return
    assert of_project(between(2, 6)) == [("cluster", "changed", "id-1", "id-2")]
    assert of_project(between(1, 3)) == [("cluster", "removed", path, None)]
    assert of_project(between(3, 5)) == [("cluster", "added", None, path)]
    assert of_project(between(5, 6)) == [("image", "changed", "app:5", "app:6")]


def test_partial_readings_between_whole_ones_hide_no_change_and_invent_none(warehouse: Warehouse) -> None:
    def found(*names_and_images: tuple[str, str], partial: bool = False) -> Read:
        objects: list[Record] = []
        for name, image in names_and_images:
            objects += [workload(name), container(name, **image_parts(image))]
        return Read("a", more={"deployments": objects}, partial=["deployments"] if partial else [])

    whole = [("changed", "app:1"), ("removed", "app:1"), ("seen", "app:1"), ("same", "app:1")]
    warehouse.publish(run_of(1, found(*whole)))
    warehouse.publish(run_of(2, found(("seen", "app:2"), partial=True)))
    warehouse.publish(run_of(3, found(("seen", "app:2"), partial=True)))
    warehouse.publish(run_of(4, found(("changed", "app:4"), ("added", "app:4"), ("seen", "app:2"), ("same", "app:1"))))
    later = [
        ("1-a", "4-a", "added", "image", None, "app:4"),
        ("1-a", "4-a", "added", "workload", None, "uid-added"),
        ("1-a", "4-a", "changed", "image", "app:1", "app:4"),
        ("1-a", "4-a", "removed", "image", "app:1", None),
        ("1-a", "4-a", "removed", "workload", "uid-removed", None),
    ]
    kept = "field <> 'replicas_wanted'"
    assert warehouse.query(f"{EVENTS} WHERE {kept}") == [("1-a", "2-a", "seen", "image", "app:1", "app:2"), *later]
    assert warehouse.query(f"{EVENTS.replace('events', 'changes')} WHERE {kept}") == later
    warehouse.publish(run_of(5, found(("changed", "app:4"), partial=True)))
    assert warehouse.query(EVENTS.replace("events", "changes")) == []


@pytest.mark.parametrize("view", ["changes", "events"])
def test_a_reading_of_a_cluster_whose_id_is_unknown_is_compared_with_no_other(view: str, warehouse: Warehouse) -> None:
    def known(number: int, cluster_id: str | None) -> Read:
        record = msgspec.structs.replace(gke_cluster(f"1.3{number}"), id=cluster_id)
        return read("a", f"app:{number}", gke=[record], cluster_id=cluster_id)

    shown = f"SELECT previous_snapshot_id, snapshot_id, field, old_value, new_value FROM {view}"
    warehouse.publish(run_of(1, known(1, "id-1")))
    warehouse.publish(run_of(2, known(2, None)))
    assert warehouse.query(shown) == []
    warehouse.publish(run_of(3, known(3, "id-2")))
    remade = ("1-a", "3-a", "cluster", "id-1", "id-2")
    assert warehouse.query(shown) == [remade]
    warehouse.publish(run_of(4, known(4, None)))
    warehouse.publish(run_of(5, known(5, "id-2")))
    same = [
        ("3-a", "5-a", "control_plane_version", "1.33", "1.35"),
        ("3-a", "5-a", "image", "app:3", "app:5"),
    ]
    assert warehouse.query(shown) == [*([remade] if view == "events" else []), *same]


def test_attempts_and_tasks_of_one_run_are_one_reading_and_simultaneous_runs_are_not(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read("a", "app:1")))
    warehouse.publish(run_of(2, read("a", "app:2"), by=Attempt(0, 2)))
    warehouse.publish(run_of(2, read("a", "app:3"), by=Attempt(1, 2)))
    warehouse.publish(run_of(2, read("a", "app:4"), by=Attempt(0, 2, attempt=1)))
    same = Attempt(time=FIRST + timedelta(hours=3))
    warehouse.publish(run_of(3, read("a", "app:5"), by=same))
    warehouse.publish(run_of(4, read("a", "app:6"), by=same))
    assert warehouse.query(EVENTS) == [
        ("1-a", "2-a-0.1", "web", "image", "app:1", "app:4"),
        ("2-a-0.1", "3-a", "web", "image", "app:4", "app:5"),
        ("3-a", "4-a", "web", "image", "app:5", "app:6"),
    ]


class Run(NamedTuple):
    """A run of a random history."""

    read: list[Read]
    rows: list[tuple[Key, Record]]
    finished_at: datetime
    lists_all: bool


def history(random: Random, steps: int) -> Iterator[Run]:
    """Runs that end in this order; some began before the one that ended before them."""
    ids, there, state = {"a": 1, "b": 1}, {"a", "b"}, dict.fromkeys(("a", "b"), 1)
    for number in range(1, steps + 1):
        if random.random() < 0.2:
            there ^= {"b"}
            ids["b"] += "b" in there
        for name in state:
            state[name] += random.random() < 0.7
        time = FIRST + timedelta(hours=number if random.random() < 0.8 else number - 1.5)
        outcome = random.choice(("ok", "ok", "ok", "partial"))
        found = [_cluster(random, name, f"{name}{ids[name]}", state[name]) for name in sorted(there)]
        kept = [one for one in found if random.random() < 0.9]
        rows = run_of(number, *kept, listed=sorted(there), outcome=outcome, by=Attempt(time=time))
        (key, record), finished_at = rows[-1], FIRST + timedelta(hours=number, minutes=10)
        rows[-1] = key, msgspec.structs.replace(record, finished_at=finished_at)
        yield Run(kept, rows, finished_at, outcome == "ok")


def _cluster(random: Random, name: str, cluster_id: str, state: int) -> Read:
    image, version = f"app:{state}", f"1.{state // 2}"
    deployments: list[Record] = [
        workload("web", uid=f"web-{state // 4}", replicas_wanted=2, replicas_ready=2 - state % 2),
        container("web", **image_parts(image)),
    ]
    pods: list[Record] = [
        pod_of("web", f"web-{state}"),
        pod_container(f"web-{state}", image, privileged=state % 3 == 0),
    ]
    if state % 3 == 1:
        deployments += [workload("job", service_account=image), container("job", **image_parts(image))]
    if state % 4 == 3:
        pods = []
    unread = random.choice(("forbidden", "off", "timed_out"))
    return Read(
        name,
        pods=unread if random.random() < 0.2 else pods,
        cluster_id=cluster_id,
        more={
            "deployments": unread if random.random() < 0.2 else deployments,
            "nodes": [node(f"n{state}"), node(f"n{state + 1}", ready=state % 2 == 0)],
        },
        partial=["deployments"] if random.random() < 0.2 else [],
        gke=[gke_cluster(version), node_pool("pool", version), node_pool(f"pool-{state // 3}", version)],
    )


Reading = tuple[datetime, str, str | None]
"""When it began, its snapshot, and the id of the cluster."""
Pair = tuple[str | None, str, str, str]
"""Cluster (None for a list of clusters), resource, older and newer snapshot."""


def newest(runs: Sequence[Run], count: int) -> dict[tuple[str | None, str], Reading]:
    """The newest readings that are known once so many runs have ended, of clusters that exist."""
    found: dict[tuple[str | None, str], Reading] = {}
    for run in sorted(runs[:count], key=lambda run: run.rows[-1][0].snapshot_time):
        time = run.rows[-1][0].snapshot_time
        if run.lists_all:
            found[None, "clusters"] = time, run.rows[-1][0].snapshot_id, None
            (listing,) = (record for key, record in run.rows if record.table == "collections" and key.cluster is None)
            listed = {path.partition("/")[2] for path in listing.listed_clusters}  # type: ignore[attr-defined]
            found = {key: reading for key, reading in found.items() if key[0] is None or key[0] in listed}
        for one in run.read:
            (snapshot,) = {key.snapshot_id for key, _ in run.rows if key.cluster == one.cluster}
            known = {"pods": one.pods, **one.more, "clusters": (), "node_pools": ()}
            for resource, objects in known.items():
                if not isinstance(objects, str):
                    found[one.cluster, resource] = time, snapshot, one.cluster_id
    return found


def pairs(older: dict[tuple[str | None, str], Reading], newer: dict[tuple[str | None, str], Reading]) -> set[Pair]:
    return {
        (*key, older[key][1], newer[key][1])
        for key in older.keys() & newer.keys()
        if older[key][1] != newer[key][1] and (older[key][2] == newer[key][2] or key[1] == "clusters")
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_events_and_what_changed_between_moments_are_the_same_rows(seed: int, warehouse: Warehouse) -> None:
    runs = list(history(Random(seed), 9))
    for run in runs:
        warehouse.publish(run.rows)

    def by_pair(source: str) -> dict[Pair, list[tuple[Any, ...]]]:
        made: dict[Pair, list[tuple[Any, ...]]] = {}
        keys = "previous_snapshot_id, snapshot_id, resource, cluster"
        values = "namespace, kind, name, container, field, change, old_value, new_value, seen_after, seen_before"
        for older, newer, resource, cluster, *rest in warehouse.query(f"SELECT {keys}, {values} FROM {source}"):
            made.setdefault((None if newer.startswith("run-") else cluster, resource, older, newer), []).append(
                (*rest,)
            )
        return made

    events = by_pair("events")
    assert len({field for rows in events.values() for (_, _, _, _, field, *_) in rows}) > 6
    assert all(seen_after <= seen_before for rows in events.values() for (*_, seen_after, seen_before) in rows)
    last = by_pair("changes")
    assert last == {pair: events[pair] for pair in last}
    final = {(key, reading[1]) for key, reading in newest(runs, len(runs)).items()}
    shown = {pair for pair in events if (pair[:2], pair[3]) in final}
    assert shown == set(last)
    compared = 0
    for count in range(2, len(runs)) if warehouse.engine == "duckdb" else [6]:
        moments = (f"TIMESTAMP '{runs[number - 1].finished_at.isoformat()}'" for number in (count, count + 1))
        between_moments = by_pair(f"changes_between({', '.join(moments)})")
        expected = pairs(newest(runs, count), newest(runs, count + 1))
        assert set(between_moments) <= expected
        for pair in expected:
            assert between_moments.get(pair) == events.get(pair) or _is_overtaken(runs, count, pair), pair
            compared += pair in events
    assert compared


def _is_overtaken(runs: Sequence[Run], count: int, pair: Pair) -> bool:
    """Whether a run that ended later began between the two readings: then `events` has two pairs in place of one."""
    times = {key.snapshot_id: key.snapshot_time for run in runs for key, _ in run.rows}
    older, newer = times[pair[2]], times[pair[3]]
    return any(older < run.rows[-1][0].snapshot_time < newer for run in runs[count + 1 :])
