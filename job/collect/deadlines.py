"""When the time of a run, a cluster or a list is up. `http_reader.py` bounds each request."""

from __future__ import annotations

from typing import NamedTuple

from job.collect.failures import ReadFailure


class Deadline(NamedTuple):
    """The end of a run's, a cluster's or a list's time. The smaller of two deadlines is the earlier one."""

    at: float
    """On the monotonic clock."""
    reason: str
    """`RunTimeout`, `ClusterTimeout` or `KindTimeout`."""
    message: str

    def failure(self) -> ReadFailure:
        """The failure of a read that did not end by this deadline."""
        return ReadFailure("timed_out", self.message, reason=self.reason)
