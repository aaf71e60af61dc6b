"""Which task of a run collects which cluster, and which projects it lists for that.

Each cluster is in exactly one share, even if the tasks list different clusters: they list them at different moments,
and autoscaling changes node counts in between. So the answer does not depend on what a task has listed, but on weights
that all tasks of the run read alike (`Sink.cluster_weights`), and for clusters without a weight on names alone.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

OVERHEAD = 300
"""The cost of any cluster besides its objects, in objects: a dozen requests and their latency."""
FIRST = 0
"""The task that lists all projects, and records the lists."""


class ClusterShares:
    """Every task's share of the clusters of one run.

    The heaviest known cluster goes to the lightest task, again and again, so that no task is above the mean by more
    than one cluster. A task lists the projects of its known clusters, and the first task lists all. So a run lists at
    most as many projects as there are projects and known clusters, however many tasks it has. A new cluster goes to
    one of the tasks that list its project for known clusters, or else to the first.

    In a first run no cluster is known. Then the projects are divided, and few projects among several tasks each.

    Args:
        weights: `project/location/name` -> objects in its last snapshot, the same for all tasks.
        task_count: how many tasks the run has.
        projects: those that the configuration names; none where it names folders too, which tasks may list otherwise.
    """

    def __init__(self, weights: Mapping[str, int], task_count: int, projects: Sequence[str] = ()) -> None:
        self._task_count = task_count
        self._position = {project: position for position, project in enumerate(projects)}
        self._tasks: dict[str, int] = {}
        loads = [(0, task) for task in range(task_count)]
        for name in sorted(weights, key=lambda name: (-weights[name], name)):
            load, task = heapq.heappop(loads)
            self._tasks[name] = task
            heapq.heappush(loads, (load + weights[name] + OVERHEAD, task))
        listing: dict[str, set[int]] = defaultdict(set)
        for name, task in self._tasks.items():
            listing[_project(name)].add(task)
        self._listing = {project: sorted(tasks) for project, tasks in listing.items()}

    def task_for(self, name: str) -> int:
        """The index of the task that collects the cluster."""
        known = self._tasks.get(name)
        if known is not None:
            return known
        tasks = self._tasks_that_list(_project(name))
        return tasks[_number(name) % len(tasks)]

    def lists(self, task: int, project_id: str) -> bool:
        """Whether the task lists the clusters of a project."""
        return task == FIRST or task in self._tasks_that_list(project_id)

    def _tasks_that_list(self, project_id: str) -> list[int]:
        """The tasks that list a project for clusters of theirs."""
        if self._tasks:
            return self._listing.get(project_id, [FIRST])
        position, projects, tasks = self._position.get(project_id), len(self._position), self._task_count
        if position is None:
            return [_number(project_id) % tasks]
        if tasks <= projects:
            return [position % tasks]
        return list(range(position * tasks // projects, (position + 1) * tasks // projects))


def _project(name: str) -> str:
    return name.partition("/")[0]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
