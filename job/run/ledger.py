"""A run's own rows: what each project listed, the snapshots, and the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec

from job.collect.cluster import CollectedCluster
from job.collect.ledger import ListOutcome, objects_in
from job.config import Config
from job.discover.projects import RESOURCE, ProjectListing
from job.discover.selection import Selection, Unmatched
from job.discover.witness import LedgerRow
from job.run.parts import CommittedCluster
from job.spool import Spool
from job.tables import Collection, Key, Record, Run, SnapshotStatus
from job.task import Task
from job.version import VERSION


def write_records(
    spool: Spool,
    task: Task,
    config: Config,
    listings: Sequence[ProjectListing],
    selection: Selection,
    collected: Sequence[CollectedCluster],
    committed: Sequence[CommittedCluster],
    clock: float,
    *,
    witness: Sequence[LedgerRow] = (),
    earlier_rows: int = 0,
) -> Run:
    """Adds these rows to those of the clusters; returns the one of `runs`, which is about all parts of the task.

    Args:
        committed: the clusters that earlier parts have committed.
        clock: when the run started, on the monotonic clock.
        witness: what Cloud Asset Inventory adds.
        earlier_rows: of those parts.
    """
    rows = [LedgerRow({"project_id": each.project_id, "location": "-"}, each.collection) for each in listings]
    for key, collection in (*rows, *witness):
        started_at = task.by_the_sinks_clock(collection.started_at)
        _write(spool, _key(task, **key), msgspec.structs.replace(collection, started_at=started_at))
    for unmatched in selection.unmatched:
        _write(spool, _key(task, **unmatched.key), _not_found(task, unmatched))
    row_count = earlier_rows + sum(spool.rows.values())
    for cluster in collected:
        _write(spool, cluster.key, cluster.snapshot)
    run = run_record(
        task, config, listings, selection, collected, committed,
        row_count=row_count, clock=clock,
    )  # fmt: skip
    _write(spool, _key(task), run)
    return run


def run_record(
    task: Task,
    config: Config,
    listings: Sequence[ProjectListing] = (),
    selection: Selection | None = None,
    collected: Sequence[CollectedCluster] = (),
    committed: Sequence[CommittedCluster] = (),
    *,
    row_count: int = 0,
    clock: float,
) -> Run:
    """The row of `runs` for what was listed and collected."""
    statuses = [*(each.snapshot.status for each in collected), *(each.status.status for each in committed)]
    lists = [each for cluster in collected for each in cluster.lists]
    lists += [each for cluster in committed for each in cluster.lists]
    projects = [listing for listing in listings if listing.is_project]
    is_complete = (
        not (selection and selection.is_empty)
        and all(listing.is_complete for listing in listings)
        and all(status == "complete" for status in statuses)
    )
    return Run(
        run_id=task.run_id,
        task_index=task.index,
        task_count=task.count,
        attempt=task.attempt,
        version=VERSION,
        config_digest=config.digest,
        status="complete" if is_complete else "incomplete",
        acceptable=_is_acceptable(config, listings, selection, lists, statuses),
        started_at=task.snapshot_time,
        finished_at=task.by_the_sinks_clock(datetime.now(UTC)),
        duration_seconds=seconds_since(clock),
        projects=len(projects),
        projects_failed=sum(not listing.is_complete for listing in projects),
        clusters=len(statuses),
        clusters_complete=statuses.count("complete"),
        clusters_partial=statuses.count("partial"),
        clusters_failed=statuses.count("failed"),
        objects=objects_in(lists),
        row_count=row_count,
    )


def seconds_since(clock: float) -> float:
    """Seconds from a moment on the monotonic clock, to the millisecond."""
    return round(monotonic() - clock, 3)


def _is_acceptable(
    config: Config,
    listings: Sequence[ProjectListing],
    selection: Selection | None,
    lists: Sequence[ListOutcome],
    statuses: Sequence[SnapshotStatus],
) -> bool:
    """Whether `fail_on` tolerates what was not read. Without any cluster, nothing was."""
    if selection and selection.is_empty and config.fail_on != "never":
        return False
    outcomes: list[str] = [each.outcome for each in (*(listing.collection for listing in listings), *lists)]
    outcomes = [outcome for outcome in outcomes if outcome != "off"]
    return config.accepts(statuses.count("complete"), len(statuses)) and config.accepts(
        outcomes.count("ok"), len(outcomes)
    )


def _not_found(task: Task, unmatched: Unmatched) -> Collection:
    return Collection(
        run_id=task.run_id, resource=RESOURCE, outcome="not_found", reason="NotListed", message=unmatched.message,
        pages=0, objects=0, bytes=0, requests=0, retries=0, restarts=0, waited_seconds=0.0,
        started_at=task.by_the_sinks_clock(datetime.now(UTC)), duration_seconds=0.0, unreadable_objects=0,
    )  # fmt: skip


def _write(spool: Spool, key: Key, row: Record) -> None:
    segment = spool.segment(key)
    segment.add([row])
    spool.keep(segment)


def _key(task: Task, **columns: Any) -> Key:
    return Key(snapshot_id=task.snapshot_id(), snapshot_time=task.snapshot_time, **columns)
