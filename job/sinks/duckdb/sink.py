"""DuckDB: one file, which is open only during the commit, in one transaction."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from job.errors import QueryError, SinkError
from job.schema import SCHEMA_VERSION
from job.signals import Stop
from job.sinks.duckdb import loading
from job.sinks.duckdb.connection import connection, duckdb_error, transaction
from job.sinks.duckdb.ddl import changes, changes_from_nothing, has_tables, literal, table_changes, view_changes
from job.sinks.duckdb.new_file import again_if_overtaken
from job.sinks.protocol import (
    CLUSTER_WEIGHTS,
    Change,
    Commit,
    CommittedList,
    Result,
    TaskResult,
    committed_lists_query,
    refuse_loss,
)
from job.sinks.pruning import prunable
from job.spool import Rows

if TYPE_CHECKING:
    import duckdb

_MAGIC = b"DUCK"  # at byte 8 of every database file: https://duckdb.org/docs/stable/internals/storage
_READ_PATIENCE = 30.0  # seconds; a commit takes a moment


class DuckDBSink:
    """A database file.

    Args:
        timeout_seconds: to wait for a file that another process has locked.
        threads: that publish; one needs about 100 MB of memory, and each further one half as much.
    """

    def __init__(self, path: Path, *, timeout_seconds: float, threads: int = 1, stop: Stop | None = None) -> None:
        self.path = path
        self._timeout_seconds = timeout_seconds
        self._threads = threads
        self._stop = stop or Stop()
        self.bytes_billed = 0
        self.seconds_ahead = 0.0

    def prepare(self) -> None:
        """Checks the folder, the file and its tables; `publish` makes what they lack."""
        folder = self.path.parent
        if not folder.is_dir():
            raise SinkError(f"sink {self.path}: the folder {folder} does not exist; create it, or name another file")
        if self.path.is_dir():
            raise SinkError(f"sink {self.path}: this is a folder; name a file in it")
        if self.path.exists() and not os.access(self.path, os.W_OK):
            raise SinkError(f"sink {self.path}: no permission to write this file")
        try:
            with tempfile.TemporaryFile(dir=folder):  # as DuckDB does beside its file; permissions alone can mislead
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

    @contextmanager
    def running(self, run_id: str, task_count: int, *, exclusive: bool) -> Iterator[str | None]:  # noqa: ARG002
        """By a locked file beside the database: the kernel unlocks it when the process ends, even if it is killed.

        Programs that read the database are not locked out.
        """
        path = self.path.with_name(f"{self.path.name}.running")
        try:
            opened = path.open("a+")
        except OSError as error:
            raise SinkError(f"sink {self.path}: cannot write {path}: {error.strerror}") from error
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another process holds the lock
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

    def committed_result(self, run_id: str, task_index: int) -> TaskResult | None:
        if not self.path.exists():
            return None
        with self._reading(self._timeout_seconds) as database:
            return _last_part(database, run_id, task_index) if has_tables(database) else None

    def committed_lists(self, run_id: str, task_index: int) -> Sequence[CommittedList]:
        with self._reading(self._timeout_seconds) as database:
            found = database.execute(committed_lists_query(literal(run_id), task_index)).fetchall()
            return [CommittedList(*row) for row in found]

    def cluster_weights(self, run_id: str, *, is_shared: bool = True) -> dict[str, int]:
        """The first task to ask stores the weights in a table, for all others."""
        if not is_shared:  # nothing is stored: a run that is killed before its commit leaves no new file
            if not self.path.exists():
                return {}
            with self._reading(self._timeout_seconds) as database:
                found = database.execute(CLUSTER_WEIGHTS).fetchall() if has_tables(database) else []
                return {str(name): int(objects) for name, objects in found}
        return again_if_overtaken(lambda: self._shared_weights(run_id))

    def _shared_weights(self, run_id: str) -> dict[str, int]:
        with self._writing() as database, self._transaction(database):
            self._evolve(database, changes(database))
            select = "SELECT name, objects FROM weights WHERE run_id = ?"
            if not database.execute(select, [run_id]).fetchall():
                database.execute("DELETE FROM weights WHERE asked_at < now() - INTERVAL 8 DAY")  # a task's longest time
                database.execute("INSERT INTO weights VALUES (?, '', 0, now())", [run_id])  # even without clusters
                database.execute(
                    f"INSERT INTO weights SELECT ?, name, objects, now() FROM ({CLUSTER_WEIGHTS})", [run_id]
                )
            return {name: objects for name, objects in database.execute(select, [run_id]).fetchall() if name}

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Creates missing tables and inserts all rows, in one transaction and in as little memory as possible."""
        *smaller, largest = loading.BUDGETS
        for budget in smaller:
            try:
                return again_if_overtaken(partial(self._publish, rows, commit, budget))
            except SinkError as error:
                if not loading.is_exceeded(error.__cause__):
                    raise
        return again_if_overtaken(partial(self._publish, rows, commit, largest))

    def ddl(self) -> Sequence[str]:
        return [change.statement for change in changes_from_nothing()]

    def changes(self) -> Sequence[Change]:
        if not self.path.exists():
            return [*changes_from_nothing()]
        with self._reading(self._timeout_seconds) as database:
            self._refuse_newer(database)
            return list(changes(database))

    def apply(self) -> Sequence[Change]:
        """In one transaction."""
        self.prepare()
        return again_if_overtaken(self._apply)

    def _apply(self) -> Sequence[Change]:
        with self._writing() as database, self._transaction(database):
            return self._evolve(database, changes(database))

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        if not self.path.exists():
            raise SinkError(f"sink {self.path}: there is no such file")
        pruned = {}
        with self._reading(_READ_PATIENCE) if dry_run else self._writing() as database, self._transaction(database):
            for table, where in prunable(before):
                action = "SELECT count(*)" if dry_run else "DELETE"
                found = database.execute(f"{action} FROM {table} WHERE {where}").fetchone()
                pruned[table] = int(found[0]) if found else 0
        return pruned

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def query(self, sql: str) -> Result:
        if not self.path.exists():
            raise SinkError(f"sink {self.path}: there is no such file; `gke-inventory run` creates it")
        with self._reading(_READ_PATIENCE) as database:
            try:
                if (cursor := database.execute(sql)) is None:
                    raise QueryError("the query is empty")
                found = tuple((name, _type(str(kind))) for name, kind, *_ in cursor.description or ())
                return Result(found, cursor.fetchall())
            except duckdb_error() as error:
                raise QueryError(f"the query failed: {error}") from error

    def _publish(self, rows: Rows, commit: Commit, budget: loading.Budget) -> bool:
        commit_id = _commit_id(commit.run_id, commit.task_index, commit.result.part)
        with self._writing() as database, self._transaction(database, shield=self._stop):
            loading.use(database, budget, self._threads)
            self._evolve(database, table_changes(database))
            if _committed(database, commit_id) is not None:
                return False
            result = [commit.result.complete, commit.result.acceptable, commit.result.stopped]
            statement = "INSERT INTO commits (commit_id, complete, acceptable, stopped) VALUES (?, ?, ?, ?)"
            database.execute(statement, [commit_id, *result])
            for table, file in rows.files.items():
                loading.insert(database, table, file, rows.counts[table], budget.largest_row)
            loading.flush(database, budget, self._threads)
            self._evolve(database, view_changes(database))  # only now: translating views takes memory too
            return True

    def _refuse_newer(self, database: duckdb.DuckDBPyConnection) -> None:
        if not has_tables(database):
            return
        (version,) = database.execute("SELECT max(version) FROM schema_version").fetchone() or (None,)
        if version is not None and version > SCHEMA_VERSION:
            raise SinkError(
                f"sink {self.path}: a newer gke-inventory made its tables (schema version {version}, this one "
                f"supports {SCHEMA_VERSION}): upgrade this one; nothing was written"
            )

    def _evolve(self, database: duckdb.DuckDBPyConnection, missing: Iterable[Change]) -> list[Change]:
        """Makes the changes that the database lacks."""
        self._refuse_newer(database)
        made = list(missing)
        refuse_loss(f"sink {self.path}", made)
        for change in made:
            database.execute(change.statement)
        return made

    def _reading(self, patience: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connection(self.path, self._stop, read_only=True, patience=patience)

    def _writing(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connection(self.path, self._stop, read_only=False, patience=self._timeout_seconds)

    def _transaction(
        self, database: duckdb.DuckDBPyConnection, *, shield: Stop | None = None
    ) -> AbstractContextManager[None]:
        return transaction(self.path, database, shield)


def _commit_id(run_id: str, task_index: int, part: int) -> str:
    return f"{run_id}-{task_index}" + (f"/{part}" if part else "")


def _last_part(database: duckdb.DuckDBPyConnection, run_id: str, task_index: int) -> TaskResult | None:
    last = None
    for part in count():
        found = _committed(database, _commit_id(run_id, task_index, part))
        if found is None:
            break
        last = found._replace(part=part)
    return last


def _committed(database: duckdb.DuckDBPyConnection, commit_id: str) -> TaskResult | None:
    # * since files of older versions have no column `stopped` until the next commit
    found = database.execute("SELECT * EXCLUDE (commit_id) FROM commits WHERE commit_id = ?", [commit_id]).fetchone()
    return None if found is None else TaskResult(*map(bool, found))


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
    return next((name for name, matches in _TYPES.items() if matches(kind)), "STRING")
