"""Which rows may be deleted when they grow old: those that no view shows, in an order that never half shows any.

A cluster that has long not been read keeps its last good snapshot, however old that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from job.tables import TABLES, Run, Snapshot

# What the views stand on: each cluster's newest snapshot, each project's newest list, and those that carry forward.
_SHOWN = (
    "(SELECT snapshot_id FROM latest_snapshots UNION DISTINCT SELECT snapshot_id FROM coverage UNION DISTINCT "
    "SELECT read_snapshot_id FROM coverage WHERE read_snapshot_id IS NOT NULL)"
)


def prunable(before: datetime) -> Iterator[tuple[str, str]]:
    """Table and condition, in the order in which rows have to go; the same SQL on BigQuery and DuckDB.

    The markers go first: what is left of a snapshot without one is in no view. Of a run whose list of a project is
    still shown, the markers stay, since the list counts by them.
    """
    old = f"snapshot_time < TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}+00' AND snapshot_id NOT IN {_SHOWN}"
    marker = f"{old} AND run_id NOT IN (SELECT run_id FROM runs WHERE snapshot_id IN {_SHOWN})"
    yield Snapshot.table, marker
    for table in TABLES:
        if table != Snapshot.table:
            column = "run_id" if table == Run.table else "snapshot_id"
            yield table, f"{old} AND {column} NOT IN (SELECT {column} FROM snapshots WHERE NOT ({marker}))"
