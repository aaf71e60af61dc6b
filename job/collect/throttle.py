"""How many requests one API server is sent at a time: as many as it bears."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

MAX_CONCURRENT_REQUESTS = 4  # requests to one API server: its priority and fairness knows us as one flow among its many
_PROBATION = 10  # good answers, after which a server that was asked too much is sent one request more at a time


class ThrottleTimeoutError(Exception):
    """A request's turn has not come in time."""


class Throttle:
    """Lets requests through: half as many at a time after a 429, and then one more after every ten good answers."""

    def __init__(self, most: int = MAX_CONCURRENT_REQUESTS) -> None:
        self._limit = self._most = most
        self._good = 0
        self._under_way = 0
        self._closed_until = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, until: float) -> Iterator[None]:
        """Waits for its turn, and has it.

        Args:
            until: on the monotonic clock.

        Raises:
            ThrottleTimeoutError: it has not come by then.
        """
        with self._changed:
            while self._under_way >= self._limit or monotonic() < self._closed_until:
                if monotonic() >= until:
                    raise ThrottleTimeoutError
                self._changed.wait(min(until, max(self._closed_until, monotonic() + 1.0)) - monotonic())
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def answered(self) -> None:
        """There was a good answer."""
        with self._changed:
            self._good += 1
            if self._good >= _PROBATION and self._limit < self._most:
                self._limit, self._good = self._limit + 1, 0
                self._changed.notify()

    def throttled(self, seconds: float) -> None:
        """The server asks for fewer requests (429), and for none for so many seconds."""
        with self._changed:
            self._limit, self._good = max(self._limit // 2, 1), 0
            self._closed_until = max(self._closed_until, monotonic() + seconds)
