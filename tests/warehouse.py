"""A small warehouse made by hand: what views show of runs that went this way or that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from job.sinks import Commit, Outcome, Rows, Sink
from job.spool import open_spool
from job.tables import Collection, Key, Namespace, Pod, Record, Run, Snapshot

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = "shop-prod"


@dataclass(frozen=True)
class Read:
    """What one run read of one cluster: the names of its namespaces and pods, or the outcome in their place."""

    cluster: str
    namespaces: Sequence[str] | str = ()
    pods: Sequence[str] | str = ()
    cluster_id: str = "1"


def run_of(
    number: int, *read: Read, listed: Sequence[str] | None = None, outcome: str = "ok", prefix: str = ""
) -> list[tuple[Key, Record]]:
    """All rows of run `number`, hours after `FIRST`, in which the project's list was `listed` (else those read).

    Its snapshots' ids open with `prefix`, as those of another process do.
    """
    time = FIRST + timedelta(hours=number)
    run_key = Key(snapshot_id=f"{prefix}run-{number}", snapshot_time=time)
    names = [f"europe-west1/{name}" for name in (listed if listed is not None else [one.cluster for one in read])]
    listing = _collection(number, "clusters", outcome, len(names), listed_clusters=tuple(names))
    rows: list[tuple[Key, Record]] = [
        (Key(snapshot_id=f"{prefix}run-{number}", snapshot_time=time, project_id=PROJECT, location="-"), listing)
    ]
    for one in read:
        key = Key(
            snapshot_id=f"{prefix}{number}-{one.cluster}",
            snapshot_time=time,
            project_id=PROJECT,
            location="europe-west1",
            cluster=one.cluster,
        )
        unread = [kind for kind in (one.namespaces, one.pods) if isinstance(kind, str)]
        for resource, found in (("namespaces", one.namespaces), ("pods", one.pods)):
            if isinstance(found, str):
                rows.append((key, _collection(number, resource, found, 0)))
                continue
            rows.append((key, _collection(number, resource, "ok", len(found))))
            rows += [(key, _object(resource, name)) for name in found]
        status = {0: "complete", 1: "partial", 2: "failed"}[len(unread)]
        rows.append((key, _snapshot(number, status, one.cluster_id)))
    rows.append((run_key, _run(number, len(read))))
    return rows


def publish(sink: Sink, rows: Sequence[tuple[Key, Record]], *, without: Sequence[str] = (), run_id: str = "") -> bool:
    """Loads the rows as a run does; `without` leaves tables out, as a run does that is killed before them."""
    with open_spool() as spool:
        for key, record in rows:
            if record.table not in without:
                segment = spool.segment(key)
                segment.add([record])
                spool.keep(segment)
        counts = dict(spool.rows)
        outcome = Outcome(complete=True, acceptable=True)
        return sink.publish(Rows(spool.save(), counts), Commit(run_id or rows[-1][0].snapshot_id, 0, 0, outcome))


def rows(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    """A query's rows."""
    return sink.query(sql).rows


def _object(resource: str, name: str) -> Record:
    if resource == "namespaces":
        return Namespace(name=name, uid=f"uid-{name}")
    return Pod(
        namespace="default", name=name, uid=f"uid-{name}", containers=1, containers_ready=1, restarts=0,
        host_network=False, workload_kind="Pod", workload_api_version="v1", workload_name=name,
        workload_uid=f"uid-{name}", workload_resolution="uncontrolled",
    )  # fmt: skip


def _collection(number: int, resource: str, outcome: str, objects: int, **more: Any) -> Collection:
    return Collection(
        run_id=f"run-{number}", resource=resource, outcome=outcome, pages=1, objects=objects, bytes=1, requests=1,
        retries=0, restarts=0, waited_seconds=0.0, started_at=FIRST, duration_seconds=0.1, unreadable_objects=0, **more,
    )  # fmt: skip


def _snapshot(number: int, status: str, cluster_id: str) -> Snapshot:
    return Snapshot(
        run_id=f"run-{number}", task_index=0, attempt=0, status=status, cluster_id=cluster_id, started_at=FIRST,
        duration_seconds=1.0, resources_read=2, resources_unread=0, objects=1, rows=1,
    )  # fmt: skip


def _run(number: int, clusters: int) -> Run:
    return Run(
        run_id=f"run-{number}", task_index=0, task_count=1, attempt=0, version="0", config_digest="0",
        outcome="complete", acceptable=True, started_at=FIRST, finished_at=FIRST, duration_seconds=1.0, projects=1,
        projects_failed=0, clusters=clusters, clusters_complete=clusters, clusters_partial=0, clusters_failed=0,
        objects=1, rows=1,
    )  # fmt: skip


def path_of(directory: Path) -> Path:
    return directory / "warehouse.duckdb"
