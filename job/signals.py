"""SIGTERM and Ctrl-C: the first ends a run in order, a second the process at once, and none a commit."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from job.errors import Interrupted

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def stop_in_order() -> None:
    """Lets SIGTERM raise `Interrupted` and SIGINT `KeyboardInterrupt` in the main thread; the next one kills."""
    for number in _STOPPING:
        signal.signal(number, _stop)


def stopped_by() -> int | None:
    """The signal that has come, if any has."""
    return _stopped_by[0] if _stopped_by else None


_stopped_by: list[int] = []


def _stop(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    _stopped_by.append(number)
    for each in _STOPPING:
        signal.signal(each, signal.SIG_DFL)
    raise KeyboardInterrupt if number == signal.SIGINT else Interrupted


@contextmanager
def committing() -> Iterator[None]:
    """Lets neither signal through: the exit code that says that nothing was written must not follow a commit.

    Afterwards a host's own handlers are back; ours stay off, since all that is left to do is to say what was written.
    """
    if threading.current_thread() is not threading.main_thread():  # where no signal is handled
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPPING}
    is_done = False
    try:
        yield
        is_done = True
    finally:
        for number, handler in before.items():
            if handler is not None and not (is_done and handler is _stop):
                signal.signal(number, handler)
