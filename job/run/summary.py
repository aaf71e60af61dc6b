"""What a run did, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from job.collect.cluster import CollectedCluster
from job.config import Config
from job.discover.projects import ProjectListing
from job.discover.selection import Selection
from job.run.ledger import run_record, seconds_since
from job.run.parts import CommittedCluster
from job.sinks.protocol import TaskResult
from job.tables import Run
from job.task import Task


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A folder, project or cluster that could not be read in full, and why."""

    name: str
    """`folders/NUMBER`, `organizations/NUMBER`, `project`, or `project/location/cluster`."""
    status: str
    """`partial` or `failed`."""
    reason: str
    message: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did."""

    run: Run
    """Its row of `runs`; that of several local tasks is their sum."""
    rows: dict[str, int] = {}
    """Table -> rows written."""
    gaps: tuple[Gap, ...] = msgspec.field(default=(), name="unread")
    seconds: float
    """The commit included."""
    sink: str
    bytes_billed: int = 0
    """Of this program's own queries of the sink."""
    bug: bool = False
    stopped: bool = False
    """SIGTERM ended it: what was read by then is committed, and a retry of the task reads the rest."""
    clusters_finished: int = 0
    """Clusters of which something was read, and of which a stop has left nothing."""
    skipped_for: str | None = None
    """The run that was under way: this one read and wrote nothing."""
    committed_before: bool = False
    """An earlier attempt committed this task: this one read and wrote nothing."""

    def flat(self) -> dict[str, Any]:
        """The form of `run --json`: one object, with the columns of `runs` in place of `run`."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return {**values.pop("run"), **values}


def committed_before(config: Config, task: Task, result: TaskResult, clock: float) -> Summary:
    """The summary of a task that an earlier attempt has committed, with this result."""
    status = "complete" if result.complete else "incomplete"
    run = msgspec.structs.replace(run_record(task, config, clock=clock), status=status, acceptable=result.acceptable)
    return Summary(run=run, seconds=seconds_since(clock), sink=config.sink, committed_before=True)


def skipped(config: Config, task: Task, other: str, clock: float) -> Summary:
    """The summary of a run that read nothing, since another one was under way."""
    run = msgspec.structs.replace(run_record(task, config, clock=clock), status="incomplete")
    return Summary(run=run, seconds=seconds_since(clock), sink=config.sink, skipped_for=other)


def _name_of(listing: ProjectListing) -> str:
    """Of a project or folder; what Cloud Asset Inventory knows of it is another list."""
    is_own = listing.collection.resource in ("clusters", "projects")
    return listing.project_id if is_own else f"{listing.project_id} ({listing.collection.resource})"


def gaps_of(
    listings: Iterable[ProjectListing],
    selection: Selection,
    collected: Iterable[CollectedCluster],
    committed: Iterable[CommittedCluster] = (),
) -> tuple[Gap, ...]:
    """Everything that could not be read in full, by name."""
    gaps = [
        Gap(
            name=_name_of(listing),
            status="partial" if listing.collection.outcome == "partial" else "failed",
            reason=listing.collection.outcome,
            message=listing.collection.message or "",
        )
        for listing in listings
        if not listing.is_complete
    ]
    gaps += [
        Gap(
            name=f"{cluster.key.project_id}/{cluster.key.location}/{cluster.key.cluster}",
            status=cluster.snapshot.status,
            reason=cluster.snapshot.reason or "",
            message=cluster.snapshot.message or "",
        )
        for cluster in collected
        if cluster.snapshot.status != "complete"
    ]
    gaps += [
        Gap(name=name, status=found.status, reason=found.reason or "", message=found.message or "")
        for name, found, _ in committed
        if found.status != "complete"
    ]
    gaps += [
        Gap(name=unmatched.pattern, status="failed", reason="not_found", message=unmatched.message)
        for unmatched in selection.unmatched
    ]
    if selection.is_empty:
        message = "no cluster is selected: the projects have none, or `clusters` leaves out all of them"
        gaps.append(Gap(name="clusters", status="failed", reason="not_found", message=message))
    return tuple(sorted(gaps, key=lambda gap: gap.name))


def total(runs: Sequence[Run]) -> Run:
    """The sum of the tasks of one run: each has collected its own clusters, and the first has listed all projects."""
    counters = ("clusters", "clusters_complete", "clusters_partial", "clusters_failed", "objects", "row_count")
    return msgspec.structs.replace(
        runs[0],
        status="complete" if all(run.status == "complete" for run in runs) else "incomplete",
        acceptable=all(run.acceptable for run in runs),
        finished_at=max(run.finished_at for run in runs),
        duration_seconds=max(run.duration_seconds for run in runs),
        projects=max(run.projects for run in runs),
        projects_failed=max(run.projects_failed for run in runs),
        **{name: sum(getattr(run, name) for run in runs) for name in counters},
    )
