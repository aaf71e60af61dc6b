"""How long one request is retried, and when."""

from __future__ import annotations

import math
import random
from time import monotonic

from job.collect.deadlines import Deadline

_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 10.0  # a server that is back is read within ten seconds, unless it asks for a longer wait
_LAST_ROOM = 0.1  # of the time until a deadline: what a retry needs at least


class RetryTime:
    """The retries of one request: `retry_seconds` from its first failure, whatever time the request itself took."""

    def __init__(self, retry_seconds: float, deadline: Deadline) -> None:
        self._seconds, self._deadline = retry_seconds, deadline
        self._attempts = 0
        self.end = math.inf
        """When the last retry is sent, on the monotonic clock; infinite before the first failure."""

    @property
    def is_first(self) -> bool:
        """Whether the last delay was the first."""
        return self._attempts == 1

    def delay(self, wanted: float) -> float | None:
        """Seconds until the next attempt; None where the time is up.

        A wait that is longer than the time left is cut to it, so that the last attempt is sent at the end: a server
        that is back after 42 of 60 seconds is read, although it asked for 50.

        Args:
            wanted: what the server asks for. Own delays double from half a second, with jitter.
        """
        now = monotonic()
        self._attempts += 1
        if self._attempts == 1:
            self.end = now + self._seconds
        left, until_deadline = self.end - now, self._deadline.at - now
        if left <= 0 or until_deadline <= 2 * _LAST_ROOM:
            return None
        delay = min(max(wanted, _own_delay(self._attempts)), left)
        if delay > (1 - _LAST_ROOM) * until_deadline:
            delay = until_deadline / 2  # at the deadline itself there would be no time for a response
        return delay

    def restart(self, wanted: float | None = None) -> float | None:
        """Begins anew, since what failed has changed: at once, or as `delay` says where the server asks for a wait."""
        self._attempts, self.end = 0, math.inf
        return 0.0 if wanted is None else self.delay(wanted)


def _own_delay(attempt: int) -> float:
    delay = min(_FIRST_DELAY_SECONDS * 2 ** min(attempt - 1, 10), _MAX_DELAY_SECONDS)
    return float(delay * random.uniform(0.75, 1.25))  # noqa: S311
