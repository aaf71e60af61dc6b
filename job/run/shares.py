"""Which task of a run takes which cluster: each one exactly once, also when tasks see different lists.

Tasks list the clusters at different moments, and autoscaling changes node counts meanwhile: so a task's share must not
depend on what it has listed itself. It depends on weights that all tasks of the run read the same (see `Sink.weights`),
and, for clusters that those do not know, on the cluster's name alone.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping

OVERHEAD = 300
"""What a cluster costs besides its objects, in objects: a dozen requests and their latency."""


class Shares:
    """The shares of all tasks of one run.

    The heaviest cluster goes to the lightest task, again and again: what puts a task above the mean is then never more
    than one cluster.

    Args:
        weights: `project/location/name` -> objects in its last snapshot, the same for all tasks.
        count: how many tasks the run has.
    """

    def __init__(self, weights: Mapping[str, int], count: int) -> None:
        self._count = count
        self._task: dict[str, int] = {}
        lightest = [(0, task) for task in range(count)]
        for name in sorted(weights, key=lambda name: (-weights[name], name)):
            load, task = heapq.heappop(lightest)
            self._task[name] = task
            heapq.heappush(lightest, (load + weights[name] + OVERHEAD, task))

    def task_of(self, name: str) -> int:
        """The task, from 0, that takes the cluster; one without a weight goes where its name says."""
        known = self._task.get(name)
        if known is not None:
            return known
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self._count
