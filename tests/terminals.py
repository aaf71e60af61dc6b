"""A command on a pseudo-terminal, and what its screen shows."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PARTS = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[[\d;]*m|\r|\n|[^\r\n\x1b]+|\x1b")
_WAIT_SECONDS = 60


class Terminal:
    """A command, and the rows of its terminal. No row wraps here: a row that is too wide would on a real one."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int) -> None:
        self.process = process
        self.sent = ""
        """All that came, with its escape sequences."""
        self.rows: list[str] = [""]
        self.seen: list[str] = []
        """Each text that was on the last row."""
        self._row = self._column = 0
        self._ours = ours
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> None:
        """Waits until the terminal has been sent this text."""
        end = time.monotonic() + _WAIT_SECONDS
        while text not in self.sent:
            assert time.monotonic() < end, self.sent
            assert self._reader.is_alive() or text in self.sent, self.sent
            time.sleep(0.02)

    def end(self) -> int:
        """The exit code, once the command has ended."""
        code = self.process.wait(_WAIT_SECONDS)
        self._reader.join(_WAIT_SECONDS)
        return code

    def hang_up(self) -> None:
        """The terminal is gone."""
        os.close(self._ours)
        self._ours = -1

    def _read(self) -> None:
        with suppress(OSError):  # the other end is closed
            while (ours := self._ours) >= 0 and (data := os.read(ours, 65536)):
                self._show(data.decode())

    def _show(self, text: str) -> None:
        self.sent += text
        for part in _PARTS.finditer(text):
            match part[0], part[1], part[2]:
                case "\r", _, _:
                    self._column = 0
                case "\n", _, _:
                    self._row += 1
                    self.rows += [""] * (self._row + 1 - len(self.rows))
                case _, _, "K":
                    self.rows[self._row] = "" if part[1] == "2" else self.rows[self._row][: self._column]
                case _, lines, "A":
                    self._row -= int(lines or 1)
                case found, _, _ if found[0] != "\x1b":
                    row = self.rows[self._row].ljust(self._column)
                    self.rows[self._row] = row[: self._column] + found + row[self._column + len(found) :]
                    self._column += len(found)
                    if self._row == len(self.rows) - 1:
                        self.seen.append(self.rows[self._row])


@contextmanager
def on_terminal(*arguments: str, columns: int = 200, **environment: str) -> Iterator[Terminal]:
    """Runs `gke-inventory` with stdin, stdout and stderr on a terminal of its own."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    without = ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
    variables = {name: value for name, value in os.environ.items() if name not in without}
    process = subprocess.Popen(
        [sys.executable, "-m", "job", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=variables | {"TERM": "xterm-256color"} | environment,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            os.close(ours)
