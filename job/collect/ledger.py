"""The ledger's rows of one cluster: its `collections` and its snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple, Protocol

import msgspec

from job.collect.failures import Cause
from job.collect.lists import ListResult
from job.collect.stats import ReadStats
from job.connect.endpoints import Endpoint
from job.printable import printable, without_tokens
from job.tables import UPGRADE_INFO, Collection, Snapshot, SnapshotStatus
from job.tables.snapshots import FailedEndpoint
from job.task import Task
from job.wire import gke

_MAX_MESSAGE_LENGTH = 2000


class ListOutcome(Protocol):
    """What happened to one list: a row of `collections`, or what a sink knows of it."""

    @property
    def resource(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def message(self) -> str | None: ...
    @property
    def objects(self) -> int: ...


class ClusterStatus(NamedTuple):
    """What became of one cluster, in the columns of `snapshots`."""

    status: SnapshotStatus
    reason: str | None
    message: str | None


def collection_of(result: ListResult, task: Task, tokens: Sequence[str] = (), account: str | None = None) -> Collection:
    """The row of one list.

    Args:
        tokens: bearer tokens that the server got, and may repeat.
        account: the service account of the project alone, which a refusal then names.
    """
    columns = result.stats.columns()
    columns["started_at"] = task.by_the_sinks_clock(columns["started_at"])
    cause = result.cause
    if cause.message is not None:
        message = _as_account(cause.outcome, cause.message, account)
        cause = cause._replace(message=printable(without_tokens(message, tokens), _MAX_MESSAGE_LENGTH))
    counts = result.counts._replace(unreadable=tuple(without_tokens(name, tokens) for name in result.counts.unreadable))
    if result.cause.outcome not in ("ok", "partial"):
        columns["resource_version"] = None
    return Collection(
        run_id=task.run_id,
        resource=result.kind.resource,
        **{**columns, **cause._asdict(), **counts._asdict()},
    )


def _as_account(outcome: str, message: str, account: str | None) -> str:
    is_refused = outcome in ("forbidden", "unauthorized") and account is not None and account not in message
    return f"as {account}: {message}" if is_refused else message


def upgrade_info_of(
    found: Mapping[str, Any] | Cause, task: Task, tokens: Sequence[str] = (), account: str | None = None
) -> Collection:
    """The row of the upgrade info of a cluster.

    Args:
        found: its columns; the cause where nothing was requested, or nobody knows how much.
        tokens: bearer tokens that the API got, and may repeat.
        account: as in `collection_of`.
    """
    columns = {**found._asdict(), **ReadStats().columns()} if isinstance(found, Cause) else dict(found)
    columns |= {"started_at": task.by_the_sinks_clock(columns["started_at"])}
    if isinstance(found, Cause):
        columns |= {"http_status": found.http_status, "objects": 0, "unreadable_objects": 0, "received_bytes": None}
    if columns.get("message"):
        message = _as_account(columns["outcome"], columns["message"], account)
        columns["message"] = printable(without_tokens(message, tokens), _MAX_MESSAGE_LENGTH)
    return Collection(run_id=task.run_id, resource=UPGRADE_INFO, **columns)


def snapshot_of(
    cluster: gke.Cluster,
    lists: Sequence[ListOutcome],
    task: Task,
    *,
    endpoint: Endpoint | None,
    failed_endpoints: Sequence[FailedEndpoint] = (),
    version: str | None,
    rows: int,
    started_at: datetime,
    clock: float,
    tokens: Sequence[str] = (),
) -> Snapshot:
    """The snapshot of a cluster.

    Args:
        lists: of the cluster, with those that earlier parts of the task have committed.
        endpoint: the one that was used.
        failed_endpoints: those that were tried before.
        version: of the API server.
        rows: how many the snapshot has in all other tables.
        clock: when collecting began, on the monotonic clock.
        tokens: bearer tokens that the server got, and may repeat.
    """
    requested, read = _requested(lists), _read(lists)
    found = status_of(lists)
    return Snapshot(
        run_id=task.run_id,
        task_index=task.index,
        attempt=task.attempt,
        status=found.status,
        reason=found.reason,
        message=found.message,
        cluster_id=cluster.id or None,
        cluster_status=str(cluster.status) if cluster.status is not None else None,
        endpoint_type=endpoint.type if endpoint else None,
        endpoint=endpoint.host if endpoint else None,
        failed_endpoints=tuple(
            msgspec.structs.replace(each, message=printable(without_tokens(each.message, tokens), _MAX_MESSAGE_LENGTH))
            for each in failed_endpoints
        ),
        server_version=without_tokens(version, tokens) if version else None,
        started_at=task.by_the_sinks_clock(started_at),
        duration_seconds=round(monotonic() - clock, 3),
        resources_read=len(read),
        resources_unread=len(requested) - len(read),
        objects=objects_in(lists),
        row_count=rows,
    )


def objects_in(lists: Iterable[ListOutcome]) -> int:
    """How many Kubernetes objects were read."""
    return sum(each.objects for each in lists if each.resource != UPGRADE_INFO)


def status_of(lists: Sequence[ListOutcome]) -> ClusterStatus:
    """The status of a cluster with these lists. What the GKE API says of it is no part of what its server has."""
    requested = _requested(lists)
    incomplete = [each for each in requested if each.outcome != "ok"]
    if not incomplete:
        return ClusterStatus("complete", None, None)
    of_server = [each for each in requested if each.resource != UPGRADE_INFO]
    status: SnapshotStatus = "partial" if _read(of_server or requested) else "failed"
    return ClusterStatus(status, incomplete[0].outcome, _summary(incomplete, of_server))


def _requested(lists: Sequence[ListOutcome]) -> list[ListOutcome]:
    return [each for each in lists if each.outcome != "off"]


def _read(lists: Sequence[ListOutcome]) -> list[ListOutcome]:
    return [each for each in lists if each.outcome in ("ok", "partial")]


def _summary(incomplete: Sequence[ListOutcome], of_server: Sequence[ListOutcome]) -> str:
    """`pods, jobs: forbidden (...)`: what is incomplete, and the first cause in the server's words."""
    first = incomplete[0]
    same = [collection.resource for collection in incomplete if collection.outcome == first.outcome]
    is_all = bool(of_server) and {each.resource for each in of_server} <= set(same)
    subject = "all kinds" if is_all else ", ".join(same)
    others = [f"{c.resource}: {c.outcome}" for c in incomplete if c.outcome != first.outcome]
    return "; ".join([f"{subject}: {first.outcome}" + (f" ({first.message})" if first.message else ""), *others])
