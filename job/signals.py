"""SIGTERM and Ctrl-C: the first ends a run in order, a second the process at once, and none tears a commit."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from job.errors import Interrupted

TERMINATED = 143  # the exit code: 128 and the signal's number, as shells have it
_STOPPING = (signal.SIGINT, signal.SIGTERM)
_GRACE = 7.0  # seconds from SIGTERM to the end: Cloud Run sends SIGKILL after 10


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


def commit_begins() -> None:
    """From now on a signal may come too late: nobody must say that nothing was written."""
    _commits.append(True)


def may_be_committed() -> bool:
    """Whether something may have been written by the time that a signal came."""
    return bool(_commits)


_commits: list[bool] = []


@contextmanager
def winding_up(stop: threading.Event) -> Iterator[None]:
    """Lets SIGTERM set the event, in place of raising: what is done by then can be committed.

    Seven seconds later the process ends, whatever it still does: a commit that is cut off is none. Handlers of a host,
    as in a notebook, are left alone.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not _stop:
        yield
        return

    def wind_up(number: int, frame: object) -> None:  # noqa: ARG001
        _stopped_by.append(number)
        for each in _STOPPING:
            signal.signal(each, signal.SIG_DFL)
        stop.set()

    def end() -> None:  # a thread from the start, since a handler must not start one
        stop.wait()
        if stopped_by() == signal.SIGTERM:
            time.sleep(_GRACE)
            os.write(2, b"gke-inventory: stopped by SIGTERM; the commit had not ended in time\n")
            os._exit(TERMINATED)

    threading.Thread(target=end, daemon=True).start()
    signal.signal(signal.SIGTERM, wind_up)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is wind_up:
            signal.signal(signal.SIGTERM, _stop)


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
