"""One run: discover, collect with bounded workers, publish, sum up. The only place that knows the order."""

from __future__ import annotations

import os
import queue
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any, TypeVar

import msgspec

from job.collect import Collected, Collector, Task
from job.config import Config, check_config
from job.connect import CONNECTABLE, choose_endpoint, load_client
from job.discover import Listing, clusters_in, container_client, is_wanted
from job.errors import ConfigError, InventoryError
from job.identity import Identity, default_identity
from job.kinds import RESOURCES
from job.listing import Deadline
from job.lists import Stopped
from job.log import log
from job.shards import Shares
from job.sinks import Commit, Outcome, Rows, Sink, open_sink
from job.spool import Spool, open_spool
from job.tables import Key, Run, Snapshot
from job.version import VERSION
from job.wire import gke

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_PROJECTS_AT_ONCE = 8


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
    outcome: str
    """`complete` or `incomplete`."""
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
    bug: bool = False
    acceptable: bool = True
    """What could not be read is no more than `fail_on` lets pass."""
    committed_before: bool = False
    """This task of this run was committed by an earlier attempt: nothing was read, and nothing written."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster that a run would collect, or a project that it could not list."""

    name: str
    status: str | None = None
    version: str | None = None
    nodes: int | None = None
    endpoint_type: str | None = None
    endpoint: str | None = None
    problem: str | None = None


def run(config: Config, *, progress: Callable[[int, int], None] | None = None) -> Summary:
    """Takes one snapshot of everything that is configured.

    Args:
        progress: told, after each cluster, how many are done and how many there are.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used; nothing was written.
    """
    started_at, clock = datetime.now(UTC), monotonic()
    check_config(config, resources=RESOURCES)
    identity = _Once(config)
    sink = open_sink(config, identity)
    task = _task(started_at)
    identity().token()
    sink.prepare()
    if task.is_named and (before := sink.committed(task.run_id, task.index)) is not None:
        log.info("run committed before", run_id=task.run_id, task_index=task.index, complete=before.complete)
        return _nothing_to_do(config, task, before, clock)
    log.info("run started", run_id=task.run_id, projects=len(config.projects), sink=config.sink, version=VERSION)
    stop = threading.Event()
    with open_spool() as spool:
        listings = _listings(config, identity(), task.run_id)
        wanted = [
            (listing.project_id, cluster)
            for listing in listings
            for cluster in listing.clusters
            if is_wanted(listing.project_id, cluster, config.clusters)
        ]
        if task.count > 1:
            wanted = _share(wanted, task, sink)
        wanted.sort(key=lambda named: -(named[1].current_node_count or 0))  # the largest takes longest: it goes first
        collector = Collector(config, identity(), spool, task, stop, _deadline(config, clock))
        collected: list[Collected] = []
        if wanted:
            load_client()
        try:
            for done in _each(wanted, lambda named: collector.collect(*named), config.workers):
                collected.append(done)
                if progress is not None:
                    progress(len(collected), len(wanted))
        finally:
            stop.set()
        outcome = _record(spool, task, config, listings, collected, clock)
        log.info("publishing", rows=sum(spool.rows.values()))
        counts = dict(spool.rows)
        outcome_ = Outcome(outcome.outcome == "complete", outcome.acceptable)
        commit = Commit(task.run_id, task.index, task.attempt, outcome_)
        if not sink.publish(Rows(spool.save(), counts), commit):
            log.warning("run committed by another attempt", run_id=task.run_id, task_index=task.index)
            return _nothing_to_do(config, task, sink.committed(task.run_id, task.index) or outcome_, clock)
    summary = _summary(config, task, outcome, counts, listings, collected, clock)
    log.info(
        "run finished",
        run_id=task.run_id,
        outcome=summary.outcome,
        clusters=summary.clusters,
        complete=summary.clusters_complete,
        partial=summary.clusters_partial,
        failed=summary.clusters_failed,
        rows=sum(counts.values()),
        seconds=summary.seconds,
    )
    return summary


def plan(config: Config) -> list[Planned]:
    """What `run` would collect, and through which endpoint; reads no cluster, writes nothing.

    Raises:
        InventoryError: the configuration or credentials cannot be used.
    """
    check_config(config, resources=RESOURCES)
    identity = _Once(config)
    open_sink(config, identity)
    identity().token()
    planned = []
    for listing in _listings(config, identity(), ""):
        if listing.collection.outcome != "ok":
            planned.append(Planned(name=listing.project_id, problem=_problem(listing)))
        planned += [
            _planned(listing.project_id, cluster, config)
            for cluster in sorted(listing.clusters, key=lambda cluster: (cluster.location, cluster.name))
            if is_wanted(listing.project_id, cluster, config.clusters)
        ]
    return planned


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


def _nothing_to_do(config: Config, task: Task, outcome: Outcome, clock: float) -> Summary:
    return Summary(
        run_id=task.run_id,
        outcome="complete" if outcome.complete else "incomplete",
        acceptable=outcome.acceptable,
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
        committed_before=True,
    )


class _Once:
    """The process's identity, made when it is first asked for."""

    def __init__(self, config: Config) -> None:
        self._token_uri = config.api_endpoints.oauth2
        self._identity: Identity | None = None

    def __call__(self) -> Identity:
        if self._identity is None:
            self._identity = default_identity(self._token_uri)
        return self._identity


def new_run_id(now: datetime) -> str:
    """A name for a run that nobody else has named."""
    return f"run-{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"


def _task(now: datetime) -> Task:
    """Which task this is, as Cloud Run tells it: https://cloud.google.com/run/docs/container-contract#jobs-env-vars"""
    execution = os.environ.get("CLOUD_RUN_EXECUTION")
    index, count = _number("CLOUD_RUN_TASK_INDEX", 0), _number("CLOUD_RUN_TASK_COUNT", 1)
    if index >= count:
        raise ConfigError(f"the environment has CLOUD_RUN_TASK_INDEX {index}, but CLOUD_RUN_TASK_COUNT {count}")
    if count > 1 and not execution:
        raise ConfigError(
            "the environment has several tasks (CLOUD_RUN_TASK_COUNT), but not CLOUD_RUN_EXECUTION: "
            "the tasks of one run have to name it alike"
        )
    return Task(
        run_id=execution or new_run_id(now),
        snapshot_time=now,
        is_named=bool(execution),
        index=index,
        count=count,
        attempt=_number("CLOUD_RUN_TASK_ATTEMPT", 0),
    )


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal():
        raise ConfigError(f"the environment variable {variable} is {text!r}, not a number")
    return int(text)


def _listings(config: Config, identity: Identity, run_id: str) -> list[Listing]:
    """One listing a project, in the order of the configuration."""
    projects = tuple(dict.fromkeys(config.projects))

    def listing(project: str) -> Listing:
        found = clusters_in(project, client, identity, config.timeouts, run_id=run_id)
        told = found.collection
        if told.outcome == "ok":
            log.info("project listed", project=project, clusters=told.objects, seconds=told.duration_seconds)
        else:
            log.warning("project not listed in full", project=project, outcome=told.outcome, detail=told.message)
        return found

    with container_client(config, identity) as client:
        found = {answer.project_id: answer for answer in _each(projects, listing, _PROJECTS_AT_ONCE)}
    return [found[project] for project in projects]


def _each(items: Iterable[Item], work: Callable[[Item], Answer], workers: int) -> Iterator[Answer]:
    """Does the work on each item, so many at a time; yields answers as they come, and raises what a worker raised.

    The threads are daemons: a run that is interrupted does not wait for a server that never answers.
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Answer | _Failure] = queue.SimpleQueue()
    count = 0
    for item in items:
        waiting.put(item)
        count += 1

    def serve() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answers.put(work(item))
            except Stopped:
                return
            except BaseException as error:  # noqa: BLE001 (raised again below, where the run can end in order)
                answers.put(_Failure(error))

    for index in range(min(workers, count)):
        threading.Thread(target=serve, name=f"worker-{index}", daemon=True).start()
    for _ in range(count):
        answer = answers.get()
        if isinstance(answer, _Failure):
            raise answer.error
        yield answer


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _record(
    spool: Spool, task: Task, config: Config, listings: list[Listing], collected: list[Collected], clock: float
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
        outcome="complete" if complete == len(snapshots) and not failed_projects else "incomplete",
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
        rows=rows,
    )
    segment = spool.segment(_key(task))
    segment.add([outcome])
    spool.keep(segment)
    return outcome


def _is_acceptable(config: Config, listings: list[Listing], collected: list[Collected]) -> bool:
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


def _summary(
    config: Config,
    task: Task,
    outcome: Run,
    counts: dict[str, int],
    listings: list[Listing],
    collected: list[Collected],
    clock: float,
) -> Summary:
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
        run_id=task.run_id,
        outcome=outcome.outcome,
        acceptable=outcome.acceptable,
        projects=outcome.projects,
        projects_failed=outcome.projects_failed,
        clusters=outcome.clusters,
        clusters_complete=outcome.clusters_complete,
        clusters_partial=outcome.clusters_partial,
        clusters_failed=outcome.clusters_failed,
        objects=outcome.objects,
        rows=counts,
        unread=tuple(sorted(unread, key=lambda entry: entry.name)),
        seconds=round(monotonic() - clock, 3),
        sink=config.sink,
        bug=any(done.bug for done in collected),
    )


def _problem(listing: Listing) -> str:
    return f"{listing.collection.outcome}: {listing.collection.message}"


def _planned(project_id: str, cluster: gke.Cluster, config: Config) -> Planned:
    endpoint, problem = None, None
    if str(cluster.status) not in CONNECTABLE:
        problem = f"not_running: the cluster is {cluster.status}"
    else:
        try:
            endpoint = choose_endpoint(cluster, config.endpoint)
        except InventoryError as error:
            problem = f"unreachable: {error}"
    return Planned(
        name=f"{project_id}/{cluster.location}/{cluster.name}",
        status=str(cluster.status),
        version=cluster.current_master_version,
        nodes=cluster.current_node_count,
        endpoint_type=endpoint.type if endpoint else None,
        endpoint=endpoint.host if endpoint else None,
        problem=problem,
    )
