"""What earlier attempts of a task have committed: a retry after a stop reads the rest, and commits it as the next part.

A part is committed once, as a task is. Its rows have ids of their own, so a list that one part has read is in no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from job.collect.ledger import ClusterStatus, ListOutcome, status_of
from job.discover.selection import Target
from job.sinks.protocol import CommittedList


class CommittedCluster(NamedTuple):
    """A cluster of which nothing is left to read."""

    name: str
    """`project/location/cluster`."""
    status: ClusterStatus
    lists: tuple[ListOutcome, ...]


class Earlier:
    """The earlier parts of a task.

    Args:
        committed: all lists of these parts.
    """

    def __init__(self, committed: Sequence[CommittedList] = ()) -> None:
        self._lists: dict[str, list[CommittedList]] = defaultdict(list)
        self._stopped: dict[str, set[str]] = defaultdict(set)
        self.row_count = max((each.row_count for each in committed), default=0)
        """Rows of all of them."""
        for each in committed:
            name = f"{each.project_id}/{each.location}/{each.cluster}"
            if each.outcome == "stopped":
                self._stopped[name].add(each.resource)
            else:
                self._lists[name].append(each)
        for name, lists in self._lists.items():  # a later part has read what an earlier one was stopped at
            self._stopped[name] -= {each.resource for each in lists}

    def left(self, targets: Sequence[Target]) -> list[Target]:
        """The clusters of which something is left to read."""
        return [target for target in targets if not self.lists_of(target) or self._stopped[target.name]]

    def lists_of(self, target: Target) -> tuple[CommittedList, ...]:
        """The lists of this cluster that are committed; none of one that was recreated under its name."""
        lists = self._lists.get(target.name, [])
        is_same = all(each.cluster_id in (None, target.cluster.id or None) for each in lists)
        return tuple(lists) if is_same else ()

    def clusters(self, without: Sequence[Target] = ()) -> list[CommittedCluster]:
        """The clusters of which nothing was left to read, and that are not among those `without`."""
        again = {target.name for target in without}
        return [
            CommittedCluster(name, status_of(lists), tuple(lists))
            for name, lists in self._lists.items()
            if lists and not self._stopped[name] and name not in again
        ]
