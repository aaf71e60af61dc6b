"""The two engines that views run on, DuckDB and GoogleSQL, with a clock that stands still."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import warehouse
from googlesql import Dataset

from job.schema import columns
from job.sinks.duckdb import DuckDBSink
from job.tables import TABLES, Key, Record
from job.views import View, for_duckdb, views


class Answer(NamedTuple):
    """Names of the columns, and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class OnDuckDB:
    """A database file's tables, and the views as DuckDB has them."""

    def __init__(self, path: Path, now: datetime) -> None:
        self._connection, self._now = _opened(path), now
        self._connection.execute("BEGIN")  # never committed: the file keeps the views that it has
        self._made: set[str] = set()

    def query(self, sql: str) -> Answer:
        wanted = set(re.findall(r"\w+", sql))
        for view in reversed(views()):
            wanted |= set(view.reads) if view.name in wanted else set()
        for view in views():
            if view.name in wanted - self._made:
                self._connection.execute(f"CREATE OR REPLACE VIEW {view.name} AS {_at(view, self._now)}")
                self._made.add(view.name)
        cursor = self._connection.execute(sql)
        names = [name for name, *_ in cursor.description or ()]
        return Answer(names, [tuple(_plain(value) for value in row) for row in cursor.fetchall()])

    def close(self) -> None:
        self._connection.close()


class OnGoogleSQL:
    """The same tables, and the views as BigQuery has them."""

    def __init__(self, tables: Mapping[str, Sequence[Sequence[Any]]], now: datetime) -> None:
        self._dataset = Dataset(tables, now=now)

    def query(self, sql: str) -> Answer:
        return Answer(*self._dataset.query(sql))

    def close(self) -> None:
        pass


NOW = datetime(2026, 1, 3, tzinfo=UTC)
"""Two days after run 0 of the warehouse made by hand."""


class Warehouse:
    """A warehouse made by hand: what runs publish to it, and what an analyst is answered on one of the engines."""

    def __init__(self, path: Path, engine: str) -> None:
        self._path, self._engine = path, engine
        self._published: list[tuple[Key, Record]] = []
        self._asked: OnDuckDB | OnGoogleSQL | None = None

    def publish(self, rows: Sequence[tuple[Key, Record]], *, without: Sequence[str] = ()) -> None:
        """Adds the rows of one run; `without` leaves tables out, as a run does that is killed before them."""
        self.close()
        self._published += [(key, record) for key, record in rows if record.table not in without]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows, sorted."""
        if self._asked is None and self._engine == "duckdb":
            warehouse.publish(DuckDBSink(self._path, timeout_seconds=5), self._published)
            self._asked = OnDuckDB(self._path, NOW)
        elif self._asked is None:
            self._asked = OnGoogleSQL(_tables(self._published), NOW)
        return sorted(self._asked.query(sql).rows, key=repr)

    def close(self) -> None:
        if self._asked is not None:
            self._asked.close()
            self._asked = None
            self._path.unlink(missing_ok=True)


def _tables(published: Iterable[tuple[Key, Record]]) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = {table: [] for table in TABLES}
    for key, record in published:
        told = msgspec.to_builtins((key, record), builtin_types=(datetime,))
        row = told[0] | told[1]
        found[record.table].append([row.get(column.name) for column in columns(record.table)])
    return found


def tables_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all base tables of a database file."""
    found = {}
    with _opened(path) as connection:
        for table in TABLES:
            named = ", ".join(f'"{column.name}"' for column in columns(table))
            rows = connection.execute(f"SELECT {named} FROM {table}").fetchall()
            found[table] = [tuple(_plain(value) for value in row) for row in rows]
    return found


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path)).execute("SET TimeZone = 'UTC'")


@cache
def _at(view: View, now: datetime) -> str:
    """The view with a clock that stands still."""
    return for_duckdb(view._replace(sql=view.sql.replace("CURRENT_TIMESTAMP()", f"TIMESTAMP '{now.isoformat()}'")))


def _plain(value: Any) -> Any:
    """Python's own UTC in place of pytz's."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
