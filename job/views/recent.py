"""Which rows the views of what is known now read: all since a time, and those of a list of earlier times.

BigQuery reads only the partitions that constants and the clock choose, and never those that a join would find
(https://cloud.google.com/bigquery/docs/querying-partitioned-tables). So each table has a view `raw_recent_<table>`,
which all other views read in place of the table, and whose query has the times as constants. DuckDB skips row groups
likewise (https://duckdb.org/docs/stable/guides/performance/indexing#zonemaps).

Most commits write no view: their rows are later than the time. Now and then one moves the time on, and lists the
earlier times of rows that are still needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from job.schema import PARTITIONED_BY
from job.tables import TABLES, raw

RECENT = {f"raw_recent_{table}": table for table in TABLES}
"""`raw_recent_pods` -> `pods`."""

_TIME = re.compile(r"TIMESTAMP '([^']+)'")
_SINCE = re.compile(rf"{PARTITIONED_BY} >= {_TIME.pattern}")
_ALL = f"{PARTITIONED_BY} >= TIMESTAMP '1970-01-01 00:00:00+00'"


class Recent(NamedTuple):
    """The rows that count as recent, by their `snapshot_time`."""

    since: datetime | None
    """All since this time. None: all rows."""
    times: frozenset[datetime] = frozenset()
    """And those of these earlier times."""

    def condition(self) -> str:
        """A condition on `snapshot_time`, the same SQL on BigQuery and DuckDB."""
        if self.since is None:
            return _ALL
        found = f"{PARTITIONED_BY} >= {literal(self.since)}"
        if self.times:
            found += f"\n  OR {PARTITIONED_BY} IN ({', '.join(map(literal, sorted(self.times)))})"
        return found

    def reads(self, time: datetime) -> bool:
        """Whether rows of this time are among them."""
        return self.since is None or time >= self.since or time in self.times

    def with_times(self, times: Iterable[datetime]) -> Recent:
        """Also the rows of these times."""
        return self if self.since is None else self._replace(times=self.times | frozenset(times))


def parse(query: str) -> Recent:
    """The rows that a view's query reads, which ends with their condition. All rows, of a query that has none.

    >>> parse(f"SELECT * FROM t WHERE {Recent(None).condition()}").since is None
    True
    """
    condition = query.rpartition("\nWHERE ")[2]
    since = _SINCE.search(condition)
    if _ALL in query or since is None:
        return Recent(None)
    times = frozenset(map(_parsed, _TIME.findall(condition[since.end() :])))
    return Recent(_parsed(since[1]), times)


def query_for_bigquery(name: str, dataset: str, recent: Recent) -> str:
    """The query of a `raw_recent_<table>`."""
    return f"SELECT *\nFROM `{dataset}.{raw(RECENT[name])}`\nWHERE {recent.condition()}"


def query_for_duckdb(name: str, recent: Recent) -> str:
    """The query of a `raw_recent_<table>`, in DuckDB's SQL."""
    condition = recent.condition().replace("TIMESTAMP '", "TIMESTAMPTZ '")  # DuckDB's TIMESTAMP has no zone
    return f"SELECT * FROM main.{raw(RECENT[name])} WHERE {condition}"  # noqa: S608


def description_of(name: str) -> str:
    """What the view is for."""
    return (
        f"Rows of {raw(RECENT[name])} that may be the newest of their kind, whether they count or not: what views of "
        f"the present read. Query `{RECENT[name]}`."
    )


def literal(time: datetime) -> str:
    """The time as a constant of BigQuery's SQL."""
    return f"TIMESTAMP '{time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"


def _parsed(time: str) -> datetime:
    return datetime.fromisoformat(time).astimezone(UTC)
