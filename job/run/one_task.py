"""One task of a run, step by step. `run/` is the only place that knows the order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from time import monotonic

from job.collect.cluster import ClusterCollector, CollectedCluster
from job.collect.deadlines import Deadline
from job.collect.worker_pool import WorkerPool
from job.config import Config, check_config
from job.connect.identity import Identity, configured_identity
from job.connect.kubernetes import load_client
from job.discover.projects import ProjectListing, list_projects
from job.discover.selection import Selection, Target, select
from job.errors import Interrupted
from job.kinds import RESOURCES
from job.log import log
from job.run.ledger import seconds_since, write_records
from job.run.memory import container_limit, fit_to_memory, infrequent_gc, release_memory, spool_bound
from job.run.shares import ClusterShares
from job.run.summary import Gap, Summary, committed_before, gaps_of, skipped
from job.signals import Stop
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Commit, Sink, TaskResult
from job.spool import Rows, Spool, open_spool
from job.tables import Run
from job.task import Task, current_task
from job.version import VERSION

Progress = Callable[[int, int], None]
"""Called after each cluster: how many are done, and how many there are."""


def run(config: Config, *, stop: Stop | None = None, progress: Progress | None = None) -> Summary:
    """Takes one snapshot of everything that is configured.

    Args:
        stop: asks the run to end. It then commits what it has read, and records the other clusters as `stopped`.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used; nothing was written.
        Interrupted: the stop came before any cluster was complete; nothing was written.
    """
    started_at, clock = datetime.now(UTC), monotonic()
    stop = stop or Stop()
    check_config(config, resources=RESOURCES)
    identity = cache(partial(configured_identity, config))
    sink = open_sink(config, identity, stop=stop)
    task = current_task(started_at)
    identity().token()
    sink.prepare()
    if task.is_named and (result := sink.committed_result(task.run_id, task.index)) is not None:
        log.info("run committed before", run_id=task.run_id, task_index=task.index, complete=result.complete)
        return committed_before(config, task, result, clock)
    with running(config, sink, task) as other:
        if other is not None:
            return skipped(config, task, other, clock)
        return _OneTask(config, identity(), sink, task, stop, clock).take_snapshot(progress)


@contextmanager
def running(config: Config, sink: Sink, task: Task) -> Iterator[str | None]:
    """Marks the run as under way inside the context; gives the id of the run that it has to be skipped for."""
    is_skipping = config.overlap == "skip"
    with sink.running(task.run_id, task.count, exclusive=is_skipping) as other:
        if other is not None:
            log.warning("another run is under way", run_id=task.run_id, other=other, overlap=config.overlap)
        yield other if is_skipping else None


@dataclass(frozen=True)
class _OneTask:
    """What all steps need."""

    config: Config
    identity: Identity
    sink: Sink
    task: Task
    stop: Stop
    clock: float
    """When the run started, on the monotonic clock."""

    def take_snapshot(self, progress: Progress | None) -> Summary:
        log.info(
            "run started",
            run_id=self.task.run_id,
            projects=len(self.config.projects),
            sink=self.config.sink,
            version=VERSION,
        )
        memory = container_limit()
        spool_limit = spool_bound(Path(tempfile.gettempdir()), memory)
        fitting = fit_to_memory(self.config, memory, spool_limit)
        with open_spool(spool_limit, lambda: self.identity.tokens) as spool:
            listings = self._discover()
            selection = self._select(listings)
            targets = self._share(selection)
            collected = self._collect(targets, spool, fitting, progress)
            is_stopped = self.stop.is_set()
            record = self._record(spool, listings, selection, collected)
            rows = spool.save()
            earlier = self._publish(rows, record)
        if earlier is not None:
            return committed_before(self.config, self.task, earlier, self.clock)
        return self._summarize(record, rows, gaps_of(listings, selection, collected), collected, is_stopped=is_stopped)

    def _discover(self) -> list[ProjectListing]:
        return list_projects(self.config, self.identity, self.task.run_id)

    def _select(self, listings: Sequence[ProjectListing]) -> Selection:
        selection = select(listings, self.config.clusters)
        for unmatched in selection.unmatched:
            log.warning("pattern matches no cluster", run_id=self.task.run_id, detail=unmatched.message)
        return selection

    def _share(self, selection: Selection) -> list[Target]:
        """This task's part of the selected clusters, the largest first: it takes longest."""
        targets = list(selection.targets)
        if self.task.count > 1:
            shares = ClusterShares(self.sink.cluster_weights(self.task.run_id), self.task.count)
            mine = [target for target in targets if shares.task_for(target.name) == self.task.index]
            log.info(
                "share taken",
                task_index=self.task.index,
                task_count=self.task.count,
                clusters=len(mine),
                of=len(targets),
            )
            targets = mine
        return sorted(targets, key=lambda target: -(target.cluster.current_node_count or 0))

    def _collect(
        self, targets: Sequence[Target], spool: Spool, config: Config, progress: Progress | None
    ) -> list[CollectedCluster]:
        if targets:
            load_client()
        pool = WorkerPool(config.workers)
        collector = ClusterCollector(
            config, self.identity, spool, self.task, self.stop, self._deadline(), pool, clusters=len(targets)
        )
        collected: list[CollectedCluster] = []
        try:
            with self.stop.graceful_shutdown(), infrequent_gc():
                for cluster in pool.map_unordered(lambda target: collector.collect(*target), targets):
                    collected.append(cluster)
                    if progress is not None:
                        progress(len(collected), len(targets))
        except BaseException:
            self.stop.set()  # so that the workers end too
            raise
        if self.stop.is_set():
            log.warning("run stopped", run_id=self.task.run_id)
            if not any(cluster.snapshot.status == "complete" for cluster in collected):
                raise Interrupted
        return collected

    def _deadline(self) -> Deadline | None:
        seconds = self.config.timeouts.run_seconds
        if seconds is None:
            return None
        return Deadline(self.clock + seconds, "RunTimeout", f"it was not read within the run's {seconds:g} s")

    def _record(
        self,
        spool: Spool,
        listings: Sequence[ProjectListing],
        selection: Selection,
        collected: Sequence[CollectedCluster],
    ) -> Run:
        return write_records(spool, self.task, self.config, listings, selection, collected, self.clock)

    def _publish(self, rows: Rows, record: Run) -> TaskResult | None:
        """Commits the rows. Returns None, or the result of another attempt that was committed before."""
        release_memory()
        log.info("publishing", rows=sum(rows.counts.values()), bytes=sum(rows.sizes.values()))
        result = TaskResult(complete=record.status == "complete", acceptable=record.acceptable)
        if self.sink.publish(rows, Commit(self.task.run_id, self.task.index, self.task.attempt, result)):
            return None
        log.warning("run committed by another attempt", run_id=self.task.run_id, task_index=self.task.index)
        return self.sink.committed_result(self.task.run_id, self.task.index) or result

    def _summarize(
        self,
        record: Run,
        rows: Rows,
        gaps: tuple[Gap, ...],
        collected: Sequence[CollectedCluster],
        *,
        is_stopped: bool,
    ) -> Summary:
        summary = Summary(
            run=record,
            rows=rows.counts,
            gaps=gaps,
            seconds=seconds_since(self.clock),
            sink=self.config.sink,
            bytes_billed=self.sink.bytes_billed,
            bug=any(cluster.has_bug for cluster in collected),
            stopped=is_stopped,
        )
        log.info(
            "run finished",
            run_id=record.run_id,
            status=record.status,
            clusters=record.clusters,
            complete=record.clusters_complete,
            partial=record.clusters_partial,
            failed=record.clusters_failed,
            rows=sum(rows.counts.values()),
            seconds=summary.seconds,
            bytes_billed=summary.bytes_billed,
        )
        return summary
