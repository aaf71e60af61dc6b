"""The ledger's rows of one cluster: its `collections` and its snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from job.collect.lists import ListResult
from job.connect.endpoints import Endpoint
from job.printable import printable, without_tokens
from job.tables import Collection, Snapshot, SnapshotStatus
from job.task import Task
from job.wire import gke

_MAX_MESSAGE_LENGTH = 2000


def collection_of(result: ListResult, run_id: str, tokens: Sequence[str] = ()) -> Collection:
    """The row of one list.

    Args:
        tokens: bearer tokens that the server got, and may repeat.
    """
    columns = result.stats.columns()
    cause = result.cause
    if cause.message is not None:
        cause = cause._replace(message=printable(without_tokens(cause.message, tokens), _MAX_MESSAGE_LENGTH))
    counts = result.counts._replace(unreadable=tuple(without_tokens(name, tokens) for name in result.counts.unreadable))
    if result.cause.outcome not in ("ok", "partial"):
        columns["resource_version"] = None
    return Collection(
        run_id=run_id,
        resource=result.kind.resource,
        **{**columns, **cause._asdict(), **counts._asdict()},
    )


def snapshot_of(
    cluster: gke.Cluster,
    collections: Sequence[Collection],
    task: Task,
    *,
    endpoint: Endpoint | None,
    version: str | None,
    rows: int,
    started_at: datetime,
    clock: float,
    tokens: Sequence[str] = (),
) -> Snapshot:
    """The snapshot of a cluster with these collections.

    Args:
        endpoint: the one that was used.
        version: of the API server.
        rows: how many the snapshot has in all other tables.
        clock: when collecting began, on the monotonic clock.
        tokens: bearer tokens that the server got, and may repeat.
    """
    requested = [collection for collection in collections if collection.outcome != "off"]
    read = [collection for collection in requested if collection.outcome in ("ok", "partial")]
    incomplete = [collection for collection in requested if collection.outcome != "ok"]
    status: SnapshotStatus = "complete" if not incomplete else "partial" if read else "failed"
    return Snapshot(
        run_id=task.run_id,
        task_index=task.index,
        attempt=task.attempt,
        status=status,
        reason=incomplete[0].outcome if incomplete else None,
        message=_summary(incomplete, len(requested)) if incomplete else None,
        cluster_id=cluster.id or None,
        cluster_status=str(cluster.status) if cluster.status is not None else None,
        endpoint_type=endpoint.type if endpoint else None,
        endpoint=endpoint.host if endpoint else None,
        server_version=without_tokens(version, tokens) if version else None,
        started_at=started_at,
        duration_seconds=round(monotonic() - clock, 3),
        resources_read=len(read),
        resources_unread=len(requested) - len(read),
        objects=sum(collection.objects for collection in collections),
        row_count=rows,
    )


def _summary(incomplete: Sequence[Collection], requested: int) -> str:
    """`pods, jobs: forbidden (...)`: what is incomplete, and the first cause in the server's words."""
    first = incomplete[0]
    same = [collection.resource for collection in incomplete if collection.outcome == first.outcome]
    subject = "all kinds" if len(same) == requested else ", ".join(same)
    others = [f"{c.resource}: {c.outcome}" for c in incomplete if c.outcome != first.outcome]
    return "; ".join([f"{subject}: {first.outcome}" + (f" ({first.message})" if first.message else ""), *others])
