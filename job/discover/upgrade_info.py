"""Support and upgrades of clusters and their node pools, as the GKE API knows them.

https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/fetchClusterUpgradeInfo
and its twin for node pools need `container.clusters.get`; the server config needs `container.clusters.list`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from job.config import Config, Timeouts
from job.connect.identity import Identity
from job.connect.reachability import Network, Reachability
from job.discover.container_api import ContainerClients, container_clients
from job.discover.failures import UPGRADE_INFO_API, failure_columns
from job.discover.retries import Answer, retried
from job.kinds.upgrade_info import control_plane_rows, node_pool_rows
from job.tables import Record
from job.wire import gke
from job.wire.decoders import converter
from job.wire.gke_upgrades import ServerConfig, UpgradeInfo

_MAX_CONCURRENT_REQUESTS = 8  # of a task: about 40 a second, where a project has 50 (kubernetes-engine/quotas)
_CLOSE_SECONDS = 0.1
_GKE_API = Network("GKE API", "public")

_info, _server_config = converter(UpgradeInfo), converter(ServerConfig)


class _OutOfTimeError(Exception):
    """The time of the cluster was up before everything was read."""


class Reading(NamedTuple):
    """The upgrade info of one cluster."""

    rows: list[Record]
    columns: dict[str, Any]
    """Of its row of `collections`."""


class UpgradeInfoReader:
    """Reads the upgrade info of any cluster. All workers share it.

    Once three clusters have waited for the GKE API in vain, and it has answered none, no further cluster waits for it.

    Args:
        read: ids of the clusters that need not be read.
    """

    def __init__(self, clients: ContainerClients, timeouts: Timeouts, read: frozenset[str]) -> None:
        self._clients, self._timeouts, self._done = clients, timeouts, read
        self._turns = threading.BoundedSemaphore(_MAX_CONCURRENT_REQUESTS)
        self._reachability = Reachability()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._configs: dict[str, _Found] = {}

    def is_due(self, cluster: gke.Cluster) -> bool:
        """Whether the cluster's upgrade info is to be read."""
        return not cluster.id or cluster.id not in self._done

    def read(self, project_id: str, cluster: gke.Cluster, until: float) -> Reading | None:
        """Reads the upgrade info of one cluster: of its control plane, then of each of its node pools.

        Whatever the API answers becomes the outcome. Where only some of it could be read, that is `partial`.

        Args:
            until: when the time is up, on the monotonic clock.

        Returns:
            None if it was up before everything was read.
        """
        try:
            return self._read(project_id, cluster, until)
        except _OutOfTimeError:
            return None

    def _read(self, project_id: str, cluster: gke.Cluster, until: float) -> Reading:
        started_at, clock, asked = datetime.now(UTC), monotonic(), _Asked()
        location = f"projects/{project_id}/locations/{cluster.location}"
        name = f"{location}/clusters/{cluster.name}"
        rows: list[Record] = []
        columns: dict[str, Any] = {"outcome": "ok", "http_status": 200}
        problems: list[str] = []
        unreadable: list[str] = []
        objects = 0
        control_plane = self._ask("fetch_cluster_upgrade_info", name, _info, until, asked)
        if control_plane.columns is not None:
            columns = control_plane.columns
        else:
            config = self._server_config(location, until, asked)
            if config.columns is not None:
                problems.append(f"the server config of {cluster.location}: {_cause(config.columns)}")
            rows += control_plane_rows(cluster, control_plane.value, config.value)
            objects = 1
            for pool in cluster.node_pools or ():
                found = self._ask("fetch_node_pool_upgrade_info", f"{name}/nodePools/{pool.name}", _info, until, asked)
                if found.columns is None:
                    rows += node_pool_rows(pool, found.value)
                    objects += 1
                elif found.columns["outcome"] != "not_found":  # it was deleted meanwhile
                    problems.append(f"node pool {pool.name}: {_cause(found.columns)}")
                    unreadable.append(pool.name)
            if problems:
                columns = {"outcome": "partial", "http_status": 200, "message": "; ".join(problems)}
        return Reading(
            rows,
            {
                **columns,
                "pages": asked.answers,
                "objects": objects,
                "bytes": 0,
                "requests": asked.requests,
                "retries": asked.retries,
                "restarts": 0,
                "waited_seconds": round(asked.waited_seconds, 3),
                "unreadable": tuple(unreadable[:100]),
                "unreadable_objects": len(unreadable),
                "started_at": started_at,
                "duration_seconds": round(monotonic() - clock, 3),
            },
        )

    def _server_config(self, location: str, until: float, asked: _Asked) -> _Found:
        """What the location offers, asked for once, whatever comes of it."""
        with _held(self._locks[location], until):
            if location not in self._configs:
                self._configs[location] = self._ask("get_server_config", location, _server_config, until, asked)
            return self._configs[location]

    def _ask(self, method: str, name: str, convert: Callable[[Any], Any], until: float, asked: _Asked) -> _Found:
        """The decoded answer of a method, or the cause of its failure."""

        def call() -> Any:
            client = self._clients.of(name.split("/")[1])
            with _held(self._turns, until):
                seconds = min(self._timeouts.request_seconds, _left(until))
                asked.requests += 1
                return getattr(client, method)(request={"name": name}, retry=None, timeout=seconds)

        if not self._reachability.is_worth_waiting(_GKE_API):
            return _Found(None, _NOT_ASKED)
        seconds = min(self._timeouts.retry_seconds, _left(until))
        answer: Answer[Any] = retried(call, seconds, lambda: self._reachability.is_worth_waiting(_GKE_API))
        asked.retries += answer.retries
        asked.waited_seconds += answer.waited_seconds
        if answer.error is not None:
            _left(until - _CLOSE_SECONDS)  # the error may be that of the cluster's own time
            columns = failure_columns(answer.error, UPGRADE_INFO_API)
            if columns["outcome"] in ("unreachable", "timed_out"):
                self._reachability.waited_in_vain(_GKE_API)
            else:
                self._reachability.answered(_GKE_API)
            return _Found(None, columns)
        self._reachability.answered(_GKE_API)
        asked.answers += 1
        return _decoded(answer.result, convert)


class _Asked:
    """What reading one cluster took."""

    def __init__(self) -> None:
        self.answers = self.requests = self.retries = 0
        self.waited_seconds = 0.0


class _Found(NamedTuple):
    value: Any
    columns: dict[str, Any] | None = None
    """Of a failure."""


_NOT_ASKED = {
    "outcome": "unreachable",
    "reason": "UNAVAILABLE",
    "message": "the GKE API was not asked: it did not answer for three other clusters",
}


@contextmanager
def upgrade_info_reader(config: Config, identity: Identity, read: frozenset[str]) -> Iterator[UpgradeInfoReader]:
    """A reader inside the context.

    Args:
        read: ids of the clusters that need not be read.

    Raises:
        ConfigError: `api_endpoints.container` would get tokens without TLS.
    """
    with container_clients(config, identity) as clients:
        yield UpgradeInfoReader(clients, config.timeouts, read)


def _decoded(message: Any, convert: Callable[[Any], Any]) -> _Found:
    """Our struct of a message, by way of its JSON, so that REST and gRPC give the same."""
    from google.protobuf.json_format import Error, MessageToDict

    try:
        return _Found(convert(MessageToDict(type(message).pb(message))))
    except (msgspec.ValidationError, Error):
        return _Found(None, {"outcome": "invalid", "http_status": 200, "message": "the answer could not be decoded"})


def _cause(columns: dict[str, Any]) -> str:
    return f"{columns['outcome']} ({columns['message']})"


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise _OutOfTimeError
    return left


@contextmanager
def _held(lock: threading.Lock | threading.BoundedSemaphore, until: float) -> Iterator[None]:
    if not lock.acquire(timeout=_left(until)):
        raise _OutOfTimeError
    try:
        yield
    finally:
        lock.release()
