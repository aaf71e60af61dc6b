"""The client of the GKE API."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from job.config import Config
from job.connect.identity import Identity
from job.version import USER_AGENT

if TYPE_CHECKING:
    from google.cloud.container_v1 import ClusterManagerClient


def container_client(config: Config, identity: Identity) -> ClusterManagerClient:
    """The client of the GKE API, at the address that the configuration may override."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to stderr what we report as errors
    from google.api_core.client_options import ClientOptions
    from google.api_core.gapic_v1.client_info import ClientInfo
    from google.cloud.container_v1 import ClusterManagerClient

    url = config.api_endpoints.container
    info = ClientInfo(user_agent=USER_AGENT)  # type: ignore[no-untyped-call]
    if url is not None and urlsplit(url).scheme == "http":
        if _speaks_grpc(url):
            return ClusterManagerClient(transport=_loopback_transport(urlsplit(url).netloc), client_info=info)
        options = ClientOptions(api_endpoint=url.rstrip("/"))
        return ClusterManagerClient(
            credentials=identity.shared(), transport="rest", client_options=options, client_info=info
        )
    options = ClientOptions(api_endpoint=urlsplit(url).netloc) if url else ClientOptions()
    return ClusterManagerClient(credentials=identity.shared(), client_options=options, client_info=info)


def _speaks_grpc(url: str) -> bool:
    """Whether the server answers HTTP/2's opening with its own SETTINGS, as gRPC's servers do and those of REST do not.

    https://www.rfc-editor.org/rfc/rfc9113#section-3.4
    """
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=2) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
            return connection.recv(9)[3:4] == b"\4"
    except OSError:
        return True  # nobody is there: the call itself will say so


def _loopback_transport(address: str) -> Any:
    import grpc
    from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerGrpcTransport

    return ClusterManagerGrpcTransport(channel=grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]))
