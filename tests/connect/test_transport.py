"""Reads that end by a deadline, over real TLS connections to servers that send one byte at a time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from urllib3 import HTTPSConnectionPool, Timeout
from urllib3.exceptions import MaxRetryError, ReadTimeoutError, SSLError
from urllib3.util.ssl_ import create_urllib3_context

from job.connect.transport import DeadlinePool, set_read_deadline
from job.simulator.certificates import OLD_FORMS, authority, server_certificate

PAUSE = 0.1  # seconds between two bytes: much shorter than any timeout here
TIMEOUT = 0.5  # seconds
BODY = b"x" * 200
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HEAD + b"Content-Length: 200\r\n\r\n"
CLOSED = HEAD + b"Connection: close\r\n\r\n"


@contextmanager
def server(
    directory: Path, at_once: bytes, slowly: bytes, forms: frozenset[str] = frozenset()
) -> Iterator[DeadlinePool]:
    """A pool for a TLS server that answers every request with these bytes, and has a certificate of these forms."""
    issuer = authority("test", forms)
    (directory / "server.pem").write_bytes(server_certificate(issuer, "127.0.0.1", forms=forms))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")

    def serve(accepted: socket.socket) -> None:
        with suppress(OSError), accepted, context.wrap_socket(accepted, server_side=True) as connection:
            while True:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    received = connection.recv(65536)
                    if not received:
                        return
                    request += received
                connection.sendall(at_once)
                for byte in slowly:
                    time.sleep(PAUSE)
                    connection.sendall(bytes([byte]))

    def listen() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        with DeadlinePool(*listener.getsockname(), ca_cert_data=issuer.pem.decode(), retries=False) as pool:
            yield pool
        listener.shutdown(socket.SHUT_RDWR)


def elapsed(started: float) -> float:
    return time.monotonic() - started


def test_headers_that_come_byte_by_byte_end_with_the_timeout(tmp_path: Path) -> None:
    with server(tmp_path, b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"y" * 500) as pool:
        started = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            pool.request("GET", "/", timeout=Timeout(connect=5, read=TIMEOUT))
    assert TIMEOUT <= elapsed(started) < 4


@pytest.mark.parametrize("head", [CHUNKED, SIZED, CLOSED], ids=["chunked", "sized", "closed"])
def test_a_body_that_comes_byte_by_byte_ends_at_the_deadline(tmp_path: Path, head: bytes) -> None:
    body = b"c8\r\n" + BODY if head is CHUNKED else BODY
    with server(tmp_path, head, body) as pool:
        response = pool.request("GET", "/", timeout=Timeout(connect=5, read=30), preload_content=False)
        started = time.monotonic()
        set_read_deadline(response, started + TIMEOUT)
        with pytest.raises(ReadTimeoutError):
            response.read()
        response.close()
    assert TIMEOUT <= elapsed(started) < 4


@pytest.mark.parametrize("head", [CHUNKED, SIZED], ids=["chunked", "sized"])
def test_a_body_in_time_is_whole(tmp_path: Path, head: bytes) -> None:
    whole = b"c8\r\n" + BODY + b"\r\n0\r\n\r\n" if head is CHUNKED else BODY
    with server(tmp_path, head + whole[:-5], whole[-5:]) as pool:
        for _ in range(3):
            response = pool.request("GET", "/", timeout=Timeout(connect=5, read=30), preload_content=False)
            set_read_deadline(response, time.monotonic() + 20)
            assert response.read() == BODY
        assert pool.num_connections == 1  # the deadline of one response does not outlive it


def test_a_deadline_in_the_past_reads_nothing(tmp_path: Path) -> None:
    with server(tmp_path, CHUNKED, b"c8\r\n" + BODY) as pool:
        response = pool.request("GET", "/", timeout=Timeout(connect=5, read=30), preload_content=False)
        set_read_deadline(response, time.monotonic() - 1)
        started = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            response.read()
        response.close()
    assert elapsed(started) < PAUSE


def strict_context(**options: object) -> ssl.SSLContext:
    """What Python 3.13 and later make by default."""
    context = create_urllib3_context(**options)  # type: ignore[arg-type]
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


@pytest.mark.parametrize("form", [*sorted(OLD_FORMS), "all of them"])
def test_certificates_in_the_forms_of_older_clusters_are_accepted_by_every_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("job.connect.transport.create_urllib3_context", strict_context)
    forms = OLD_FORMS & {form} or OLD_FORMS
    with server(tmp_path, SIZED + BODY, b"", forms) as pool:
        assert pool.request("GET", "/").data == BODY
        ca = pool.conn_kw["ca_cert_data"]
        strict = HTTPSConnectionPool(pool.host, pool.port, ca_cert_data=ca, ssl_context=strict_context())
        with strict, pytest.raises(MaxRetryError, match="certificate verify failed"):
            strict.request("GET", "/")


def test_a_certificate_of_another_ca_or_for_another_host_is_still_refused(tmp_path: Path) -> None:
    with server(tmp_path, SIZED + BODY, b"", OLD_FORMS) as pool:
        pool.conn_kw["ca_cert_data"] = authority("another").pem.decode()
        with pytest.raises(SSLError, match="certificate verify failed"):
            pool.request("GET", "/")
    with server(tmp_path, SIZED + BODY, b"", OLD_FORMS) as pool:
        pool.conn_kw["server_hostname"] = "another.example.com"
        with pytest.raises(SSLError, match="Hostname mismatch"):
            pool.request("GET", "/")
