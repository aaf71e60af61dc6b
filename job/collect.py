"""One cluster: kind by kind, page by page, to rows in the spool and one outcome each."""

from __future__ import annotations

import hashlib
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec

from job.config import Config
from job.connect import CONNECTABLE, Endpoint, choose_endpoint, connect
from job.errors import CredentialsError, InventoryError
from job.identity import Identity
from job.kinds import KINDS, Kind
from job.listing import MOST_RESTARTS, Expired, Server, Tally, Unread, pages
from job.log import log
from job.normalize.clusters import cluster_rows
from job.normalize.metadata import controller_of
from job.normalize.owners import Owners
from job.normalize.scope import Scope
from job.spool import Segment, Spool
from job.tables import Collection, Key, Record, Snapshot
from job.wire import gke, meta

_MOST_NAMED = 100  # unreadable objects named in one collection
# Decoders are made when the module is: msgspec crashes when threads are the first to use a class, at the same time.
_PAGES = {kind.resource: msgspec.json.Decoder(meta.Page[kind.item]) for kind in KINDS}  # type: ignore[name-defined]
_RAW_PAGE = msgspec.json.Decoder(meta.Page[msgspec.Raw])
_NAMED = msgspec.json.Decoder(meta.Named)


class Stopped(Exception):  # noqa: N818
    """The run is over: what was under way is given up."""


@dataclass(frozen=True)
class Task:
    """Which part of which run this process is."""

    run_id: str
    snapshot_time: datetime
    index: int = 0
    count: int = 1
    attempt: int = 0
    is_named: bool = False
    """Somebody else gave the run its name, so that other processes may be, or have been, the same task."""

    def snapshot_id(self, *name: str) -> str:
        """The id of the snapshot of one cluster (or, without a name, of the task itself): the same throughout this
        process, another for every other cluster, task, attempt and replay of the attempt."""
        parts = (self.run_id, str(self.index), str(self.attempt), self.snapshot_time.isoformat(), *name)
        text = "\0".join(parts)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Collected:
    """What became of one cluster."""

    key: Key
    snapshot: Snapshot
    collections: tuple[Collection, ...]
    bug: bool = False


@dataclass(frozen=True)
class Collector:
    """What collecting any cluster takes; shared by all workers."""

    config: Config
    identity: Identity
    spool: Spool
    task: Task
    stop: threading.Event

    def collect(self, project_id: str, cluster: gke.Cluster) -> Collected:
        """Reads all kinds of one cluster; whatever happens to one of them costs no other.

        Raises:
            Stopped: the run was stopped meanwhile.
            OSError: the spool cannot be written.
        """
        started_at, clock = datetime.now(UTC), monotonic()
        key = Key(
            snapshot_id=self.task.snapshot_id(project_id, cluster.location, cluster.name),
            snapshot_time=self.task.snapshot_time,
            project_id=project_id,
            location=cluster.location,
            cluster=cluster.name,
        )
        bound = log.bind(project=project_id, location=cluster.location, cluster=cluster.name)
        endpoint: Endpoint | None = None
        version, bug = None, False
        rows = self._keep(key, cluster_rows(cluster))
        collections: list[Collection] = []
        try:
            _check_state(cluster)
            endpoint = choose_endpoint(cluster, self.config.endpoint)
            with connect(cluster, endpoint, self.identity) as client:
                deadline = clock + self.config.timeouts.cluster_seconds
                server = Server(client, self.identity, self.config.timeouts, deadline, self._wait)
                version = _server_version(server)
                for collection, kept in self._kinds(server, key):
                    collections.append(collection)
                    rows += kept
        except (Stopped, OSError):
            raise
        except Unread as error:
            collections = [_unread(self.task, kind, Tally(), error) for kind in KINDS]
        except InventoryError as error:
            failure = Unread("unreachable", str(error), reason=type(error).__name__.removesuffix("Error"))
            collections = [_unread(self.task, kind, Tally(), failure) for kind in KINDS]
        except Exception as error:  # noqa: BLE001 (a bug of ours in one cluster costs no other; the run exits with 1)
            bug = True
            bound.error("bug", error=type(error).__name__, where=_where(error))
            failure = Unread("bug", f"{type(error).__name__}: a bug in gke-inventory; please report it", reason="Bug")
            collections = [_unread(self.task, kind, Tally(), failure) for kind in KINDS]
        collections = [self._switched(collection) for collection in collections]
        rows += self._keep(key, collections)
        snapshot = self._snapshot(cluster, endpoint, version, collections, rows, started_at, clock)
        bound.info(
            "cluster collected",
            status=snapshot.status,
            objects=snapshot.objects,
            rows=rows,
            seconds=snapshot.duration_seconds,
            **({"reason": snapshot.reason, "detail": snapshot.message} if snapshot.reason else {}),
        )
        return Collected(key, snapshot, tuple(collections), bug)

    def _kinds(self, server: Server, key: Key) -> Iterator[tuple[Collection, int]]:
        scope = Scope(Owners(), self.config.annotations)
        for kind in KINDS:
            if kind.controls:
                scope.owners.expect(kind.controls)
        for kind in KINDS:
            yield self._kind(kind, server, key, scope)

    def _kind(self, kind: Kind, server: Server, key: Key, scope: Scope) -> tuple[Collection, int]:
        """One kind's outcome, and how many rows of it were kept."""
        tally = Tally()
        if not self.config.kinds.get(kind.resource, True):
            return _unread(self.task, kind, tally, Unread("off", "switched off in the configuration")), 0
        while True:
            segment = self.spool.segment(key)
            reading = _Reading(kind, scope, segment)
            try:
                for page in pages(server, kind.path, self.config.page_limit, reading.decode, tally):
                    reading.add(page)
            except Expired as error:
                segment.drop()
                tally.restarts += 1
                if tally.restarts > MOST_RESTARTS:
                    gone = Unread("expired", str(error), reason="Expired", http_status=tally.http_status)
                    return _unread(self.task, kind, tally, gone), 0
                tally.resource_version = None
                continue
            except CredentialsError as error:
                segment.drop()
                return _unread(self.task, kind, tally, Unread("unauthorized", str(error), reason="Credentials")), 0
            except Unread as error:
                segment.drop()
                return _unread(self.task, kind, tally, error), 0
            except BaseException:
                segment.drop()
                raise
            if kind.controls:
                scope.owners.add(kind.controls, reading.controllers)
            return reading.collection(self.task, tally), self.spool.keep(segment)

    def _keep(self, key: Key, records: Iterator[Record] | list[Collection]) -> int:
        segment = self.spool.segment(key)
        segment.add(records)
        return self.spool.keep(segment)

    def _wait(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    def _switched(self, collection: Collection) -> Collection:
        """A kind that is off is off, also where the cluster could not be reached."""
        if self.config.kinds.get(collection.resource, True) or collection.outcome == "off":
            return collection
        return msgspec.structs.replace(
            collection, outcome="off", reason=None, message="switched off in the configuration", http_status=None
        )

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
            rows=rows,
        )


class _Reading:
    """The pages of one list on their way to one segment."""

    def __init__(self, kind: Kind, scope: Scope, segment: Segment) -> None:
        self._kind, self._scope, self._segment = kind, scope, segment
        self._objects = 0
        self._unreadable_objects = 0
        self._unreadable: list[str] = []
        self.controllers: dict[str, meta.OwnerReference | None] = {}
        """UID -> controller of each object, for kinds that may control others."""

    def decode(self, body: memoryview) -> meta.Page[Any]:
        """The page, decoded whole; object by object where that fails, so that one bad object costs one object."""
        try:
            return _PAGES[self._kind.resource].decode(body)
        except msgspec.ValidationError:
            raw = _RAW_PAGE.decode(body)
        good = []
        for position, item in enumerate(raw.items or ()):
            try:
                good.append(msgspec.json.decode(item, type=self._kind.item))
            except msgspec.MsgspecError:
                self._unreadable_objects += 1
                if len(self._unreadable) < _MOST_NAMED:
                    self._unreadable.append(_name_of(item) or f"page item {position}")
        return meta.Page(metadata=raw.metadata, items=good)

    def add(self, page: meta.Page[Any]) -> None:
        items = page.items or ()
        self._objects += len(items)
        rows, scope, segment = self._kind.rows, self._scope, self._segment
        for item in items:
            segment.add(rows(item, scope))
        if self._kind.controls:
            self.controllers.update((item.metadata.uid, controller_of(item.metadata)) for item in items)

    def collection(self, task: Task, tally: Tally) -> Collection:
        message = None
        if self._unreadable_objects:
            message = f"{self._unreadable_objects} objects could not be decoded: {', '.join(self._unreadable[:3])}"
        return Collection(
            outcome="partial" if self._unreadable_objects else "ok",
            message=message,
            objects=self._objects,
            unreadable=tuple(self._unreadable),
            unreadable_objects=self._unreadable_objects,
            **_told(task, self._kind, tally),
        )


def _unread(task: Task, kind: Kind, tally: Tally, error: Unread) -> Collection:
    told = _told(task, kind, tally) | {"http_status": error.http_status, "resource_version": None}
    return Collection(
        outcome=error.outcome, reason=error.reason, message=error.message, objects=0, unreadable_objects=0, **told
    )


def _told(task: Task, kind: Kind, tally: Tally) -> dict[str, Any]:
    return {
        "run_id": task.run_id,
        "resource": kind.resource,
        "http_status": tally.http_status,
        "resource_version": tally.resource_version,
        "pages": tally.pages,
        "bytes": tally.bytes,
        "requests": tally.requests,
        "retries": tally.retries,
        "restarts": tally.restarts,
        "waited_seconds": tally.waited_seconds,
        "started_at": tally.started_at,
        "duration_seconds": tally.duration_seconds,
    }


def _check_state(cluster: gke.Cluster) -> None:
    status = str(cluster.status)
    if status not in CONNECTABLE:
        told = f" ({cluster.status_message[:200]})" if cluster.status_message else ""
        raise Unread("not_running", f"the cluster is {status} in GKE{told}", reason=status)


class _Version(meta.Wire, frozen=True):
    git_version: str | None = None


_VERSION = msgspec.json.Decoder(_Version)


def _server_version(server: Server) -> str | None:
    """The API server's own version: the first request, which tells whether the server can be reached at all.

    Raises:
        Unread: it cannot. A server that answers, but not with this, is left to the lists.
    """
    try:
        return server.get("/version", [], _VERSION.decode, Tally()).git_version
    except (Expired, msgspec.ValidationError):
        return None
    except CredentialsError as error:
        raise Unread("unauthorized", str(error), reason="Credentials") from error
    except Unread as error:
        if error.outcome in ("unreachable", "timed_out"):
            raise
        return None


def _name_of(item: msgspec.Raw) -> str | None:
    """`namespace/name` of an object that cannot be decoded, where at least that can."""
    try:
        named = _NAMED.decode(item).metadata
    except msgspec.MsgspecError:
        return None
    if named is None or not named.name:
        return None
    return f"{named.namespace}/{named.name}" if named.namespace else named.name


def _summary(incomplete: list[Collection], wanted: list[Collection]) -> str | None:
    """`pods, jobs: forbidden (...)`: what was not read, and the first reason in the server's words."""
    if not incomplete:
        return None
    first = incomplete[0]
    alike = [collection.resource for collection in incomplete if collection.outcome == first.outcome]
    subject = "all kinds" if len(alike) == len(wanted) else ", ".join(alike)
    others = [f"{c.resource}: {c.outcome}" for c in incomplete if c.outcome != first.outcome]
    return "; ".join([f"{subject}: {first.outcome}" + (f" ({first.message})" if first.message else ""), *others])


def _where(error: Exception) -> str:
    """Files and lines alone: the values in a traceback may be anybody's."""
    return " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
