"""What a reader can know of a fleet: the objects, the configuration and the faults of each run.

A small model, written from the documentation and the descriptions of columns. It takes the names of kinds from the job,
and shares no other code with it: its only source is the simulator's own inventory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from job import kinds

Object = dict[str, Any]

KINDS = {kind.resource: kind.name for kind in kinds.KINDS}
_OPTIONAL = {kind.resource for kind in kinds.KINDS if kind.optional}
"""Kinds that some clusters do not serve."""
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
NOT_INSTALLED = Reading("ok", 404, "NotServed")
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


@dataclass(eq=False)
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
    recorded: frozenset[str] | None = None
    """In a run of several tasks, the projects whose lists this task has recorded: the first task all of them."""

    @cached_property
    def answers(self) -> dict[str, Reading]:
        """Project -> its clusters, whoever asks."""
        return {project: self._list(project) for project in dict.fromkeys(self.asked.projects)}

    @property
    def lists(self) -> dict[str, Reading]:
        """Project -> its clusters, as the attempt has recorded them."""
        answers = self.answers.items()
        return {project: listed for project, listed in answers if self.recorded is None or project in self.recorded}

    @cached_property
    def selected(self) -> dict[str, Object]:
        """`project/location/name` -> each cluster that the run has to collect."""
        listed = {path_of(cluster): cluster for listed in self.answers.values() for cluster in listed.objects}
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
        found = cluster["objects"].get(kind, ())
        objects = sorted((item for item in found if kind != "events" or item["type"] == "Warning"), key=key_of)
        pages = [objects[at : at + self.asked.page_limit] for at in range(0, len(objects), self.asked.page_limit)]
        fault = next((one for one in faults if fnmatchcase(kind, one.resource) and _applies(one, len(pages))), None)
        if fault and fault.kind in BEFORE_AUTHORIZATION:
            return _unless_optional(ANSWERS[fault.kind, dict(fault.options).get("code")], kind)
        if {"*", kind} & set(cluster["forbidden"]) or (fault and fault.kind == "forbidden"):
            return ANSWERS["forbidden", None]
        if kind not in cluster["objects"]:
            return NOT_INSTALLED
        if fault and (fault.kind, None) in ANSWERS:
            return ANSWERS[fault.kind, None]
        if fault and fault.kind == "wrong_type":
            spoilt = {1: pages[:1], 2: pages[1:], None: pages}[fault.page][: fault.times]
            names = tuple(key_of(page[0]) for page in spoilt)
            if names:
                kept = tuple(item for item in objects if key_of(item) not in names)
                return Reading("partial", 200, None, kept, names)
        return Reading("ok", 200, None, tuple(objects))


def _unless_optional(answer: Reading, kind: str) -> Reading:
    return NOT_INSTALLED if answer.outcome == "not_served" and kind in _OPTIONAL else answer


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
        for attempt in reversed(self.committed):
            if self._is_of_same_cluster(attempt, path) and attempt.snapshots[path].readings[kind].is_read:
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

    def sightings(self, project: str) -> dict[str, Attempt]:
        """Each cluster that a run whose tasks are all committed has listed -> the newest attempt that did."""
        found: dict[str, Attempt] = {}
        for attempt in self._settled(project):
            for cluster in attempt.lists[project].objects:
                found.setdefault(path_of(cluster), attempt)
        return found

    def lapse(self, path: str) -> Reading | None:
        """The list of a later, finished run that stands in for the one that collected the cluster last, and did not
        collect it. Of each configuration, the last finished run counts."""
        newest, configurations = self.clusters()[path], set()
        for later in self._settled(_project(path)):
            is_last = later.asked not in configurations
            configurations.add(later.asked)
            if not is_last or later.number < newest.number or path in self._collected(later.run_id):
                continue
            if self._stands_in(later, newest):
                return later.lists[_project(path)]
        return None

    def _settled(self, project: str) -> Iterator[Attempt]:
        for attempt in self.projects()[project]:
            tasks = {one.task for one in self.committed if one.run_id == attempt.run_id}
            if len(tasks) == attempt.tasks:
                yield attempt

    def asked_last(self, path: str, kind: str) -> Attempt:
        """The attempt that decides what is said of the kind: the newest one, unless the kind is off in it for a job
        that is another one than that which collects the kind."""
        attempts = [one for one in reversed(self.committed) if self._is_of_same_cluster(one, path)]
        for number, one in enumerate(attempts):
            earlier = (older for older in attempts[number + 1 :] if self._outcome(older, path, kind) != "off")
            asked_by = next(earlier, None)
            if self._outcome(one, path, kind) != "off" or asked_by is None:
                return one
            if one.asked == asked_by.asked or self._came_later(one, asked_by) or self._is_overdue(one, asked_by):
                return one
        raise AssertionError("the last attempt has no other one before it")

    def _is_of_same_cluster(self, attempt: Attempt, path: str) -> bool:
        """A cluster that was created again under its name is another cluster."""
        cluster_id = self.clusters()[path].snapshots[path].cluster["id"]
        return path in attempt.snapshots and attempt.snapshots[path].cluster["id"] == cluster_id

    @staticmethod
    def _outcome(attempt: Attempt, path: str, kind: str) -> str:
        return attempt.snapshots[path].readings[kind].outcome

    def _stands_in(self, later: Attempt, earlier: Attempt) -> bool:
        """The later run has the same configuration; or comes much later; or its configuration came up later, and
        collects some of the same clusters or none."""
        if later.asked == earlier.asked or self._is_overdue(later, earlier):
            return True
        collected = self._collected(later.run_id)
        shared = collected & self._collected(earlier.run_id)
        return self._came_later(later, earlier) and (not collected or bool(shared))

    def _came_later(self, later: Attempt, earlier: Attempt) -> bool:
        """Whether the later run's configuration was new after the earlier run began."""
        times = self._times()
        return min(times[one.run_id] for one in self.committed if one.asked == later.asked) > times[earlier.run_id]

    def _is_overdue(self, later: Attempt, earlier: Attempt) -> bool:
        """Whether more than twice the time between the earlier run and the one before has passed."""
        times = self._times()
        began = times[earlier.run_id]
        before = [times[one.run_id] for one in self.committed if one.asked == earlier.asked]
        previous = max((time for time in before if time < began), default=None)
        return previous is not None and times[later.run_id] - began > 2 * (began - previous)

    def _times(self) -> dict[str, datetime]:
        """Run -> when its first task began."""
        times: dict[str, datetime] = {}
        for one in self.committed:
            times[one.run_id] = min(one.began, times.get(one.run_id, one.began))
        return times

    def _collected(self, run_id: str) -> set[str]:
        return {path for one in self.committed if one.run_id == run_id for path in one.snapshots}

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
