"""Threads for many clusters, of which the unreachable ones hold up no other."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic, process_time
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WAITING = 256  # clusters that are waited for at the same time: two threads and a socket each
_MIN_CONTACTS = 8  # begun ahead of few workers: a first contact needs no memory for pages
_PATIENCE_SECONDS = 0.5  # a cluster that has not answered by then is waited for, and another one begins
_POLL_SECONDS = 0.1
_STALL_SECONDS = 2.0  # without a complete response, after which a cluster is slow
_SLOW_BYTES = 64 << 10  # a second: a cluster that sends less is slow
_SLOW_PER_WORKER = 4  # clusters that are read slowly: what they have sent of their pages takes memory
_BUSY = 0.8  # of a core: a process that computes as much gains nothing from one more cluster


class Progress(NamedTuple):
    """What a cluster has sent so far."""

    response_at: float
    """When its last response was complete, on the monotonic clock."""
    received_bytes: int


class _Place(NamedTuple):
    """The place of a cluster that is read."""

    since: float
    progress: Callable[[], Progress] | None

    def is_slow(self, now: float) -> bool:
        """Whether the cluster makes us wait."""
        seconds = now - self.since
        if self.progress is None:
            return False
        response_at, received = self.progress()
        return seconds > _STALL_SECONDS and (
            now - max(response_at, self.since) > _STALL_SECONDS or received < _SLOW_BYTES * seconds
        )


class WorkerPool:
    """Calls a function for each cluster: contact first, then reading.

    `workers` bounds the clusters that are read at the same time, because memory grows with them. Making contact costs
    threads and little memory, so that a cluster that does not answer leaves its place to the next one after half a
    second, up to 256 of them (45 MB). With the defaults, 1,000 clusters behind a firewall that drops packets end in
    five minutes, or in two if they share a network (`job/connect/reachability.py`). If each held one of 16 workers for
    the 70 seconds of its retries, they would take more than an hour.

    A cluster that is read, but sends little or nothing, leaves its place to the next one as well, up to four for each
    worker: 16 of them would otherwise hold up all others for `cluster_seconds`.
    """

    def __init__(self, workers: int, max_waiting: int | None = None) -> None:
        self._workers, self._max_waiting = workers, max_waiting or _max_waiting()
        self._changed = threading.Condition()
        self._alive = 0
        self._places: dict[object, _Place] = {}
        self._sample = monotonic(), process_time()
        self._is_busy = False
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
    def reading(self, stop: threading.Event, progress: Callable[[], Progress] | None = None) -> Iterator[float]:
        """Waits for a worker's place, which the block holds; gives the seconds that it waited.

        It does not wait after a stop.

        Args:
            progress: called by any thread, to see whether the cluster is slow; without it, it is not.
        """
        began, key = monotonic(), object()
        with self._changed:
            while not stop.is_set() and not self._has_place():
                self._changed.wait(_POLL_SECONDS)
            self._places[key] = place = _Place(monotonic(), progress)
        try:
            yield place.since - began
        finally:
            with self._changed:
                del self._places[key]
                self._changed.notify()

    def _has_place(self) -> bool:
        """Whether one more cluster may be read."""
        held = len(self._places)
        return held < self._workers or (
            held - self._slow() < self._workers and held < self._workers * (1 + _SLOW_PER_WORKER)
        )

    def _slow(self) -> int:
        """How many clusters hold a place, and are slow for reasons of their own."""
        now, (then, cpu) = monotonic(), self._sample
        if now - then > _PATIENCE_SECONDS:
            self._is_busy = process_time() - cpu > _BUSY * (now - then)
            self._sample = now, process_time()
        return 0 if self._is_busy else sum(place.is_slow(now) for place in self._places.values())

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
            busy = self._alive - patient - self._slow()
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
