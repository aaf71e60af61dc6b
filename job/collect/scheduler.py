"""Work in threads of its own, so much at a time; what never returns is left behind."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, process_time
from typing import Any, NamedTuple

_PATIENCE = 0.1  # seconds without an answer, after which one more thread may be worth its while
_BUSY = 0.8  # of a core: a process that computes as much has nothing to gain from one more thread
_MOMENT = 0.25  # seconds
_GRACE = 5.0  # seconds; a piece watches its own time, and this is for one that cannot


class WorkItem(NamedTuple):
    """Something to do."""

    name: str
    work: Callable[[], Any]
    seconds: float
    """How long it may take at most."""
    after: frozenset[str] = frozenset()
    """The names of those that are done before it begins."""


class Completed(NamedTuple):
    """What came of a piece."""

    name: str
    result: Any = None
    error: BaseException | None = None
    """What the work raised, or `LeftBehind`."""


class AbandonedError(Exception):
    """A piece had not returned by the end of its time; whatever it still does is ignored."""


def as_completed(pieces: Sequence[WorkItem], at_once: int, until: float, stop: threading.Event) -> Iterator[Completed]:
    """Does all pieces, in their order as far as they may begin; yields what comes of them as it comes.

    One thread does one after another; while others have to wait for more than a moment, and not because this process
    is busy, there is one thread more, up to `at_once`: each opens a connection of its own. They are daemons: what
    hangs, in a name server or a half-open connection, holds up neither the others nor the end of the process.

    Args:
        until: when all must be over, on the monotonic clock.
        stop: once it is set, what does not return at once is left behind.
    """
    waiting = list(pieces)
    unfinished = {piece.name for piece in pieces}
    under_way: dict[str, tuple[float, _Hands]] = {}
    idle: list[_Hands] = []
    answers: queue.SimpleQueue[Completed] = queue.SimpleQueue()
    try:
        while unfinished:
            if not idle and not under_way:
                idle.append(_thread(answers))
            ready = [piece for piece in waiting if not piece.after & unfinished]
            for piece in ready[: len(idle)]:
                waiting.remove(piece)
                ready.remove(piece)
                hands = idle.pop()
                under_way[piece.name] = min(monotonic() + piece.seconds, until) + _GRACE, hands
                hands.put(piece)
            end = min(end for end, _ in under_way.values())
            patience = _PATIENCE if ready and len(under_way) < at_once else math.inf
            done = _next(answers, end, patience, stop)
            if done is None:
                late = [name for name, (end, _) in under_way.items() if stop.is_set() or monotonic() >= end]
                if not late:
                    idle.append(_thread(answers))
                    continue
                done = Completed(late[0], error=AbandonedError())
            if done.name not in under_way:  # it was left behind before
                continue
            _, hands = under_way.pop(done.name)
            if not isinstance(done.error, AbandonedError):
                idle.append(hands)
            unfinished.remove(done.name)
            yield done
    finally:
        for hands in [*idle, *(hands for _, hands in under_way.values())]:
            hands.put(None)


def _next(
    answers: queue.SimpleQueue[Completed], end: float, patience: float, stop: threading.Event
) -> Completed | None:
    """What is done next.

    None where nothing is by the end, once everything is to stop, or after `patience` seconds in which this process was
    not busy.
    """
    clock, spent = monotonic(), process_time()
    while True:
        try:
            wait = max(min(end - monotonic(), patience, _MOMENT), 0.0)
            return answers.get(timeout=0.0 if stop.is_set() else wait)
        except queue.Empty:
            now = monotonic()
            if stop.is_set() or now >= end:
                return None
            if now - clock >= patience:
                if process_time() - spent < _BUSY * (now - clock):
                    return None
                clock, spent = now, process_time()


_Hands = queue.SimpleQueue[WorkItem | None]
"""What a thread is to do; None ends it."""


def _thread(answers: queue.SimpleQueue[Completed]) -> _Hands:
    hands: _Hands = queue.SimpleQueue()

    def serve() -> None:
        while (piece := hands.get()) is not None:
            try:
                answers.put(Completed(piece.name, piece.work()))
            except BaseException as error:  # noqa: BLE001 (it is the answer)
                answers.put(Completed(piece.name, error=error))

    threading.Thread(target=serve, daemon=True).start()
    return hands
