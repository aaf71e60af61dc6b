"""How many requests one API server is sent at a time: as many as it bears."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

AT_ONCE = 4  # requests to one API server: its priority and fairness knows us as one flow among its many
_PATIENCE = 0.1  # seconds for which a request waits for one that is under way, rather than open another connection
_PROBATION = 10  # good answers, after which a server that was asked too much is sent one request more at a time


class NoTurnError(Exception):
    """A request's turn has not come in time."""


class Gate:
    """Lets requests through: one at first, so that a small cluster is read over one connection; one more whenever one
    has waited for a moment; half as many after a 429, and then one more after every ten good answers."""

    def __init__(self, most: int = AT_ONCE) -> None:
        self._limit = 1
        self._most = self._bearable = most
        self._good = 0
        self._under_way = 0
        self._closed_until = 0.0
        self._turn = threading.Condition()

    @contextmanager
    def turn(self, until: float) -> Iterator[None]:
        """Waits for its turn, and has it.

        Args:
            until: on the monotonic clock.

        Raises:
            NoTurnError: it has not come by then.
        """
        with self._turn:
            while not self._is_open():
                if not self._turn.wait(min(_PATIENCE, max(until - monotonic(), 0.001))):
                    self._limit = min(self._limit + 1, self._bearable)
                if monotonic() >= until:
                    raise NoTurnError
            self._under_way += 1
        try:
            yield
        finally:
            with self._turn:
                self._under_way -= 1
                self._turn.notify()

    def _is_open(self) -> bool:
        return self._under_way < self._limit and monotonic() >= self._closed_until

    def answered(self) -> None:
        """There was a good answer."""
        with self._turn:
            self._good += 1
            if self._good >= _PROBATION and self._bearable < self._most:
                self._bearable, self._good = self._bearable + 1, 0

    def throttled(self, seconds: float) -> None:
        """The server asks for fewer requests (429), and for none for so many seconds."""
        with self._turn:
            self._bearable = max(self._bearable // 2, 1)
            self._limit = min(self._limit, self._bearable)
            self._good = 0
            self._closed_until = max(self._closed_until, monotonic() + seconds)
