"""Which rows the views of the present read: the times of recent commits, kept in a table, as constants in views.

Each commit adds its time, in its own transaction. Once there are many, only those that the views still need are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from job.sinks.duckdb.marks import comment_on
from job.sinks.protocol import Change
from job.tables import Run, raw
from job.views.recent import RECENT, Recent, description_of, query_for_duckdb

if TYPE_CHECKING:
    import duckdb

TABLE = "recent_times"
DEFINITION = "snapshot_time TIMESTAMPTZ, needed BOOLEAN", "The times of the rows that views of the present read."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MANY = 16  # times of commits that were added since the last look


def remember(connection: duckdb.DuckDBPyConnection, after: int) -> None:
    """Adds the times of the rows of `raw_runs` after this row id, and makes the views read them.

    Where the table is empty, it adds those of all rows.
    """
    connection.execute(
        f"INSERT INTO {TABLE} SELECT DISTINCT snapshot_time, FALSE FROM {raw(Run.table)} "
        f"WHERE (rowid > {after} OR NOT EXISTS (SELECT * FROM {TABLE})) "
        f"AND snapshot_time NOT IN (SELECT snapshot_time FROM {TABLE})"
    )


def last_row(connection: duckdb.DuckDBPyConnection) -> int:
    """The id of the last row of `raw_runs`; -1 without one."""
    found = connection.execute(f"SELECT coalesce(max(rowid), -1) FROM {raw(Run.table)}").fetchone()
    return int(found[0]) if found else -1


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Once many times were added: keeps those that the views need, and makes the views read no others."""
    counts = f"SELECT count(*) FILTER (NOT needed), count(*) FILTER (needed) FROM {TABLE}"
    added, needed = connection.execute(counts).fetchone() or (0, 0)
    if not _is_due(added, needed):
        return
    connection.execute("CREATE TEMP TABLE kept AS SELECT DISTINCT snapshot_time FROM needed_attempts")
    connection.execute(f"DELETE FROM {TABLE}")
    connection.execute(f"INSERT INTO {TABLE} SELECT snapshot_time, TRUE FROM kept")
    connection.execute("DROP TABLE kept")
    make_views(connection)


def make_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the views of recent rows again, with the times in the table."""
    rows = recent(connection)
    connection.execute("\n".join(_create(name, rows) for name in RECENT))


def view_changes(connection: duckdb.DuckDBPyConnection, there: set[str]) -> Iterator[Change]:
    """Those views that are missing."""
    rows = recent(connection)
    for name in RECENT:
        yield Change("replace view" if name in there else "create view", name, _create(name, rows))


def recent(connection: duckdb.DuckDBPyConnection) -> Recent:
    """The times in the table; all rows where there are none, as in a new file and in one of an older version."""
    if connection.execute(f"SELECT * FROM duckdb_tables() WHERE table_name = '{TABLE}'").fetchone() is None:
        return Recent(None)
    found = connection.execute(f"SELECT epoch_us(snapshot_time) FROM {TABLE}").fetchall()
    return Recent(frozenset(_EPOCH + timedelta(microseconds=time) for (time,) in found) or None)


def _is_due(added: int, needed: int) -> bool:
    """Whether there are so many times that it is worth a query to ask which of them are needed."""
    return added >= max(_MANY, needed)


def _create(name: str, rows: Recent) -> str:
    made = f"CREATE OR REPLACE VIEW {name} AS {query_for_duckdb(name, rows)};"
    return f"{made}\n{comment_on('VIEW', name, description_of(name))}"
