"""Compares what the views show with what can be known, and reports each difference in a sentence."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from declared import FLAT_RESOURCES, OWN_TABLES, UID_TABLES
from truth.custom_resources import PLURALS
from truth.knowledge import Knowledge
from truth.model import ANY, KINDS, READ, Attempt, Object, Reading, path_of
from truth.rows import Identity, is_workload, rows_of_gke, rows_of_kind

TABLES = dict.fromkeys(OWN_TABLES, ("uid",)) | {
    "clusters": (), "node_pools": ("name",), "workloads": ("resource", "uid", "namespace"),
    "containers": ("workload_uid", "container_type", "position"),
    "pod_containers": ("pod_uid", "container_type", "position"),
    "limit_ranges": ("uid", "position", "resource_name"), "roles": ("uid",), "role_bindings": ("uid", "position"),
    "admission_webhooks": ("uid", "position"), "warning_events": ("object_uid", "reason", "component"),
    "objects": ("resource", "uid"),
}  # fmt: skip
"""Table of objects -> the columns that identify a row within a cluster."""
NAMED = (
    "clusters", "node_pools", "nodes", "namespaces", "workloads", "pods", "services", "roles", "role_bindings",
    "admission_webhooks", "ingresses", "network_policies", "autoscalers", "disruption_budgets", "volume_claims",
    "volumes", "storage_classes",
)  # fmt: skip
"""The tables of objects that Cloud Asset Inventory names."""
VIEWS = (*TABLES, "latest_snapshots", "latest_collections", "latest_runs", "coverage")
_COUNTS = ("replicas_wanted", "replicas_ready")  # the API omits 0, so NULL and 0 are the same


@dataclass(frozen=True)
class Seen:
    """Everything that an analyst can see at one time, and counts of the rows beneath."""

    views: dict[str, list[Object]]
    """Each of `VIEWS` -> its rows."""
    runs: list[Object]
    snapshots: list[Object]
    """Rows of the tables: only the columns that identify them, and the time."""
    counts: dict[tuple[str, str], int]
    """(table, snapshot_id) -> number of rows."""
    repeated: dict[str, int]
    """Table -> how many rows its declared primary key does not tell from others, uncommitted ones included."""


def judge(seen: Seen, knowledge: Knowledge, now: Object) -> list[str]:
    """Everything that is wrong.

    Args:
        now: the simulator's current inventory.
    """
    return [
        *_shares(knowledge),
        *_history(seen, knowledge),
        *(f"{table}: {number} rows repeat the primary key" for table, number in seen.repeated.items() if number),
        *_Views(seen, knowledge).wrong(),
        *lies(seen, knowledge, now),
    ]


def _shares(knowledge: Knowledge) -> Iterator[str]:
    """Exactly one task of a run takes each cluster."""
    for run_id in {attempt.run_id for attempt in knowledge.committed}:
        tasks = [attempt for attempt in knowledge.committed if attempt.run_id == run_id]
        taken = Counter(path for attempt in tasks for path in attempt.snapshots)
        for path in tasks[0].selected:
            if taken[path] > 1 or (taken[path] == 0 and len(tasks) == tasks[0].tasks):
                yield f"{run_id}: {taken[path]} tasks have taken {path}"
        for attempt in tasks:
            yield from _recorded(attempt)


def _recorded(attempt: Attempt) -> Iterator[str]:
    """The first task of a run records the lists of all projects; another one those that are not whole."""
    where = f"attempt {attempt.number}, task {attempt.task}"
    for project, listed in attempt.answers.items():
        has_clusters = any(path.startswith(f"{project}/") for path in attempt.snapshots)
        must = attempt.task == 0 or (has_clusters and listed.outcome != "ok")
        if must and project not in attempt.lists:
            yield f"{where} has not recorded the list of {project}"
        if attempt.task > 0 and listed.outcome == "ok" and project in attempt.lists:
            yield f"{where} has recorded the list of {project} too"


def _history(seen: Seen, knowledge: Knowledge) -> Iterator[str]:
    """Committed rows are complete and not doubled; attempts that were not committed have no row in `snapshots`."""
    runs = Counter(_number(knowledge, row) for row in seen.runs)
    for attempt in knowledge.committed:
        if runs[attempt.number] != 1:
            yield f"runs: attempt {attempt.number} was committed, and has {runs[attempt.number]} rows"
    expected = {(attempt.number, path) for attempt in knowledge.committed for path in attempt.snapshots}
    found = Counter((_number(knowledge, row), _path(row)) for row in seen.snapshots)
    for number, path in expected - set(found):
        yield f"snapshots: attempt {number} was committed, but not its snapshot of {path}"
    for (number, path), count in found.items():
        if (number, path) not in expected:
            yield f"snapshots: attempt {number} has a snapshot of {path}, but was not committed"
        elif count > 1:
            yield f"snapshots: attempt {number} has {count} snapshots of {path}"
    for row in seen.snapshots:
        if (_number(knowledge, row), _path(row)) in expected:
            yield from _rows_of_snapshot(seen, knowledge, row)


def _rows_of_snapshot(seen: Seen, knowledge: Knowledge, row: Object) -> Iterator[str]:
    attempt, path = knowledge.attempt_of(row), _path(row)
    snapshot = attempt.snapshots[path]
    expected = Counter(table for kind in snapshot.readings for table, _, _ in rows_of_kind(snapshot, kind))
    expected.update(table for table, _, _ in rows_of_gke(snapshot.cluster))
    expected["collections"] = len(snapshot.readings)
    for table in (*TABLES, "collections"):
        count = seen.counts.get((table, row["snapshot_id"]), 0)
        if count != expected[table]:
            yield f"{table}: attempt {attempt.number} wrote {expected[table]} rows of {path}, and has {count}"


class _Views:
    """Every view has exactly the rows that it must have, with the right values."""

    def __init__(self, seen: Seen, knowledge: Knowledge) -> None:
        self._seen, self._knowledge = seen, knowledge
        self._clusters = knowledge.clusters()
        written = [(row["snapshot_id"], knowledge.attempt_of(row)) for row in (*seen.runs, *seen.snapshots)]
        self._attempts = {snapshot_id: attempt.number if attempt else None for snapshot_id, attempt in written}

    def wrong(self) -> Iterator[str]:
        expected: dict[str, dict[Identity, Object]] = {view: {} for view in VIEWS}
        for path, newest in self._clusters.items():
            self._expect_cluster(expected, path, newest)
            for kind, reading in newest.snapshots[path].readings.items():
                self._expect_collection(expected, path, kind, newest.number, reading)
            for kind, runs in self._knowledge.kinds(path).items():
                self._expect_kind(expected, path, kind, newest, is_asked=newest.run_id in runs)
        for project, asked in self._knowledge.projects().items():
            read = next((attempt for attempt in asked if attempt.lists[project].is_read), None)
            self._expect_project(expected, project, asked[0], read)
            self._expect_never_collected(expected, project)
        for attempt in self._knowledge.committed:
            if attempt.run_id == self._knowledge.committed[-1].run_id:
                expected["latest_runs"][attempt.task,] = _run(attempt)
        for view in VIEWS:
            yield from self._compare(view, expected[view])

    def _expect_cluster(self, expected: dict[str, dict[Identity, Object]], path: str, newest: Attempt) -> None:
        snapshot = newest.snapshots[path]
        for table, identity, row in rows_of_gke(snapshot.cluster):
            status = "stale" if self._knowledge.lapse(path) else "ok"
            computed = {"attempt": newest.number, "read_status": status, **_named_for_joins(path, table, "", row)}
            expected[table][path, *identity] = row | computed
        expected["latest_snapshots"][path,] = {
            "attempt": newest.number,
            "status": snapshot.status,
            "cluster_id": snapshot.cluster["id"],
            "cluster_status": snapshot.cluster["status"],
        }

    def _expect_collection(
        self, expected: dict[str, dict[Identity, Object]], path: str, kind: str, number: int, reading: Reading
    ) -> None:
        expected["latest_collections"][path, kind] = {
            "outcome": reading.outcome,
            "http_status": reading.http_status,
            "reason": reading.reason,
            "attempt": number,
            "objects": len(reading.objects),
            "unreadable": list(reading.unreadable),
            "unreadable_objects": len(reading.unreadable),
        }

    def _expect_kind(
        self, expected: dict[str, dict[Identity, Object]], path: str, kind: str, newest: Attempt, *, is_asked: bool
    ) -> None:
        read = self._knowledge.last_read(path, kind)
        decides = self._knowledge.asked_last(path, kind).snapshots[path].readings[kind]
        lapse = (self._knowledge.lapse(path) or (None if is_asked else _NOT_ASKED)) if decides.is_read else None
        explained = {"outcome": decides.outcome, "http_status": decides.http_status, "reason": decides.reason}
        expected["coverage"][path, kind] = {
            **(_lapsed(path, lapse) if lapse else explained),
            "status": "stale" if lapse else _status(decides.outcome, read),
            "attempt": newest.number,
            "read_attempt": read.number if read else None,
            "objects": len(read.snapshots[path].readings[kind].objects) if read else None,
            "rows_expired": False,
        }
        if read is not None:
            of_reading = {"attempt": read.number, "read_status": expected["coverage"][path, kind]["status"]}
            for table, identity, row in rows_of_kind(read.snapshots[path], kind):
                expected[table][path, *identity] = row | of_reading | _named_for_joins(path, table, kind, row)

    def _expect_project(
        self, expected: dict[str, dict[Identity, Object]], project: str, asked: Attempt, read: Attempt | None
    ) -> None:
        path, listed = f"{project}/-/None", asked.lists[project]
        result = {"outcome": listed.outcome, "http_status": listed.http_status, "reason": listed.reason}
        expected["latest_collections"][path, "clusters"] = {
            **result,
            "attempt": asked.number,
            "objects": len(listed.objects),
            "listed_clusters": sorted(path_of(cluster).partition("/")[2] for cluster in listed.objects),
            "missing_zones": list(listed.unreadable),
        }
        expected["coverage"][path, "clusters"] = {
            **result,
            "status": _status(listed.outcome, read),
            "attempt": asked.number,
            "read_attempt": read.number if read else None,
            "objects": len(read.lists[project].objects) if read else None,
            "rows_expired": False,
        }

    def _expect_never_collected(self, expected: dict[str, dict[Identity, Object]], project: str) -> None:
        for path, seen in self._knowledge.sightings(project).items():
            if path not in self._clusters and not self._knowledge.is_gone(path, seen):
                expected["coverage"][path, "*"] = {
                    "status": "never_read",
                    "outcome": "not_collected",
                    "attempt": seen.number,
                    "read_attempt": None,
                    "rows_expired": False,
                }

    def _compare(self, view: str, expected: dict[Identity, Object]) -> Iterator[str]:
        found: dict[Identity, list[Object]] = defaultdict(list)
        for row in self._seen.views[view]:
            found[_identity(view, row)].append(row)
        for identity in expected.keys() - found.keys():
            yield f"{view}: {_words(identity)} is not there"
        for identity, rows in found.items():
            expected_row = expected.get(identity)
            numbers = [self._attempts.get(row["snapshot_id"]) for row in rows]
            if expected_row is None:
                yield f"{view}: {_words(identity)} is there, and should not be (of attempt {_words(numbers)})"
            elif len(rows) > 1:
                yield f"{view}: {_words(identity)} is there {len(rows)} times (of attempts {_words(numbers)})"
            else:
                row = rows[0] | {"attempt": numbers[0]}
                if "read_attempt" in expected_row:
                    row["read_attempt"] = self._attempts.get(rows[0]["read_snapshot_id"])
                for name, value in expected_row.items():
                    if not _alike(name, row.get(name), value):
                        yield f"{view}: {_words(identity)} has {name} {row.get(name)!r}, and should have {value!r}"
                if view in ("latest_collections", "coverage") and not _is_explained(rows[0]):
                    yield f"{view}: {_words(identity)} does not say why it is {expected_row['outcome']}"


_GROUPS = {
    "clusterrolebindings": "rbac.authorization.k8s.io", "clusterroles": "rbac.authorization.k8s.io",
    "cronjobs": "batch", "jobs": "batch", "mutatingwebhookconfigurations": "admissionregistration.k8s.io", "pods": "",
    "rolebindings": "rbac.authorization.k8s.io", "roles": "rbac.authorization.k8s.io",
    "validatingwebhookconfigurations": "admissionregistration.k8s.io",
    "horizontalpodautoscalers": "autoscaling", "ingresses": "networking.k8s.io", "networkpolicies": "networking.k8s.io",
    "poddisruptionbudgets": "policy", "storageclasses": "storage.k8s.io",
}  # fmt: skip
"""Kind -> its API group."""


def _named_for_joins(path: str, table: str, kind: str, row: Object) -> Object:
    """The name of an object in Cloud Asset Inventory, and its labels as JSON, for tables that have them."""
    project, location, cluster = path.split("/")
    places = "zones" if location[-1].isalpha() else "locations"
    name = f"//container.googleapis.com/projects/{project}/{places}/{location}/clusters/{cluster}"
    if table == "node_pools":
        name += f"/nodePools/{row['name']}"
    elif table != "clusters":
        within = f"namespaces/{row['namespace']}/" if row.get("namespace") else ""
        group = _GROUPS.get(kind, "apps" if table == "workloads" else "")
        name += f"/k8s/{within}{group and group + '/'}{kind}/{row.get('name')}"
    found = {"full_resource_name": None if row.get("known_through_pods") else name} if table in NAMED else {}
    return found | ({"labels_json": row["labels"]} if "labels" in row else {})


def _status(outcome: str, read: Attempt | None) -> str:
    if outcome in (*READ, "off"):
        return outcome
    return "stale" if read else "never_read"


def _lapsed(path: str, listed: Reading) -> Object:
    """Why a readable kind was not read again: the cluster was not collected, or the list lacks it."""
    if listed.outcome in ("ok", "not_collected") or path in map(path_of, listed.objects):
        return {"outcome": "not_collected", "http_status": None, "reason": None}
    return {"outcome": listed.outcome, "http_status": listed.http_status, "reason": listed.reason}


_NOT_ASKED = Reading("not_collected", None)
"""The newest run of a cluster has no `objects`, and says nothing of what an earlier one has read for it."""


def _is_explained(row: Object) -> bool:
    return row["outcome"] in ("ok", "not_collected") or bool(row["message"])


def _run(attempt: Attempt) -> Object:
    statuses = Counter(snapshot.status for snapshot in attempt.snapshots.values())
    unlisted = [listed for listed in attempt.lists.values() if listed.outcome != "ok"]
    selects_none = attempt.task == 0 and not attempt.selected
    complete = not selects_none and not unlisted and statuses["complete"] == len(attempt.snapshots)
    return {
        "attempt": attempt.number,
        "status": "complete" if complete else "incomplete",
        "projects": len(attempt.lists),
        "projects_failed": len(unlisted),
        "clusters": len(attempt.snapshots),
        **{f"clusters_{status}": statuses[status] for status in ("complete", "partial", "failed")},
        "objects": sum(
            len(reading.objects) for snapshot in attempt.snapshots.values() for reading in snapshot.readings.values()
        ),
    }


def lies(seen: Seen, knowledge: Knowledge, now: Object) -> Iterator[str]:
    """Each object that existed when its cluster was last read is shown, or missing for a known reason; any other object
    is in no view, or carried forward. This check needs only the views and the inventory, not the model.
    """
    numbers = {row["snapshot_id"]: knowledge.attempt_of(row) for row in (*seen.runs, *seen.snapshots)}
    shown = Counter(
        (_path(row), row.get("resource") or OWN_TABLES[table], row["uid"])
        for table in (*UID_TABLES, "objects")
        for row in seen.views[table]
        if row.get("resource") != "pods"
    )
    unreadable = {
        (_path(row), row["resource"]): row["unreadable"] for row in seen.views["latest_collections"] if row["cluster"]
    }
    covered: dict[str, dict[str, Object]] = defaultdict(dict)
    for row in seen.views["coverage"]:
        covered[_path(row)][row["resource"]] = row
    for path, kinds in covered.items():
        for kind, row in kinds.items():
            asked = numbers.get(row["snapshot_id"])
            if (kind not in KINDS and kind not in PLURALS) or kind in FLAT_RESOURCES or asked is None:
                continue
            cluster = next((one for one in asked.inventory["clusters"] if path_of(one) == path), None)
            if cluster is None:
                yield f"{path} is in coverage as of attempt {asked.number}, when it was not there"
                continue
            there = {
                item["metadata"]["uid"]: item
                for item in cluster["objects"].get(PLURALS.get(kind, kind), ())
                if (kind != "replicasets" or is_workload(item)) and not _is_gone_with_its_kind(kind, row)
            }
            for uid, item in there.items():
                yield from _lie(item, row, shown[path, kind, uid], unreadable.get((path, kind), []))
            if row["status"] in READ:
                for of, resource, uid in shown:
                    if (of, resource) == (path, kind) and uid not in there:
                        yield f"{path}: {kind} {uid} is shown, and was not there when they were read"
    yield from _cluster_lies(covered, numbers, now)


def _is_gone_with_its_kind(kind: str, row: Object) -> bool:
    """Whether the server has said that it does not serve the custom resource."""
    return kind in PLURALS and row["reason"] == "NotServed"


def _lie(item: Object, row: Object, count: int, unreadable: list[str]) -> Iterator[str]:
    metadata = item["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
    opening = f"{_path(row)}: {row['resource']} {name} is there, coverage says {row['status']}, and it"
    if count > 1:
        yield f"{opening} is shown {count} times"
    elif row["status"] == "ok" and count == 0:
        yield f"{opening} is not shown: as if it were deleted"
    elif row["status"] == "partial" and (count == 1) == (name in unreadable):
        yield f"{opening} is {'shown, and' if count else 'neither shown nor'} said to be unreadable"
    elif row["status"] == "never_read" and count:
        yield f"{opening} is shown all the same"
    elif row["status"] in ("stale", "never_read", "off") and not _is_explained(row):
        yield f"{opening} is missing for no reason"


def _cluster_lies(
    covered: dict[str, dict[str, Object]], numbers: dict[str, Attempt | None], now: Object
) -> Iterator[str]:
    """An existing cluster is in `coverage`, or its project's list says why not. A deleted cluster is not in it, once a
    complete list of its project's clusters lacks the cluster."""
    there = {path_of(cluster) for cluster in now["clusters"]}
    for project, kinds in covered.items():
        row = kinds.get("clusters")
        asked = numbers.get(row["snapshot_id"]) if row else None
        if row is None or asked is None or row["outcome"] != "ok" or asked.inventory != now:
            continue
        for path in there:
            if path.startswith(project.removesuffix("-/None")) and path not in covered and path in asked.snapshots:
                yield f"{path} is there, was listed and selected, and is not covered"
        for path in covered:
            if path.startswith(project.removesuffix("-/None")) and path != project and path not in there:
                yield f"{path} is covered, and the whole list of its project lacks it"


def _number(knowledge: Knowledge, row: Object) -> int | None:
    attempt = knowledge.attempt_of(row)
    return attempt.number if attempt else None


def _path(row: Object) -> str:
    return f"{row['project_id']}/{row['location']}/{row['cluster']}"


def _identity(view: str, row: Object) -> Identity:
    if view == "latest_runs":
        return (row["task_index"],)
    if view in ("latest_collections", "coverage"):
        return _path(row), row["resource"]
    return _path(row), *(row[name] for name in TABLES.get(view, ()))


def _words(values: Iterable[Any]) -> str:
    return " ".join(map(str, values))


def _alike(name: str, found: Any, expected: Any) -> bool:
    if expected == ANY:
        return True
    if name == "labels_json":
        return bool(_parsed(found) == expected)
    if name == "labels":
        return {pair["key"]: pair["value"] for pair in found} == expected
    if name in _COUNTS:
        return (found or 0) == (expected or 0)
    if isinstance(found, datetime):
        return f"{found.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" == expected
    return bool(found == expected and type(found) is type(expected))


def _parsed(text: str | None) -> Any:
    """The value of a JSON text; None without one, and for another text."""
    try:
        return json.loads(text or "")
    except ValueError:
        return None
