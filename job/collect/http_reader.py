"""One request to one API server: bounded by a deadline, and each failure with its cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from job.collect.buffers import HUGE_BYTES, BodyBuffers, huge_body
from job.collect.deadlines import Deadline
from job.collect.failures import Cause, ReadFailure, connection_failure
from job.collect.stats import ReadStats
from job.config import Timeouts
from job.connect.content import MalformedContent, portions
from job.errors import CredentialsError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import BaseHTTPResponse

T = TypeVar("T")

MAX_BODY_BYTES = 96 << 20  # unpacked: 500 objects of 200 kB. A run that meets one stays below 250 MB
_MAX_ERROR_BYTES = 1 << 20  # read of a response that is not 200
_READ_BYTES = 256 << 10  # sixteen TLS records, so that urllib3's work for a read is small beside theirs
_OBJECT = b'"resourceVersion":"'  # each object has one
HEAD_BYTES = 4096  # API servers write the metadata of a list before its items


class Request(NamedTuple):
    """One GET, or one POST of a question that is answered and not kept, such as a self-subject review."""

    path: str
    query: Sequence[tuple[str, Any]]
    deadline: Deadline
    stats: ReadStats
    question: bytes | None = None
    """The JSON to POST; None for a GET."""
    accept: str | None = None
    """The form to ask for, in place of the reader's."""


class PageTooLarge(ReadFailure):
    """The body is larger than it may be."""

    def __init__(self, head: bytes, max_bytes: int) -> None:
        text = f"the response is larger than {max_bytes >> 20} MiB"
        super().__init__("invalid", text, reason="TooLarge", http_status=200)
        self.head = head
        """The first bytes of the body, unpacked."""


@dataclass
class OpenResponse:
    """A response whose headers have arrived, and whose body is unread."""

    raw: BaseHTTPResponse
    token: str
    """The bearer token of the request."""
    seconds: float
    """From sending the request to the headers."""
    objects: int = 0
    """About how many objects arrived of a list that could not be read to its end."""
    cleanup: ExitStack = field(default_factory=ExitStack)
    """Closed when the body was read, or is not going to be."""

    def close(self) -> None:
        """Leaves the body unread."""
        self.raw.close()
        self.cleanup.close()


class HttpReader:
    """Sends requests to one API server and reads their responses. Threads may share it."""

    def __init__(
        self,
        client: ApiClient,
        timeouts: Timeouts,
        *,
        compression: bool = True,
        accept: str = "application/json",
        max_bytes: int | None = None,
    ) -> None:
        """Args:
        max_bytes: of one body, unpacked; without it, `MAX_BODY_BYTES`.
        """
        self._client, self._timeouts, self._max_bytes = client, timeouts, max_bytes
        self._headers = {"Accept": accept} | ({"Accept-Encoding": "gzip"} if compression else {})
        self._buffers = BodyBuffers()
        self.last_response_at = 0.0
        """When the last body was complete, on the monotonic clock."""
        self.received_bytes = 0
        """Of all bodies, as they were received."""
        self.silent: Cause | None = None
        """Set once the server is known to answer nothing: further requests fail at once."""

    def open(self, request: Request) -> OpenResponse:
        """Sends the request and waits for the headers of its response.

        Raises:
            ReadFailure: there is no response in time, or no connection, or no token.
        """
        if self.silent is not None:
            raise ReadFailure(self.silent.outcome, str(self.silent.message), reason=self.silent.reason)
        url, headers = self._prepare(request)
        request.stats.requests += 1
        started = monotonic()
        end = min(started + self._timeouts.request_seconds, request.deadline.at)
        with self._failures(request.deadline, end):
            raw = self._send(url, headers, end - started, request.question)
        return OpenResponse(raw, headers["authorization"].removeprefix("Bearer "), monotonic() - started)

    @contextmanager
    def body(self, response: OpenResponse, request: Request) -> Iterator[memoryview]:
        """Reads the whole body. Its memory is reused after the block: copy what must outlive it.

        Raises:
            ReadFailure: the body is too large, malformed or late, or the connection broke.
        """
        from job.connect.transport import set_read_deadline

        end = min(monotonic() + self._timeouts.request_seconds - response.seconds, request.deadline.at)
        with ExitStack() as buffers:
            try:
                with response.cleanup, self._failures(request.deadline, end, response):
                    set_read_deadline(response.raw, end)
                    body = self._read(response, request.deadline, end, buffers)
            except BaseException:
                response.raw.close()  # an unread rest would be taken for the next response
                raise
            finally:
                received = response.raw.tell()
                request.stats.received_bytes += received
                self.received_bytes += received
            self.last_response_at = monotonic()
            yield body
            body.release()  # the buffer may grow again

    def _prepare(self, request: Request) -> tuple[str, dict[str, str]]:
        """URL and headers, with a fresh bearer token."""
        try:
            _, url, headers, *_ = self._client.param_serialize(
                "GET",
                request.path,
                query_params=request.query,
                header_params=self._headers | ({"Accept": request.accept} if request.accept else {}),
                auth_settings=["BearerToken"],
            )
        except CredentialsError as error:
            after = 0.0 if error.may_pass else None
            raise ReadFailure("unauthorized", str(error), reason="Credentials", retry_after=after) from error
        return url, headers

    def _send(
        self, url: str, headers: dict[str, str], seconds: float, question: bytes | None = None
    ) -> BaseHTTPResponse:
        import urllib3

        response: BaseHTTPResponse = self._client.rest_client.pool_manager.request(
            "GET" if question is None else "POST",
            url,
            body=question,
            headers=headers if question is None else {**headers, "Content-Type": "application/json"},
            timeout=urllib3.Timeout(connect=min(self._timeouts.connect_seconds, seconds), read=seconds),
            retries=False,
            redirect=False,  # the token is not for another server
            preload_content=False,
        )
        return response

    def _read(self, response: OpenResponse, deadline: Deadline, end: float, buffers: ExitStack) -> memoryview:
        """The whole body, unpacked; a large one in a buffer that `buffers` gives back."""
        raw = response.raw
        if raw.status < 200:
            raw.close()  # an interim response: the next one would be taken for that of the next request
            return memoryview(b"")
        if raw.status != 200:
            return _error_body(raw)
        buffer, size, declared = bytearray(), 0, raw.length_remaining or 0
        try:
            for data in portions(raw, _READ_BYTES):
                if 0 < size <= _READ_BYTES < size + len(data):
                    first, buffer = buffer, _borrowed(buffers, self._buffers.borrow(end - monotonic()), deadline)
                    buffer[:size] = first
                if size <= HUGE_BYTES < size + len(data):
                    _borrowed(buffers, huge_body(end - monotonic()), deadline)
                buffer[size : size + len(data)] = data
                size += len(data)
                _check_size(max(size, declared), buffer, self._max_bytes or MAX_BODY_BYTES)
        except MalformedContent as error:
            text = f"the response cannot be decompressed: {error}"
            raise ReadFailure("invalid", text, http_status=raw.status, retry_after=0.0) from error
        except BaseException:
            response.objects = buffer.count(_OBJECT, 0, size)
            raise
        return memoryview(buffer)[:size]

    @contextmanager
    def _failures(self, deadline: Deadline, end: float, response: OpenResponse | None = None) -> Iterator[None]:
        """Raises whatever goes wrong in the block as a ReadFailure.

        Args:
            end: when the time of the block is up.
            response: the one whose body the block reads.
        """
        from urllib3.exceptions import HTTPError

        try:
            _check_time(end)
            yield
        except (HTTPError, TimeoutError, ValueError) as error:  # http.client: ValueError for a negative length
            seconds = self._timeouts.request_seconds
            failure = connection_failure(error, seconds)
            if monotonic() < end or (monotonic() < deadline.at and not failure.is_connected):
                raise failure from error
            if monotonic() >= deadline.at:
                raise deadline.failure() from error
            if response is None:
                text = f"no response within {seconds:g} s"
                raise ReadFailure("timed_out", text, reason="ReadTimeout") from error
            text, status = "the response came too slowly", response.raw.status
            raise ReadFailure("timed_out", text, reason="ReadTimeout", http_status=status) from error


def _borrowed(buffers: ExitStack, lender: AbstractContextManager[T], deadline: Deadline) -> T:
    """What the lender lends until `buffers` ends."""
    try:
        return buffers.enter_context(lender)
    except Empty:
        if monotonic() >= deadline.at:
            raise deadline.failure() from None
        text = "earlier responses took too long to become rows"
        raise ReadFailure("timed_out", text, reason="ReadTimeout", http_status=200) from None


def _check_time(end: float) -> None:
    if monotonic() >= end:
        raise TimeoutError


def _check_size(size: int, buffer: bytearray, max_bytes: int) -> None:
    if size > max_bytes:
        raise PageTooLarge(bytes(buffer[:HEAD_BYTES]), max_bytes)


def _error_body(raw: BaseHTTPResponse) -> memoryview:
    """The first megabyte of an error's body. What cannot be unpacked is left out: the status matters more."""
    body = bytearray()
    with suppress(MalformedContent):
        for data in portions(raw, _READ_BYTES):
            body += data
            if len(body) > _MAX_ERROR_BYTES:
                break
        else:
            return memoryview(body)
    raw.close()
    return memoryview(body)
