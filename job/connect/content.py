"""Decoding of the content encoding: gzip, in which API servers send their lists when asked to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError  # gzip at a third of zlib's CPU

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


class MalformedContent(Exception):  # noqa: N818
    """The body is not what its Content-Encoding says."""


def portions(response: BaseHTTPResponse, max_bytes: int) -> Iterator[bytes]:
    """The body of a response, decoded, in portions that are never larger: a compression bomb takes no memory.

    Some may be empty.

    Raises:
        MalformedContent: the body is not whole gzip, or has an encoding that nobody asked for.
    """
    received = iter(lambda: response.read(max_bytes, decode_content=False), b"")
    names = (name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(","))
    encodings = [name for name in names if name not in ("", "identity")]
    if not encodings:
        return received
    if encodings not in (["gzip"], ["x-gzip"]):  # https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
        raise MalformedContent("it has a Content-Encoding that was not asked for")
    return unpacked(received, max_bytes)


def unpacked(received: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """The content of gzip, in portions that are never larger. Some may be empty.

    Several members are one content (https://www.rfc-editor.org/rfc/rfc1952#section-2.2). ISA-L compares the checksum
    and the length at the end of each.

    >>> import gzip
    >>> b"".join(unpacked(iter([gzip.compress(b"one, "), gzip.compress(b"two")]), 100))
    b'one, two'

    Raises:
        MalformedContent: it is not gzip, ends too early, or something else follows it.
    """
    member, is_complete = None, False
    try:
        for data in received:
            while data:
                member = member or IgzipDecompressor(DECOMP_GZIP)
                yield member.decompress(data, max_bytes)
                while not (member.eof or member.needs_input):
                    yield member.decompress(b"", max_bytes)
                data, is_complete = member.unused_data, member.eof
                member = None if is_complete else member
    except IsalError as error:  # type: ignore[misc] # declared as an instance in the stubs
        raise MalformedContent(f"gzip: {error}") from error
    if not is_complete:
        raise MalformedContent("gzip: it ends too early")
