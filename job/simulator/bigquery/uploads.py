"""Uploads of a load job's file, in one request or in several.

https://cloud.google.com/bigquery/docs/reference/api-uploads
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from job.simulator.bigquery.errors import ApiError, invalid
from job.simulator.bigquery.jobs import Job

CHUNK = 256 << 10  # bytes; every chunk except the last is a multiple


class Parts(NamedTuple):
    """The two parts of a multipart upload."""

    body: Any
    media: bytes


def multipart(content_type: str, body: bytes) -> Parts:
    """Splits a `multipart/related` body; the file stays unchanged.

    Raises:
        ApiError: the body does not have two parts.
    """
    found = re.search(r'boundary=(?:"([^"]+)"|([^;\s]+))', content_type)
    pieces = body.split(b"--" + (found[1] or found[2]).encode(), 2) if found else []
    if not found or len(pieces) != 3:
        raise invalid("A multipart upload must have two parts: the job and the file")
    end = re.search(rb"\r?\n--" + re.escape((found[1] or found[2]).encode()) + rb"--\s*$", pieces[2])
    if end is None:
        raise invalid("The upload is truncated")
    try:
        return Parts(json.loads(_content(pieces[1])), _content(pieces[2][: end.start()]))
    except ValueError as error:
        raise invalid(f"The first part of the upload is not JSON: {error}") from error


def _content(part: bytes) -> bytes:
    """The part without its headers."""
    return re.split(rb"\r?\n\r?\n", part, maxsplit=1)[1]


@dataclass
class Session:
    """A resumable upload."""

    project: str
    body: Any
    media: bytearray = field(default_factory=bytearray)
    job: Job | None = None
    """The job, once the upload is complete; later requests get it again."""

    @property
    def range(self) -> dict[str, str]:
        """The header with the range of received bytes; empty if there are none."""
        return {"Range": f"bytes=0-{len(self.media) - 1}"} if self.media else {}


class Sessions:
    """All resumable uploads."""

    def __init__(self) -> None:
        self._all: dict[str, Session] = {}

    def open(self, project: str, body: Any) -> str:
        """Starts an upload; returns its id."""
        name = secrets.token_urlsafe(24)
        self._all[name] = Session(project, body)
        return name

    def get(self, name: str) -> Session:
        """The upload.

        Raises:
            ApiError: 404.
        """
        if name not in self._all:
            raise ApiError(404, "notFound", "Not found: upload session")
        return self._all[name]


class Chunk(NamedTuple):
    """A parsed `Content-Range`: `bytes 0-524287/2000000`, `bytes 0-524287/*` or `bytes */2000000`."""

    start: int | None
    """None asks for the number of received bytes."""
    end: int
    total: int | None
    """None if the client does not know it yet."""


def chunk_of(header: str | None, length: int) -> Chunk:
    """Parses the header; a request without one has the whole file.

    Raises:
        ApiError: the header is invalid.
    """
    if header is None:
        return Chunk(0, length - 1, length)
    match = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", header)
    if match is None:
        raise invalid(f"Failed to parse Content-Range header: {header[:100]}")
    start, end, total = match.groups()
    found = Chunk(int(start) if start else None, int(end or -1), int(total) if total != "*" else None)
    if found.start is not None:
        if found.end - found.start + 1 != length:
            raise invalid(
                f"Invalid request. There were {length} byte(s) in the request body. There should have been "
                f"{found.end - found.start + 1} byte(s) according to the Content-Range header."
            )
        last = found.total is not None and found.end + 1 == found.total
        if not last and length % CHUNK:
            raise invalid(f"Invalid request. The number of bytes uploaded is required to be a multiple of {CHUNK}")
    return found


def receive(session: Session, chunk: Chunk, content: bytes) -> bool:
    """Adds a chunk, which may overlap received bytes; returns True if the upload is complete.

    Raises:
        ApiError: bytes before the chunk are missing.
    """
    if chunk.start is not None:
        if chunk.start > len(session.media):
            raise invalid(f"Invalid request. Expected byte {len(session.media)}, not {chunk.start}")
        session.media += content[len(session.media) - chunk.start :]
    return chunk.total is not None and len(session.media) >= chunk.total
