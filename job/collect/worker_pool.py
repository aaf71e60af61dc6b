"""Threads for many clusters, of which the unreachable ones hold up no other."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WAITING = 256  # clusters that are waited for at the same time: two threads and a socket each
_MIN_CONTACTS = 8  # begun ahead of few workers: a first contact needs no memory for pages
_PATIENCE_SECONDS = 0.5  # a cluster that has not answered by then is waited for, and another one begins
_POLL_SECONDS = 0.1


class WorkerPool:
    """Calls a function for each cluster: contact first, then reading.

    `workers` bounds the clusters that are read at the same time, because memory grows with them. Making contact costs
    threads and little memory, so that a cluster that does not answer leaves its place to the next one after half a
    second, up to 256 of them (45 MB). With the defaults, 1,000 clusters behind a firewall that drops packets end in
    five minutes, or in two if they share a network (`job/connect/reachability.py`). If each held one of 16 workers for
    the 70 seconds of its retries, they would take more than an hour.
    """

    def __init__(self, workers: int, max_waiting: int | None = None) -> None:
        self._workers, self._max_waiting = workers, max_waiting or _max_waiting()
        self._changed = threading.Condition()
        self._alive = self._reading = 0
        self._contacts: dict[int, float] = {}
        """Thread -> since when it is making contact."""

    @contextmanager
    def contact(self) -> Iterator[None]:
        """Inside the block, the calling thread waits for its cluster's first answer."""
        thread = threading.get_ident()
        with self._changed:
            self._contacts[thread] = monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._contacts[thread]

    @contextmanager
    def reading(self, stop: threading.Event) -> Iterator[float]:
        """Waits for a worker's place, which the block holds; gives the seconds that it waited.

        It does not wait after a stop.
        """
        began = monotonic()
        with self._changed:
            while self._reading >= self._workers and not stop.is_set():
                self._changed.wait(_POLL_SECONDS)
            self._reading += 1
        try:
            yield monotonic() - began
        finally:
            with self._changed:
                self._reading -= 1
                self._changed.notify()

    def map_unordered(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Calls the function with each item; yields results as they come, and raises what it raises.

        The threads are daemons: an interrupted run does not wait for a server that never answers.
        """
        waiting = deque(items)
        results: queue.SimpleQueue[Result | _Error] = queue.SimpleQueue()

        def work(item: Item) -> None:
            done: Result | _Error
            try:
                done = function(item)
            except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
                done = _Error(error)
            with self._changed:
                self._alive -= 1
            results.put(done)

        left = len(waiting)
        while left:
            while waiting and self._has_room():
                thread = threading.Thread(target=work, args=(waiting[0],), daemon=True)
                with self._changed:
                    self._alive += 1
                try:
                    thread.start()
                except RuntimeError:  # the system allows no more threads: those that run go on
                    with self._changed:
                        self._alive -= 1
                        if not self._alive:
                            raise
                    break
                waiting.popleft()
            try:
                result = results.get(timeout=_POLL_SECONDS if waiting else None)
            except queue.Empty:
                continue
            if isinstance(result, _Error):
                raise result.error
            left -= 1
            yield result

    def _has_room(self) -> bool:
        """Whether one more cluster may begin."""
        with self._changed:
            late = monotonic() - _PATIENCE_SECONDS
            patient = sum(1 for since in self._contacts.values() if since < late)
            busy = self._alive - patient
            return busy < max(self._workers, _MIN_CONTACTS) and self._alive < self._workers + self._max_waiting


def _max_waiting() -> int:
    """Fewer where this process may have few sockets: macOS allows 256 files."""
    try:
        import resource
    except ImportError:  # Windows
        return MAX_WAITING
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_WAITING if soft == resource.RLIM_INFINITY else max(min(MAX_WAITING, soft // 4), 1)


class _Error:
    def __init__(self, error: BaseException) -> None:
        self.error = error
