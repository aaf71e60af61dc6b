"""One task of a run, step by step. `run/` is the only place that knows the order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from time import monotonic

from job.collect.cluster import ClusterCollector, CollectedCluster
from job.collect.deadlines import Deadline
from job.collect.object_kinds import NOT_SERVED
from job.collect.worker_pool import WorkerPool
from job.config import Config
from job.config_checks import check_config
from job.connect.connect_gateway import GatewayQuota
from job.connect.identity import Identity, configured_identity
from job.connect.kubernetes import load_client
from job.discover.cloud_asset_inventory import Searches, scopes_of
from job.discover.projects import ProjectListing, list_projects
from job.discover.selection import Selection, Target, is_selected, select
from job.discover.upgrade_info import UpgradeInfoReader, upgrade_info_reader
from job.discover.witness import Comparison, compare
from job.errors import Interrupted
from job.kinds import RESOURCES
from job.log import log
from job.progress import LISTING, PUBLISHING, READING, RunProgress
from job.run.ledger import seconds_since, write_records
from job.run.memory import container_limit, fit_to_memory, infrequent_gc, release_memory, spool_bound
from job.run.parts import Earlier
from job.run.shares import FIRST, ClusterShares
from job.run.summary import Gap, Summary, committed_before, gaps_of, skipped
from job.scratch import temporary_folder
from job.signals import Stop
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Commit, Sink, TaskResult
from job.spool import Rows, Spool, open_spool
from job.tables import OBJECTS, Run
from job.task import Task, current_task
from job.version import VERSION


def run(
    config: Config, *, stop: Stop | None = None, progress: RunProgress | None = None, publishes_all: bool = False
) -> Summary:
    """Takes one snapshot of everything that is configured.

    Args:
        stop: asks the run to end. It then commits what it has read, and records the other clusters as `stopped`.
        progress: counters for whoever shows them.
        publishes_all: after a stop, also what is not worth a commit: another process decides.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used; nothing was written.
        Interrupted: the stop came before any cluster was complete; nothing was written.
    """
    started_at, clock = datetime.now(UTC), monotonic()
    stop, progress = stop or Stop(), progress or RunProgress()
    check_config(config, resources=RESOURCES)
    identity = cache(partial(configured_identity, config))
    sink = open_sink(config, identity, stop=stop)
    task = current_task(started_at)
    identity().token()
    sink.prepare()
    result = sink.committed_result(task.run_id, task.index) if task.is_named else None
    if result is not None and not result.stopped:
        log.info("run committed before", run_id=task.run_id, task_index=task.index, complete=result.complete)
        sink.settle(task.run_id)
        return committed_before(config, task, result, clock)
    with running(config, sink, task) as other:
        if other is not None:
            return skipped(config, task, other, clock)
        task = with_the_sinks_clock(task, started_at, sink)
        while result is None or result.stopped:
            if result is not None:
                task = with_the_sinks_clock(replace(task, part=result.part + 1), datetime.now(UTC), sink)
            one = _OneTask(config, identity(), sink, task, stop, clock, progress, publishes_all)
            summary = one.take_snapshot()
            if summary is not None:
                return summary
            result = sink.committed_result(task.run_id, task.index)
    sink.settle(task.run_id)
    return committed_before(config, task, result, clock)


@contextmanager
def running(config: Config, sink: Sink, task: Task) -> Iterator[str | None]:
    """Marks the run as under way inside the context; gives the id of the run that it has to be skipped for."""
    is_skipping = config.overlap == "skip"
    with sink.running(task.run_id, task.count, exclusive=is_skipping) as other:
        if other is not None:
            log.warning("another run is under way", run_id=task.run_id, other=other, overlap=config.overlap)
        yield other if is_skipping else None


def with_the_sinks_clock(task: Task, began: datetime, sink: Sink) -> Task:
    """The task, which began at this time of the machine's clock, with all times of its rows by the sink's."""
    ahead = timedelta(seconds=sink.seconds_ahead)
    return replace(task, snapshot_time=began - ahead, clock_ahead=ahead)


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
    progress: RunProgress
    publishes_all: bool = False

    def take_snapshot(self) -> Summary | None:
        """Reads and commits what no earlier part has; None if another attempt was faster to commit this part."""
        log.info(
            "run started",
            run_id=self.task.run_id,
            projects=len(self.config.projects),
            folders=len(self.config.folders) + len(self.config.organizations),
            sink=self.config.sink,
            version=VERSION,
        )
        memory = container_limit()
        spool_limit = spool_bound(temporary_folder(), memory)
        fitting = fit_to_memory(self.config, memory, spool_limit)
        with open_spool(spool_limit, lambda: self.identity.tokens) as spool:
            earlier = self._earlier()
            shares = self._shares()
            searches = self._searches()
            found = self._discover(shares)
            selection = self._select(found)
            targets = earlier.left(self._share(selection, shares))
            listings = self._recorded(found)
            committed = earlier.clusters(without=targets)
            if self.task.part:
                log.info("run continued", run_id=self.task.run_id, part=self.task.part, clusters=len(targets))
            collected = self._collect(targets, earlier, spool, fitting)
            is_stopped = any(_is_stopped(cluster) for cluster in collected)
            witness = self._witness(searches, found, is_stopped=is_stopped)
            listings += witness.listings
            record = write_records(
                spool, self.task, self.config, listings, selection, collected, committed, self.clock,
                witness=witness.rows, earlier_rows=earlier.row_count,
            )  # fmt: skip
            rows = spool.save()
            if not self._publish(rows, record, is_stopped=is_stopped):
                return None
        self._warn_of_unserved(collected)
        gaps = gaps_of(listings, selection, collected, committed)
        return self._summarize(record, rows, gaps, collected, is_stopped=is_stopped)

    def _earlier(self) -> Earlier:
        return Earlier(self.sink.committed_lists(self.task.run_id, self.task.index) if self.task.part else ())

    def _shares(self) -> ClusterShares:
        """How the tasks of the run divide the clusters that the configuration selects."""
        config, weights = self.config, {}
        if self.task.count > 1:
            known = self.sink.cluster_weights(self.task.run_id)
            weights = {name: weight for name, weight in known.items() if is_selected(name, config.clusters)}
        is_walked = bool(config.folders or config.organizations)
        return ClusterShares(weights, self.task.count, () if is_walked else config.projects)

    def _discover(self, shares: ClusterShares) -> list[ProjectListing]:
        self.progress.phase = LISTING
        is_listed = partial(shares.lists, self.task.index)
        return list_projects(self.config, self.identity, self.task.run_id, is_listed=is_listed, progress=self.progress)

    def _searches(self) -> Searches | None:
        """What the first task asks of Cloud Asset Inventory, beside all else."""
        if self.task.index != FIRST or not scopes_of(self.config):
            return None
        return Searches(self.config, self.identity, self.task.run_id)

    def _witness(self, searches: Searches | None, found: Sequence[ProjectListing], *, is_stopped: bool) -> Comparison:
        """What came of that, once all else is read. A run that is to stop waits for nothing."""
        if searches is None:
            return Comparison()
        results = searches.results(0 if is_stopped else self.config.timeouts.connect_seconds)
        return compare(results, found, self.config, self.identity, self.task.run_id)

    def _recorded(self, listings: Sequence[ProjectListing]) -> list[ProjectListing]:
        """The lists that this task writes to the ledger: the first task all, the others what they could not list."""
        return [each for each in listings if self.task.index == FIRST or not each.is_complete]

    def _select(self, listings: Sequence[ProjectListing]) -> Selection:
        selection = select(
            listings,
            self.config.clusters,
            is_whole=self.task.index == FIRST,
            identities=self.config.identity.by_project,
        )
        for unmatched in selection.unmatched:
            log.warning("pattern matches no cluster", run_id=self.task.run_id, detail=unmatched.message)
        return selection

    def _share(self, selection: Selection, shares: ClusterShares) -> list[Target]:
        """This task's part of the selected clusters, the largest first: it takes longest."""
        targets = [target for target in selection.targets if shares.task_for(target.name) == self.task.index]
        if self.task.count > 1:
            log.info("share taken", task_index=self.task.index, task_count=self.task.count, clusters=len(targets))
        return sorted(targets, key=lambda target: -(target.cluster.current_node_count or 0))

    def _collect(
        self, targets: Sequence[Target], earlier: Earlier, spool: Spool, config: Config
    ) -> list[CollectedCluster]:
        self.progress.phase = READING
        self.progress.clusters, self.progress.clusters_done = len(targets), 0
        if targets:
            load_client()
        pool = WorkerPool(config.workers)
        collected: list[CollectedCluster] = []
        with (
            self._upgrade_info(targets) as upgrade_info,
            self.stop.linked() as stop,
            self.stop.graceful_shutdown(),
            infrequent_gc(),
        ):
            collector = ClusterCollector(
                config,
                self.identity,
                spool,
                self.task,
                stop,
                self._deadline(),
                pool,
                clusters=len(targets),
                quota=GatewayQuota(self.task.count),
                progress=self.progress,
                upgrade_info=upgrade_info,
                known_objects=self._known_objects(targets),
            )

            def collect(target: Target) -> CollectedCluster:
                return collector.collect(target.project_id, target.cluster, earlier.lists_of(target), target.found)

            for cluster in pool.map_unordered(collect, targets):
                collected.append(cluster)
                self.progress.cluster_done()
        if any(_is_stopped(cluster) for cluster in collected):
            log.warning("run stopped", run_id=self.task.run_id)
            if not any(map(_is_finished, collected)) and not self.publishes_all:
                raise Interrupted
        return collected

    def _warn_of_unserved(self, collected: Sequence[CollectedCluster]) -> None:
        """Names what `objects.include` names and no cluster of this task serves: it may be misspelt."""
        rows = [row for cluster in collected for row in cluster.collections]
        known = sum(row.resource == OBJECTS and row.outcome == "ok" for row in rows)
        for pattern in self.config.objects.include:
            if known and known == sum(row.resource == pattern and row.reason == NOT_SERVED for row in rows):
                detail = f"objects.include: none of the task's {known} clusters serves a kind that matches {pattern}"
                log.warning("pattern matches no kind", run_id=self.task.run_id, detail=detail)

    def _upgrade_info(self, targets: Sequence[Target]) -> AbstractContextManager[UpgradeInfoReader | None]:
        """What reads the upgrade info of clusters: of those that no earlier run of the day has read."""
        if not targets or not self.config.upgrade_info:
            return nullcontext()
        read = self.sink.upgrade_info_since(self.task.run_id, self.task.day)
        return upgrade_info_reader(self.config, self.identity, read)

    def _known_objects(self, targets: Sequence[Target]) -> dict[str, frozenset[str]]:
        """The kinds of `objects` that earlier runs asked for: those that are gone by now, or off, get a row too."""
        if not targets or not self.config.objects.include:
            return {}
        return self.sink.object_kinds(self.task.run_id, RESOURCES)

    def _deadline(self) -> Deadline | None:
        seconds = self.config.timeouts.run_seconds
        if seconds is None:
            return None
        return Deadline(self.clock + seconds, "RunTimeout", f"it was not read within the run's {seconds:g} s")

    def _publish(self, rows: Rows, record: Run, *, is_stopped: bool) -> bool:
        """Commits the rows; False if another attempt has committed this part before."""
        self.progress.phase = PUBLISHING
        release_memory()
        log.info("publishing", rows=sum(rows.counts.values()), bytes=sum(rows.sizes.values()))
        task = self.task
        result = TaskResult(record.status == "complete", record.acceptable, is_stopped, task.part)
        if self.sink.publish(
            rows, Commit(task.run_id, task.index, task.attempt, result, task.count, (task.snapshot_time,))
        ):
            return True
        log.warning("run committed by another attempt", run_id=task.run_id, task_index=task.index)
        return False

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
            clusters_finished=sum(map(_is_finished, collected)),
        )
        log.info(
            "run finished",
            run_id=record.run_id,
            status=record.status,
            acceptable=record.acceptable,
            clusters=record.clusters,
            complete=record.clusters_complete,
            partial=record.clusters_partial,
            failed=record.clusters_failed,
            rows=sum(rows.counts.values()),
            seconds=summary.seconds,
            bytes_billed=summary.bytes_billed,
        )
        return summary


def _is_finished(cluster: CollectedCluster) -> bool:
    return not _is_stopped(cluster) and cluster.snapshot.status != "failed"


def _is_stopped(cluster: CollectedCluster) -> bool:
    """Whether something of the cluster is left for a retry."""
    return any(each.outcome == "stopped" for each in cluster.collections)
