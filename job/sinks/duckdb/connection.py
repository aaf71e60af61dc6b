"""Connections to a database file: each waits its turn, and closes as soon as its work is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from job.errors import SinkError
from job.regular_file import check_regular
from job.signals import Stop
from job.sinks.duckdb.files import private_files
from job.sinks.duckdb.marks import literal
from job.sinks.duckdb.new_file import place_of
from job.waiting import waiting_for

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

# Rows that are compressed and written together. DuckDB's own 122,880 stay in memory until the commit, and take a third
# longer to compress: https://duckdb.org/docs/stable/sql/statements/attach
ROW_GROUP_SIZE = 30_720
# By another process; in this one; and in this one by a query, which locks the configuration of all connections
_IN_USE = ("Could not set lock on file", "Unique file handle conflict", "the configuration has been locked")
_RETRY_SECONDS = 0.05  # after each further try twice as long, up to
_MAX_RETRY_SECONDS = 0.4
_INTERRUPT_SECONDS = 0.4  # for an interrupted query to end: Ctrl-C ends a command within a second
_closed_by_others = set[int]()
"""The ids of connections in which an interrupted query may still be ending."""


class RolledBackError(SinkError):
    """DuckDB could not finish a transaction."""


@contextmanager
def connection(path: Path, stop: Stop, *, read_only: bool, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open connection. A transaction that is still open at the end is rolled back.

    One process that writes locks every other out, and readers lock it out.

    Args:
        patience: seconds to wait for a locked file.

    Raises:
        SinkError: the file stays locked, or cannot be opened or read.
        Interrupted: the stop came while the file was locked.
    """
    with private_files(), nullcontext(path) if read_only else place_of(path) as place:
        opened = _wait_for_lock(path, stop, lambda: _connect(place, read_only=read_only), patience)
        try:
            yield opened
        except duckdb_error() as error:  # tables of another program, for example
            raise SinkError(f"sink {path}: cannot be read: {_short(error)}") from error
        finally:
            if id(opened) not in _closed_by_others:
                opened.close()


@contextmanager
def transaction(path: Path, opened: duckdb.DuckDBPyConnection, shield: Stop | None = None) -> Iterator[None]:
    """Commits all of the block, or nothing: without a COMMIT, a transaction ends with its connection.

    Args:
        shield: keeps signals from interrupting the COMMIT, where it is the last thing that a run does.

    Raises:
        RolledBackError: nothing was written.
    """
    try:
        opened.execute("BEGIN")
        yield
        with shield.shield() if shield else nullcontext():
            opened.execute("COMMIT")
    except duckdb_error() as error:
        raise RolledBackError(f"sink {path}: nothing was written: {_short(error)}") from error


def interruptible(opened: duckdb.DuckDBPyConnection, call: Callable[[], T]) -> T:
    """Makes a call that may take long in another thread, so that Ctrl-C ends it at once, in a notebook too.

    In the main thread DuckDB looks for signals only now and then.
    """
    done: list[T] = []
    failed: list[BaseException] = []
    ended = threading.Event()  # after an interrupted `join`, Python takes the thread for ended

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            failed.append(error)
        ended.set()

    try:
        threading.Thread(target=work, name="query", daemon=True).start()
        with waiting_for("the query"):
            ended.wait()
    except BaseException:
        _closed_by_others.add(id(opened))
        threading.Thread(target=_interrupt, args=(opened, ended), name="interrupt", daemon=True).start()
        ended.wait(_INTERRUPT_SECONDS)
        raise
    if failed:
        raise failed[0]
    return done[0]


def _interrupt(opened: duckdb.DuckDBPyConnection, ended: threading.Event) -> None:
    """Until the query ends: DuckDB forgets an interrupt that comes before the query has begun.

    Then closes the connection: nobody else may, while a query is still ending in it.
    """
    opened.interrupt()
    while not ended.wait(_RETRY_SECONDS):
        opened.interrupt()
    opened.close()
    _closed_by_others.discard(id(opened))


def duckdb_error() -> type[Exception]:
    """The class of everything that DuckDB raises."""
    import duckdb

    return duckdb.Error


def is_interrupt(error: BaseException | None) -> bool:
    """Whether DuckDB stopped because of a signal."""
    import duckdb

    return isinstance(error, duckdb.InterruptException)


def _wait_for_lock(
    path: Path, stop: Stop, connect: Callable[[], duckdb.DuckDBPyConnection], patience: float
) -> duckdb.DuckDBPyConnection:
    try:
        check_regular(path)
    except FileNotFoundError:
        pass  # it is made
    except OSError as error:
        raise SinkError(f"sink {path}: cannot be opened: {error.strerror}") from error
    with waiting_for(f"{path}, which another process has open", patience):
        return _when_unlocked(path, stop, connect, patience)


def _when_unlocked(
    path: Path, stop: Stop, connect: Callable[[], duckdb.DuckDBPyConnection], patience: float
) -> duckdb.DuckDBPyConnection:
    end, seconds = time.monotonic() + patience, _RETRY_SECONDS
    while True:
        try:
            return connect()
        except duckdb_error() as error:
            is_locked = any(words in str(error) for words in _IN_USE)
            if not is_locked or time.monotonic() > end:
                advice = ": close the program that has it open" if is_locked else ""
                raise SinkError(f"sink {path}: cannot be opened{advice}: {_short(error)}") from error
        stop.pause(seconds)
        seconds = min(2 * seconds, _MAX_RETRY_SECONDS)


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    import duckdb

    file = str(path.absolute())  # DuckDB takes `md:x` or `s3://x`, but no absolute path, for a service
    if read_only:
        opened = duckdb.connect(file, read_only=True)
    else:
        opened = duckdb.connect(config={"temp_directory": f"{file}.tmp"})
    try:
        opened.execute("LOAD icu; SET TimeZone = 'UTC'")  # it ships with the package
        if read_only:
            return opened
        opened.execute(f"ATTACH {literal(file)} AS inventory (ROW_GROUP_SIZE {ROW_GROUP_SIZE})")
        opened.execute("USE inventory")
    except duckdb.Error:
        opened.close()
        raise
    return opened


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
