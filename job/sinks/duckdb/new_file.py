"""A database that does not exist yet is made in a folder beside it, and gets its name with the first commit.

So a run that is killed before its commit leaves no empty file that looks like an inventory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from job.errors import SinkError
from job.scratch import scratch_folder

Made = TypeVar("Made")


class _OvertakenError(SinkError):
    """Another process has made the file meanwhile."""


@contextmanager
def place_of(path: Path) -> Iterator[Path]:
    """The file to open for writing; one that is new takes its name when the block has succeeded.

    Raises:
        SinkError: the folder cannot be written.
    """
    if path.exists():
        yield path
        return
    with ExitStack() as stack:
        with _writing(path):
            folder = stack.enter_context(scratch_folder(path.parent))
        yield folder / path.name
        with _writing(path):
            _name(folder / path.name, path)


def again_if_overtaken(act: Callable[[], Made]) -> Made:
    """Calls the function, and once more if another process has made the database meanwhile."""
    try:
        return act()
    except _OvertakenError:
        return act()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SinkError(f"sink {path}: cannot write in {path.parent}: {error.strerror or error}") from error


def _name(made: Path, path: Path) -> None:
    try:
        os.link(made, path)  # unlike `rename`, never in place of another file
    except FileExistsError as error:
        raise _OvertakenError(f"sink {path}: another program has made this file; nothing was written") from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS) or path.exists():
            raise
        made.rename(path)  # a file system without links
