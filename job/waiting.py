"""Says what this program waits for: after two seconds on a terminal, as one line, and once in the log.

Whoever shows the progress of a run has the waits on its own line.

One thread watches all waits: hundreds of clusters may be waited for at the same time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep

from job.log import log
from job.terminal import is_terminal, takes_escapes

_SAY_AFTER = 2.0  # seconds
_LOOK_EVERY = 0.25


@dataclass(eq=False)
class _Wait:
    what: str
    seconds: float | None
    is_logged: bool
    began: float = field(default_factory=monotonic)


_lock = threading.Lock()
_current: list[_Wait] = []
_unsaid: list[_Wait] = []
_watching = False
_is_silent = False
_inside = threading.local()


@contextmanager
def waiting_for(what: str, seconds: float | None = None, *, is_logged: bool = True) -> Iterator[None]:
    """Inside the block, this thread waits. A wait within another one is a part of it, and says nothing.

    Args:
        what: completes "waiting for".
        seconds: how long it waits at most; None for as long as it takes.
        is_logged: False where the caller logs the wait itself.
    """
    if getattr(_inside, "is_waiting", False):
        yield
        return
    wait = _Wait(what, seconds, is_logged)
    _inside.is_waiting = True
    _watch(wait)
    try:
        yield
    finally:
        _inside.is_waiting = False
        with _lock, suppress(ValueError):
            _current.remove(wait)
            _unsaid.remove(wait)


def awaited() -> list[tuple[str, float]]:
    """What has been waited for for more than two seconds, and for how many; the longest wait first."""
    now = monotonic()
    with _lock:
        late = [(wait.what, now - wait.began) for wait in _current if now - wait.began >= _SAY_AFTER]
    return sorted(late, key=lambda each: -each[1])


def say_nothing(is_silent: bool) -> None:
    """Whether terminals get no lines of waits: nobody wants them, or somebody shows what `awaited` gives."""
    global _is_silent
    _is_silent = is_silent


def _watch(wait: _Wait) -> None:
    global _watching
    with _lock:
        _current.append(wait)
        _unsaid.append(wait)
        is_needed, _watching = not _watching, True
    if is_needed:
        threading.Thread(target=_say_late_ones, name="waits", daemon=True).start()


def _say_late_ones() -> None:
    global _watching
    while True:
        sleep(min(_LOOK_EVERY, _SAY_AFTER))
        with _lock:
            if not _unsaid:
                _watching = False
                return
            late = [wait for wait in _unsaid if monotonic() - wait.began >= _SAY_AFTER]
            _unsaid[:] = [wait for wait in _unsaid if wait not in late]
        if late:
            _say(late)


def _say(late: Sequence[_Wait]) -> None:
    bounds = [wait.seconds for wait in late if wait.seconds is not None]
    if not is_terminal(sys.stderr):
        for wait in late:
            if wait.is_logged:
                log.info("waiting", what=wait.what, seconds=wait.seconds)
        return
    if _is_silent:
        return
    others = f" and {len(late) - 1} more" if len(late) > 1 else ""
    bound = f", for up to {max(bounds):g} s" if bounds else ""
    erase = "\r\x1b[K" if takes_escapes(sys.stderr) else ""
    with suppress(OSError, ValueError):  # a terminal that has gone
        sys.stderr.write(f"{erase}waiting for {late[0].what}{others}{bound}; Ctrl-C stops\n")
        sys.stderr.flush()
