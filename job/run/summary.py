"""What a run came to, for people and programs."""

from __future__ import annotations

from time import monotonic
from typing import Any

import msgspec

from job.collect.cluster import CollectedCluster
from job.config import Config
from job.discover.projects import ProjectListing
from job.sinks.protocol import TaskResult
from job.tables import Run, RunStatus


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be read, and why."""

    name: str
    """`project`, or `project/location/cluster`."""
    status: str
    """`partial` or `failed`."""
    reason: str
    message: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    run_id: str
    status: RunStatus
    projects: int
    projects_failed: int
    clusters: int
    clusters_complete: int
    clusters_partial: int
    clusters_failed: int
    objects: int
    rows: dict[str, int]
    unread: tuple[Unread, ...]
    seconds: float
    sink: str
    bytes_billed: int = 0
    """What this program's own queries of the sink were billed for."""
    bug: bool = False
    acceptable: bool = True
    """What could not be read is no more than `fail_on` lets pass."""
    stopped: bool = False
    """SIGTERM has ended it: what was read by then is committed."""
    skipped_for: str | None = None
    """The run that was under way: nothing was read, and nothing written."""
    committed_before: bool = False
    """This task of this run was committed by an earlier attempt: nothing was read, and nothing written."""


def committed_before(config: Config, run_id: str, outcome: TaskResult, clock: float) -> Summary:
    """The summary of a task that an earlier attempt has committed with this outcome."""
    told = "complete" if outcome.complete else "incomplete"
    return _nothing_read(config, run_id, clock, status=told, acceptable=outcome.acceptable, committed_before=True)


def skipped(config: Config, run_id: str, other: str, clock: float) -> Summary:
    """The summary of a run that is left out for another."""
    return _nothing_read(config, run_id, clock, status="incomplete", skipped_for=other)


def _nothing_read(config: Config, run_id: str, clock: float, **told: Any) -> Summary:
    return Summary(
        run_id=run_id,
        projects=0,
        projects_failed=0,
        clusters=0,
        clusters_complete=0,
        clusters_partial=0,
        clusters_failed=0,
        objects=0,
        rows={},
        unread=(),
        seconds=round(monotonic() - clock, 3),
        sink=config.sink,
        **told,
    )


def summarize(
    config: Config,
    record: Run,
    counts: dict[str, int],
    listings: list[ProjectListing],
    collected: list[CollectedCluster],
    clock: float,
    *,
    bytes_billed: int,
    stopped: bool,
) -> Summary:
    """The summary of a task that was committed with this record.

    Args:
        counts: table -> rows.
        clock: when it began, on the monotonic clock.
    """
    unread = [
        Unread(
            name=listing.project_id,
            status="partial" if listing.collection.outcome == "partial" else "failed",
            reason=listing.collection.outcome,
            message=listing.collection.message or "",
        )
        for listing in listings
        if listing.collection.outcome != "ok"
    ]
    unread += [
        Unread(
            name=f"{done.key.project_id}/{done.key.location}/{done.key.cluster}",
            status=done.snapshot.status,
            reason=done.snapshot.reason or "",
            message=done.snapshot.message or "",
        )
        for done in collected
        if done.snapshot.status != "complete"
    ]
    return Summary(
        run_id=record.run_id,
        status=record.status,
        acceptable=record.acceptable,
        projects=record.projects,
        projects_failed=record.projects_failed,
        clusters=record.clusters,
        clusters_complete=record.clusters_complete,
        clusters_partial=record.clusters_partial,
        clusters_failed=record.clusters_failed,
        objects=record.objects,
        rows=counts,
        unread=tuple(sorted(unread, key=lambda entry: entry.name)),
        seconds=round(monotonic() - clock, 3),
        sink=config.sink,
        bytes_billed=bytes_billed,
        bug=any(done.has_bug for done in collected),
        stopped=stopped,
    )
