"""Which rows the views of what is known now read: those of a window by the clock, and those of a list of times.

BigQuery reads only the partitions that constants and the clock choose, and never those that a join would find
(https://cloud.google.com/bigquery/docs/querying-partitioned-tables). So each table has a view `raw_recent_<table>`,
which all other views read in place of the table, and whose query has the times as constants. DuckDB skips row groups
likewise (https://duckdb.org/docs/stable/guides/performance/indexing#zonemaps).
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

_WINDOW = re.compile(r"CURRENT_TIMESTAMP\(\), INTERVAL (\d+) HOUR")
_TIME = re.compile(r"TIMESTAMP '([^']+)'")
_ALL = f"{PARTITIONED_BY} >= TIMESTAMP '1970-01-01 00:00:00+00'"


class Recent(NamedTuple):
    """The rows that count as recent, by their `snapshot_time`."""

    times: frozenset[datetime] | None
    """Those of these times. None: all rows."""
    window_hours: int | None = None
    """And those of this many last hours."""

    def condition(self) -> str:
        """A condition on `snapshot_time`, the same SQL on BigQuery and DuckDB unless it has a window."""
        if self.times is None:
            return _ALL
        found = []
        if self.window_hours is not None:
            found.append(f"{PARTITIONED_BY} >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {self.window_hours} HOUR)")
        if self.times:
            found.append(f"{PARTITIONED_BY} IN ({', '.join(map(literal, sorted(self.times)))})")
        return "\n  OR ".join(found) or "FALSE"

    def with_times(self, times: Iterable[datetime]) -> Recent:
        """Also the rows of these times."""
        return self if self.times is None else self._replace(times=self.times | frozenset(times))


def parse(query: str) -> Recent:
    """The rows that a view's query reads, which ends with their condition.

    >>> parse(f"SELECT * FROM t WHERE {Recent(None).condition()}").times is None
    True
    """
    condition = query.rpartition("\nWHERE ")[2]
    if _ALL in query:
        return Recent(None)
    window = _WINDOW.search(condition)
    times = frozenset(datetime.fromisoformat(time).astimezone(UTC) for time in _TIME.findall(condition))
    return Recent(times, int(window[1]) if window else None)


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
