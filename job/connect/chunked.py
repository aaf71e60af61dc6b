"""Decoding of the chunked transfer encoding, in which API servers send their lists."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

from httptools import HttpParserError, HttpResponseParser

_TLS_RECORD_BYTES = 16 << 10  # the most that one TLS record holds
_READ_BYTES = 256 << 10  # of a read without a size
# A head for the parser: the real one was parsed by http.client. With `close`, data after the body is an error.
_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


class ChunkedResponse(http.client.HTTPResponse):
    """An `http.client.HTTPResponse` that lets httptools decode the chunked encoding: strictly, and much faster.

    http.client would read a chunk of negative length for ever, into memory, and makes several Python calls for each
    chunk; a single pod takes two chunks or more. The rules are those of RFC 9112, section 7.1
    (https://www.rfc-editor.org/rfc/rfc9112#section-7.1). Trailers are read and dropped.
    """

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._request_method = method
        self._recv: Callable[[int], bytes] = sock.recv
        self._may_be_buffered = True  # what arrived together with the headers
        self._body = _Body()
        self._parser = HttpResponseParser(self._body)
        self._parser.feed_data(_HEAD)

    def read(self, amt: int | None = None) -> bytes:
        """Reads `amt` bytes of the body, or at most `amt` of a chunked one; without `amt`, the rest of it.

        Raises:
            http.client.IncompleteRead: the connection ended before the body did.
            http.client.HTTPException: the chunked encoding is malformed, or data follows the body.
        """
        if not self.chunked or self.fp is None or self._request_method == "HEAD" or amt == 0:
            return super().read(amt)
        if amt is None:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        body, received = self._body, 0
        while not body.is_complete and (received < amt or not body.parts):
            data = self._receive(min(max(amt - received, 1), _TLS_RECORD_BYTES))
            received += len(data)
            try:
                self._parser.feed_data(data)
            except HttpParserError as error:
                raise http.client.HTTPException(f"chunks: {error}") from error
        if body.is_complete:
            self.close()
        decoded = b"".join(body.parts)
        body.parts.clear()
        return decoded

    def _receive(self, size: int) -> bytes:
        """At most `size` bytes from the connection, still encoded."""
        if self._may_be_buffered and self.fp is not None:
            data = self.fp.read1(size)
            self._may_be_buffered = len(data) == size
        else:
            data = self._recv(size)
        if not data:
            raise http.client.IncompleteRead(b"")
        return data


class _Body:
    """What the parser has decoded so far. It calls the methods of these names."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.on_body = self.parts.append
        self.is_complete = False

    def on_message_complete(self) -> None:
        self.is_complete = True
