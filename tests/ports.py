"""Ports of this machine that drop, refuse or delay connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that drops connections: its queue of one is full, and nobody accepts any (listen(2))."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        time.sleep(0.1)
        yield server.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can take."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


@contextmanager
def forwarding(target: tuple[str, int], *, after: float) -> Iterator[int]:
    """A port that refuses connections for the first seconds, and then passes them on."""
    server, done = socket.socket(), Event()
    server.bind(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        time.sleep(after)
        server.listen(16)
        server.settimeout(0.1)
        with ExitStack() as opened:
            while not done.is_set():
                try:
                    here = opened.enter_context(server.accept()[0])
                except TimeoutError:
                    continue
                here.settimeout(None)
                there = opened.enter_context(socket.create_connection(target))
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        done.set()
        thread.join()
        server.close()
