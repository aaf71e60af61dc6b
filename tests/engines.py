"""The two engines that views run on, DuckDB and GoogleSQL, with a fixed clock."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import warehouse
from googlesql import Dataset
from made import made_file

from job.schema import columns
from job.sinks.duckdb import DuckDBSink
from job.tables import TABLES, Key, Record
from job.views import View, for_duckdb, views


class Answer(NamedTuple):
    """The names of a query's columns, and its rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class OnDuckDB:
    """The tables of a database file, with the views in DuckDB's SQL."""

    def __init__(self, path: Path, now: datetime) -> None:
        self._connection, self._now = _opened(path), now
        self._connection.execute("BEGIN")  # never committed, so the file keeps its own views
        self._made: set[str] = set()

    def query(self, sql: str) -> Answer:
        needed = set(re.findall(r"\w+", sql))
        for view in reversed(views()):
            needed |= set(view.reads) if view.name in needed else set()
        for view in views():
            if view.name in needed - self._made:
                self._connection.execute(f"CREATE OR REPLACE VIEW {view.name} AS {_at(view, self._now)}")
                self._made.add(view.name)
        cursor = self._connection.execute(sql)
        names = [name for name, *_ in cursor.description or ()]
        return Answer(names, [tuple(_plain(value) for value in row) for row in cursor.fetchall()])

    def close(self) -> None:
        self._connection.close()


class OnGoogleSQL:
    """Rows in memory, with the views in BigQuery's SQL."""

    def __init__(self, tables: Mapping[str, Sequence[Sequence[Any]]], now: datetime) -> None:
        self._dataset = Dataset(tables, now=now)

    def query(self, sql: str) -> Answer:
        names, rows = self._dataset.query(sql)
        return Answer(names, [tuple(_plain(value) for value in row) for row in rows])

    def close(self) -> None:
        pass


NOW = datetime(2026, 1, 3, tzinfo=UTC)
"""Two days after `warehouse.FIRST`, when run 0 begins."""


class Warehouse:
    """A warehouse that runs publish to and an analyst queries, on one of the engines."""

    def __init__(self, path: Path, engine: str) -> None:
        self._path, self.engine = path, engine
        self._published: list[tuple[Key, Record]] = []
        self._open: OnDuckDB | OnGoogleSQL | None = None

    def publish(self, rows: Sequence[tuple[Key, Record]], *, without: Sequence[str] = ()) -> None:
        """Adds the rows of one run, except for the tables that a killed run is `without`."""
        self.close()
        self._published += [(key, record) for key, record in rows if record.table not in without]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, sorted."""
        if self._open is None and self.engine == "duckdb":
            shutil.copy(made_file(), self._path)
            warehouse.publish(DuckDBSink(self._path, timeout_seconds=5), self._published)
            self._open = OnDuckDB(self._path, NOW)
        elif self._open is None:
            self._open = OnGoogleSQL(_tables(self._published), NOW)
        return sorted(self._open.query(sql).rows, key=repr)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
            self._path.unlink(missing_ok=True)


def _tables(published: Iterable[tuple[Key, Record]]) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = {table: [] for table in TABLES}
    for key, record in published:
        key_columns, others = msgspec.to_builtins((key, record), builtin_types=(datetime,))
        row = key_columns | others
        found[record.table].append([row.get(column.name) for column in columns(record.table)])
    return found


def tables_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a database file's tables."""
    found = {}
    with _opened(path) as connection:
        for table in TABLES:
            named = ", ".join(f'"{column.name}"' for column in columns(table))
            rows = connection.execute(f"SELECT {named} FROM raw_{table}").fetchall()
            found[table] = [tuple(_plain(value) for value in row) for row in rows]
    return found


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path)).execute("SET TimeZone = 'UTC'")


@cache
def _at(view: View, now: datetime) -> str:
    """The view's query with a fixed clock."""
    return for_duckdb(view._replace(sql=view.sql.replace("CURRENT_TIMESTAMP()", f"TIMESTAMP '{now.isoformat()}'")))


def _plain(value: Any) -> Any:
    """The value with Python's own UTC in place of pytz's. A NUMERIC without a fraction is an integer."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
