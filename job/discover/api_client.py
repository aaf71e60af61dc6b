"""Clients of Google's APIs: their endpoints, transports and tokens."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from job.config_checks import check_endpoint
from job.connect.identity import Identity
from job.connect.proxies import proxy_for
from job.version import USER_AGENT

Client = TypeVar("Client")

_RECONNECT = ("grpc.max_reconnect_backoff_ms", 5000)


def check_api(key: str, address: str | None) -> None:
    """Rejects an endpoint that would get tokens without TLS, before anything large is imported.

    Raises:
        ConfigError: naming the key of `api_endpoints`.
    """
    if address is not None:
        check_endpoint(f"api_endpoints.{key}", address)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to stderr what we report as errors


def api_client(client: type[Client], grpc_transport: Any, key: str, address: str | None, identity: Identity) -> Client:
    """A client that sends the identity's token to the endpoint of its universe, or to `address`.

    It speaks gRPC, and REST through a proxy. On this machine `grpc://127.0.0.1:PORT` is gRPC in plain text, and
    `http://127.0.0.1:PORT` is REST.

    Args:
        grpc_transport: the client's class for gRPC.
        key: the host below the universe's domain, and the key of `api_endpoints`, which `address` is the value of.
    """
    from google.api_core.client_options import ClientOptions
    from google.api_core.gapic_v1.client_info import ClientInfo

    info = ClientInfo(user_agent=USER_AGENT)  # type: ignore[no-untyped-call]
    make = partial(cast("Any", client), client_info=info)
    url, universe = urlsplit(address or ""), identity.universe_domain
    if url.scheme == "grpc":
        return cast("Client", make(transport=_plain_grpc(grpc_transport, url.netloc, identity)))
    if url.scheme == "http":
        from job.connect.plaintext import send_plain_directly

        options = ClientOptions(api_endpoint=(address or "").rstrip("/"), universe_domain=universe)
        plain = make(credentials=identity.shared(), transport="rest", client_options=options)
        send_plain_directly(plain.transport._session)
        return cast("Client", plain)
    options = ClientOptions(api_endpoint=url.netloc or None, universe_domain=universe)
    # gRPC ignores HTTPS_PROXY in capitals, SOCKS, and an address without a scheme
    is_proxied = proxy_for(url.hostname or f"{key}.{universe}", url.port or 443) is not None
    transport = "rest" if is_proxied else partial(_grpc, grpc_transport)
    return cast("Client", make(credentials=identity.shared(), transport=transport, client_options=options))


def _grpc(transport: Any, **options: Any) -> Any:
    """Google's transport, which reconnects as often as we retry: gRPC itself pauses up to two minutes.

    https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
    """

    def create_channel(host: str, **channel: Any) -> Any:
        channel["options"] = [*channel["options"], _RECONNECT]
        return transport.create_channel(host, **channel)

    return transport(channel=create_channel, **options)


def _plain_grpc(transport: Any, address: str, identity: Identity) -> Any:
    """A transport without TLS. gRPC sends no credentials over such a channel, so that an interceptor adds them."""
    import grpc

    class AddHeaders(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            metadata = [*(details.metadata or ()), *identity.headers().items()]
            return continuation(details._replace(metadata=metadata), request)

    channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0), _RECONNECT])
    return transport(channel=grpc.intercept_channel(channel, AddHeaders()))
