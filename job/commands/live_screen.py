"""Draws the live line with rich. Imported only where a terminal shows it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleRenderable
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment, Segments
from rich.text import Text

from job.signals import Stop

_A_SECOND = 4  # how often it is drawn
_ERASE = "\r\x1b[K"


@contextmanager
def shown_below(stream: TextIO, line: Callable[[], str], stop: Stop) -> Iterator[None]:
    """Inside the block, the line is drawn again and again below what is written to `sys.stderr`.

    Args:
        stream: stderr, on a terminal.
        line: gives the text, which fits the terminal; called from a thread.
    """
    console = _Console(file=stream, force_terminal=True, force_interactive=True, highlight=False, height=1)
    encoding = getattr(stream, "encoding", None) or "utf-8"

    def text() -> Text:
        return Text(line().encode(encoding, "replace").decode(encoding), no_wrap=True, overflow="crop", style="dim")

    live = _Live(
        console=console, get_renderable=text, transient=True, refresh_per_second=_A_SECOND,
        redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    above = _Above(console, stream)

    def end() -> None:
        with suppress(OSError, ValueError):  # a terminal that has gone
            live.stop()
            stream.write(_ERASE)  # where Ctrl-C came while it stopped
        if sys.stderr is cast("TextIO", above):
            sys.stderr = stream
            above.end()

    stop.before_last_words = end
    sys.stderr = cast("TextIO", above)
    try:
        with suppress(OSError, ValueError, RuntimeError):  # no terminal, or no thread: the run goes on
            live.start()
        yield
    finally:
        end()


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002
        """Leaves it as it is: a process that is killed cannot bring it back."""
        return False


class _Live(Live):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Leaves the cursor at the start of the line: what a killed process leaves behind is overwritten."""
        return [*super().process_renderables(renderables), Control(ControlType.CARRIAGE_RETURN)]


class _Above:
    """Prints whole lines above the live line, as they are."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console, self._stream = console, stream
        self._lock, self._begun = threading.Lock(), ""

    def write(self, text: str) -> int:
        """Prints the lines that the text ends, and keeps the rest."""
        with self._lock:
            lines, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self._console.print(Segments([Segment(lines + end)]), end="", crop=False)
        return len(text)

    def end(self) -> None:
        """Prints the rest."""
        self._stream.write(self._begun)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
