"""Standard streams that may be closed, full, or without a reader: what cannot be printed never changes what is done."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


class Guarded:
    """A text stream that drops what cannot be written, and remembers why."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        """The first failure."""

    def write(self, text: str) -> int:
        """Writes the text, unless the stream has failed before."""
        if self.error is None:
            try:
                return self._stream.write(text)
            except OSError as error:
                self.error = error
        return len(text)

    def flush(self) -> None:
        """Writes what is buffered."""
        if self.error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self.error = error

    @property
    def is_lost(self) -> bool:
        """Whether output is missing that somebody waits for. `head`, which closes a pipe, waits for no more."""
        return self.error is not None and self.error.errno != errno.EPIPE

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded_streams() -> Iterator[Guarded]:
    """Inside the context no write to stdout or stderr raises. Gives stdout."""
    _open_closed_descriptors()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):  # text that the encoding lacks, in a locale without UTF-8
            stream.reconfigure(errors="backslashreplace")
    stdout, stderr = (Guarded(stream or Path(os.devnull).open("w")) for stream in before)  # noqa: SIM115 (until the end)
    sys.stdout, sys.stderr = stdout, stderr
    try:
        yield stdout
    finally:
        for stream in (stdout, stderr):
            stream.flush()
            if stream.error is not None:
                _discard(stream)
        sys.stdout, sys.stderr = before


def _open_closed_descriptors() -> None:
    """Occupies the numbers 0 to 2, so that no message of a library lands in a file or socket that got one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _discard(stream: Guarded) -> None:
    """Lets the interpreter flush the rest of the buffer, at its end, to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
