"""The Kubernetes client of one cluster, made in memory: no kubeconfig, no certificate file."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from job.connect.endpoints import ConnectError, Endpoint
from job.connect.identity import Identity
from job.version import USER_AGENT
from job.wire import gke

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


def connect(cluster: gke.Cluster, endpoint: Endpoint, identity: Identity, *, connections: int = 4) -> ApiClient:
    """A Kubernetes client for one cluster, usable with every API class, for as long as the process lives.

    Each request carries a token that is fresh at that moment. The DNS endpoint and Connect Gateway have certificates
    of a public CA: there the client trusts the system's roots, not the cluster's CA.

    Args:
        connections: how many the client keeps open for reuse.

    Raises:
        ConnectError: the GKE API gave no usable CA certificate.
        ConfigError: the environment has something else than a proxy's address.
    """
    from kubernetes.client import ApiClient, Configuration

    from job.connect.transport import make_pools

    def set_token(configuration: Any) -> None:
        configuration.api_key["BearerToken"] = identity.token()

    configuration = Configuration(
        host=f"https://{_bracketed(endpoint.host)}{endpoint.path}",
        api_key={"BearerToken": ""},  # without an entry, the client never calls the hook
        api_key_prefix={"BearerToken": "Bearer"},
        ca_cert_data=None if endpoint.is_google_frontend else _ca_certificate(cluster),
    )
    configuration.refresh_api_key_hook = set_token  # type: ignore[assignment]
    configuration.connection_pool_maxsize = connections
    configuration.proxy = None  # it reads the environment in its own way, and sends no password
    client = ApiClient(configuration)
    client.user_agent = USER_AGENT
    rest = client.rest_client
    rest.pool_manager = make_pools(_bracketed(endpoint.host), rest.pool_manager.connection_pool_kw)
    return client


def load_client() -> None:
    """Imports the Kubernetes client. One thread does so before many need it: its modules import one another in
    circles, and threads that import them at the same time may deadlock or fail."""
    import kubernetes.client  # noqa: F401

    import job.connect.transport  # noqa: F401


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _ca_certificate(cluster: gke.Cluster) -> str:
    encoded = cluster.master_auth.cluster_ca_certificate if cluster.master_auth else None
    if not encoded:
        raise ConnectError("the GKE API gave no CA certificate for the cluster", reason="CACertificate")
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        text = "the CA certificate that the GKE API gave for the cluster is not base64 of PEM"
        raise ConnectError(text, reason="CACertificate") from error
