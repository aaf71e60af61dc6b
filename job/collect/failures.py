"""What cannot be read, and why: what API servers, proxies and connections say, as the outcomes of lists."""

from __future__ import annotations

import http.client
import ssl
from typing import Any

import msgspec

from job.tables import Outcome
from job.wire import meta

MAX_RETRY_AFTER_SECONDS = 32.0  # seconds; API servers ask for no more
_MOST_TEXT = 4096  # bytes of an error that is no Status: its first line tells, and tokens are as long as this


class ReadFailure(Exception):  # noqa: N818 (an outcome, not a fault of ours)
    """A request or list that cannot be read: the outcome to record, and why."""

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        reason: str | None = None,
        http_status: int | None = None,
        again: float | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome, self.message, self.reason, self.http_status = outcome, message, reason, http_status
        self.again = again
        """Seconds after which another try may help; None where none will."""


class ContinueTokenExpired(Exception):  # noqa: N818
    """The list's continue token has expired: what was read of it is void."""


# Decoders are made when the module is: msgspec crashes when threads are the first to use a class, at the same time.
_STATUS = msgspec.json.Decoder(meta.Status)
_OUTCOMES: dict[int, Outcome] = {401: "unauthorized", 403: "forbidden", 404: "not_served", 429: "throttled"}


def response_failure(status: int, headers: Any, body: memoryview, token: str) -> ReadFailure:
    """What the server said instead of an answer: a `Status`, or plain text.

    Args:
        token: the one it was asked with, which some proxies say again.

    Raises:
        ContinueTokenExpired: that the continue token is too old.
    """
    try:
        told = _STATUS.decode(body)
        reason, message = told.reason or "", told.message or ""
    except meta.NOT_DECODABLE:
        reason, message = "", bytes(body[:_MOST_TEXT]).decode("utf-8", "replace")
        if message.lstrip().startswith(("<", "{")):  # a proxy's page, or half a Status
            message = ""
    if token:
        reason, message = reason.replace(token, "..."), message.replace(token, "...")
    outcome = _OUTCOMES.get(status, "server_error" if status >= 500 else "refused")
    text = printable(message, 300) or f"HTTP status {status}"
    if status == 410:
        raise ContinueTokenExpired(text)
    if status == 429 and (flow := headers.get("X-Kubernetes-PF-FlowSchema-UID")):
        # https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#diagnostics
        text += f" (by the FlowSchema with UID {printable(flow, 36)})"
    again = _retry_after(headers) if status == 429 or status >= 500 else None
    return ReadFailure(outcome, text, reason=printable(reason, 100) or None, http_status=status, again=again)


def connection_failure(error: Exception, limit: float) -> ReadFailure:
    """What a failure of urllib3's means.

    Args:
        limit: seconds that the request had.
    """
    from urllib3 import exceptions

    cause: BaseException = error
    while isinstance(cause, exceptions.MaxRetryError) and cause.reason is not None:
        cause = cause.reason
    if isinstance(cause, exceptions.NameResolutionError):
        return ReadFailure("unreachable", "the endpoint's name cannot be resolved", reason="NameResolution", again=0.0)
    if isinstance(cause, exceptions.NewConnectionError):
        text = "the connection was refused or has no route"
        return ReadFailure("unreachable", text, reason="ConnectionRefused", again=0.0)
    if isinstance(cause, exceptions.ConnectTimeoutError):
        return ReadFailure("timed_out", "no connection within the connect timeout", reason="ConnectTimeout")
    if isinstance(cause, exceptions.TimeoutError):
        if "handshake" in str(cause.__cause__):
            return ReadFailure("timed_out", "no TLS handshake within the connect timeout", reason="ConnectTimeout")
        return ReadFailure("timed_out", f"no answer within {limit:g} s", reason="ReadTimeout")
    if isinstance(cause, exceptions.SSLError):
        refused = cause.args[0] if cause.args else cause
        if isinstance(refused, ssl.SSLCertVerificationError):
            text = printable(refused.verify_message).rstrip(".")
            return ReadFailure("unreachable", f"the server's certificate is refused: {text}", reason="Certificate")
        return ReadFailure("unreachable", f"TLS: {printable(str(cause))}", reason="TLS", again=0.0)
    if isinstance(cause, exceptions.ProxyError):
        text = f"the proxy does not let it through: {printable(str(cause.original_error))}"
        return ReadFailure("unreachable", text, reason="Proxy", again=0.0)
    return _broken(cause)


def _broken(cause: BaseException) -> ReadFailure:
    """In our own words: what the error quotes may be a piece of somebody's object."""
    from urllib3.exceptions import LocationValueError, ProtocolError

    if isinstance(cause, LocationValueError):
        return ReadFailure("unreachable", "the endpoint is not a host's name or address", reason="Endpoint")
    if isinstance(cause, ProtocolError) and len(cause.args) > 1:
        cause = cause.args[1]
    if isinstance(cause, http.client.IncompleteRead):
        text = "the connection broke in the middle of the answer"
    elif isinstance(cause, OSError):  # RemoteDisconnected is one
        text = f"the connection broke: {cause.strerror or 'it was closed without an answer'}"
    elif isinstance(cause, (http.client.HTTPException, ValueError)):
        return ReadFailure("invalid", "what came is not HTTP as it should be", again=0.0)
    else:
        text = f"the connection broke ({type(cause).__name__})"
    return ReadFailure("unreachable", text, reason="ConnectionBroken", again=0.0)


def printable(text: str, most: int = 200) -> str:
    """What somebody else wrote, for a row, a log line or a terminal: in one line, of so many characters, and with none
    that a terminal would obey."""
    return " ".join("".join([each if each.isprintable() else " " for each in text[:most]]).split())


def _retry_after(headers: Any) -> float:
    """Seconds that the server asks to wait: it tells their number or, as proxies do, a date."""
    from urllib3 import Retry
    from urllib3.exceptions import InvalidHeader

    try:
        return min(Retry().parse_retry_after(headers.get("Retry-After") or "0"), MAX_RETRY_AFTER_SECONDS)
    except (InvalidHeader, ValueError, OverflowError):  # some of what is a number or a date is none to reckon with
        return 0.0
