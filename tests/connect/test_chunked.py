"""Chunked bodies, over real sockets."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from job.connect.chunked import ChunkedResponse

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


class Connection(HTTPConnection):
    response_class = ChunkedResponse


class Pool(HTTPConnectionPool):
    ConnectionCls = Connection


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + END


@contextmanager
def sent(*pieces: bytes) -> Iterator[ChunkedResponse]:
    """A response that arrives in these pieces; then the other side closes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def send() -> None:
            for piece in pieces:
                theirs.sendall(piece)
            theirs.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        response = ChunkedResponse(ours, method="GET")
        try:
            response.begin()
            yield response
        finally:
            response.close()
            ours.close()
            sending.join(10)


@contextmanager
def server(answers: list[bytes]) -> Iterator[tuple[str, int]]:
    """Sends these answers, one after another, on the one connection that it accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for answer in answers:
                    asked = b""
                    while not asked.endswith(b"\r\n\r\n"):
                        asked += connection.recv(65536)
                    connection.sendall(answer)
                connection.recv(1)  # until the client goes

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listening.getsockname()
        serving.join(10)
        assert not serving.is_alive()


def divided(whole: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({end % len(whole) for end in at} | {len(whole)}) if whole else []
    return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]


@given(
    body=st.binary(max_size=200),
    chunks=st.lists(st.integers(0, 200), max_size=5),
    pieces=st.lists(st.integers(0, 400), max_size=8),
    portions=st.lists(st.integers(1, 90), min_size=1, max_size=4),
)
def test_a_body_is_the_same_however_it_is_divided(
    body: bytes, chunks: list[int], pieces: list[int], portions: list[int]
) -> None:
    whole = HEAD + chunked(*divided(body, chunks))
    with sent(*divided(whole, pieces)) as response:
        read, turn = [], 0
        while part := response.read(portions[turn % len(portions)]):
            assert len(part) <= portions[turn % len(portions)]
            read.append(part)
            turn += 1
        assert b"".join(read) == body
        assert response.isclosed()
    with sent(*divided(whole, pieces)) as response:
        assert response.read() == body
        assert response.read() == b""


def test_a_body_of_megabytes_is_whole_and_no_read_exceeds_its_size() -> None:
    body = bytes(range(256)) * 40_000
    with sent(HEAD, chunked(*(body[at : at + 3000] for at in range(0, len(body), 3000)))) as response:
        portions = list(iter(lambda: response.read(100_000), b""))
    assert b"".join(portions) == body
    assert max(map(len, portions)) <= 100_000


def test_extensions_and_trailers_are_dropped() -> None:
    with sent(HEAD, b'3;name="value"\r\nabc\r\n0\r\nExpires: never\r\nMore: of it\r\n\r\n') as response:
        assert response.read() == b"abc"


@pytest.mark.parametrize(
    "body",
    [
        b"-5\r\nabcde\r\n" + END,
        b"five\r\nabcde\r\n" + END,
        b"\r\nabc\r\n" + END,
        b"3\r\nabcde\r\n" + END,
        b"fffffffffffffffff\r\nabc\r\n" + END,
        chunked(b"abc") + b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["negative", "not a number", "no length", "longer than said", "too long to count", "more than the body"],
)
def test_malformed_chunks_are_refused(body: bytes) -> None:
    with sent(HEAD + body) as response, pytest.raises(http.client.HTTPException, match=r"^chunks: "):
        response.read()


@pytest.mark.parametrize("end", range(len(chunked(b"abc"))))
def test_a_truncated_body_is_incomplete_wherever_it_ends(end: int) -> None:
    with sent(HEAD + chunked(b"abc")[:end]) as response, pytest.raises(http.client.IncompleteRead):
        response.read()


def test_urllib3_reads_it_in_every_way_and_reuses_the_connection() -> None:
    ways = [
        lambda pool: pool.request("GET", "/").data,
        lambda pool: b"".join(pool.request("GET", "/", preload_content=False).stream(2)),
        lambda pool: pool.request("GET", "/", preload_content=False).read(100),
    ]
    with server([HEAD + chunked(b"ab", b"cde")] * len(ways)) as address, Pool(*address) as pool:
        assert [way(pool) for way in ways] == [b"abcde"] * len(ways)
        assert pool.num_connections == 1


def test_responses_of_a_known_length_and_to_head_are_read_by_http_client() -> None:
    with sent(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd") as response:
        assert response.read(2) + response.read(2) == b"abc"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(HEAD)
        response = ChunkedResponse(ours, method="HEAD")
        response.begin()
        assert response.read() == b""
