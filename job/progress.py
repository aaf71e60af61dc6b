"""How far a run is: counters that the run keeps, and that any thread may read while it lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import msgspec

from job.waiting import awaited

STARTING, LISTING, READING, PUBLISHING = PHASES = ("starting", "listing projects", "reading", "publishing")

EachCluster = Callable[[int, int], None]
"""Called after each cluster: how many are done, and how many there are."""


class Lasting(msgspec.Struct, frozen=True):
    """Something that has lasted for so many seconds."""

    name: str
    seconds: float


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A run, or one task of it, at one moment."""

    phase: str
    projects: int = 0
    projects_done: int = 0
    clusters: int = 0
    clusters_done: int = 0
    objects: int = 0
    """Read so far, also of clusters that are not done."""
    slowest: Lasting | None = None
    """The cluster that has been contacted or read for longest."""
    awaited: Lasting | None = None
    """What has been waited for for longest, and for more than two seconds."""
    also_awaited: int = 0
    """How much else is waited for."""


class ClusterProgress:
    """One cluster of a run, while it is read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.since: float | None = monotonic()
        """When it began, on the monotonic clock; None while it waits for a worker, which is not its own slowness."""
        self.objects: Callable[[], int] = int
        """How many were read so far."""


class RunProgress:
    """The counters of a run, which starts when this is made."""

    def __init__(self, each_cluster: EachCluster | None = None) -> None:
        self.began = monotonic()
        self.phase = STARTING
        self.projects = self.projects_done = self.clusters = self.clusters_done = 0
        self.is_shown = False
        """Whether somebody shows it, so that the processes of tasks have to report theirs."""
        self.tasks: dict[int, Seen] = {}
        """Index -> what a process of this run reported last."""
        self._each_cluster = each_cluster
        self._lock = threading.Lock()
        self._objects = 0
        self._clusters: dict[int, ClusterProgress] = {}

    @contextmanager
    def cluster(self, name: str) -> Iterator[ClusterProgress]:
        """Inside the block, the calling thread contacts and reads this cluster."""
        found, thread = ClusterProgress(name), threading.get_ident()
        self._clusters[thread] = found
        try:
            yield found
        finally:
            with self._lock:
                self._objects += found.objects()
            del self._clusters[thread]

    def cluster_done(self) -> None:
        """Counts one more cluster. Raises what the caller of the run raises for it."""
        self.clusters_done += 1
        if self._each_cluster is not None:
            self._each_cluster(self.clusters_done, self.clusters)

    def seen(self) -> Seen:
        """The run at this moment, with its other processes."""
        waits, now = awaited(), monotonic()
        clusters = list(self._clusters.values())
        running = [Lasting(each.name, now - each.since) for each in clusters if each.since is not None]
        own = Seen(
            phase=self.phase,
            projects=self.projects,
            projects_done=self.projects_done,
            clusters=self.clusters,
            clusters_done=self.clusters_done,
            objects=self._objects + sum(each.objects() for each in clusters),
            slowest=_longest(running),
            awaited=Lasting(*waits[0]) if waits else None,
            also_awaited=max(len(waits) - 1, 0),
        )
        return _together(own, list(self.tasks.values())) if self.tasks else own


def _together(own: Seen, tasks: list[Seen]) -> Seen:
    """One run of several processes. Each task lists projects of its own, or those of all."""
    every = [own, *tasks]
    waits = [each.awaited for each in every if each.awaited is not None]
    return Seen(
        phase=own.phase if own.phase == PUBLISHING else min((each.phase for each in tasks), key=PHASES.index),
        projects=max(each.projects for each in every),
        projects_done=max(each.projects_done for each in every),
        clusters=sum(each.clusters for each in every),
        clusters_done=sum(each.clusters_done for each in every),
        objects=sum(each.objects for each in every),
        slowest=_longest([each.slowest for each in every if each.slowest is not None]),
        awaited=_longest(waits),
        also_awaited=sum(each.also_awaited for each in every) + max(len(waits) - 1, 0),
    )


def _longest(lasting: list[Lasting]) -> Lasting | None:
    return max(lasting, key=lambda each: each.seconds, default=None)
