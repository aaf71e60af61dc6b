"""A cluster and an identity -> a Kubernetes client, with nothing on disk."""

from __future__ import annotations

import base64
import binascii
import socket
from functools import cache
from typing import TYPE_CHECKING, Any

from job.connect.endpoints import Endpoint
from job.connect.identity import Identity
from job.connect.watch import WATCH
from job.errors import InventoryError
from job.version import USER_AGENT
from job.wire import gke

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import HTTPSConnectionPool


def connect(cluster: gke.Cluster, endpoint: Endpoint, identity: Identity, *, connections: int = 4) -> ApiClient:
    """A Kubernetes client for one cluster, usable with every API class, for as long as the process lives.

    The CA certificate stays in memory, and each request carries a token that is fresh at that moment. Behind the DNS
    endpoint stands a certificate of a public CA, so there the system's roots are trusted and the cluster's CA is not.

    Args:
        connections: kept open for reuse.

    Raises:
        InventoryError: the GKE API told no usable CA certificate.
    """
    from kubernetes.client import ApiClient, Configuration

    def put_token(configuration: Any) -> None:
        configuration.api_key["BearerToken"] = identity.token()

    configuration = Configuration(
        host=f"https://{_bracketed(endpoint.host)}",
        api_key={"BearerToken": ""},  # without an entry, the hook is never called
        api_key_prefix={"BearerToken": "Bearer"},
        ca_cert_data=None if endpoint.type == "dns" else _ca_certificate(cluster),
    )
    configuration.refresh_api_key_hook = put_token  # type: ignore[assignment]
    configuration.connection_pool_maxsize = connections
    client = ApiClient(configuration)
    client.user_agent = USER_AGENT
    pools = client.rest_client.pool_manager
    pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, "https": _pool_class()}
    return client


@cache
def _pool_class() -> type[HTTPSConnectionPool]:
    """Pools of connections that wait for an answer's headers no longer than the timeout, whatever trickles in."""
    from urllib3 import HTTPSConnectionPool
    from urllib3.connection import HTTPSConnection
    from urllib3.response import HTTPResponse

    from job.connect.chunked import ChunkedResponse

    class Connection(HTTPSConnection):
        response_class = ChunkedResponse

        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
            if not isinstance(self.timeout, (int, float)):
                return super().getresponse()
            with WATCH.over(self._cut, self.timeout):
                return super().getresponse()

        def _cut(self) -> None:
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool


def load_client() -> None:
    """Imports the Kubernetes client, for one thread to do before many need it: its modules import one another in
    circles, which threads that import them at the same time may not survive."""
    import kubernetes.client  # noqa: F401


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _ca_certificate(cluster: gke.Cluster) -> str:
    encoded = cluster.master_auth.cluster_ca_certificate if cluster.master_auth else None
    if not encoded:
        raise InventoryError("the GKE API told no CA certificate of the cluster")
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InventoryError("the CA certificate that the GKE API told of the cluster is not base64 of PEM") from error
