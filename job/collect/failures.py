"""Why a read failed: what API servers, proxies and connections say, as the outcomes of `collections`."""

from __future__ import annotations

import http.client
import ssl
import traceback
from typing import Any, NamedTuple

from job.log import log
from job.tables import Key, Outcome
from job.wire import meta
from job.wire.decoders import decoder

MAX_RETRY_AFTER_SECONDS = 32.0  # API servers ask for no more
_MAX_TEXT_BYTES = 4096  # read of an error that is no Status: the first line says what happened


class Cause(NamedTuple):
    """Why a list is not `ok`, in the columns of `collections`."""

    outcome: Outcome
    message: str | None = None
    reason: str | None = None
    http_status: int | None = None


class ReadFailure(Exception):  # noqa: N818 (expected: it becomes a row of `collections`)
    """A request or a list failed."""

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        reason: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.cause = Cause(outcome, message, reason, http_status)
        self.retry_after = retry_after
        """Seconds to wait before a retry; None where a retry cannot help."""


class ContinueTokenExpired(Exception):  # noqa: N818
    """The list must be read again from its first page: its continue token has expired, or its pages disagree."""


def stopped() -> ReadFailure:
    """The failure of every read after the run was asked to stop."""
    return ReadFailure("stopped", "the run was stopped before it was read")


def report_bug(error: Exception, key: Key) -> Cause:
    """Logs a bug of this program. It costs one list or one cluster, and the run exits with 1."""
    # files and lines alone: the values in a traceback may be anybody's
    where = " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    name = type(error).__name__
    log.error("bug", project=key.project_id, location=key.location, cluster=key.cluster, error=name, where=where)
    return Cause("bug", f"{name}: a bug in gke-inventory; please report it", "Bug")


_STATUS = decoder(meta.Status)
_OUTCOMES: dict[int, Outcome] = {401: "unauthorized", 403: "forbidden", 404: "not_served", 429: "throttled"}


def response_failure(status: int, headers: Any, body: memoryview, token: str) -> ReadFailure:
    """The failure that a response with another status than 200 means. Its body is a `Status`, or plain text.

    Args:
        token: the bearer token of the request, which some proxies repeat.

    Raises:
        ContinueTokenExpired: the status is 410.
    """
    try:
        answer = _STATUS.decode(body)
        reason, message = answer.reason or "", answer.message or ""
    except meta.NOT_DECODABLE:
        reason, message = "", bytes(body[:_MAX_TEXT_BYTES]).decode("utf-8", "replace")
        if message.lstrip().startswith(("<", "{")):  # a proxy's page, or half a Status
            message = ""
    if token:
        reason, message = reason.replace(token, "..."), message.replace(token, "...")
    text = printable(message, 300) or f"HTTP status {status}"
    if status == 410:
        raise ContinueTokenExpired(text)
    if status == 429 and (flow := headers.get("X-Kubernetes-PF-FlowSchema-UID")):
        # https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#diagnostics
        text += f" (by the FlowSchema with UID {printable(flow, 36)})"
    return ReadFailure(
        _OUTCOMES.get(status, "server_error" if status >= 500 else "refused"),
        text,
        reason=printable(reason, 100) or None,
        http_status=status,
        retry_after=retry_after(headers) if status == 429 or status >= 500 else None,
    )


def retry_after(headers: Any) -> float:
    """Seconds of the header `Retry-After`, a number or, from proxies, a date; 0 without a usable one."""
    from urllib3 import Retry
    from urllib3.exceptions import InvalidHeader

    try:
        return min(Retry().parse_retry_after(headers.get("Retry-After") or "0"), MAX_RETRY_AFTER_SECONDS)
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0


def connection_failure(error: Exception, request_seconds: float) -> ReadFailure:
    """The failure that an error of urllib3 means.

    Args:
        request_seconds: the time that the request had.
    """
    from urllib3 import exceptions

    cause: BaseException = error
    while isinstance(cause, exceptions.MaxRetryError) and cause.reason is not None:
        cause = cause.reason
    if isinstance(cause, exceptions.NameResolutionError):
        text = "the endpoint's name cannot be resolved"
        return ReadFailure("unreachable", text, reason="NameResolution", retry_after=0.0)
    if isinstance(cause, exceptions.NewConnectionError):
        text = "the connection was refused or has no route"
        return ReadFailure("unreachable", text, reason="ConnectionRefused", retry_after=0.0)
    if isinstance(cause, exceptions.ConnectTimeoutError):
        return ReadFailure("timed_out", "no connection within the connect timeout", reason="ConnectTimeout")
    if isinstance(cause, exceptions.TimeoutError):
        if "handshake" in str(cause.__cause__):
            return ReadFailure("timed_out", "no TLS handshake within the connect timeout", reason="ConnectTimeout")
        return ReadFailure("timed_out", f"no response within {request_seconds:g} s", reason="ReadTimeout")
    if isinstance(cause, exceptions.SSLError):
        return _tls_failure(cause)
    if isinstance(cause, exceptions.ProxyError):
        text = f"the proxy refuses the connection: {printable(str(cause.original_error))}"
        return ReadFailure("unreachable", text, reason="Proxy", retry_after=0.0)
    return _broken_connection(cause)


def _tls_failure(error: Exception) -> ReadFailure:
    refused = error.args[0] if error.args else error
    if isinstance(refused, ssl.SSLCertVerificationError):
        text = f"the server's certificate is refused: {printable(refused.verify_message).rstrip('.')}"
        return ReadFailure("unreachable", text, reason="Certificate")
    return ReadFailure("unreachable", f"TLS: {printable(str(error))}", reason="TLS", retry_after=0.0)


def _broken_connection(error: BaseException) -> ReadFailure:
    """In our own words: what the error quotes may be a part of somebody's object."""
    from urllib3.exceptions import LocationValueError, ProtocolError

    if isinstance(error, LocationValueError):
        text = "the endpoint is neither a host name nor an address"
        return ReadFailure("unreachable", text, reason="Endpoint")
    if isinstance(error, ProtocolError) and len(error.args) > 1:
        error = error.args[1]
    if isinstance(error, http.client.IncompleteRead):
        text = "the connection broke in the middle of the response"
    elif isinstance(error, OSError):  # RemoteDisconnected is one
        text = f"the connection broke: {error.strerror or 'the server closed it without a response'}"
    elif isinstance(error, (http.client.HTTPException, ValueError)):
        return ReadFailure("invalid", "the response is malformed HTTP", retry_after=0.0)
    else:
        text = f"the connection broke ({type(error).__name__})"
    return ReadFailure("unreachable", text, reason="ConnectionBroken", retry_after=0.0)


def printable(text: str, max_length: int = 200) -> str:
    """Somebody else's text, made safe for a row, a log line or a terminal: one line, without control characters.

    >>> printable("no such\\n\\x1b[31mpod")
    'no such [31mpod'
    """
    cut = text[:max_length]
    return " ".join("".join([char if char.isprintable() else " " for char in cut]).split())
