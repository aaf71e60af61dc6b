"""Plays a history on the simulated fleet, and checks what the warehouse shows after each attempt of each run."""

from __future__ import annotations

import copy
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol
from unittest.mock import patch

import msgspec
from declared import SOME_KINDS
from truth import history as step
from truth.custom_resources import Choice, made
from truth.history import Chapter, Death, ProjectTrouble, Run, Trouble
from truth.knowledge import Knowledge
from truth.model import NO_CONNECTION, Asked, Attempt, Fault, Object, key_of, path_of
from truth.oracle import Seen, judge

from job.config import Config
from job.errors import SinkError
from job.run.one_task import run
from job.run.summary import Summary
from job.simulator import Simulator
from job.sinks.protocol import Commit
from job.spool import Rows


class Warehouse(Protocol):
    """Where the runs of a history write."""

    url: str

    def seen(self) -> Seen:
        """What the warehouse shows now."""

    def snapshots(self) -> list[Object]:
        """The rows of `snapshots`."""

    def dying(self, loaded: tuple[str, ...]) -> AbstractContextManager[None]:
        """Inside the context, runs die after they have loaded exactly these tables."""


class Died(Exception):  # noqa: N818
    """An attempt was killed."""


class Slow(NamedTuple):
    """An attempt that has collected everything, and waits before it publishes."""

    attempt: Attempt
    release: threading.Event
    thread: threading.Thread
    ended: list[Summary | BaseException]


class Stage:
    """A history that is being played."""

    def __init__(
        self,
        simulator: Simulator,
        warehouse: Warehouse,
        fleet: step.Fleet,
        kinds: Mapping[str, bool] = SOME_KINDS,
    ) -> None:
        self._simulator, self._warehouse = simulator, warehouse
        self._kinds = kinds
        self.knowledge = Knowledge()
        self._name = uuid.uuid4().hex[:8]
        self.events: list[str] = []
        """What has happened so far, for the message of a failure."""
        self.judged = 0
        self._made = 0
        self._deleted: list[str] = []
        self._slow: Slow | None = None
        simulator.change_fleet(clusters=fleet.clusters, pods=fleet.pods, seed=fleet.seed, plain=True)
        self._note(f"{fleet}: {', '.join(simulator.clusters)}")

    def play(self, chapters: Iterable[Chapter]) -> None:
        """Plays the chapters.

        Raises:
            AssertionError: the warehouse shows something wrong.
        """
        try:
            for chapter in chapters:
                for change in chapter.changes:
                    self._change(change)
                slow, self._slow = self._slow, None
                self._run(chapter.run, self._faults(chapter.troubles))
                if slow:
                    self._commit_late(slow)
        finally:
            if self._slow:
                self._commit_late(self._slow)

    # changes of the fleet

    def _change(self, change: step.Change) -> None:
        if isinstance(change, step.CreateCluster):
            self._create_cluster(change.project)
            return
        cluster = self._cluster(change.cluster)
        if cluster is None:
            return
        path = path_of(cluster)
        if isinstance(change, step.DeleteCluster):
            self._note(f"  delete {path}")
            self._simulator.delete_cluster(path)
            self._deleted.append(path)
        elif isinstance(change, step.SetStatus):
            self._note(f"  {path} is {change.status}")
            self._simulator.set_status(path, change.status)
        elif isinstance(change, step.Forbid):
            self._note(f"  {path} refuses {', '.join(change.kinds) or 'nothing'}")
            self._simulator.forbid(path, *change.kinds)
        else:
            self._change_object(change, cluster)

    def _create_cluster(self, project: int) -> None:
        self._made += 1
        projects = self._simulator.projects
        path = f"{projects[project % len(projects)]}/europe-west4/made-{self._made}"
        if self._deleted:
            path = self._deleted.pop(project % len(self._deleted))
        self._note(f"  create {path}")
        self._simulator.create_cluster(path)

    def _change_object(self, change: step.Create | step.Alter | step.Delete, cluster: Object) -> None:
        objects, path = cluster["objects"].get(change.kind), path_of(cluster)
        objects = objects or (made(change.kind) if isinstance(change, step.Create) else ())
        if not objects:
            return
        self._made += 1
        which = change.like if isinstance(change, step.Create) else change.which
        item = copy.deepcopy(objects[which % len(objects)])
        if not isinstance(change, step.Create):
            self._simulator.delete(path, change.kind, key_of(item))
        if isinstance(change, step.Create):
            item["metadata"] |= {"name": f"{item['metadata']['name']}-{self._made}", "uid": f"uid-{self._made}"}
        if isinstance(change, step.Alter):
            item["metadata"]["labels"] = (item["metadata"].get("labels") or {}) | {"altered": str(self._made)}
            if "replicas" in item.get("spec", {}):
                item["spec"]["replicas"] = self._made
        if not isinstance(change, step.Delete):
            self._simulator.create(path, change.kind, item)
        self._note(f"  {type(change).__name__.lower()} {change.kind} {key_of(item)} of {path}")

    def _cluster(self, number: int) -> Object | None:
        clusters = self._simulator.inventory()["clusters"]
        return clusters[number % len(clusters)] if clusters else None

    # faults

    def _faults(self, troubles: tuple[Trouble | ProjectTrouble, ...]) -> tuple[Fault, ...]:
        """The faults, at most one for each list."""
        clusters = self._simulator.inventory()["clusters"]
        faults: list[Fault] = []
        for trouble in troubles:
            fault = self._fault(trouble, clusters)
            if fault and not any(one.at == fault.at and _overlap(one, fault) for one in faults):
                self._note(f"  fault: {' '.join(str(value) for value in fault if value)}")
                faults.append(fault)
        return tuple(faults)

    def _fault(self, trouble: Trouble | ProjectTrouble, clusters: list[Object]) -> Fault | None:
        if isinstance(trouble, ProjectTrouble):
            project = self._simulator.projects[trouble.project % len(self._simulator.projects)]
            times = 1 if trouble.kind == "gke_unavailable" else None  # each retry waits, for 20 s in all
            locations = [cluster["location"] for cluster in clusters if cluster["project"] == project]
            zones = [("zones", locations[trouble.project % len(locations)] if locations else "us-east1-d")]
            return Fault(project, trouble.kind, times=times, options=tuple(zones if "zones" in trouble.kind else ()))
        if not clusters:
            return None
        path = path_of(clusters[trouble.cluster % len(clusters)])
        return Fault(path, trouble.kind, trouble.resource, trouble.times, trouble.page, trouble.options)

    # runs

    def _run(self, asked_for: Run, faults: tuple[Fault, ...]) -> None:
        asked, run_id = self._asked(asked_for), f"{self._name}-{len(self.knowledge.attempts) + 1}"
        for task in range(asked_for.tasks):
            self._task(asked_for, task, partial(self._attempt, asked, faults, run_id, (task, asked_for.tasks)))

    def _task(self, asked_for: Run, task: int, attempt: Callable[[int], Attempt]) -> None:
        number = 0
        for death in asked_for.deaths if task == 0 else ():
            self._die(attempt(number), death)
            number += not death.repeated
        if task == {"first": 0, "last": asked_for.tasks - 1}.get(asked_for.gives_up):
            self._note("  and nobody tries again")
        elif asked_for.late == "run" and asked_for.tasks == 1:
            self._slow = self._start_slowly(attempt(number))
        elif asked_for.late == "attempt":
            slow = self._start_slowly(attempt(number))
            self._finish(attempt(number + 1))
            self._commit_late(slow)
        else:
            self._finish(attempt(number))

    def _asked(self, asked_for: Run) -> Asked:
        projects = self._simulator.projects
        skipped = {projects[number % len(projects)] for number in asked_for.skip}
        excluded = [self._cluster(number) for number in asked_for.exclude]
        asked = Asked(
            projects=tuple(project for project in projects if project not in skipped),
            exclude=tuple(path_of(cluster) for cluster in excluded if cluster),
            off=tuple(kind for kind, is_on in self._kinds.items() if not is_on or kind in asked_for.off),
            page_limit=asked_for.page_limit,
            objects=Choice(asked_for.objects, asked_for.without_objects),
        )
        self._note(
            f"  asked: {', '.join(asked.projects)}; pages of {asked.page_limit}"
            f"{'; without ' + ', '.join(asked.exclude) if asked.exclude else ''}"
            f"{'; off: ' + ', '.join(asked_for.off) if asked_for.off else ''}"
            f"{f'; objects: {asked.objects}' if any(asked.objects) else ''}"
        )
        return asked

    def _attempt(
        self, asked: Asked, faults: tuple[Fault, ...], run_id: str, task: tuple[int, int], number: int
    ) -> Attempt:
        """Sets the faults and the environment, and records an attempt that is about to begin."""
        self._simulator.clear()
        for fault in faults:
            options = {"times": fault.times, "page": fault.page, **dict(fault.options)}
            self._simulator.fault(fault.at, fault.kind, fault.resource, **options)
        os.environ["CLOUD_RUN_EXECUTION"], os.environ["CLOUD_RUN_TASK_ATTEMPT"] = run_id, str(number)
        os.environ["CLOUD_RUN_TASK_INDEX"], os.environ["CLOUD_RUN_TASK_COUNT"] = map(str, task)
        attempts = self.knowledge.attempts
        attempts.append(
            Attempt(
                number=len(attempts) + 1,
                run_id=run_id,
                attempt=number,
                began=datetime.now(UTC),
                inventory=self._simulator.inventory(),
                faults=faults,
                asked=asked,
                task=task[0],
                tasks=task[1],
                known=self.knowledge.object_names(),
            )
        )
        return attempts[-1]

    def _finish(self, attempt: Attempt) -> None:
        self._ended(attempt, self._make(attempt))

    def _die(self, attempt: Attempt, death: Death) -> None:
        with self._warehouse.dying(death.loaded):
            try:
                self._ended(attempt, self._make(attempt))
            except (Died, SinkError):
                self._note(f"attempt {attempt.number} ({_named(attempt)}) dies with {death.loaded}")
        self.judge()

    def _ended(self, attempt: Attempt, summary: Summary) -> None:
        came = "had been committed before" if summary.committed_before else f"is committed: {summary.run.status}"
        self._note(f"attempt {attempt.number} ({_named(attempt)}) {came}")
        if summary.bug:
            self._fail([f"attempt {attempt.number} met a bug: {summary.gaps}"])
        task = (attempt.run_id, attempt.task)
        others = [one for one in self.knowledge.committed if (one.run_id, one.task) == task]
        if summary.committed_before != bool(others):
            self._fail([f"attempt {attempt.number} says committed_before={summary.committed_before}"])
        if not others:
            if attempt.tasks > 1:
                attempt.share, attempt.recorded = self._share(attempt), self._recorded(attempt)
            self.knowledge.commit(attempt)
        self.judge()

    def _share(self, attempt: Attempt) -> frozenset[str]:
        """The clusters of the task, by its rows of `snapshots`."""
        rows = [row for row in self._warehouse.snapshots() if self.knowledge.attempt_of(row) is attempt]
        return frozenset(f"{row['project_id']}/{row['location']}/{row['cluster']}" for row in rows)

    def _recorded(self, attempt: Attempt) -> frozenset[str]:
        """The projects whose lists the task has recorded, by its rows of `collections`."""
        rows = self._warehouse.lists()
        return frozenset(str(row["project_id"]) for row in rows if self.knowledge.attempt_of(row) is attempt)

    def _make(self, attempt: Attempt) -> Summary:
        return run(self.config(attempt.asked))

    def config(self, asked: Asked) -> Config:
        """The configuration, with deadlines for a fleet that responds at once or never."""
        keys = {
            **self._simulator.configuration,
            "projects": asked.projects,
            "clusters": {"exclude": asked.exclude},
            "kinds": {kind: kind not in asked.off for kind in self._kinds},
            "objects": asked.objects._asdict(),
            "upgrade_info": False,
            "page_limit": asked.page_limit,
            "sink": self._warehouse.url,
            "timeouts": {"request_seconds": 60, "retry_seconds": 60},
        }
        return msgspec.convert(keys, Config)

    def _start_slowly(self, attempt: Attempt) -> Slow:
        """Starts the run in a thread, which stops just before it publishes."""
        reached, release = threading.Event(), threading.Event()
        ended: list[Summary | BaseException] = []

        def before_publishing() -> None:
            reached.set()
            release.wait()

        def make() -> None:
            try:
                ended.append(self._make(attempt))
            except BaseException as error:  # noqa: BLE001 (raised again in `_commit_late`)
                ended.append(error)
            reached.set()

        with caught(lambda sink, rows, commit: (before_publishing(), sink.publish(rows, commit))[1]):
            thread = threading.Thread(target=make, daemon=True)
            thread.start()
            reached.wait()
        self._note(f"attempt {attempt.number} ({_named(attempt)}) is slow to publish")
        return Slow(attempt, release, thread, ended)

    def _commit_late(self, slow: Slow) -> None:
        slow.release.set()
        slow.thread.join()
        (ended,) = slow.ended
        if isinstance(ended, BaseException):
            raise ended
        self._ended(slow.attempt, ended)

    # checks

    def judge(self) -> None:
        """Checks everything that the warehouse shows now.

        Raises:
            AssertionError: something is wrong.
        """
        self.judged += 1
        seen = self._warehouse.seen()
        for row in seen.runs:
            attempt = self.knowledge.attempt_of(row)
            if attempt in self.knowledge.committed:
                attempt.began = row["snapshot_time"]  # rules compare the times of runs, to the microsecond
        wrong = judge(seen, self.knowledge, self._simulator.inventory())
        if wrong:
            self._fail(wrong)

    def _fail(self, wrong: list[str]) -> None:
        shown: dict[str, list[str]] = {}
        for one in wrong:
            shown.setdefault(one.partition(":")[0], []).append(f"- {one}")
        first = [
            line
            for lines in shown.values()
            for line in (*lines[:3], *(f"  ... {len(lines) - 3} more",)[: len(lines) // 4])
        ]
        raise AssertionError("\n".join(["", *self.events, "", "wrong:", *first]))

    def _note(self, text: str) -> None:
        self.events.append(text)


def _named(attempt: Attempt) -> str:
    task = f", task {attempt.task} of {attempt.tasks}" if attempt.tasks > 1 else ""
    return f"run-{attempt.run_id.rpartition('-')[2]}{task}, {attempt.attempt}"


def _overlap(one: Fault, other: Fault) -> bool:
    """Whether both faults can affect one list. A refused token is refreshed only once for each cluster."""
    if one.kind == other.kind == "unauthorized":
        return True
    return "*" in (one.resource, other.resource) or one.resource == other.resource or one.kind in NO_CONNECTION


@contextmanager
def caught(publish: Callable[[Any, Rows, Commit], bool]) -> Iterator[None]:
    """Inside the context, new runs publish through this function: the last moment at which a run can be stopped."""
    from job.run.one_task import open_sink

    class Caught:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._sink = open_sink(*arguments, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sink, name)

        def publish(self, rows: Rows, commit: Commit) -> bool:
            return publish(self._sink, rows, commit)

    with patch("job.run.one_task.open_sink", Caught):
        yield
