"""HTTPS connections on which every read ends by a deadline.

A socket's own timeout starts again with every byte: a server that sends one byte a second would hold a thread for
ever. Here each read gets the time that is left. The chunked encoding is decoded in `chunked.py`.
"""

from __future__ import annotations

import io
import math
import socket
import ssl
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPSConnection
from urllib3.response import HTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

from job.connect.chunked import ChunkedResponse
from job.connect.proxies import proxy_for


class DeadlineConnection(HTTPSConnection):
    """A connection that stops reading at `read_deadline`."""

    read_deadline = math.inf
    """On the monotonic clock. The headers of a response, and a proxy's, get the timeout of the request."""

    def connect(self) -> None:
        self._give_the_timeout()
        if self.ca_cert_data is not None and self.ssl_context is None:
            self.ssl_context = _context_of_own_ca()
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        self._give_the_timeout()
        return super().getresponse()

    def response_class(self, sock: socket.socket, *args: Any, **kwargs: Any) -> ChunkedResponse:  # type: ignore[override]
        """Called by http.client, for responses of the server and of a proxy."""
        return ChunkedResponse(_DeadlineSocket(sock, self), *args, **kwargs)  # type: ignore[arg-type]

    def _give_the_timeout(self) -> None:
        timeout = self.timeout
        self.read_deadline = monotonic() + timeout if isinstance(timeout, (int, float)) else math.inf


def _context_of_own_ca() -> ssl.SSLContext:
    """For a cluster's own CA, which its owner chose to trust: verified as other Kubernetes clients do.

    Python 3.13 and later also demand the form of RFC 5280 (VERIFY_X509_STRICT). The CAs of older clusters have no key
    usage and no key identifiers (https://docs.python.org/3/library/ssl.html#ssl.create_default_context).
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class DeadlinePool(HTTPSConnectionPool):
    """A pool of such connections."""

    ConnectionCls = DeadlineConnection


def make_pools(host: str, keywords: dict[str, Any]) -> PoolManager:
    """Pools of such connections, through the proxy that the environment has for the host.

    Args:
        host: with or without a port.
        keywords: of each pool.

    Raises:
        ConfigError: the environment has something else than a proxy's address.
    """
    url = urlsplit(f"//{host}")
    proxy = proxy_for(url.hostname or "", url.port or 443)
    if proxy is not None and proxy.is_socks:
        from job.connect.socks import socks_pools

        return socks_pools(proxy, keywords)
    pools = PoolManager(**keywords)
    if proxy is not None:
        pools = ProxyManager(proxy.url, proxy_headers=proxy.headers, **keywords)
    pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, "https": DeadlinePool}
    return pools


def set_read_deadline(response: BaseHTTPResponse, deadline: float) -> None:
    """Lets reading the body of a response end at `deadline`, on the monotonic clock.

    A read that would go on for longer raises urllib3's `ReadTimeoutError`.
    """
    if isinstance(response.connection, DeadlineConnection):  # None where nothing is left to read
        response.connection.read_deadline = deadline


class _DeadlineSocket:
    """What an http.client response uses of a socket: each read gets the time that is left."""

    def __init__(self, sock: socket.socket, connection: DeadlineConnection) -> None:
        self._sock, self._connection = sock, connection

    def recv(self, size: int) -> bytes:
        self.limit_read()
        return self._sock.recv(size)

    def makefile(self, mode: str) -> io.BufferedReader:
        """The raw file keeps the socket open where http.client closes the connection before the body is read."""
        return io.BufferedReader(_DeadlineFile(self._sock.makefile(mode, buffering=0), self))  # type: ignore[call-overload]

    def limit_read(self) -> None:
        left = self._connection.read_deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the read deadline has passed")
        if left != math.inf:
            self._sock.settimeout(left)


class _DeadlineFile(io.RawIOBase):
    def __init__(self, file: io.RawIOBase, sock: _DeadlineSocket) -> None:
        self._file, self._sock = file, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.limit_read()
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
