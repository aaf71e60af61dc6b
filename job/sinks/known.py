"""What a run asks of its sink before it reads: the queries, the same on every warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from job.tables import LEDGER, OBJECTS, UPGRADE_INFO, raw

CLUSTER_WEIGHTS = "SELECT CONCAT(project_id, '/', location, '/', cluster) AS name, objects FROM latest_snapshots"
"""The query behind `Sink.cluster_weights`, the same on every warehouse."""


def object_kinds_query(others: Sequence[str]) -> str:
    """The query behind `Sink.object_kinds`, the same on every warehouse.

    Args:
        others: kinds that are collected by themselves.
    """
    none = ", ".join(f"'{name}'" for name in ("clusters", UPGRADE_INFO, OBJECTS, *others))
    return (
        "SELECT DISTINCT CONCAT(project_id, '/', location, '/', cluster) AS name, resource "
        f"FROM recent_collections WHERE cluster IS NOT NULL AND resource NOT IN ({none})"
    )


def by_cluster(rows: Iterable[Sequence[Any]]) -> dict[str, frozenset[str]]:
    """The answer to that query."""
    found: dict[str, set[str]] = {}
    for name, resource in rows:
        found.setdefault(str(name), set()).add(str(resource))
    return {name: frozenset(resources) for name, resources in found.items()}


def upgrade_info_query(time: str) -> str:
    """The query behind `Sink.upgrade_info_since`, the same on every warehouse.

    Args:
        time: as a constant of the warehouse's SQL.
    """
    tables = {name: f"(SELECT * FROM {raw(name)} WHERE snapshot_time >= {time})" for name in LEDGER}
    return (
        f"SELECT DISTINCT s.cluster_id FROM {tables['snapshots']} AS s {_COMMITTED.format(**tables)} "
        f"WHERE c.resource = '{UPGRADE_INFO}' AND c.outcome = 'ok' AND s.cluster_id IS NOT NULL"
    )


_COMMITTED = (
    "JOIN {runs} AS r ON r.run_id = s.run_id AND r.task_index = s.task_index AND r.attempt = s.attempt "
    "AND r.snapshot_time = s.snapshot_time JOIN {collections} AS c ON c.snapshot_id = s.snapshot_id"
)
"""The markers and the lists of snapshots. The view `runs` shows the last part of a task alone; a row of raw_runs is the
marker of its part."""


def committed_lists_query(run_id: str, task_index: int, where: str = "TRUE") -> str:
    """The query behind `Sink.committed_lists`, the same on every warehouse.

    Args:
        run_id: as a string of the warehouse's SQL.
        where: a condition on `snapshot_time`, for each table that is read.
    """
    tables = {name: f"(SELECT * FROM {raw(name)} WHERE {where})" for name in LEDGER}
    return (
        "SELECT c.project_id, c.location, c.cluster, s.cluster_id, c.resource, c.outcome, c.message, c.objects, "
        f"r.row_count FROM {tables['snapshots']} AS s {_COMMITTED.format(**tables)} "
        f"WHERE s.run_id = {run_id} AND s.task_index = {task_index}"
    )
