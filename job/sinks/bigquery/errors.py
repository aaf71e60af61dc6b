"""Errors of Google's libraries, as one sentence about the sink."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from job.connect.connection_errors import why_no_response
from job.connect.google_errors import described, refusal
from job.errors import CredentialsError, InventoryError, QueryError, SinkError
from job.printable import said

# of a refusal that no role on the dataset would mend
_CAUSES = ("AccountDisabled", "ApiDisabled", "BillingDisabled", "QuotaProjectDenied", "VpcServiceControls")
# https://cloud.google.com/bigquery/docs/error-messages: the reasons for which a retry is advised
TRANSIENT = frozenset(
    {
        "backendError", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded",
        "rateLimitExceeded",
    }
)  # fmt: skip


@contextmanager
def as_sink_error(action: str) -> Iterator[None]:
    """Raises SinkError in place of the libraries' errors.

    Args:
        action: what is being done; it opens the message.
    """
    from concurrent.futures import TimeoutError as FutureTimeoutError

    from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    from job.sinks.bigquery.retries import GaveUpError

    try:
        yield
    except GaveUpError as error:
        raise SinkError(f"{action}: {error}") from error
    except Forbidden as error:
        raise SinkError(f"{action}: {_refused(error)}") from error
    except NotFound as error:
        raise SinkError(f"{action}: {message(error)}; check the project and dataset") from error
    except (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, FutureTimeoutError, OSError) as error:
        raise SinkError(f"{action}: {message(error)}") from error


@contextmanager
def as_query_error() -> Iterator[None]:
    """Raises QueryError where the query is wrong, not the warehouse."""
    from google.api_core.exceptions import BadRequest, NotFound

    try:
        yield
    except (BadRequest, NotFound) as error:
        raise QueryError(f"the query failed: {message(error)}") from error


def _refused(error: Any) -> str:
    """What a 403 says, and what to do."""
    found, words = reasons(error), message(error)
    if found & {"quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded"}:
        return words
    if not found:
        return f"{words}; a proxy or firewall answers in place of BigQuery: let it pass requests"
    if "billingNotEnabled" in found:
        return f"{words}; enable billing for the project"
    cause, advised = refusal(described(error, service="bigquery.googleapis.com"))
    if cause in _CAUSES:
        return advised
    return f"{words}; grant roles/bigquery.dataEditor on the dataset and roles/bigquery.jobUser on the project"


def is_transient(error: Any) -> bool:
    """Whether a retry may help."""
    from concurrent.futures import TimeoutError as FutureTimeoutError

    from google.auth.exceptions import TransportError
    from requests import exceptions

    if isinstance(error, CredentialsError):
        return error.may_pass
    if isinstance(error, exceptions.SSLError):  # also a `requests.ConnectionError`
        return False
    lost = (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)
    if isinstance(error, (*lost, ConnectionError, TransportError, FutureTimeoutError)):
        return True
    if (found := reasons(error)) and getattr(error, "code", None) not in (429, 502, 503, 504):
        return bool(found & TRANSIENT)  # Google's client gives the status 500 to failures of jobs
    return getattr(error, "code", None) in (429, 500, 502, 503, 504)


def reasons(error: Any) -> set[str]:
    """BigQuery's own words for what went wrong: `quotaExceeded`, `notFound`, ..."""
    return {str(detail.get("reason")) for detail in _details(error)}


def message(error: BaseException) -> str:
    """The error's own message, in one line, without the client library's additions."""
    if isinstance(error, InventoryError):
        return str(error)
    if (lost := why_no_response(error)) is not None:
        return lost
    detail: dict[str, Any] = next(_details(error), {})
    text = detail.get("message") or getattr(error, "message", None) or str(error) or _without_text(error)
    return said(str(text)).rstrip(".")


def _without_text(error: BaseException) -> str:
    return "it took too long" if isinstance(error, TimeoutError) else "no reason was given"


def _details(error: Any) -> Iterator[dict[str, Any]]:
    return (detail for detail in getattr(error, "errors", None) or () if isinstance(detail, dict))
