"""DuckDB: one file, opened only for the moments of the commit, all of it in one transaction."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from job.errors import QueryError, SinkError
from job.schema import SCHEMA_VERSION, columns, duckdb_type
from job.signals import committing
from job.sinks.duckdb.ddl import changes, changes_from_nothing, has_tables, literal, table_changes, view_changes
from job.sinks.protocol import WEIGHTS, Change, Commit, Result, TaskResult, refuse_loss
from job.sinks.pruning import prunable
from job.spool import Rows

if TYPE_CHECKING:
    import duckdb

_MAGIC = b"DUCK"  # at byte 8 of every database file: https://duckdb.org/docs/stable/internals/storage


class _Means(NamedTuple):
    """What a transaction may take."""

    megabytes: int | None
    """Of memory, for one thread; each further one takes half as much again. None is four fifths of the machine's."""
    largest_row: int
    """Bytes of JSON, which DuckDB makes room for twice over; less than 16 MiB is 16 MiB."""

    def limit(self, threads: int) -> int | None:
        """Megabytes for so many threads."""
        return None if self.megabytes is None else self.megabytes * (3 * threads - 1) // 2


_MEANS = (_Means(80, 16 << 20), _Means(200, 16 << 20), _Means(None, 64 << 20))  # tried one after another
# Rows that are compressed and written together. DuckDB's own 122,880 wait in memory for the commit, and compressing so
# many takes a third longer: https://duckdb.org/docs/stable/sql/statements/attach
_ROW_GROUP_SIZE = 30_720
_IN_USE = ("Could not set lock on file", "Unique file handle conflict")  # by another process, or in this one
_READ_PATIENCE = 30.0  # seconds; a commit takes moments


class DuckDBSink:
    """A database file.

    Args:
        threads: that publish; one needs some 100 MB of memory, and each further one half as much again.
    """

    def __init__(self, path: Path, *, timeout_seconds: float, threads: int = 1) -> None:
        self.path = path
        self._timeout_seconds = timeout_seconds
        self._threads = threads
        self.bytes_billed = 0

    def prepare(self) -> None:
        """Looks at the folder, the file and its tables; what they lack is made when rows are written."""
        folder = self.path.parent
        if not folder.is_dir():
            raise SinkError(f"sink {self.path}: the folder {folder} does not exist; create it, or name another file")
        if self.path.is_dir():
            raise SinkError(f"sink {self.path}: this is a folder; name a file in it")
        if self.path.exists() and not os.access(self.path, os.W_OK):
            raise SinkError(f"sink {self.path}: no permission to write this file")
        try:
            with tempfile.TemporaryFile(dir=folder):  # DuckDB too puts a file beside its own; permissions alone can lie
                pass
        except OSError as error:
            raise SinkError(f"sink {self.path}: cannot write in {folder}: {error.strerror}") from error
        if self.path.exists() and self.path.stat().st_size:
            try:
                with self.path.open("rb") as file:
                    magic = file.read(12)[8:]
            except OSError as error:
                raise SinkError(f"sink {self.path}: cannot be read: {error.strerror}") from error
            if magic != _MAGIC:
                raise SinkError(f"sink {self.path}: this file is not a DuckDB database; name another one")
            refuse_loss(f"sink {self.path}", self.changes())

    def changes(self) -> Sequence[Change]:
        if not self.path.exists():
            return [*changes_from_nothing()]
        with self._open(read_only=True, patience=self._timeout_seconds) as connection:
            self._check_version(connection)
            return list(changes(connection))

    def ddl(self) -> Sequence[str]:
        return [change.statement for change in changes_from_nothing()]

    def apply(self) -> Sequence[Change]:
        """In one transaction."""
        self.prepare()
        with self._open(read_only=False, patience=self._timeout_seconds) as connection, self._transaction(connection):
            return self._evolve(connection, changes(connection))

    @contextmanager
    def begun(self, run_id: str, task_count: int, *, alone: bool) -> Iterator[str | None]:  # noqa: ARG002
        """By a locked file beside the database: the kernel unlocks it when the process ends, however it does. Programs
        that read the database are not kept out."""
        path = self.path.with_name(f"{self.path.name}.running")
        try:
            opened = path.open("a+")
        except OSError as error:
            raise SinkError(f"sink {self.path}: cannot write {path}: {error.strerror}") from error
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another process has it
                file.seek(0)
                other = file.read() or "another"
                yield other if other != run_id else None
                return
            file.truncate(0)
            file.write(run_id)
            file.flush()
            try:
                yield None
            finally:
                path.unlink(missing_ok=True)

    def committed(self, run_id: str, task_index: int) -> TaskResult | None:
        if not self.path.exists():
            return None
        with self._open(read_only=True, patience=self._timeout_seconds) as connection:
            return _outcome(connection, _commit_id(run_id, task_index)) if has_tables(connection) else None

    def weights(self, run_id: str) -> dict[str, int]:
        """Settled in a table by the first task to ask."""
        with self._open(read_only=False, patience=self._timeout_seconds) as connection, self._transaction(connection):
            self._evolve(connection, changes(connection))
            asked = "SELECT name, objects FROM weights WHERE run_id = ?"
            if not connection.execute(asked, [run_id]).fetchall():
                connection.execute(
                    "DELETE FROM weights WHERE asked_at < now() - INTERVAL 8 DAY"
                )  # a task's longest time
                connection.execute("INSERT INTO weights VALUES (?, '', 0, now())", [run_id])  # though there be none
                connection.execute(f"INSERT INTO weights SELECT ?, name, objects, now() FROM ({WEIGHTS})", [run_id])
            return {name: objects for name, objects in connection.execute(asked, [run_id]).fetchall() if name}

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Creates what is missing and inserts all rows, in one transaction, in as little memory as will do."""
        *less, most = _MEANS
        for means in less:
            try:
                return self._publish(rows, commit, means)
            except SinkError as error:
                if not _wants_more(error.__cause__):
                    raise
        return self._publish(rows, commit, most)

    def _publish(self, rows: Rows, commit: Commit, means: _Means) -> bool:
        commit_id = _commit_id(commit.run_id, commit.task_index)
        patience = self._timeout_seconds
        with self._open(read_only=False, patience=patience) as connection, self._transaction(connection, last=True):
            connection.execute(f"SET threads = {self._threads}; SET preserve_insertion_order = false")
            connection.execute("SET write_buffer_row_group_count = 1")  # what is full is written, and not kept
            megabytes = means.limit(self._threads)
            _limit(connection, megabytes)
            self._evolve(connection, table_changes(connection))
            if _outcome(connection, commit_id) is not None:
                return False
            connection.execute("INSERT INTO commits VALUES (?, ?, ?)", [commit_id, *commit.outcome])
            for table, file in rows.files.items():
                _insert(connection, table, file, rows.counts[table], means.largest_row)
            # lets go of what is written already, as the commit needs some room besides
            _limit(connection, megabytes and megabytes * 3 // 4)
            self._evolve(connection, view_changes(connection))  # only now: what translates them takes memory too
            return True

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        if not self.path.exists():
            raise SinkError(f"sink {self.path}: there is no such file")
        pruned = {}
        patience = _READ_PATIENCE if dry_run else self._timeout_seconds
        with self._open(read_only=dry_run, patience=patience) as connection, self._transaction(connection):
            for table, where in prunable(before):
                sql = f"SELECT count(*) FROM {table} WHERE {where}" if dry_run else f"DELETE FROM {table} WHERE {where}"
                told = connection.execute(sql).fetchone()
                pruned[table] = int(told[0]) if told else 0
        return pruned

    def named(self, table: str) -> str:
        return f'"{table}"'

    def query(self, sql: str) -> Result:
        if not self.path.exists():
            raise SinkError(f"sink {self.path}: there is no such file; `gke-inventory run` creates it")
        with self._open(read_only=True, patience=_READ_PATIENCE) as connection:
            try:
                cursor = connection.execute(sql)
                named = tuple((name, _type(str(kind))) for name, kind, *_ in cursor.description or ())
                return Result(named, cursor.fetchall())
            except _duckdb_error() as error:
                raise QueryError(f"the query failed: {error}") from error

    def _check_version(self, connection: duckdb.DuckDBPyConnection) -> None:
        if not has_tables(connection):
            return
        (version,) = connection.execute("SELECT max(version) FROM schema_version").fetchone() or (None,)
        if version is not None and version > SCHEMA_VERSION:
            raise SinkError(
                f"sink {self.path}: a newer gke-inventory has made its tables (schema {version}, this one knows "
                f"{SCHEMA_VERSION}): upgrade this one; nothing was written"
            )

    def _evolve(self, connection: duckdb.DuckDBPyConnection, wanted: Iterable[Change]) -> list[Change]:
        self._check_version(connection)
        made = list(wanted)
        refuse_loss(f"sink {self.path}", made)
        for change in made:
            connection.execute(change.statement)
        return made

    @contextmanager
    def _transaction(self, connection: duckdb.DuckDBPyConnection, *, last: bool = False) -> Iterator[None]:
        """All of the block, or nothing: without a COMMIT, a transaction ends with its connection.

        Args:
            last: nothing follows but to say that it is done.
        """
        try:
            connection.execute("BEGIN")
            yield
            with committing() if last else nullcontext():
                connection.execute("COMMIT")
        except _duckdb_error() as error:
            raise SinkError(f"sink {self.path}: nothing was written: {_short(error)}") from error

    @contextmanager
    def _open(self, *, read_only: bool, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connected(read_only=read_only, patience=patience)
        try:
            connection.execute("LOAD icu; SET TimeZone = 'UTC'")  # it ships with the package
            yield connection
        except _duckdb_error() as error:  # tables that are not ours, say
            raise SinkError(f"sink {self.path}: cannot be read: {_short(error)}") from error
        finally:
            connection.close()  # an open transaction ends with its connection: it is rolled back

    def _connected(self, *, read_only: bool, patience: float) -> duckdb.DuckDBPyConnection:
        """One process that writes keeps every other out, and readers keep it out: each waits its turn."""
        end = time.monotonic() + patience
        while True:
            try:
                return _connect(self.path, read_only=read_only)
            except _duckdb_error() as error:
                is_locked = any(words in str(error) for words in _IN_USE)
                if not is_locked or time.monotonic() > end:
                    advice = ": close the program that has it open" if is_locked else ""
                    raise SinkError(f"sink {self.path}: cannot be opened{advice}: {_short(error)}") from error
            time.sleep(0.1)


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    import duckdb

    if read_only:
        return duckdb.connect(str(path), read_only=True)
    connection = duckdb.connect(config={"temp_directory": f"{path}.tmp"})
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS inventory (ROW_GROUP_SIZE {_ROW_GROUP_SIZE})")
        connection.execute("USE inventory")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _commit_id(run_id: str, task_index: int) -> str:
    return f"{run_id}-{task_index}"


def _outcome(connection: duckdb.DuckDBPyConnection, commit_id: str) -> TaskResult | None:
    asked = "SELECT complete, acceptable FROM commits WHERE commit_id = ?"
    found = connection.execute(asked, [commit_id]).fetchone()
    return None if found is None else TaskResult(*found)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, file: Path, count: int, largest_row: int) -> None:
    named = columns(table)
    # NULL and an empty list are one thing in BigQuery, and it says []
    chosen = ", ".join(f'coalesce("{c.name}", [])' if c.mode == "REPEATED" else f'"{c.name}"' for c in named)
    source = "read_json(?, format = 'newline_delimited', compression = 'gzip', maximum_object_size = ?, columns = {%s})"
    types = ", ".join(f"{literal(column.name)}: {literal(duckdb_type(column))}" for column in named)
    into = ", ".join(f'"{column.name}"' for column in named)
    inserted = connection.execute(
        f"INSERT INTO {table} ({into}) SELECT {chosen} FROM {source % types}",
        [str(file), largest_row],
    ).fetchone()
    if inserted is None or inserted[0] != count:
        raise SinkError(f"{table}: {inserted and inserted[0]} of {count} rows arrived; nothing was written")


def _limit(connection: duckdb.DuckDBPyConnection, megabytes: int | None) -> None:
    if megabytes is not None:
        connection.execute(f"SET memory_limit = '{megabytes}MB'")


_TYPES: dict[str, Callable[[str], bool]] = {
    "JSON": lambda kind: kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "JSON")),
    "INT64": lambda kind: kind.lstrip("U") in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    "FLOAT64": lambda kind: kind in ("DOUBLE", "FLOAT"),
    "NUMERIC": lambda kind: kind.startswith("DECIMAL"),
    "BOOL": lambda kind: kind == "BOOLEAN",
    "TIMESTAMP": lambda kind: kind == "TIMESTAMP WITH TIME ZONE",
    "DATE": lambda kind: kind == "DATE",
}


def _type(kind: str) -> str:
    return next((name for name, suits in _TYPES.items() if suits(kind)), "STRING")


def _wants_more(error: BaseException | None) -> bool:
    import duckdb

    return isinstance(error, duckdb.OutOfMemoryException) or "maximum_object_size" in str(error)


def _duckdb_error() -> type[Exception]:
    import duckdb

    return duckdb.Error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
