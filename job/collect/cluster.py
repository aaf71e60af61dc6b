"""One cluster: its endpoint, its lists, its snapshot."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from job.collect.api_reader import ApiReader
from job.collect.beside import Beside, UpgradeInfoSource
from job.collect.budget import Budget, Limits
from job.collect.contact import Attempts
from job.collect.deadlines import Deadline
from job.collect.failures import Cause, ReadFailure, report_bug, stopped
from job.collect.ledger import ListOutcome, collection_of, snapshot_of, upgrade_info_of
from job.collect.lists import ClusterReader, ListResult, failed_lists
from job.collect.object_kinds import OFF, Known
from job.collect.throttle import MAX_CONCURRENT_REQUESTS, Throttle
from job.collect.worker_pool import WorkerPool
from job.config import Config, Timeouts
from job.connect.connect_gateway import GatewayQuota, gateway_endpoint
from job.connect.endpoints import CONNECTABLE_STATUSES, ConnectError, Endpoint, choose_endpoints
from job.connect.identity import Identity
from job.connect.kubernetes import connect
from job.connect.reachability import Network, Reachability, network_of
from job.errors import SpoolError
from job.kinds import RESOURCES, Kind
from job.kinds.clusters import cluster_rows
from job.log import log
from job.progress import ClusterProgress, RunProgress
from job.spool import Spool
from job.tables import UPGRADE_INFO, Collection, Key, Record, Snapshot
from job.tables.snapshots import FailedEndpoint
from job.task import Task
from job.waiting import waiting_for
from job.wire import gke
from job.wire.gke_hub import AttachedCluster
from job.wire.projects import FoundProject

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_MAX_SPOOL_SHARE = 0.5  # of one cluster among others


@dataclass(frozen=True)
class CollectedCluster:
    """The result of one cluster."""

    key: Key
    snapshot: Snapshot
    collections: tuple[Collection, ...]
    earlier: tuple[ListOutcome, ...] = ()
    """The lists that earlier parts of the task have committed."""
    has_bug: bool = False

    @property
    def lists(self) -> tuple[ListOutcome, ...]:
        """All of them."""
        return (*self.earlier, *self.collections)


@dataclass
class _Reading:
    """What reading one cluster has given so far."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=monotonic)
    committed: frozenset[str] = frozenset()
    """The resources that earlier parts of the task have committed."""
    known_objects: frozenset[str] = frozenset()
    """The kinds of `objects` that earlier runs asked for."""
    object_kinds: list[Kind] = field(default_factory=list)
    """Those that this run asks for, once they are known."""
    endpoint: Endpoint | None = None
    failed_endpoints: tuple[FailedEndpoint, ...] = ()
    version: str | None = None
    results: dict[str, ListResult] = field(default_factory=dict)
    """By resource."""


@dataclass(frozen=True)
class ClusterCollector:
    """What collecting any cluster takes. All workers share it."""

    config: Config
    identity: Identity
    spool: Spool
    task: Task
    stop: threading.Event
    deadline: Deadline | None = None
    """When the time of the run is up."""
    pool: WorkerPool = field(default_factory=lambda: WorkerPool(1))
    """Whose threads call `collect`."""
    reachability: Reachability = field(default_factory=Reachability)
    clusters: int = 1
    """How many the run reads."""
    quota: GatewayQuota = field(default_factory=GatewayQuota)
    progress: RunProgress = field(default_factory=RunProgress)
    upgrade_info: UpgradeInfoSource | None = None
    """None where no cluster's upgrade info is due."""
    known_objects: Known = field(default_factory=dict)

    def collect(
        self,
        project_id: str,
        cluster: gke.Cluster,
        earlier: Sequence[ListOutcome] = (),
        found: FoundProject | None = None,
    ) -> CollectedCluster:
        """Reads all kinds of one cluster into the spool. Whatever happens to one of them costs no other.

        Args:
            earlier: lists that are committed, and whose kinds are left out.
            found: its project, if it was found in a folder.

        Raises:
            SpoolError: the spool cannot be written.
        """
        key = self._key(project_id, cluster)
        committed = frozenset(each.resource for each in earlier)
        reading = _Reading(committed=committed, known_objects=self.known_objects.get(_name(key), frozenset()))
        rows = self._keep(key, cluster_rows(cluster, found))
        is_asked = all(each.resource != UPGRADE_INFO for each in earlier)
        upgrade_info = self._begin_upgrade_info(project_id, cluster, reading) if is_asked else None
        with self.progress.cluster(_name(key)) as progress:
            cause = self._read(cluster, key, reading, progress)
        if cause:
            lists = failed_lists(cause, self.config, reading.known_objects, reading.object_kinds)
            reading.results = {result.kind.resource: result for result in lists} | reading.results
        order = {resource: number for number, resource in enumerate(RESOURCES)}
        results = [result for result in reading.results.values() if result.kind.resource not in reading.committed]
        results.sort(key=lambda result: order.get(result.kind.resource, len(order)))
        account = self.config.identity.own_account(project_id)
        collections = tuple(collection_of(result, self.task, self.identity.tokens, account) for result in results)
        if upgrade_info is not None:
            records, collection = self._end_upgrade_info(key, upgrade_info, reading)
            rows += self._keep(key, records)
            collections = (*collections, collection)
        rows += sum(result.rows for result in results) + self._keep(key, collections)
        snapshot = snapshot_of(
            cluster,
            (*earlier, *collections),
            self.task,
            endpoint=reading.endpoint,
            failed_endpoints=reading.failed_endpoints,
            version=reading.version,
            rows=rows,
            started_at=reading.started_at,
            clock=reading.clock,
            tokens=self.identity.tokens,
        )
        _log(key, snapshot)
        has_bug = any(collection.outcome == "bug" for collection in collections)
        return CollectedCluster(key, snapshot, collections, tuple(earlier), has_bug)

    def _begin_upgrade_info(self, project_id: str, cluster: gke.Cluster, reading: _Reading) -> Beside | Cause | None:
        """Begins to read what the GKE API says of the cluster's upgrades; None if nothing is due."""
        if isinstance(cluster, AttachedCluster):
            return None
        if not self.config.upgrade_info:
            return OFF
        source, until = self.upgrade_info, self._deadline(reading.clock).at
        if source is None or not source.is_due(cluster):
            return None
        try:
            _check_status(cluster)
        except ReadFailure as error:
            return error.cause
        return Beside(lambda: source.read(project_id, cluster, until))

    def _end_upgrade_info(self, key: Key, begun: Beside | Cause, reading: _Reading) -> tuple[list[Record], Collection]:
        found: Mapping[str, Any] | Cause
        rows: list[Record] = []
        if isinstance(begun, Beside):
            name, deadline = f"{key.project_id}/{key.location}/{key.cluster}", self._deadline(reading.clock)
            # other clusters need not wait for it, as for one that has not answered yet
            with self.pool.contact(), waiting_for(f"the GKE API to describe the upgrades of {name}"):
                ended = begun.wait(deadline, self.stop)
            if ended.reading is not None:
                rows, found = ended.reading.rows, ended.reading.columns
            elif isinstance(ended.error, Exception):
                found = report_bug(ended.error, key)
            else:
                found = ended.cause or stopped().cause
        else:
            found = begun
        return rows, upgrade_info_of(
            found, self.task, self.identity.tokens, self.config.identity.own_account(key.project_id or "")
        )

    def _key(self, project_id: str, cluster: gke.Cluster) -> Key:
        return Key(
            snapshot_id=self.task.snapshot_id(project_id, cluster.location, cluster.name),
            snapshot_time=self.task.snapshot_time,
            project_id=project_id,
            location=cluster.location,
            cluster=cluster.name,
        )

    def _read(self, cluster: gke.Cluster, key: Key, reading: _Reading, progress: ClusterProgress) -> Cause | None:
        """Reads the cluster's lists; the cause of it where the cluster itself cannot be read."""
        try:
            _check_status(cluster)
            identity = self._identity_of(key)
            gateway = gateway_endpoint(cluster, identity.universe_domain, self.config.api_endpoints.connectgateway)
            endpoints = choose_endpoints(cluster, self.config.endpoints, gateway)
            with ExitStack() as opened:
                what = f"{_name(key)} to answer"
                with self.pool.contact(), waiting_for(what, self.config.timeouts.retry_seconds, is_logged=False):
                    server = self._reach(cluster, endpoints, key, reading, opened)
                progress.since, progress.objects = None, lambda: server.objects
                with self.pool.reading(self.stop, server.reader.progress) as waited:
                    progress.since = reading.clock + waited
                    server.deadline = self._deadline(progress.since)
                    with closing(server.lists()) as lists:  # ends its threads, whatever happens here
                        for result in lists:
                            reading.results[result.kind.resource] = result
                            _log_list(key, result)
        except SpoolError:
            raise
        except ReadFailure as error:
            return error.cause
        except ConnectError as error:
            return Cause("unreachable", str(error), error.reason)
        except Exception as error:  # noqa: BLE001 (a bug of ours in one cluster costs no other)
            if self.stop.is_set():  # an interrupted run has closed the spool meanwhile
                return stopped().cause
            return report_bug(error, key)
        return None

    def _budget(self) -> Budget:
        share = _MAX_SPOOL_SHARE if self.clusters > 1 else 1.0
        limits = Limits(
            spooled_bytes=int(self.spool.room * share),
            row_seconds=self.config.timeouts.cluster_seconds / 2,
        )
        return Budget(limits, is_spool_full=self.spool.is_full)

    def _reach(
        self, cluster: gke.Cluster, endpoints: Sequence[Endpoint], key: Key, reading: _Reading, opened: ExitStack
    ) -> ClusterReader:
        """A reader of the first of the endpoints that answers, of which `opened` closes the connections."""
        connect_to = partial(connect, cluster, identity=self._identity_of(key), connections=MAX_CONCURRENT_REQUESTS)
        reader = partial(self._cluster_reader, key, reading)
        if len(endpoints) == 1:
            reading.endpoint = endpoint = endpoints[0]
            network = network_of(cluster, endpoint)
            server = reader(opened.enter_context(connect_to(endpoint)), endpoint, self.config.timeouts, network)
            reading.version = self._contact(server, network)
            return server
        attempts = Attempts(
            connect_to, reader, self.config.timeouts, self.reachability, self.stop, self._deadline(reading.clock)
        )
        try:
            endpoint, client, reading.version = attempts.first_that_answers(
                cluster, endpoints, opened, partial(self._log_wait, key)
            )
        finally:
            reading.failed_endpoints = tuple(attempts.failed.values())
        reading.endpoint = endpoint
        return reader(client, endpoint, self.config.timeouts, network_of(cluster, endpoint))

    def _cluster_reader(
        self, key: Key, reading: _Reading, client: ApiClient, endpoint: Endpoint, timeouts: Timeouts,
        network: Network | None = None,
    ) -> ClusterReader:  # fmt: skip
        """Args:
        network: without it, the reader does not wait for a server that cannot be connected to.
        """

        def is_worth_waiting(failure: ReadFailure) -> bool:
            found = network is not None and self.reachability.is_worth_waiting(network)
            if found:
                self._log_wait(key, failure)
            return found

        reader = ApiReader(
            client,
            self._identity_of(key),
            timeouts,
            self.stop,
            Throttle(seconds_until_next=partial(self.quota.seconds_until, endpoint)),
            compression=self.config.compression,
            by_google=endpoint.is_google_frontend,
            worth_waiting=is_worth_waiting,
        )
        budget = self._budget()
        segment = partial(self.spool.segment, key, budget.add_spooled)
        deadline = self._deadline(reading.clock)
        return ClusterReader(
            reader, deadline, self.config, key, segment, self.stop, reading.committed, budget, reading.known_objects,
            reading.object_kinds,
        )  # fmt: skip

    def _log_wait(self, key: Key, failure: ReadFailure) -> None:
        event = log.bind(project=key.project_id, location=key.location, cluster=key.cluster)
        seconds = self.config.timeouts.retry_seconds
        event.info("waiting for cluster", reason=failure.cause.reason, detail=str(failure), seconds=seconds)

    def _contact(self, server: ClusterReader, network: Network) -> str | None:
        """The version of the API server, which is what it is asked for first."""
        try:
            version = server.version()
        except ReadFailure as error:
            if not error.is_connected:
                self.reachability.waited_in_vain(network)
            raise
        self.reachability.answered(network)
        return version

    def _deadline(self, clock: float) -> Deadline:
        seconds = self.config.timeouts.cluster_seconds
        own = Deadline(clock + seconds, "ClusterTimeout", f"the cluster was not read within {seconds:g} s")
        return min(own, self.deadline or own)

    def _identity_of(self, key: Key) -> Identity:
        return self.identity.of(key.project_id or "")

    def _keep(self, key: Key, records: Iterable[Record]) -> int:
        segment = self.spool.segment(key)
        segment.add(records)
        return segment.keep()


def _name(key: Key) -> str:
    return f"{key.project_id}/{key.location}/{key.cluster}"


def _check_status(cluster: gke.Cluster) -> None:
    status = str(cluster.status)
    if status not in CONNECTABLE_STATUSES:
        detail = f" ({cluster.status_message[:200]})" if cluster.status_message else ""
        where = "its fleet" if isinstance(cluster, AttachedCluster) else "GKE"
        raise ReadFailure("not_running", f"the cluster is {status} in {where}{detail}", reason=status)


def _log_list(key: Key, result: ListResult) -> None:
    if result.cause.outcome != "off":
        log.debug(
            "list read",
            project=key.project_id,
            location=key.location,
            cluster=key.cluster,
            resource=result.kind.resource,
            outcome=result.cause.outcome,
            objects=result.counts.objects,
            pages=result.stats.pages,
            retries=result.stats.retries,
            waited_seconds=round(result.stats.waited_seconds, 3),
        )


def _log(key: Key, snapshot: Snapshot) -> None:
    event = log.bind(project=key.project_id, location=key.location, cluster=key.cluster)
    write = event.info if snapshot.status == "complete" else event.warning
    write(
        "cluster collected",
        status=snapshot.status,
        objects=snapshot.objects,
        rows=snapshot.row_count,
        seconds=snapshot.duration_seconds,
        **({"reason": snapshot.reason, "detail": snapshot.message} if snapshot.reason else {}),
    )
