"""Why a read failed: what API servers, proxies and connections say, as the outcomes of `collections`."""

from __future__ import annotations

import errno
import http.client
import ssl
import traceback
from typing import Any, NamedTuple

from job.log import log
from job.printable import printable
from job.tables import Key, Outcome

MAX_RETRY_AFTER_SECONDS = 32.0  # API servers ask for no more


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
        is_in_front: bool = False,
    ) -> None:
        super().__init__(message)
        self.cause = Cause(outcome, message, reason, http_status)
        self.is_in_front = is_in_front
        """Whether a layer in front of the API server refused the request."""
        self.retry_after = retry_after
        """Seconds to wait before a retry; None where a retry cannot help."""

    @property
    def is_connected(self) -> bool:
        """False where there was no connection to the server, so that any other request would fail in the same way."""
        return self.cause.reason not in _WITHOUT_CONNECTION


_WITHOUT_CONNECTION = frozenset(
    {"NameResolution", "ConnectionRefused", "NoRoute", "ConnectTimeout", "TLS", "Certificate", "Proxy", "Endpoint"}
)
"""Reasons of `connection_failure`."""


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
        if getattr(cause.__cause__, "errno", None) in _NO_ROUTE:
            text = "there is no route to the endpoint's address"
            return ReadFailure("unreachable", text, reason="NoRoute", retry_after=0.0)
        text = "the connection was refused"
        return ReadFailure("unreachable", text, reason="ConnectionRefused", retry_after=0.0)
    if isinstance(cause, exceptions.ConnectTimeoutError):
        text = "no connection within the connect timeout"
        return ReadFailure("timed_out", text, reason="ConnectTimeout", retry_after=0.0)
    if isinstance(cause, exceptions.TimeoutError):
        if "handshake" in str(cause.__cause__):
            text = "no TLS handshake within the connect timeout"
            return ReadFailure("timed_out", text, reason="ConnectTimeout", retry_after=0.0)
        return ReadFailure("timed_out", f"no response within {request_seconds:g} s", reason="ReadTimeout")
    if isinstance(cause, exceptions.SSLError):
        return _tls_failure(cause)
    if isinstance(cause, exceptions.ProxyError):
        text = f"the proxy refuses the connection: {printable(str(cause.original_error))}"
        return ReadFailure("unreachable", text, reason="Proxy", retry_after=0.0)
    return _broken_connection(cause)


# connect(2); EACCES and EPERM come from a local firewall
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EACCES, errno.EPERM)


def _tls_failure(error: Exception) -> ReadFailure:
    refused = error.args[0] if error.args else error
    if isinstance(refused, ssl.SSLCertVerificationError):
        text = f"the server's certificate is refused: {printable(refused.verify_message).rstrip('.')}"
        return ReadFailure("unreachable", text, reason="Certificate")
    # a CA certificate that cannot be parsed stays so; an end of file in a handshake may pass
    may_pass = getattr(refused, "library", None) not in ("X509", "PEM", "ASN1")
    text = f"TLS: {printable(str(error))}"
    return ReadFailure("unreachable", text, reason="TLS", retry_after=0.0 if may_pass else None)


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


def without_frames(failure: ReadFailure) -> ReadFailure:
    """The failure without the frames of its traceback, and of what caused it: they hold the body that was read, which a
    retry would have in memory twice."""
    error: BaseException | None = failure
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
    return failure
