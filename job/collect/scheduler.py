"""The reads of one cluster, in a few threads; one that never returns is abandoned."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from time import monotonic, process_time
from typing import Any, NamedTuple

_PATIENCE_SECONDS = 0.1  # without a result, after which one more thread may help
_BUSY = 0.8  # of a core: a process that computes as much gains nothing from one more thread
_POLL_SECONDS = 0.25
_GRACE_SECONDS = 5.0  # a function watches its own time; this is for one that cannot


class WorkItem(NamedTuple):
    """A function to call."""

    name: str
    function: Callable[[], Any]
    timeout_seconds: float
    after: frozenset[str] = frozenset()
    """The names of the items that must be complete before it starts."""


class Completed(NamedTuple):
    """The result of an item."""

    name: str
    result: Any = None
    error: BaseException | None = None
    """What the function raised, or `AbandonedError`."""


class AbandonedError(Exception):
    """A function did not return in time. Whatever it still does is ignored."""


def as_completed(
    items: Sequence[WorkItem], max_threads: int, deadline: float, stop: threading.Event
) -> Generator[Completed, None, None]:
    """Calls all functions, in order of the items where `after` allows it; yields each result when it is there.

    One thread calls one function after another. When others have waited for a while, and not because this process is
    busy, it starts one more thread, up to `max_threads`: each opens a connection of its own. The threads are daemons: a
    function that hangs, in DNS or on a half-open connection, holds up neither the others nor the end of the process.

    Args:
        deadline: when everything must be complete, on the monotonic clock.
        stop: once it is set, what does not return at once is abandoned.
    """
    waiting = list(items)
    incomplete = {item.name for item in items}
    running: dict[str, tuple[float, _Inbox]] = {}
    idle: list[_Inbox] = []
    results: queue.SimpleQueue[Completed] = queue.SimpleQueue()
    try:
        while incomplete:
            if not idle and not running:
                idle.append(_start_thread(results))
            ready = [item for item in waiting if not item.after & incomplete]
            for item in ready[: len(idle)]:
                waiting.remove(item)
                ready.remove(item)
                inbox = idle.pop()
                running[item.name] = min(monotonic() + item.timeout_seconds, deadline) + _GRACE_SECONDS, inbox
                inbox.put(item)
            end = min(end for end, _ in running.values())
            patience = _PATIENCE_SECONDS if ready and len(running) < max_threads else math.inf
            completed = _next_result(results, end, patience, stop)
            if completed is None:
                late = [name for name, (end, _) in running.items() if stop.is_set() or monotonic() >= end]
                if not late:
                    idle.append(_start_thread(results))
                    continue
                completed = Completed(late[0], error=AbandonedError())
            if completed.name not in running:  # it was abandoned before
                continue
            _, inbox = running.pop(completed.name)
            if isinstance(completed.error, AbandonedError):
                inbox.put(None)  # the thread ends once the function returns
            else:
                idle.append(inbox)
            incomplete.remove(completed.name)
            yield completed
    finally:
        for inbox in [*idle, *(inbox for _, inbox in running.values())]:
            inbox.put(None)


def _next_result(
    results: queue.SimpleQueue[Completed], end: float, patience: float, stop: threading.Event
) -> Completed | None:
    """The next result.

    None where there is none by the end, after a stop, or after `patience` seconds in which this process was not busy.
    """
    started, cpu = monotonic(), process_time()
    while True:
        try:
            timeout = max(min(end - monotonic(), patience, _POLL_SECONDS), 0.0)
            return results.get(timeout=0.0 if stop.is_set() else timeout)
        except queue.Empty:
            now = monotonic()
            if stop.is_set() or now >= end:
                return None
            if now - started >= patience:
                if process_time() - cpu < _BUSY * (now - started):
                    return None
                started, cpu = now, process_time()


_Inbox = queue.SimpleQueue[WorkItem | None]
"""The items for one thread; None ends it."""


def _start_thread(results: queue.SimpleQueue[Completed]) -> _Inbox:
    inbox: _Inbox = queue.SimpleQueue()

    def work() -> None:
        while (item := inbox.get()) is not None:
            try:
                results.put(Completed(item.name, item.function()))
            except BaseException as error:  # noqa: BLE001 (it is the result)
                results.put(Completed(item.name, error=error))

    threading.Thread(target=work, name="read", daemon=True).start()
    return inbox
