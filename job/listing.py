"""One LIST: its pages as raw bytes, decoded one at a time, with retries, and started anew when its token expires."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from job.config import Timeouts
from job.identity import Identity
from job.wire import meta

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Decoded = TypeVar("Decoded")

MOST_ATTEMPTS = 5  # of one request
MOST_RESTARTS = 5  # of one list
MOST_BYTES = (
    256 << 20
)  # of one page, decompressed: a page of 500 objects at the most that etcd holds of each is smaller
_CHUNK = 16 << 10  # bytes: TLS has no larger records, and a smaller read leaves some of one for the next
_KEPT_BYTES = 32 << 20  # of a buffer that is used again, which spares the kernel's work for fresh memory
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 32.0  # seconds; API servers ask for 32 at most


class Unread(Exception):  # noqa: N818 (an outcome, not a fault of ours)
    """A request or list that cannot be read: the outcome to record, and why."""

    def __init__(
        self, outcome: str, message: str, *, reason: str | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.outcome, self.message, self.reason, self.http_status = outcome, message, reason, http_status


class Expired(Exception):  # noqa: N818
    """The list's continue token has expired: what was read of it is void."""


@dataclass
class Tally:
    """What a list has taken so far."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=monotonic)
    http_status: int | None = None
    resource_version: str | None = None
    pages: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    restarts: int = 0
    waited_seconds: float = 0.0

    @property
    def duration_seconds(self) -> float:
        return round(monotonic() - self.clock, 3)


class Answer(NamedTuple):
    status: int
    headers: Any
    size: int
    """Bytes of the body."""
    token: str
    """The bearer token it was asked with."""


@dataclass
class Server:
    """One API server as the lists of one cluster see it."""

    client: ApiClient
    identity: Identity
    timeouts: Timeouts
    deadline: float
    """On the monotonic clock: the end of the cluster's time."""
    wait: Callable[[float], object]
    """Waits so many seconds."""
    _buffers: list[bytearray] = field(default_factory=list)

    def get(
        self, path: str, query: list[tuple[str, Any]], decode: Callable[[memoryview], Decoded], tally: Tally
    ) -> Decoded:
        """GETs and decodes one body, again where that may help.

        Connection failures, 429, 5xx and bodies that are not JSON are tried again, after `Retry-After` where the server
        says so, else after growing waits; a 401 once, with a new token. Silence is not tried again.

        Raises:
            Unread: it could not be had.
            Expired: 410, the continue token is too old.
            msgspec.ValidationError: from `decode`, for JSON that is not what it should be.
        """
        buffer = self._buffers.pop() if self._buffers else bytearray()
        try:
            return self._get(path, query, decode, tally, buffer)
        finally:
            if len(buffer) <= _KEPT_BYTES:
                self._buffers.append(buffer)

    def _get(
        self,
        path: str,
        query: list[tuple[str, Any]],
        decode: Callable[[memoryview], Decoded],
        tally: Tally,
        buffer: bytearray,
    ) -> Decoded:
        renewed = False
        for attempt in range(1, MOST_ATTEMPTS + 1):
            tally.requests += 1
            wait: float | None = None
            try:
                answer = self._send(path, query, buffer)
                tally.http_status = answer.status
                with memoryview(buffer)[: answer.size] as body:
                    if answer.status == 200:
                        tally.bytes += answer.size
                        return decode(body)
                    failure = _refused(answer, bytes(body))
                if answer.status == 410:
                    raise Expired(failure.message)
                if answer.status == 401 and not renewed:
                    renewed = True
                    wait = 0.0 if self.identity.renew(answer.token) else None
                elif answer.status == 429 or answer.status >= 500:
                    wait = _retry_after(answer.headers) or _backoff(attempt)
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError:
                failure = Unread("invalid", "the answer is not JSON", http_status=200)
                wait = _backoff(attempt)
            except Unread as error:
                failure = error
                wait = _backoff(attempt) if error.outcome == "unreachable" and error.reason != "Certificate" else None
            if wait is None or attempt == MOST_ATTEMPTS or monotonic() + wait > self.deadline:
                raise failure
            tally.retries += 1
            tally.waited_seconds = round(tally.waited_seconds + wait, 3)
            self.wait(wait)
        raise AssertionError("unreachable")

    def _send(self, path: str, query: list[tuple[str, Any]], buffer: bytearray) -> Answer:
        """The body goes into the buffer, from its beginning."""
        import urllib3
        from urllib3.exceptions import HTTPError

        remaining = self.deadline - monotonic()
        if remaining <= 0:
            raise Unread("timed_out", "the cluster's time was up", reason="ClusterTimeout")
        limit = min(self.timeouts.request_seconds, remaining)
        end = monotonic() + limit
        _, url, headers, *_ = self.client.param_serialize(
            "GET", path, query_params=query, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
        )
        try:
            response = self.client.rest_client.pool_manager.request(
                "GET",
                url,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(self.timeouts.connect_seconds, limit), read=limit),
                retries=False,
                preload_content=False,
            )
            try:
                size = _read(response, buffer, end)
            except BaseException:
                response.close()  # what is left unread would be taken for the next answer
                raise
        except HTTPError as error:
            raise _unreachable(error, limit) from error
        return Answer(response.status, response.headers, size, headers["authorization"].removeprefix("Bearer "))


def pages(server: Server, path: str, limit: int, page: Any, tally: Tally) -> Iterator[Any]:
    """The pages of one list, all of one resource version.

    `resourceVersion` is left unset: with 0 the server would answer from a cache that may be stale, and ignore the limit
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).

    Args:
        limit: objects a page.
        page: decodes a page: bytes -> `meta.Page`.

    Raises:
        Unread: the list cannot be read to its end.
        Expired: it has to be started again.
    """
    token: str | None = None
    while True:
        query: list[tuple[str, Any]] = [("limit", limit), *([("continue", token)] if token else [])]
        try:
            found = server.get(path, query, page, tally)
        except msgspec.ValidationError as error:
            raise Unread("invalid", f"the answer is not a list: {error}", http_status=200) from error
        tally.pages += 1
        version = found.metadata.resource_version
        if tally.resource_version is not None and version != tally.resource_version:
            raise Expired("a later page is of another resource version")
        tally.resource_version = version
        yield found
        if not found.metadata.continue_:
            return
        if found.metadata.continue_ == token:  # a server that does this would be read for ever
            raise Unread("invalid", "the server gives the same continue token again and again", http_status=200)
        token = found.metadata.continue_


def _read(response: Any, buffer: bytearray, end: float) -> int:
    """Reads the whole body into the buffer, unless it is too large or comes too slowly; returns its size."""
    size, is_packed = 0, "Content-Encoding" in response.headers
    while chunk := response.read1(_CHUNK, decode_content=is_packed):
        reached = size + len(chunk)
        if reached > MOST_BYTES:
            raise Unread("invalid", f"the answer is larger than {MOST_BYTES >> 20} MiB", http_status=response.status)
        if monotonic() > end:
            raise Unread("timed_out", "the answer came too slowly", reason="ReadTimeout", http_status=response.status)
        buffer[size:reached] = chunk
        size = reached
    return size


# Decoders are made when the module is: msgspec crashes when threads are the first to use a class, at the same time.
_STATUS = msgspec.json.Decoder(meta.Status)
_OUTCOMES = {401: "unauthorized", 403: "forbidden", 404: "not_served", 429: "throttled"}


def _refused(answer: Answer, body: bytes) -> Unread:
    """What the server said instead of an answer: a `Status`, or plain text."""
    try:
        told = _STATUS.decode(body)
        reason, message = told.reason, told.message or ""
    except msgspec.MsgspecError:
        reason, message = None, body[:300].decode("utf-8", "replace")
    outcome = _OUTCOMES.get(answer.status, "server_error" if answer.status >= 500 else "refused")
    text = " ".join(message.split())[:300] or f"HTTP status {answer.status}"
    return Unread(outcome, text, reason=reason, http_status=answer.status)


def _unreachable(error: Exception, limit: float) -> Unread:
    from urllib3 import exceptions

    cause: BaseException = error
    while isinstance(cause, exceptions.MaxRetryError) and cause.reason is not None:
        cause = cause.reason
    if isinstance(cause, exceptions.SSLError):
        text = str(cause)
        is_refused = "CERTIFICATE_VERIFY_FAILED" in text or "match" in text
        return Unread("unreachable", f"TLS: {_short(text)}", reason="Certificate" if is_refused else "TLS")
    if isinstance(cause, exceptions.NameResolutionError):
        return Unread("unreachable", "the endpoint's name cannot be resolved", reason="NameResolution")
    if isinstance(cause, exceptions.NewConnectionError):
        return Unread("unreachable", "the connection was refused or has no route", reason="Connection")
    if isinstance(cause, exceptions.ConnectTimeoutError):  # of which the two above are kinds, for the library
        return Unread("timed_out", "no connection within the connect timeout", reason="ConnectTimeout")
    if isinstance(cause, exceptions.TimeoutError):
        return Unread("timed_out", f"no answer within {limit:g} s", reason="ReadTimeout")
    return Unread("unreachable", f"the connection broke: {_short(str(cause))}", reason=type(cause).__name__)


def _short(text: str) -> str:
    return " ".join(text.split())[:200]


def _retry_after(headers: Any) -> float | None:
    value = headers.get("Retry-After") or ""
    return min(float(value), _LONGEST_WAIT) if value.isdecimal() else None


def _backoff(attempt: int) -> float:
    return float(min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_WAIT) * random.uniform(0.75, 1.25))  # noqa: S311
