"""A request to stop: from SIGTERM or Ctrl-C on the command line, or from a program that uses this one as a library."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from job.errors import Interrupted

TERMINATED = 143  # the exit code: 128 and the signal's number, as in shells
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GRACE_SECONDS = 7.0  # from SIGTERM to the end of the process: Cloud Run sends SIGKILL after 10


class Stop(threading.Event):
    """A request to stop, which threads share, and the signal that it came by.

    The command line makes one, lets signals set it, and passes it down. A program that calls `run` may make its own and
    `set()` it from any thread; the handlers of that program are left alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signal: int | None = None
        """The signal that asked for the stop."""
        self.commit_started = False
        """A commit may have taken effect: nobody may say that nothing was written."""
        self.before_last_words: Callable[[], None] = lambda: None
        """Called before the process ends at once, to leave the terminal as it was."""
        self._grace_ends: float | None = None
        self._watch_ended = threading.Event()
        self._linked: list[threading.Event] = []

    @contextmanager
    def linked(self) -> Iterator[threading.Event]:
        """An event that is set with this one, and when the block fails: a run ends its workers, and no other run's."""
        event = threading.Event()
        self._linked.append(event)
        if self.is_set():
            event.set()
        try:
            yield event
        except BaseException:
            event.set()
            raise
        finally:
            self._linked.remove(event)

    def set(self) -> None:
        super().set()
        for event in self._linked:
            event.set()

    def pause(self, seconds: float) -> None:
        """Waits before a retry of a commit, which may go on for the grace period after SIGTERM.

        Raises:
            Interrupted: the stop was asked for, and no time is left.
        """
        if self._grace_ends is not None and time.monotonic() + seconds < self._grace_ends:
            time.sleep(seconds)
        elif self.wait(seconds):
            raise Interrupted

    def handle_signals(self) -> None:
        """Makes SIGTERM raise `Interrupted` and SIGINT `KeyboardInterrupt` in the main thread; a second one kills."""
        for number in _SIGNALS:
            signal.signal(number, self._interrupt)

    @contextmanager
    def graceful_shutdown(self) -> Iterator[None]:
        """Makes SIGTERM set this stop, in place of raising, so that what is done by then can be committed.

        Seven seconds later the process ends, whatever it is doing: an interrupted commit leaves nothing visible. Does
        nothing where `handle_signals` was not called: a notebook keeps its own handlers.
        """
        if not self._handles(signal.SIGTERM, self._interrupt):
            yield
            return
        # Started here, since a signal handler must not start a thread.
        threading.Thread(target=self._end_after_grace, daemon=True).start()
        signal.signal(signal.SIGTERM, self._start_grace)
        try:
            yield
        finally:
            if self._handles(signal.SIGTERM, self._start_grace):
                signal.signal(signal.SIGTERM, self._interrupt)
                self._watch_ended.set()

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Ignores both signals while a commit completes: an exit code for "nothing written" must not follow a commit.

        Afterwards a host's own handlers are restored. Ours are not after a success: all that is left to do is to say
        what was written.
        """
        if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
            yield
            return
        before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
        is_done = False
        try:
            yield
            is_done = True
        finally:
            for number, handler in before.items():
                if handler is not None and not (is_done and handler == self._interrupt):
                    signal.signal(number, handler)

    def _interrupt(self, number: int, frame: object) -> NoReturn:  # noqa: ARG002
        # Does not set the event: the main thread may hold its lock, in `wait`.
        self._record(number)
        raise KeyboardInterrupt if number == signal.SIGINT else Interrupted

    def _start_grace(self, number: int, frame: object) -> None:  # noqa: ARG002
        self._record(number)
        self._grace_ends = time.monotonic() + _GRACE_SECONDS
        self._watch_ended.set()
        self.set()

    def _record(self, number: int) -> None:
        self.signal = number
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    def _end_after_grace(self) -> None:
        self._watch_ended.wait()
        if self._grace_ends is not None:
            time.sleep(max(self._grace_ends - time.monotonic(), 0.0))
            self.before_last_words()
            os.write(2, b"gke-inventory: stopped by SIGTERM; the commit did not finish in time\n")
            os._exit(TERMINATED)

    @staticmethod
    def _handles(number: signal.Signals, handler: object) -> bool:
        is_main = threading.current_thread() is threading.main_thread()
        return is_main and signal.getsignal(number) == handler
