"""Which old rows no view uses, in an order in which deleting them never leaves a partial snapshot visible.

A cluster that could not be read for a long time keeps its last good snapshot, however old it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from job.tables import TABLES, Run, Snapshot, raw

# Each cluster's newest snapshot, each project's newest list, and the last two readings of each resource.
_USED = (
    "(SELECT snapshot_id FROM latest_snapshots UNION DISTINCT SELECT snapshot_id FROM coverage UNION DISTINCT "
    "SELECT read_snapshot_id FROM coverage WHERE read_snapshot_id IS NOT NULL UNION DISTINCT "
    "SELECT previous_snapshot_id FROM last_two_readings)"
)


def prunable(before: datetime) -> Iterator[tuple[str, str]]:
    """Table and condition, in the order of deletion; the same SQL on BigQuery and DuckDB.

    Commit markers go first: without its marker, a snapshot is in no view. A run whose list of a project is still used
    keeps its markers, since they make the list count.
    """
    old = f"snapshot_time < TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}+00' AND snapshot_id NOT IN {_USED}"
    marker = f"{old} AND run_id NOT IN (SELECT run_id FROM raw_runs WHERE snapshot_id IN {_USED})"
    yield raw(Snapshot.table), marker
    for table in TABLES:
        if table != Snapshot.table:
            column = "run_id" if table == Run.table else "snapshot_id"
            yield raw(table), f"{old} AND {column} NOT IN (SELECT {column} FROM raw_snapshots WHERE NOT ({marker}))"
