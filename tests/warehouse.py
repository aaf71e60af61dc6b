"""Rows of small runs, written by hand, for tests of views and sinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from job.sinks.protocol import Commit, Sink, TaskResult, Warehouse
from job.spool import Rows, open_spool
from job.tables import (
    Cluster,
    Collection,
    Container,
    Key,
    Namespace,
    Node,
    NodePool,
    Pod,
    PodContainer,
    Record,
    Run,
    Snapshot,
    Workload,
)
from job.tables.record import KeyValue

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = "shop-prod"
LOCATION = "europe-west1"
COMPLETE = TaskResult(complete=True, acceptable=True)


@dataclass(frozen=True)
class Read:
    """What one run read of one cluster: for each kind its objects, by name or as rows, or else an outcome."""

    cluster: str
    namespaces: Sequence[str | Record] | str = ()
    pods: Sequence[str | Record] | str = ()
    cluster_id: str | None = "1"
    project: str = PROJECT
    more: Mapping[str, Sequence[Record] | str] = field(default_factory=dict)
    """Other kinds: resource -> rows, or an outcome."""
    partial: Sequence[str] = ()
    """Kinds that had unreadable objects too."""
    gke: Sequence[Record] = ()
    """Rows of `clusters` and `node_pools`."""


@dataclass(frozen=True)
class Attempt:
    """An attempt of a task of a run."""

    task: int = 0
    tasks: int = 1
    attempt: int = 0
    time: datetime | None = None

    @property
    def name(self) -> str:
        return "" if (self.task, self.attempt) == (0, 0) else f"-{self.task}.{self.attempt}"


ONLY = Attempt()


def run_of(
    number: int,
    *read: Read,
    listed: Sequence[str] | None = None,
    outcome: str = "ok",
    by: Attempt = ONLY,
    projects: Sequence[str] = (PROJECT,),
    prefix: str = "",
    unmatched: Sequence[str] = (),
    config: str = "0",
    **more: Any,
) -> list[tuple[Key, Record]]:
    """All rows of run `number`, which began that many hours after `FIRST`.

    Args:
        listed: the clusters in each project's list; without it, those that were read.
        outcome: of the projects' lists.
        prefix: opens the ids of the snapshots.
        unmatched: the names that `clusters.include` has, and no project.
        config: digest of the configuration.
        more: other columns of the lists' rows: `reason`, `missing_zones`.
    """
    time = by.time or FIRST + timedelta(hours=number, minutes=by.attempt, seconds=by.task)
    run_key = Key(snapshot_id=f"{prefix}run-{number}{by.name}", snapshot_time=time)
    rows: list[tuple[Key, Record]] = []
    for project in projects:
        names = listed if listed is not None else [one.cluster for one in read if one.project == project]
        found = tuple(f"{LOCATION}/{name}" for name in names) if outcome in ("ok", "partial") else ()
        listing = _collection(number, time, "clusters", outcome, len(found), listed_clusters=found, **more)
        key = Key(snapshot_id=run_key.snapshot_id, snapshot_time=time, project_id=project, location="-")
        rows.append((key, listing))
        for name in unmatched:
            asked = msgspec.structs.replace(key, location=LOCATION, cluster=name)
            message = f"{name} matches no cluster"
            rows.append((asked, _collection(number, time, "clusters", "not_found", 0, message=message)))
    for one in read:
        key = Key(
            snapshot_id=f"{prefix}{number}-{one.cluster}{by.name}",
            snapshot_time=time,
            project_id=one.project,
            location=LOCATION,
            cluster=one.cluster,
        )
        unread = 0
        kinds = {"namespaces": one.namespaces, "pods": one.pods, **one.more}
        for resource, objects in kinds.items():
            if isinstance(objects, str):
                unread += objects != "off"
                rows.append((key, _collection(number, time, resource, objects, 0)))
                continue
            read_outcome = "partial" if resource in one.partial else "ok"
            rows.append((key, _collection(number, time, resource, read_outcome, len(objects))))
            rows += [(key, _object(resource, each)) for each in objects]
        rows += [(key, record) for record in one.gke]
        status = "complete" if not unread else "failed" if unread == len(kinds) else "partial"
        rows.append((key, _snapshot(number, time, by, status, one.cluster_id)))
    rows.append((run_key, _run(number, time, by, len(projects), len(read), config)))
    return rows


def publish(
    sink: Sink,
    rows: Sequence[tuple[Key, Record]],
    *,
    without: Sequence[str] = (),
    run_id: str = "",
    task: int = 0,
    attempt: int = 0,
    result: TaskResult = COMPLETE,
    change: Callable[[Rows], Rows] = lambda saved: saved,
) -> bool:
    """Publishes the rows as a run does.

    Args:
        without: tables to leave out, as a run does that is killed before it loads them.
        change: applied to the rows before they are loaded.
    """
    with open_spool() as spool:
        for key, record in rows:
            if record.table not in without:
                segment = spool.segment(key)
                segment.add([record])
                spool.keep(segment)
        times = tuple(dict.fromkeys(key.snapshot_time for key, record in rows if record.table == "runs"))
        tasks = getattr(rows[-1][1], "task_count", 1)
        commit = Commit(run_id or rows[-1][0].snapshot_id, task, attempt, result, tasks, times)
        return sink.publish(change(spool.save()), commit)


def rows(sink: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a query returns."""
    return sink.query(sql).rows


def annotated(count: int, size: int) -> list[Namespace]:
    """Rows of `namespaces`, each with an annotation of so many bytes that hardly compress."""
    random = Random(1)
    values = (random.randbytes(size // 2).hex() for _ in range(count))
    return [
        Namespace(name=f"n{number}", uid=f"u{number}", annotations=(KeyValue(key="big", value=value),))
        for number, value in enumerate(values)
    ]


def workload(
    name: str, *, kind: str = "Deployment", uid: str = "", namespace: str = "default", **more: Any
) -> Workload:
    """A row of `workloads`, with values for the columns that cannot be NULL."""
    defaults = {
        "resource": f"{kind.lower()}s", "host_network": False, "host_pid": False, "host_ipc": False,
        "known_through_pods": False, "api_version": "v1" if kind == "Pod" else "apps/v1",
    }  # fmt: skip
    return Workload(kind=kind, namespace=namespace, name=name, uid=uid or f"uid-{name}", **defaults | more)


def container(
    of: str, name: str = "app", *, kind: str = "Deployment", namespace: str = "default", **more: Any
) -> Container:
    """A row of `containers`, of the workload `of`."""
    return Container(
        resource=f"{kind.lower()}s", workload_kind=kind, namespace=namespace, workload_name=of,
        workload_uid=f"uid-{of}", name=name, **{"container_type": "regular", "position": 0} | more,
    )  # fmt: skip


def pod(name: str, *, namespace: str = "default", **more: Any) -> Pod:
    """A row of `pods`; nothing controls the pod unless `more` says so."""
    alone = {
        "workload_kind": "Pod", "workload_api_version": "v1", "workload_name": name, "workload_uid": f"uid-{name}",
        "workload_resolution": "uncontrolled", "containers": 1, "containers_ready": 1, "restarts": 0,
        "host_network": False, "host_pid": False, "host_ipc": False, "phase": "Running",
    }  # fmt: skip
    return Pod(namespace=namespace, name=name, uid=f"uid-{name}", **alone | more)


def pod_of(workload_name: str, name: str, *, kind: str = "Deployment", **more: Any) -> Pod:
    """A row of `pods`, for a pod whose topmost controller is the workload."""
    defaults = {
        "workload_api_version": "apps/v1", "workload_uid": f"uid-{workload_name}", "workload_resolution": "resolved",
    }  # fmt: skip
    return pod(name, workload_kind=kind, workload_name=workload_name, **defaults | more)


def pod_container(of: str, image: str, *, namespace: str = "default", **more: Any) -> PodContainer:
    """A row of `pod_containers`, of the pod `of`; `image` is a repository on Docker Hub with a tag or a digest."""
    defaults = {"container_type": "regular", "position": 0, "name": "app"}
    return PodContainer(
        namespace=namespace, pod=of, pod_uid=f"uid-{of}", **image_parts(image), **defaults | more
    )  # fmt: skip


def image_parts(image: str) -> dict[str, str | None]:
    """The image columns for `app:1`, `app` or `app@sha256:...`."""
    rest, _, digest = image.partition("@")
    repository, _, tag = rest.partition(":")
    return {
        "image": image, "image_registry": "docker.io", "image_repository": repository, "image_tag": tag or None,
        "image_digest": digest or None,
    }  # fmt: skip


def node(name: str, pool: str | None = "pool", **more: Any) -> Node:
    """A row of `nodes`."""
    return Node(name=name, uid=f"uid-{name}", node_pool=pool, spot=False, unschedulable=False, **more)


def gke_cluster(version: str | None) -> Cluster:
    """A row of `clusters`."""
    return Cluster(regional=True, autopilot=False, release_channel="REGULAR", control_plane_version=version)


def node_pool(name: str, version: str | None) -> NodePool:
    """A row of `node_pools`."""
    return NodePool(
        name=name, version=version, spot=False, preemptible=False, autoscaling=False, autoprovisioned=False
    )  # fmt: skip


def _object(resource: str, found: str | Record) -> Record:
    if isinstance(found, Record):
        return found
    return Namespace(name=found, uid=f"uid-{found}") if resource == "namespaces" else pod(found)


def _collection(number: int, time: datetime, resource: str, outcome: str, objects: int, **more: Any) -> Collection:
    return Collection(
        run_id=f"run-{number}", resource=resource, outcome=outcome, pages=1, objects=objects, bytes=1, requests=1,
        retries=0, restarts=0, waited_seconds=0.0, started_at=time, duration_seconds=0.1, unreadable_objects=0, **more,
    )  # fmt: skip


def _snapshot(number: int, time: datetime, by: Attempt, status: str, cluster_id: str | None) -> Snapshot:
    return Snapshot(
        run_id=f"run-{number}", task_index=by.task, attempt=by.attempt, status=status, cluster_id=cluster_id,
        started_at=time, duration_seconds=1.0, resources_read=2, resources_unread=0, objects=1,
        row_count=1,
    )  # fmt: skip


def _run(number: int, time: datetime, by: Attempt, projects: int, clusters: int, config: str) -> Run:
    return Run(
        run_id=f"run-{number}", task_index=by.task, task_count=by.tasks, attempt=by.attempt, version="0",
        config_digest=config, status="complete", acceptable=True, started_at=time, finished_at=time,
        duration_seconds=1.0, projects=projects, projects_failed=0, clusters=clusters, clusters_complete=clusters,
        clusters_partial=0, clusters_failed=0, objects=1, row_count=1,
    )  # fmt: skip
