"""Temporary folders that end with their process: the next run deletes what a killed one has left.

A folder is locked by the process that made it, and the kernel unlocks it when that process ends, however it ends. So a
folder that bears our mark and can be locked has no owner any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from job.errors import SpoolError

_PREFIX = "gke-inventory-rows-"
_MARK = ".made-by-gke-inventory"


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder, which is deleted afterwards. Deletes those of processes that were killed, too.

    Args:
        parent: where to make it; by default below `TMPDIR`.

    Raises:
        OSError: it cannot be made.
        SpoolError: the environment names a folder that cannot be written.
    """
    parent = parent or temporary_folder()
    _sweep(parent)
    path, lock = _make(parent)
    try:
        yield path
    finally:
        with suppress(OSError):
            _delete(path)
        os.close(lock)


def temporary_folder() -> Path:
    """The folder for temporary files. Where the environment names one that cannot be written, `tempfile` alone would
    silently take another, which may be in memory.

    Raises:
        SpoolError: it cannot be written.
    """
    named = next((name for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)), None)
    folder = os.environ[named] if named else None
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Path(folder or tempfile.gettempdir()).absolute()
    except OSError as error:
        which = f"{named} is {folder}, where" if named else "there is no folder in which"
        raise SpoolError(
            f"{which} temporary files cannot be written: {error.strerror or error}. Set TMPDIR to a folder with room; "
            "nothing was read"
        ) from error


def _make(parent: Path) -> tuple[Path, int]:
    """A new folder, and the open file that holds its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with suppress(FileNotFoundError):  # another process deleted it before it was locked
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                if _locked(lock):
                    (path / _MARK).touch()
                    return path, lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


def _locked(folder: int) -> bool:
    """Locks a new folder, unless another process, which looks for those that were left, has locked it first."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: then no other process can lock it either
    return True


def _sweep(parent: Path) -> None:
    """Deletes the folders that nobody has locked."""
    for path in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is another user's, in use, or no folder
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _delete(path)
            finally:
                os.close(lock)


def _delete(path: Path) -> None:
    """Deletes a folder that bears the mark, which goes last, or one that is empty."""
    if (path / _MARK).is_file():
        for each in path.iterdir():
            if each.name != _MARK:
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink(missing_ok=True)
        (path / _MARK).unlink()
    path.rmdir()
