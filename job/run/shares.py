"""Which task of a run collects which cluster: each exactly one, even if the tasks list different clusters.

Tasks list the clusters at different moments, and autoscaling changes node counts in between. So the answer does not
depend on what a task has listed, but on weights that all tasks of the run read alike (`Sink.cluster_weights`) and, for
clusters without a weight, on the cluster's name alone.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping

OVERHEAD = 300
"""The cost of any cluster besides its objects, in objects: a dozen requests and their latency."""


class ClusterShares:
    """Every task's share of the clusters of one run.

    The heaviest cluster goes to the lightest task, again and again, so that no task is above the mean by more than one
    cluster.

    Args:
        weights: `project/location/name` -> objects in its last snapshot, the same for all tasks.
        task_count: how many tasks the run has.
    """

    def __init__(self, weights: Mapping[str, int], task_count: int) -> None:
        self._task_count = task_count
        self._tasks: dict[str, int] = {}
        loads = [(0, task) for task in range(task_count)]
        for name in sorted(weights, key=lambda name: (-weights[name], name)):
            load, task = heapq.heappop(loads)
            self._tasks[name] = task
            heapq.heappush(loads, (load + weights[name] + OVERHEAD, task))

    def task_for(self, name: str) -> int:
        """The index of the task that collects the cluster; without a weight, a hash of its name decides."""
        known = self._tasks.get(name)
        if known is not None:
            return known
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self._task_count
