"""Pieces of work in threads of their own, so many at a time; one that never returns is left behind."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple

_GRACE = 5.0  # seconds; a piece watches its own time, and this is for one that cannot


class Piece(NamedTuple):
    """Something to do."""

    name: str
    work: Callable[[], Any]
    seconds: float
    """How long it may take at most."""
    after: frozenset[str] = frozenset()
    """The names of those that are done before it begins."""


class Done(NamedTuple):
    """What came of a piece."""

    name: str
    result: Any = None
    error: BaseException | None = None
    """What the work raised, or `LeftBehind`."""


class LeftBehind(Exception):  # noqa: N818 (an outcome, not a fault of ours)
    """A piece had not returned by the end of its time; whatever it still does is ignored."""


def together(pieces: Sequence[Piece], at_once: int, until: float) -> Iterator[Done]:
    """Does all pieces, in their order as far as there is room for them; yields what comes of them as it comes.

    The threads are daemons: what hangs, in a name server or a half-open connection, holds up neither the others nor
    the end of the process.

    Args:
        until: when all must be over, on the monotonic clock.
    """
    waiting = list(pieces)
    unfinished = {piece.name for piece in pieces}
    ends: dict[str, float] = {}
    answers: queue.SimpleQueue[Done] = queue.SimpleQueue()

    def do(piece: Piece) -> None:
        try:
            answers.put(Done(piece.name, piece.work()))
        except BaseException as error:  # noqa: BLE001 (it is the answer)
            answers.put(Done(piece.name, error=error))

    while unfinished:
        for piece in [piece for piece in waiting if not piece.after & unfinished][: at_once - len(ends)]:
            waiting.remove(piece)
            ends[piece.name] = min(monotonic() + piece.seconds, until) + _GRACE
            threading.Thread(target=do, args=(piece,), name=piece.name, daemon=True).start()
        try:
            done = answers.get(timeout=max(min(ends.values()) - monotonic(), 0.0))
        except queue.Empty:
            done = Done(min(ends, key=ends.__getitem__), error=LeftBehind())
        if done.name in ends:  # else it was left behind before
            del ends[done.name]
            unfinished.remove(done.name)
            yield done
