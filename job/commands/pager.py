"""A pager for what is longer than the terminal: git, psql and systemctl have one too."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from job.commands.streams import Guarded

_LESS = "FSX"
"""`less` ends where the text fits the screen, cuts no table into two, and leaves what it showed. LESS overrides it."""
_FOR_A_SHELL = re.compile(r"[|&;<>()$`\\\"'*?\[#~=%]")
"""As git decides: what has none of these is a command and its arguments, and can be found missing."""
_END_SECONDS = 1.0


@contextmanager
def pager(*, is_wanted: bool = True) -> Iterator[None]:
    """Inside the block, text for a terminal goes through `PAGER`, or `less`, which starts with the first of it.

    It goes straight to the terminal if stdin is no terminal either, if TERM is `dumb`, if `PAGER` is empty or `cat`,
    and where the pager is not installed.
    """
    stdout, named = sys.stdout, os.environ.get("PAGER", "less").strip()
    has_terminal = stdout.isatty() and sys.stdin is not None and sys.stdin.isatty()
    if not (is_wanted and has_terminal and named and named != "cat" and os.environ.get("TERM") != "dumb"):
        yield
        return
    paged = _Paged(stdout, ["sh", "-c", named] if _FOR_A_SHELL.search(named) else named.split())
    sys.stdout = cast("TextIO", Guarded(cast("TextIO", paged)))
    try:
        yield
    except BaseException:
        paged.end()
        raise
    finally:
        sys.stdout = stdout
        try:
            paged.close()
        except BaseException:  # SIGTERM while somebody reads
            paged.end()
            raise


class _Paged:
    """A terminal whose text goes through another process."""

    def __init__(self, terminal: TextIO, command: list[str]) -> None:
        self._terminal, self._command = terminal, command
        self._process: subprocess.Popen[str] | None = None
        self._out: TextIO | None = None

    def write(self, text: str) -> int:
        return (self._out or self._start()).write(text)

    def flush(self) -> None:
        if self._out is not None:
            self._out.flush()

    def end(self) -> None:
        """Ends the pager at once, and waits until it has left the terminal as it was."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)

    def close(self) -> None:
        """Waits until somebody leaves the pager. Ctrl-C is for the pager until then."""
        if self._process is None:
            return
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with suppress(OSError):  # it may have been left before the end
                cast("TextIO", self._out).close()
            self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)

    def _start(self) -> TextIO:
        self._out = self._terminal
        with suppress(OSError):  # it is not installed
            self._process = subprocess.Popen(  # noqa: S603 (the person's own choice)
                self._command, env={"LESS": _LESS} | os.environ, stdin=subprocess.PIPE, text=True,
                encoding=self._terminal.encoding, errors="backslashreplace",
            )  # fmt: skip
            self._out = cast("TextIO", self._process.stdin)
        return self._out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)
