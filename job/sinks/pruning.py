"""Which old rows no view of the present needs, in an order in which deleting them leaves no partial snapshot visible.

A cluster that could not be read for a long time keeps its last good snapshot, however old it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from job.tables import TABLES, Run, Snapshot, raw
from job.views.recent import literal

NEEDED_TIMES = "SELECT DISTINCT snapshot_time FROM needed_attempts"
"""The `snapshot_time` of the rows that stay, the same query on BigQuery and DuckDB."""


def prunable(before: datetime, needed: Iterable[datetime]) -> Iterator[tuple[str, str]]:
    """Table and condition, in the order of deletion; the same SQL on BigQuery and DuckDB.

    Snapshots go first: without its row in `raw_snapshots`, the rest of a snapshot is in no view. The rows of `raw_runs`
    stay, one for each task of each run: they say since when each configuration is in use.

    Args:
        needed: the answer to `NEEDED_TIMES`.
    """
    old = f"snapshot_time < {literal(before)}"
    kept = ", ".join(literal(time) for time in sorted(needed) if time < before)
    if kept:
        old += f" AND snapshot_time NOT IN ({kept})"
    yield raw(Snapshot.table), old
    for table in TABLES:
        if table not in (Run.table, Snapshot.table):
            yield raw(table), old
