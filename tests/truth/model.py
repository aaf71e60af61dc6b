"""What a reader can know of a fleet: the objects, the configuration and the faults of each run.

A small model, written from the documentation and the descriptions of columns. It takes the names of kinds from the job,
and shares no other code with it: its only source is the simulator's own inventory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from job import kinds

Object = dict[str, Any]

KINDS = {kind.resource: kind.name for kind in kinds.KINDS}
"""Resource -> kind, for everything that is collected."""

READ = ("ok", "partial")
ANY = "<any>"
"""Stands for an HTTP status or reason that the server does not set, so the oracle accepts any."""


class Fault(NamedTuple):
    """A fault, with the arguments that the simulator takes."""

    at: str
    """`project/location/name`, or a project."""
    kind: str
    resource: str = "*"
    times: int | None = None
    page: int | None = None
    """1: the first page of a list. 2: each later page."""
    options: tuple[tuple[str, Any], ...] = ()


class Asked(NamedTuple):
    """The configuration of one run."""

    projects: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    """Clusters, as `project/location/name`."""
    off: tuple[str, ...] = ()
    page_limit: int = 500


class Reading(NamedTuple):
    """The result of listing one kind of one cluster, or the clusters of one project."""

    outcome: str
    http_status: int | str | None = 200
    reason: str | None = None
    objects: tuple[Object, ...] = ()
    """The objects, or clusters, that were read."""
    unreadable: tuple[str, ...] = ()
    """`namespace/name` of objects that could not be decoded; for a project, its missing zones."""

    @property
    def is_read(self) -> bool:
        return self.outcome in READ


# The reading that a server leads to when every retry gets the same response.
ANSWERS = {
    ("status", 429): Reading("throttled", 429, "TooManyRequests"),
    ("status", 500): Reading("server_error", 500, "InternalError"),
    ("status", 503): Reading("server_error", 503, "ServiceUnavailable"),
    ("unauthorized", None): Reading("unauthorized", 401, "Unauthorized"),
    ("not_served", None): Reading("not_served", 404),
    ("not_acceptable", None): Reading("refused", 406, "NotAcceptable"),
    ("reset", None): Reading("unreachable", ANY, ANY),
    ("forbidden", None): Reading("forbidden", 403, "Rbac"),
    ("invalid_json", None): Reading("invalid", ANY, ANY),
    ("repeat_continue", None): Reading("invalid", ANY, ANY),
    ("expired_continue", None): Reading("expired", 410, "Expired"),
}
BEFORE_AUTHORIZATION = ("status", "unauthorized", "not_served", "not_acceptable", "reset")
"""Faults that come before the check of the identity's permissions."""
MENDED_BY_ASKING_AGAIN = ("status", "unauthorized", "reset", "invalid_json", "expired_continue")
NO_CONNECTION = ("refuse", "tls_unknown_ca", "tls_wrong_host", "tls_expired")
PROJECTS = {
    "gke_denied": Reading("forbidden", 403, "IamPermissionMissing"),
    "gke_disabled": Reading("disabled", 403, "ApiDisabled"),
    "gke_not_found": Reading("not_found", 404, ANY),
}
CONNECTABLE = ("RUNNING", "RECONCILING", "DEGRADED")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The readings of one cluster in one attempt."""

    cluster: Object
    """The cluster's entry in the inventory."""
    readings: dict[str, Reading]

    @property
    def status(self) -> str:
        attempted = [reading for reading in self.readings.values() if reading.outcome != "off"]
        if all(reading.outcome == "ok" for reading in attempted):
            return "complete"
        return "partial" if any(reading.is_read for reading in attempted) else "failed"


@dataclass
class Attempt:
    """One attempt of one run: the inventory at that time, its configuration and the faults."""

    number: int
    """From 1, in the order in which attempts began."""
    run_id: str
    attempt: int
    began: datetime
    inventory: Object = field(repr=False)
    faults: tuple[Fault, ...]
    asked: Asked
    task: int = 0
    tasks: int = 1
    share: frozenset[str] | None = None
    """In a run of several tasks, the clusters of this task. Any share is right, as long as each cluster is in one."""

    @cached_property
    def lists(self) -> dict[str, Reading]:
        """Project -> its clusters."""
        return {project: self._list(project) for project in dict.fromkeys(self.asked.projects)}

    @cached_property
    def selected(self) -> dict[str, Object]:
        """`project/location/name` -> each cluster that the run has to collect."""
        listed = {path_of(cluster): cluster for listed in self.lists.values() for cluster in listed.objects}
        return {path: cluster for path, cluster in listed.items() if path not in self.asked.exclude}

    @cached_property
    def snapshots(self) -> dict[str, Snapshot]:
        """`project/location/name` -> the cluster's snapshot."""
        return {
            path: Snapshot(cluster, {kind: self._read(cluster, kind) for kind in KINDS})
            for path, cluster in self.selected.items()
            if self.share is None or path in self.share
        }

    def _list(self, project: str) -> Reading:
        faults = [fault for fault in self.faults if fault.at == project]
        for fault in faults:
            if fault.kind in PROJECTS:
                return PROJECTS[fault.kind]
        clusters = [cluster for cluster in self.inventory["clusters"] if cluster["project"] == project]
        zones = {zone for fault in faults if fault.kind == "missing_zones" for _, zone in fault.options}
        listed = tuple(cluster for cluster in clusters if cluster["location"] not in zones)
        if zones:
            return Reading("partial", 200, "MissingZones", listed, tuple(sorted(zones)))
        return Reading("ok", 200, None, listed)

    def _read(self, cluster: Object, kind: str) -> Reading:
        if kind in self.asked.off:
            return Reading("off", None)
        if cluster["status"] not in CONNECTABLE:
            return Reading("not_running", None, cluster["status"])
        faults = [fault for fault in self.faults if fault.at == path_of(cluster)]
        if any(fault.kind in NO_CONNECTION for fault in faults):
            return Reading("unreachable", None, ANY)
        objects = sorted(cluster["objects"][kind], key=key_of)
        pages = [objects[at : at + self.asked.page_limit] for at in range(0, len(objects), self.asked.page_limit)]
        fault = next((one for one in faults if fnmatchcase(kind, one.resource) and _applies(one, len(pages))), None)
        if fault and fault.kind in BEFORE_AUTHORIZATION:
            return ANSWERS[fault.kind, dict(fault.options).get("code")]
        if {"*", kind} & set(cluster["forbidden"]):
            return ANSWERS["forbidden", None]
        if fault and (fault.kind, None) in ANSWERS:
            return ANSWERS[fault.kind, None]
        if fault and fault.kind == "wrong_type":
            spoilt = {1: pages[:1], 2: pages[1:], None: pages}[fault.page][: fault.times]
            names = tuple(key_of(page[0]) for page in spoilt)
            if names:
                kept = tuple(item for item in objects if key_of(item) not in names)
                return Reading("partial", 200, None, kept, names)
        return Reading("ok", 200, None, tuple(objects))


def _applies(fault: Fault, pages: int) -> bool:
    """Whether the fault still holds after all retries, in a list of that many pages."""
    if fault.times is not None and fault.kind in MENDED_BY_ASKING_AGAIN:
        return False
    return pages > 1 or (fault.page != 2 and fault.kind != "expired_continue")


def path_of(cluster: Object) -> str:
    return f"{cluster['project']}/{cluster['location']}/{cluster['name']}"


def key_of(item: Object) -> str:
    """`namespace/name`, or the name. API servers list objects in this order."""
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


@dataclass
class Knowledge:
    """All committed attempts, in the order in which they began, whenever they committed."""

    attempts: list[Attempt] = field(default_factory=list)
    """Committed or not."""
    committed: list[Attempt] = field(default_factory=list)

    def commit(self, attempt: Attempt) -> None:
        self.committed = sorted([*self.committed, attempt], key=lambda one: one.number)

    def clusters(self) -> dict[str, Attempt]:
        """Each cluster that may still exist -> the newest attempt that took a snapshot of it.

        A cluster is gone once a complete list of its project's clusters lacks it, and until a cluster of its name is
        collected again. Neither a cluster that was not collected nor a list that failed proves anything.
        """
        found: dict[str, Attempt] = {}
        for attempt in self.committed:
            found |= dict.fromkeys(attempt.snapshots, attempt)
            for project, listed in attempt.lists.items():
                if listed.outcome == "ok":
                    there = {path_of(cluster) for cluster in listed.objects}
                    found = {path: at for path, at in found.items() if _project(path) != project or path in there}
        return found

    def is_gone(self, path: str, listed: Attempt) -> bool:
        """Whether a complete list that is newer than the attempt lacks the cluster."""
        project = _project(path)
        later = [one.lists[project] for one in self.committed if one.number > listed.number and project in one.lists]
        return any(one.outcome == "ok" and path not in map(path_of, one.objects) for one in later)

    def last_read(self, path: str, kind: str) -> Attempt | None:
        """The newest attempt that could read the kind in the cluster that exists now.

        A cluster that was created again under its name is another cluster, without older readings.
        """
        cluster_id = self.clusters()[path].snapshots[path].cluster["id"]
        for attempt in reversed(self.committed):
            snapshot = attempt.snapshots.get(path)
            if snapshot and snapshot.cluster["id"] == cluster_id and snapshot.readings[kind].is_read:
                return attempt
        return None

    def projects(self) -> dict[str, list[Attempt]]:
        """Each project that was ever listed -> the attempts that listed it: those of the newest run first and, among
        its tasks, the least complete list first."""
        found: dict[str, list[Attempt]] = {}
        for attempt in self.committed:
            for project in attempt.lists:
                found.setdefault(project, []).append(attempt)
        for project, asked in found.items():
            newest = {one.run_id: one.number for one in asked}  # the last attempt of each run
            asked.sort(key=lambda one: (-newest[one.run_id], _completeness(one.lists[project]), -one.number))
        return found

    def settled(self, project: str) -> Attempt | None:
        """The newest attempt that listed the project in a finished run: one whose tasks are all committed, or that is
        followed by another run that listed the project."""
        asked = self.projects()[project]
        tasks = {one.task for one in self.committed if one.run_id == asked[0].run_id}
        is_over = len(tasks) == asked[0].tasks
        return next((one for one in asked if is_over or one.run_id != asked[0].run_id), None)

    def lapse(self, path: str) -> Reading | None:
        """The list of a later, finished run that did not collect the cluster."""
        newest, project = self.clusters()[path], _project(path)
        settled = self.settled(project)
        if settled is None or settled.number < newest.number or settled.run_id == newest.run_id:
            return None
        return settled.lists[project]

    def attempt_of(self, row: Object) -> Attempt | None:
        """The attempt that wrote a row of `runs` or `snapshots`."""
        for attempt in reversed(self.attempts):
            named = (row["run_id"], row["task_index"], row["attempt"])
            if named == (attempt.run_id, attempt.task, attempt.attempt) and attempt.began <= row["snapshot_time"]:
                return attempt
        return None


def _project(path: str) -> str:
    return path.partition("/")[0]


def _completeness(listed: Reading) -> int:
    return {"ok": 2, "partial": 1}.get(listed.outcome, 0)
