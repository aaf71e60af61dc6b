"""Which rows the views of the present read: all since a time, and those of earlier times that a table lists.

They are constants in views. A commit writes the views only where its own time is an earlier one, and, once there have
been many since that time, moves it on: only those times are listed that views still need. All in its own transaction.
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

TABLE = "recent_rows"
DEFINITION = (
    "snapshot_time TIMESTAMPTZ, and_later BOOLEAN",
    "The times of the rows that views of the present read; `and_later`: those of all later times too.",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MANY = 16  # times of commits since the views were written


def remember(connection: duckdb.DuckDBPyConnection, after: int) -> None:
    """Makes the views read the rows of `raw_runs` after this row id, and all that have their times."""
    rows = recent(connection)
    added = [time for time in _times(connection, f"rowid > {after}") if not rows.reads(time)]
    if added:
        connection.executemany(f"INSERT INTO {TABLE} VALUES (?, FALSE)", [[time] for time in added])
        make_views(connection)


def last_row(connection: duckdb.DuckDBPyConnection) -> int:
    """The id of the last row of `raw_runs`; -1 without one."""
    found = connection.execute(f"SELECT coalesce(max(rowid), -1) FROM {raw(Run.table)}").fetchone()
    return int(found[0]) if found else -1


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Once there were many commits: makes the views read no earlier rows but those that they need."""
    rows = recent(connection)
    later = _times(connection, "snapshot_time <= now()")
    if rows.since is not None:
        later = [time for time in later if time >= rows.since]
    if not later or not _is_due(len(later), len(rows.times)):
        return
    since = max(later)
    connection.execute(
        f"CREATE TEMP TABLE kept AS SELECT DISTINCT snapshot_time FROM needed_attempts "
        f"WHERE snapshot_time < TIMESTAMPTZ '{since.isoformat()}'"
    )
    connection.execute(f"DELETE FROM {TABLE}")
    connection.execute(f"INSERT INTO {TABLE} SELECT snapshot_time, FALSE FROM kept")
    connection.execute(f"INSERT INTO {TABLE} VALUES (?, TRUE)", [since])
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
    """What the table says; all rows where it says nothing, as in a new file and in one of an older version."""
    if connection.execute(f"SELECT * FROM duckdb_tables() WHERE table_name = '{TABLE}'").fetchone() is None:
        return Recent(None)
    found = connection.execute(f"SELECT epoch_us(snapshot_time), and_later FROM {TABLE}").fetchall()
    times = {is_since: {_time(time) for time, later in found if later == is_since} for is_since in (True, False)}
    return Recent(min(times[True], default=None), frozenset(times[False]))


def _times(connection: duckdb.DuckDBPyConnection, condition: str) -> list[datetime]:
    """Those of the rows of `raw_runs`."""
    select = f"SELECT DISTINCT epoch_us(snapshot_time) FROM {raw(Run.table)} WHERE {condition}"
    return [_time(time) for (time,) in connection.execute(select).fetchall()]


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _is_due(later: int, listed: int) -> bool:
    """Whether there were so many commits that it is worth a query to ask which of their times are needed."""
    return later >= max(_MANY, listed)


def _create(name: str, rows: Recent) -> str:
    made = f"CREATE OR REPLACE VIEW {name} AS {query_for_duckdb(name, rows)};"
    return f"{made}\n{comment_on('VIEW', name, description_of(name))}"
