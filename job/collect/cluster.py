"""One cluster: its endpoint, its lists, its snapshot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ReadFailure
from job.collect.lists import Lists, Outcome, bug, none_read, stopped
from job.collect.throttle import MAX_CONCURRENT_REQUESTS
from job.config import Config
from job.connect.endpoints import CONNECTABLE, Endpoint, choose_endpoint
from job.connect.identity import Identity
from job.connect.kubernetes import connect
from job.errors import InventoryError, SpoolError
from job.kinds import KINDS
from job.kinds.clusters import cluster_rows
from job.log import log
from job.spool import Spool
from job.tables import Collection, Key, Record, Snapshot
from job.task import Task
from job.wire import gke


@dataclass(frozen=True)
class CollectedCluster:
    """What became of one cluster."""

    key: Key
    snapshot: Snapshot
    collections: tuple[Collection, ...]
    bug: bool = False


@dataclass(frozen=True)
class ClusterCollector:
    """What collecting any cluster takes; shared by all workers."""

    config: Config
    identity: Identity
    spool: Spool
    task: Task
    stop: threading.Event
    deadline: Deadline | None = None
    """The end of the run's time."""

    def collect(self, project_id: str, cluster: gke.Cluster) -> CollectedCluster:
        """Reads all kinds of one cluster; whatever happens to one of them costs no other.

        Raises:
            SpoolError: the spool cannot be written.
        """
        started_at, clock = datetime.now(UTC), monotonic()
        key = Key(
            snapshot_id=self.task.snapshot_id(project_id, cluster.location, cluster.name),
            snapshot_time=self.task.snapshot_time,
            project_id=project_id,
            location=cluster.location,
            cluster=cluster.name,
        )
        endpoint: Endpoint | None = None
        version: str | None = None
        failure: ReadFailure | None = None
        has_bug = False
        deadline = Deadline(clock + self.config.timeouts.cluster_seconds, "ClusterTimeout", "the cluster's time was up")
        deadline = min(deadline, self.deadline or deadline)
        outcomes: dict[str, Outcome] = {}
        rows = self._keep(key, cluster_rows(cluster))
        try:
            _check_state(cluster)
            endpoint = choose_endpoint(cluster, self.config.endpoint)
            with connect(cluster, endpoint, self.identity, connections=MAX_CONCURRENT_REQUESTS) as client:
                server = ApiReader(client, self.identity, self.config.timeouts, self._wait)
                lists = Lists(server, deadline, key, self.config, self.spool, self.task.run_id, self.stop)
                for outcome in lists.read():
                    outcomes[outcome.collection.resource] = outcome
                version = lists.version
        except SpoolError:
            raise
        except ReadFailure as error:
            failure = error
        except InventoryError as error:
            failure = ReadFailure("unreachable", str(error), reason=type(error).__name__.removesuffix("Error"))
        except Exception as error:  # noqa: BLE001 (a bug of ours in one cluster costs no other; the run exits with 1)
            failure, has_bug = bug(error, key), True
        if failure is not None:
            outcomes = {**none_read(failure, deadline, self.config, self.task.run_id), **outcomes}
        collections = [outcomes[kind.resource].collection for kind in KINDS]
        rows += sum(outcome.rows for outcome in outcomes.values()) + self._keep(key, collections)
        snapshot = self._snapshot(cluster, endpoint, version, collections, rows, started_at, clock)
        bound = log.bind(project=project_id, location=cluster.location, cluster=cluster.name)
        say = bound.info if snapshot.status == "complete" else bound.warning
        say(
            "cluster collected",
            status=snapshot.status,
            objects=snapshot.objects,
            rows=rows,
            seconds=snapshot.duration_seconds,
            **({"reason": snapshot.reason, "detail": snapshot.message} if snapshot.reason else {}),
        )
        has_bug = has_bug or any(outcome.is_bug for outcome in outcomes.values())
        return CollectedCluster(key, snapshot, tuple(collections), has_bug)

    def _keep(self, key: Key, records: Iterator[Record] | list[Collection]) -> int:
        segment = self.spool.segment(key)
        segment.add(records)
        return self.spool.keep(segment)

    def _wait(self, seconds: float) -> None:
        if self.stop.is_set() or (seconds and self.stop.wait(seconds)):
            raise stopped()

    def _snapshot(
        self,
        cluster: gke.Cluster,
        endpoint: Endpoint | None,
        version: str | None,
        collections: list[Collection],
        rows: int,
        started_at: datetime,
        clock: float,
    ) -> Snapshot:
        wanted = [collection for collection in collections if collection.outcome != "off"]
        read = [collection for collection in wanted if collection.outcome in ("ok", "partial")]
        incomplete = [collection for collection in wanted if collection.outcome != "ok"]
        worst = incomplete[0] if incomplete else None
        return Snapshot(
            run_id=self.task.run_id,
            task_index=self.task.index,
            attempt=self.task.attempt,
            status="complete" if worst is None else "partial" if read else "failed",
            reason=worst.outcome if worst else None,
            message=_summary(incomplete, wanted),
            cluster_id=cluster.id or None,
            cluster_status=str(cluster.status) if cluster.status is not None else None,
            endpoint_type=endpoint.type if endpoint else None,
            endpoint=endpoint.host if endpoint else None,
            server_version=version,
            started_at=started_at,
            duration_seconds=round(monotonic() - clock, 3),
            resources_read=len(read),
            resources_unread=len(wanted) - len(read),
            objects=sum(collection.objects for collection in collections),
            row_count=rows,
        )


def _check_state(cluster: gke.Cluster) -> None:
    status = str(cluster.status)
    if status not in CONNECTABLE:
        told = f" ({cluster.status_message[:200]})" if cluster.status_message else ""
        raise ReadFailure("not_running", f"the cluster is {status} in GKE{told}", reason=status)


def _summary(incomplete: list[Collection], wanted: list[Collection]) -> str | None:
    """`pods, jobs: forbidden (...)`: what was not read, and the first reason in the server's words."""
    if not incomplete:
        return None
    first = incomplete[0]
    alike = [collection.resource for collection in incomplete if collection.outcome == first.outcome]
    subject = "all kinds" if len(alike) == len(wanted) else ", ".join(alike)
    others = [f"{c.resource}: {c.outcome}" for c in incomplete if c.outcome != first.outcome]
    return "; ".join([f"{subject}: {first.outcome}" + (f" ({first.message})" if first.message else ""), *others])
