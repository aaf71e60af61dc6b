"""A cluster and an identity -> a Kubernetes client, with nothing on disk."""

from __future__ import annotations

import base64
import binascii
import socket
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from job.errors import InventoryError
from job.identity import Identity
from job.version import USER_AGENT
from job.watch import WATCH
from job.wire import gke

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import HTTPSConnectionPool

# https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#status
CONNECTABLE = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})


class Endpoint(NamedTuple):
    """Where a cluster's control plane is reached."""

    type: str
    """`public`, `dns` or `private`."""
    host: str
    """Host, or `HOST:PORT`."""


class NoEndpointError(InventoryError):
    """The cluster has no endpoint of the kind that is wanted."""


def choose_endpoint(cluster: gke.Cluster, preference: str = "auto") -> Endpoint:
    """The endpoint through which this process most likely reaches the cluster.

    `auto` takes the first there is of: the public IP address where any network may use it, the DNS endpoint where it is
    open to traffic from outside the VPC, the public IP address though only authorized networks may use it, the private
    IP address (for a process inside the VPC), and last the DNS endpoint all the same.

    Args:
        preference: `auto`, or `public`, `dns` or `private` for that one alone.

    Raises:
        NoEndpointError: there is none of that kind.
    """
    found = list(_endpoints(cluster))
    for endpoint, suits in sorted(found, key=lambda pair: pair[1]):
        if preference in ("auto", endpoint.type) and suits < _NEVER:
            return endpoint
    offered = ", ".join(sorted({endpoint.type for endpoint, suits in found if suits < _NEVER})) or "none"
    wanted = "endpoint" if preference == "auto" else f"{preference} endpoint"
    raise NoEndpointError(f"the cluster has no {wanted} (it offers: {offered})")


_NEVER = 9


def _endpoints(cluster: gke.Cluster) -> list[tuple[Endpoint, int]]:
    """Each endpoint with its rank, the lowest first."""
    config = cluster.control_plane_endpoints_config or gke.ControlPlaneEndpointsConfig()
    ip, dns = config.ip_endpoints_config, config.dns_endpoint_config
    legacy = cluster.private_cluster_config or gke.PrivateClusterConfig()
    authorized = (ip and ip.authorized_networks_config) or cluster.master_authorized_networks_config
    restricted = bool(authorized and authorized.enabled)
    private = (ip and ip.private_endpoint) or legacy.private_endpoint
    public = (ip and ip.public_endpoint) or legacy.public_endpoint
    private_only = bool(legacy.enable_private_endpoint) or bool(
        ip and ip.enabled and ip.enable_public_endpoint is False
    )
    ranked: list[tuple[Endpoint, int]] = []
    main = cluster.endpoint
    if main and dns and main == dns.endpoint:
        main = None
    if ip is None or ip.enabled is not False:
        if private_only:
            private = private or main
        else:
            public = public if (public and main == private) else (main or public)
        if public and not private_only:
            ranked.append((Endpoint("public", public), 2 if restricted else 0))
        if private:
            ranked.append((Endpoint("private", private), 3))
    if dns and dns.endpoint:
        ranked.append((Endpoint("dns", dns.endpoint), 1 if dns.allow_external_traffic else 4))
    return ranked


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

    from job.chunks import Response

    class Connection(HTTPSConnection):
        response_class = Response

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
