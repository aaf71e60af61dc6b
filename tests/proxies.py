"""Proxies on loopback: HTTP CONNECT and SOCKS5, with or without a password, as fast or slow as a test needs."""

from __future__ import annotations

import base64
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """A running proxy."""

    address: str = ""
    """`HOST:PORT`."""
    targets: list[str] = field(default_factory=list)
    """`HOST:PORT` of each tunnel that was opened."""
    requests: list[bytes] = field(default_factory=list)
    """The head of each request to the proxy itself."""


Accept = Callable[[socket.socket, Proxy], socket.socket | None]
"""Speaks the proxy's protocol with a client; returns a connection to its target, or None where it refuses."""


@contextmanager
def http_proxy(*, login: str | None = None, bytes_per_second: int | None = None) -> Iterator[Proxy]:
    """A proxy for CONNECT, and for one request in plain HTTP on each connection.

    Args:
        login: `USER:PASSWORD` that clients must send.
        bytes_per_second: to all clients together.
    """
    expected = base64.b64encode(login.encode()) if login else None

    def accept(client: socket.socket, proxy: Proxy) -> socket.socket | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            received = client.recv(1)
            if not received:
                return None
            head += received
        proxy.requests.append(head)
        if expected is not None and b"proxy-authorization: basic " + expected.lower() not in head.lower():
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
            return None
        method, target, rest = head.split(b" ", 2)
        if method == b"CONNECT":
            host, _, port = target.decode().rpartition(":")
            server = _connect(host.strip("[]"), int(port), proxy)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:  # plain HTTP
            url = urlsplit(target.decode())
            server = _connect(url.hostname or "", url.port or 80, proxy)
            server.sendall(b" ".join([method, url.path.encode(), rest]))
        return server

    with _proxy(accept, bytes_per_second) as proxy:
        yield proxy


@contextmanager
def socks5_proxy(*, login: str | None = None) -> Iterator[Proxy]:
    """A SOCKS5 proxy (RFC 1928), with a user and a password (RFC 1929) where there is a login."""

    def accept(client: socket.socket, proxy: Proxy) -> socket.socket | None:
        version, methods = client.recv(2)
        offered = _receive(client, methods)
        method = 2 if login else 0
        if version != 5 or method not in offered:
            client.sendall(b"\5\xff")
            return None
        client.sendall(bytes([5, method]))
        if login:
            _, size = client.recv(2)
            user = _receive(client, size).decode()
            password = _receive(client, _receive(client, 1)[0]).decode()
            client.sendall(bytes([1, f"{user}:{password}" != login]))
            if f"{user}:{password}" != login:
                return None
        _, _, _, kind = _receive(client, 4)
        if kind == 3:
            host = _receive(client, _receive(client, 1)[0]).decode()
        else:
            host = str(ipaddress.ip_address(_receive(client, 4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", _receive(client, 2))
        target = _connect(host, port, proxy)
        client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
        return target

    with _proxy(accept, None) as proxy:
        yield proxy


@contextmanager
def _proxy(accept: Accept, bytes_per_second: int | None) -> Iterator[Proxy]:
    line = _Line(bytes_per_second)

    def serve(client: socket.socket, proxy: Proxy) -> None:
        with suppress(OSError, ValueError), client:
            target = accept(client, proxy)
            if target is not None:
                with target:
                    threading.Thread(target=_copy, args=(client, target, _Line(None)), daemon=True).start()
                    _copy(target, client, line)

    def listen(proxy: Proxy) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0], proxy), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(f"127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=listen, args=(proxy,), daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)


class _Line:
    """What a line lets through in a second, for all that share it."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self._rate, self._free_at, self._lock = bytes_per_second, time.monotonic(), threading.Lock()

    def pass_through(self, size: int) -> None:
        """Waits until so many bytes are through."""
        if self._rate is None:
            return
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
            wait = self._free_at - time.monotonic()
        time.sleep(wait)


def _copy(source: socket.socket, target: socket.socket, line: _Line) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            line.pass_through(len(data))
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _connect(host: str, port: int, proxy: Proxy) -> socket.socket:
    proxy.targets.append(f"{host}:{port}")
    return socket.create_connection((host, port), timeout=60)


def _receive(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        received = client.recv(size - len(data))
        if not received:
            raise OSError
        data += received
    return data
