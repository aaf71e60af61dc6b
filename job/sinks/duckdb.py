"""DuckDB: one file, opened only for the moments of the commit, all of it in one transaction."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from job.errors import QueryError, SinkError
from job.schema import columns, duckdb_type
from job.sinks import Result, Rows
from job.tables import TABLES
from job.views import for_duckdb, views

if TYPE_CHECKING:
    import duckdb

_MAGIC = b"DUCK"  # at byte 8 of every database file: https://duckdb.org/docs/stable/internals/storage
_LARGEST_ROW = 64 << 20  # bytes of JSON
_READ_PATIENCE = 30.0  # seconds; a commit takes moments


class DuckDBSink:
    """A database file."""

    def __init__(self, path: Path, *, timeout_seconds: float) -> None:
        self.path = path
        self._timeout_seconds = timeout_seconds

    def prepare(self) -> None:
        """Looks at the file and its folder without opening the database, so that no reader is locked out."""
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

    def publish(self, rows: Rows, *, load_id: str) -> None:
        """Creates what is missing and inserts all rows, in one transaction."""
        selects = {view.name: for_duckdb(view) for view in views()}
        with self._open(read_only=False, patience=self._timeout_seconds) as connection:
            try:
                connection.execute("BEGIN")
                connection.execute("CREATE TABLE IF NOT EXISTS loads (load_id VARCHAR PRIMARY KEY)")
                for table in TABLES:
                    _create(connection, table)
                for name, select in selects.items():
                    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {select}")
                if not connection.execute("SELECT 1 FROM loads WHERE load_id = ?", [load_id]).fetchone():
                    connection.execute("INSERT INTO loads VALUES (?)", [load_id])
                    for table, file in rows.files.items():
                        _insert(connection, table, file, rows.counts[table])
                connection.execute("COMMIT")
            except _duckdb_error() as error:
                raise SinkError(f"sink {self.path}: nothing was written: {_short(error)}") from error

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

    @contextmanager
    def _open(self, *, read_only: bool, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        def attempt() -> duckdb.DuckDBPyConnection:
            return duckdb.connect(str(self.path), read_only=read_only)

        connection = self._once_unlocked(attempt, patience)
        try:
            connection.execute("LOAD icu; SET TimeZone = 'UTC'")  # it ships with the package
            yield connection
        finally:
            connection.close()  # an open transaction ends with its connection: it is rolled back

    def _once_unlocked(
        self, attempt: Callable[[], duckdb.DuckDBPyConnection], patience: float
    ) -> duckdb.DuckDBPyConnection:
        """One process that writes keeps every other out, and readers keep it out: each waits its turn."""
        end = time.monotonic() + patience
        while True:
            try:
                return attempt()
            except _duckdb_error() as error:
                if "lock" not in str(error) or time.monotonic() > end:
                    advice = ": close the program that has it open" if "lock" in str(error) else ""
                    raise SinkError(f"sink {self.path}: cannot be opened{advice}: {_short(error)}") from error
            time.sleep(0.1)


def _create(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Creates the table, or adds the columns that it lacks."""
    told = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND schema_name = 'main'"
    there = dict(connection.execute(told, [table]).fetchall())
    if not there:
        definition = ", ".join(f'"{column.name}" {duckdb_type(column)}' for column in columns(table))
        connection.execute(f"CREATE TABLE {table} ({definition})")
        connection.execute(f"COMMENT ON TABLE {table} IS {_literal(TABLES[table].description)}")
    for column in columns(table):
        if there and column.name not in there:
            connection.execute(f'ALTER TABLE {table} ADD COLUMN "{column.name}" {duckdb_type(column)}')
        if column.name not in there:
            connection.execute(f'COMMENT ON COLUMN {table}."{column.name}" IS {_literal(column.description)}')


def _insert(connection: duckdb.DuckDBPyConnection, table: str, file: Path, count: int) -> None:
    named = columns(table)
    # NULL and an empty list are one thing in BigQuery, and it says []
    chosen = ", ".join(f'coalesce("{c.name}", [])' if c.mode == "REPEATED" else f'"{c.name}"' for c in named)
    source = "read_json(?, format = 'newline_delimited', compression = 'gzip', maximum_object_size = ?, columns = {%s})"
    types = ", ".join(f"{_literal(column.name)}: {_literal(duckdb_type(column))}" for column in named)
    into = ", ".join(f'"{column.name}"' for column in named)
    inserted = connection.execute(
        f"INSERT INTO {table} ({into}) SELECT {chosen} FROM {source % types}",  # noqa: S608 (our own column names)
        [str(file), _LARGEST_ROW],
    ).fetchone()
    if inserted is None or inserted[0] != count:
        raise SinkError(f"{table}: {inserted and inserted[0]} of {count} rows arrived; nothing was written")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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


def _duckdb_error() -> type[Exception]:
    import duckdb

    return duckdb.Error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
