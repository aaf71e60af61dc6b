"""Pieces of work in threads of their own, so many at a time, each with an end: one that never returns is left behind."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """Something to do."""

    name: str
    work: Callable[[], Any]
    seconds: float
    """How long it may take at most."""
    after: frozenset[str] = frozenset()
    """The names of those that must be done before."""


class LeftBehind(Exception):  # noqa: N818 (an outcome, not a fault of ours)
    """A piece that had not returned by the end of its time; whatever it still does is ignored."""


def together(pieces: Sequence[Piece], at_once: int) -> Iterator[tuple[str, Any]]:
    """Does all pieces, in their order as far as there is room; yields names and results as they come.

    A result is what the work returned, the exception that it raised, or `LeftBehind`. The threads are daemons: what
    hangs, in a name server or a half-open connection, holds up neither the rest nor the end of the process.
    """
    waiting = list(pieces)
    unfinished = {piece.name for piece in pieces}
    ends: dict[str, float] = {}
    results: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def do(piece: Piece) -> None:
        try:
            results.put((piece.name, piece.work()))
        except BaseException as error:  # noqa: BLE001 (it is the result)
            results.put((piece.name, error))

    while unfinished:
        for piece in [piece for piece in waiting if not piece.after & unfinished][: at_once - len(ends)]:
            waiting.remove(piece)
            ends[piece.name] = monotonic() + piece.seconds
            threading.Thread(target=do, args=(piece,), name=piece.name, daemon=True).start()
        try:
            name, result = results.get(timeout=max(min(ends.values()) - monotonic(), 0.0))
        except queue.Empty:
            name, result = min(ends, key=ends.__getitem__), LeftBehind()
        if name in ends:  # else it was left behind before
            del ends[name]
            unfinished.remove(name)
            yield name, result
