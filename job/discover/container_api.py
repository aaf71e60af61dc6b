"""The client of the GKE API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from job.config import Config, check_endpoint
from job.connect.identity import Identity
from job.connect.proxies import proxy_for
from job.version import USER_AGENT

if TYPE_CHECKING:
    from google.cloud.container_v1 import ClusterManagerClient


_RECONNECT = ("grpc.max_reconnect_backoff_ms", 5000)


def container_client(config: Config, identity: Identity) -> ClusterManagerClient:
    """A client that sends the identity's token to the endpoint of its universe, or to `api_endpoints.container`.

    It speaks gRPC, and REST through a proxy. On this machine `grpc://127.0.0.1:PORT` is gRPC in plain text, and
    `http://127.0.0.1:PORT` is REST.

    Raises:
        ConfigError: the endpoint would get tokens without TLS.
    """
    if config.api_endpoints.container is not None:
        check_endpoint("api_endpoints.container", config.api_endpoints.container)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to stderr what we report as errors
    from google.api_core.client_options import ClientOptions
    from google.api_core.gapic_v1.client_info import ClientInfo
    from google.cloud.container_v1 import ClusterManagerClient

    info = ClientInfo(user_agent=USER_AGENT)  # type: ignore[no-untyped-call]
    address = config.api_endpoints.container or ""
    url, universe = urlsplit(address), identity.universe_domain
    if url.scheme == "grpc":
        return ClusterManagerClient(transport=_plain_grpc(url.netloc, identity), client_info=info)
    if url.scheme == "http":
        from job.connect.plaintext import send_plain_directly

        options = ClientOptions(api_endpoint=address.rstrip("/"), universe_domain=universe)
        client = ClusterManagerClient(
            credentials=identity.shared(), transport="rest", client_options=options, client_info=info
        )
        send_plain_directly(client.transport._session)  # type: ignore[attr-defined] # of the REST transport
        return client
    options = ClientOptions(api_endpoint=url.netloc or None, universe_domain=universe)
    # gRPC ignores HTTPS_PROXY in capitals, SOCKS, and an address without a scheme
    is_proxied = proxy_for(url.hostname or f"container.{universe}", url.port or 443) is not None
    return ClusterManagerClient(
        credentials=identity.shared(),
        transport="rest" if is_proxied else _grpc,
        client_options=options,
        client_info=info,
    )


def _grpc(**options: Any) -> Any:
    """Google's transport, which reconnects as often as we retry: gRPC itself pauses up to two minutes.

    https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
    """
    from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerGrpcTransport

    def create_channel(host: str, **channel: Any) -> Any:
        channel["options"] = [*channel["options"], _RECONNECT]
        return ClusterManagerGrpcTransport.create_channel(host, **channel)

    return ClusterManagerGrpcTransport(channel=create_channel, **options)


def _plain_grpc(address: str, identity: Identity) -> Any:
    """A transport without TLS. gRPC sends no credentials over such a channel, so that an interceptor adds the token."""
    import grpc
    from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerGrpcTransport

    class AddToken(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            token = ("authorization", f"Bearer {identity.token()}")
            return continuation(details._replace(metadata=[*(details.metadata or ()), token]), request)

    channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0), _RECONNECT])
    return ClusterManagerGrpcTransport(channel=grpc.intercept_channel(channel, AddToken()))
