"""Bodies that come in chunks, as API servers send their lists."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

from httptools import HttpParserError, HttpResponseParser

_RECORD = 16 << 10  # bytes: the most that a TLS record holds
_PORTION = 256 << 10  # bytes, where no bound is named
# What the parser is to think came before the body; after `close`, it takes whatever follows the body for an error.
_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


class ChunkedResponse(http.client.HTTPResponse):
    """http.client's, but for chunks: httptools takes them apart in a fraction of the time, and strictly.

    http.client would read a chunk of negative length for ever, into memory, and takes several calls in Python for each
    chunk, of which a pod alone has two or more. The rules are those of RFC 9112, section 7.1
    (https://www.rfc-editor.org/rfc/rfc9112#section-7.1); trailers are read and dropped.
    """

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._asked = method
        self._receive: Callable[[int], bytes] = sock.recv
        self._has_read_ahead = True
        self._taken = _Taken()
        self._parser = HttpResponseParser(self._taken)
        self._parser.feed_data(_HEAD)

    def read(self, amt: int | None = None) -> bytes:
        """Reads so many bytes of the body or, of one in chunks, at most so many; all where no number is given.

        Raises:
            http.client.IncompleteRead: the connection ended before the body did.
            http.client.HTTPException: the chunks are none, or more follows than the body.
        """
        if not self.chunked or self.fp is None or self._asked == "HEAD" or amt == 0:
            return super().read(amt)
        if amt is None:
            return b"".join(iter(lambda: self.read(_PORTION), b""))
        taken, received = self._taken, 0
        while not taken.is_whole and (received < amt or not taken.parts):
            some = self._some(min(max(amt - received, 1), _RECORD))
            received += len(some)
            try:
                self._parser.feed_data(some)
            except HttpParserError as error:
                raise http.client.HTTPException(f"chunks: {error}") from error
        if taken.is_whole:
            self.close()
        body = b"".join(taken.parts)
        taken.parts.clear()
        return body

    def _some(self, most: int) -> bytes:
        """At most so many bytes of what comes, chunks' lengths and all."""
        if self._has_read_ahead and self.fp is not None:
            some = self.fp.read1(most)
            self._has_read_ahead = len(some) == most  # there may be more of what came with the headers
        else:
            some = self._receive(most)
        if not some:
            raise http.client.IncompleteRead(b"")
        return some


class _Taken:
    """Where the parser puts the body: it calls what has these names."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.on_body = self.parts.append
        self.is_whole = False

    def on_message_complete(self) -> None:
        self.is_whole = True
