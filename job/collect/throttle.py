"""How many requests one API server gets at a time: as many as it bears. Retries are in `api_reader.py`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic, sleep

from job.collect.failures import retry_after
from job.collect.http_reader import HttpReader, OpenResponse, Request

MAX_CONCURRENT_REQUESTS = 4  # to one API server: its priority and fairness sees one flow among many
_SUCCESSES_PER_STEP = 10  # after which a throttled server gets one concurrent request more


class Throttle:
    """A semaphore whose limit follows the server: halved by each 429, raised by one after every ten successes."""

    def __init__(
        self, limit: int = MAX_CONCURRENT_REQUESTS, seconds_until_next: Callable[[], float] = lambda: 0.0
    ) -> None:
        """Args:
        seconds_until_next: called once for each request: how long it has to wait for a quota that others share.
        """
        self._seconds_until_next = seconds_until_next
        self._limit = self._max_limit = limit
        self._successes = 0
        self._held = 0
        self._closed_until = 0.0
        self._changed = threading.Condition()

    def acquire(self, deadline: float, last_retry_at: float = math.inf) -> bool:
        """Waits for a slot until the deadline, on the monotonic clock; whether there was one.

        Args:
            last_retry_at: when a request is sent that has no other retry, though the server asked for none until later.
        """
        with self._changed:
            while self._held >= self._limit or monotonic() < min(self._closed_until, last_retry_at):
                if monotonic() >= deadline:
                    return False
                closed_until = min(self._closed_until, last_retry_at)
                self._changed.wait(min(deadline, max(closed_until, monotonic() + 1.0)) - monotonic())
            self._held += 1
        seconds = self._seconds_until_next()
        if seconds > max(deadline - monotonic(), 0.0):
            self.release()
            return False
        if seconds:
            sleep(seconds)
        return True

    def release(self) -> None:
        """Gives a slot back."""
        with self._changed:
            self._held -= 1
            self._changed.notify()

    def succeeded(self) -> None:
        """A request succeeded."""
        with self._changed:
            self._successes += 1
            if self._successes >= _SUCCESSES_PER_STEP and self._limit < self._max_limit:
                self._limit, self._successes = self._limit + 1, 0
                self._changed.notify()

    def slow_down(self, seconds: float) -> None:
        """The server answered 429: it asks for fewer requests, and for none for so many seconds."""
        with self._changed:
            self._limit, self._successes = max(self._limit // 2, 1), 0
            self._closed_until = max(self._closed_until, monotonic() + seconds)


class ThrottledReader:
    """An `HttpReader` whose requests wait for a slot, which they hold until their body is read."""

    def __init__(self, reader: HttpReader, throttle: Throttle) -> None:
        self._reader, self._throttle = reader, throttle

    def open(self, request: Request, last_retry_at: float = math.inf) -> OpenResponse:
        """As `HttpReader.open`, with a slot.

        Args:
            last_retry_at: as `Throttle.acquire` has it.

        Raises:
            ReadFailure: also where no slot was free by the request's deadline.
        """
        if not self._throttle.acquire(request.deadline.at, last_retry_at):
            raise request.deadline.failure()
        try:
            response = self._reader.open(request)
        except BaseException:
            self._throttle.release()
            raise
        response.cleanup.callback(self._throttle.release)
        if response.raw.status == 429:
            self._throttle.slow_down(retry_after(response.raw.headers))
        elif response.raw.status == 200:
            self._throttle.succeeded()
        return response
