"""The file of a database, and the file beside it that says that a run is under way."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job.errors import SinkError

_MAGIC = b"DUCK"  # at byte 8 of every database file: https://duckdb.org/docs/stable/internals/storage
_MARKER = "gke-inventory run "
_LONGEST_MARKER = 1000  # bytes


def is_database(path: Path) -> bool:
    """True for a database that can be written, False if it has yet to be made in a folder where that is possible.

    Raises:
        SinkError: it cannot be written, or is something else.
    """
    folder, where = path.parent, f"sink {path}"
    try:
        if not folder.is_dir():
            raise SinkError(f"{where}: the folder {folder} does not exist; create it, or name another file")
        with tempfile.TemporaryFile(dir=folder):  # as DuckDB does beside its file; permissions alone can mislead
            pass
    except OSError as error:
        raise SinkError(f"{where}: cannot write in {folder}: {error.strerror}") from error
    try:
        if not path.exists():
            if path.is_symlink():
                raise SinkError(f"{where}: this is a symbolic link to a file that does not exist; name the file itself")
            return False
        if not path.is_file():
            kind = "a folder; name a file in it" if path.is_dir() else "not a regular file; name another one"
            raise SinkError(f"{where}: this is {kind}")
        if not os.access(path, os.W_OK):
            raise SinkError(f"{where}: no permission to write this file")
        with path.open("rb") as file:
            magic = file.read(12)[8:]
    except OSError as error:
        raise SinkError(f"{where}: cannot be read: {error.strerror}") from error
    if magic != _MAGIC:
        raise SinkError(f"{where}: this file is not a DuckDB database; name another one")
    return True


@contextmanager
def marked_as_running(path: Path, run_id: str) -> Iterator[str | None]:
    """Locks a file beside the database inside the context; gives the id of another run that has locked it.

    The kernel unlocks the file when the process ends, even if it is killed. Programs that read the database are not
    locked out.

    Raises:
        SinkError: the file cannot be written, or is somebody else's.
    """
    marker = path.with_name(f"{path.name}.running")
    with _open_marker(path, marker) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another process holds the lock
            other = _run_in(file) or "another"
            yield other if other != run_id else None
            return
        if _run_in(file) is None:
            raise SinkError(f"sink {path}: gke-inventory did not make {marker}: move it away, or name another sink")
        os.ftruncate(file, 0)
        os.pwrite(file, f"{_MARKER}{run_id}".encode(), 0)
        try:
            yield None
        finally:
            marker.unlink(missing_ok=True)


@contextmanager
def _open_marker(path: Path, marker: Path) -> Iterator[int]:
    try:
        file = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        why = "it is a symbolic link" if marker.is_symlink() else error.strerror
        raise SinkError(f"sink {path}: cannot write {marker}: {why}") from error
    try:
        yield file
    finally:
        os.close(file)


def _run_in(file: int) -> str | None:
    """The id of the run in a marker, "" if there is none yet; None if this program did not write the file."""
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        return None
    content = os.pread(file, _LONGEST_MARKER, 0).decode(errors="replace")
    return content.removeprefix(_MARKER) if content.startswith(_MARKER) or not content else None


_umask_lock = threading.Lock()
_umasks: list[int] = []
"""Of the contexts that threads are in. The first is the process's own."""


@contextmanager
def private_files() -> Iterator[None]:
    """Lets only this user read the files that are made inside the context: DuckDB offers no mode for its own."""
    with _umask_lock:
        _umasks.append(os.umask(0o077))
    try:
        yield
    finally:
        with _umask_lock:
            own = _umasks[0]
            _umasks.pop()
            if not _umasks:
                os.umask(own)
