"""When the time for a run, a cluster or a list is up."""

from __future__ import annotations

from typing import NamedTuple

from job.collect.failures import ReadFailure


class Deadline(NamedTuple):
    """The end of somebody's time."""

    at: float
    """On the monotonic clock."""
    reason: str
    """`RunTimeout`, `ClusterTimeout` or `KindTimeout`."""
    message: str

    def unread(self) -> ReadFailure:
        return ReadFailure("timed_out", self.message, reason=self.reason)
