"""What a reader can know of a fleet from the attempts that were committed: what exists, what was read, what is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from truth.model import DISCOVERY, KINDS, Attempt, Object, Reading, path_of


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
            if self._is_of_same_cluster(attempt, path):
                reading = attempt.snapshots[path].readings.get(kind)
                if reading and reading.is_read:
                    return attempt
        return None

    def kinds(self, path: str) -> dict[str, set[str]]:
        """What was ever asked for in the cluster that exists now: kinds, and what `objects` names -> by which runs."""
        found: dict[str, set[str]] = {}
        for attempt in self.committed:
            for kind in attempt.snapshots[path].readings if self._is_of_same_cluster(attempt, path) else ():
                found.setdefault(kind, set()).add(attempt.run_id)
        return found

    def object_names(self) -> dict[str, frozenset[str]]:
        """Cluster -> what any run has asked it for by `objects`."""
        found: dict[str, frozenset[str]] = {}
        for attempt in self.committed:
            for path, snapshot in attempt.snapshots.items():
                named = snapshot.readings.keys() - KINDS.keys() - {DISCOVERY}
                found[path] = found.get(path, frozenset()) | named
        return found

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
        same = [one for one in reversed(self.committed) if self._is_of_same_cluster(one, path)]
        attempts = [one for one in same if kind in one.snapshots[path].readings]
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
