"""One run: discover, collect with bounded workers, publish, sum up. The only place that knows the order."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import Any

from job.collect.cluster import ClusterCollector, CollectedCluster
from job.collect.deadlines import Deadline
from job.config import Config, check_config
from job.connect.identity import Identity, default_identity
from job.connect.kubernetes import load_client
from job.discover.projects import ProjectListing, is_selected, list_projects
from job.errors import Interrupted
from job.kinds import RESOURCES
from job.log import log
from job.run.memory import container_limit, fit_to_memory, infrequent_gc, release_memory, spool_bound
from job.run.shares import Shares
from job.run.summary import Summary, committed_before, skipped, summarize
from job.signals import winding_up
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Commit, Sink, TaskResult
from job.spool import Spool, open_spool
from job.tables import Key, Run, Snapshot
from job.task import Task, current_task
from job.version import VERSION
from job.wire import gke
from job.workers import map_unordered


def run(config: Config, *, progress: Callable[[int, int], None] | None = None) -> Summary:
    """Takes one snapshot of everything that is configured.

    After SIGTERM it commits what it has read by then: clusters that it has not are recorded as `stopped`.

    Args:
        progress: told, after each cluster, how many are done and how many there are.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used; nothing was written.
        Interrupted: SIGTERM came before any cluster was complete; nothing was written.
    """
    started_at, clock = datetime.now(UTC), monotonic()
    check_config(config, resources=RESOURCES)
    identity = cache(partial(default_identity, config.api_endpoints.oauth2))
    sink = open_sink(config, identity)
    task = current_task(started_at)
    identity().token()
    sink.prepare()
    if task.is_named and (before := sink.committed(task.run_id, task.index)) is not None:
        log.info("run committed before", run_id=task.run_id, task_index=task.index, complete=before.complete)
        return committed_before(config, task.run_id, before, clock)
    with begun(config, sink, task.run_id, task.count) as other:
        if other is not None:
            return skipped(config, task.run_id, other, clock)
        return _take(config, identity(), sink, task, clock, progress)


@contextmanager
def begun(config: Config, sink: Sink, run_id: str, task_count: int) -> Iterator[str | None]:
    """Marks the run as under way for as long as the context lasts; gives the id of the one that it is skipped for."""
    is_skipping = config.overlap == "skip"
    with sink.begun(run_id, task_count, alone=is_skipping) as other:
        if other is not None:
            log.warning("another run is under way", run_id=run_id, other=other, overlap=config.overlap)
        yield other if is_skipping else None


def _take(
    config: Config,
    identity: Identity,
    sink: Sink,
    task: Task,
    clock: float,
    progress: Callable[[int, int], None] | None,
) -> Summary:
    log.info("run started", run_id=task.run_id, projects=len(config.projects), sink=config.sink, version=VERSION)
    stop, limit = threading.Event(), container_limit()
    spooled = spool_bound(Path(tempfile.gettempdir()), limit)
    with open_spool(spooled) as spool:
        listings = list_projects(config, identity, task.run_id)
        wanted = [
            (listing.project_id, cluster)
            for listing in listings
            for cluster in listing.clusters
            if is_selected(listing.project_id, cluster, config.clusters)
        ]
        if task.count > 1:
            wanted = _share(wanted, task, sink)
        wanted.sort(key=lambda named: -(named[1].current_node_count or 0))  # the largest takes longest: it goes first
        fitting = fit_to_memory(config, limit, spooled)
        collector = ClusterCollector(fitting, identity, spool, task, stop, _deadline(config, clock))
        collected: list[CollectedCluster] = []
        if wanted:
            load_client()
        try:
            with winding_up(stop), infrequent_gc():
                for done in map_unordered(lambda named: collector.collect(*named), wanted, fitting.workers):
                    collected.append(done)
                    if progress is not None:
                        progress(len(collected), len(wanted))
            is_stopped = stop.is_set()
        finally:
            stop.set()
        if is_stopped:
            log.warning("run stopped", run_id=task.run_id)
            if not any(done.snapshot.status == "complete" for done in collected):
                raise Interrupted
        record = _record(spool, task, config, listings, collected, clock)
        rows = spool.save()
        release_memory()
        log.info("publishing", rows=sum(rows.counts.values()), bytes=sum(rows.sizes.values()))
        outcome = TaskResult(record.status == "complete", record.acceptable)
        if not sink.publish(rows, Commit(task.run_id, task.index, task.attempt, outcome)):
            log.warning("run committed by another attempt", run_id=task.run_id, task_index=task.index)
            before = sink.committed(task.run_id, task.index) or outcome
            return committed_before(config, task.run_id, before, clock)
    summary = summarize(
        config, record, rows.counts, listings, collected, clock, bytes_billed=sink.bytes_billed, stopped=is_stopped
    )
    log.info(
        "run finished",
        run_id=task.run_id,
        status=summary.status,
        clusters=summary.clusters,
        complete=summary.clusters_complete,
        partial=summary.clusters_partial,
        failed=summary.clusters_failed,
        rows=sum(rows.counts.values()),
        seconds=summary.seconds,
        bytes_billed=summary.bytes_billed,
    )
    return summary


def _deadline(config: Config, clock: float) -> Deadline | None:
    seconds = config.timeouts.run_seconds
    return None if seconds is None else Deadline(clock + seconds, "RunTimeout", "the run's time was up")


def _share(wanted: list[tuple[str, gke.Cluster]], task: Task, sink: Sink) -> list[tuple[str, gke.Cluster]]:
    """This task's clusters."""
    shares = Shares(sink.weights(task.run_id), task.count)
    mine = [
        named for named in wanted if shares.task_of(f"{named[0]}/{named[1].location}/{named[1].name}") == task.index
    ]
    log.info("share taken", task_index=task.index, task_count=task.count, clusters=len(mine), of=len(wanted))
    return mine


def _record(
    spool: Spool,
    task: Task,
    config: Config,
    listings: list[ProjectListing],
    collected: list[CollectedCluster],
    clock: float,
) -> Run:
    """Puts the run's own rows into the spool: the projects' collections, the snapshots, the run."""
    for listing in listings:
        segment = spool.segment(_key(task, project_id=listing.project_id, location="-"))
        segment.add([listing.collection])
        spool.keep(segment)
    rows = sum(spool.rows.values())
    for done in collected:
        segment = spool.segment(done.key)
        segment.add([done.snapshot])
        spool.keep(segment)
    snapshots = [done.snapshot for done in collected]
    failed_projects = sum(listing.collection.outcome != "ok" for listing in listings)
    complete = _count(snapshots, "complete")
    outcome = Run(
        run_id=task.run_id,
        task_index=task.index,
        task_count=task.count,
        attempt=task.attempt,
        version=VERSION,
        config_digest=config.digest,
        status="complete" if complete == len(snapshots) and not failed_projects else "incomplete",
        acceptable=_is_acceptable(config, listings, collected),
        started_at=task.snapshot_time,
        finished_at=datetime.now(UTC),
        duration_seconds=round(monotonic() - clock, 3),
        projects=len(listings),
        projects_failed=failed_projects,
        clusters=len(snapshots),
        clusters_complete=complete,
        clusters_partial=_count(snapshots, "partial"),
        clusters_failed=_count(snapshots, "failed"),
        objects=sum(snapshot.objects for snapshot in snapshots),
        row_count=rows,
    )
    segment = spool.segment(_key(task))
    segment.add([outcome])
    spool.keep(segment)
    return outcome


def _is_acceptable(config: Config, listings: list[ProjectListing], collected: list[CollectedCluster]) -> bool:
    lists = [listing.collection for listing in listings]
    lists += [collection for done in collected for collection in done.collections if collection.outcome != "off"]
    complete = sum(done.snapshot.status == "complete" for done in collected)
    return config.accepts(complete, len(collected)) and config.accepts(
        sum(collection.outcome == "ok" for collection in lists), len(lists)
    )


def _key(task: Task, **columns: Any) -> Key:
    return Key(snapshot_id=task.snapshot_id(), snapshot_time=task.snapshot_time, **columns)


def _count(snapshots: list[Snapshot], status: str) -> int:
    return sum(snapshot.status == status for snapshot in snapshots)
