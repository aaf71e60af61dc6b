"""Errors of Google's libraries, as one sentence about the sink."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from job.errors import SinkError

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

    try:
        yield
    except Forbidden as error:
        advice = "grant roles/bigquery.dataEditor on the dataset and roles/bigquery.jobUser on the project"
        is_quota = bool(reasons(error) & {"quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded"})
        raise SinkError(f"{action}: {message(error)}" + ("" if is_quota else f"; {advice}")) from error
    except NotFound as error:
        raise SinkError(f"{action}: {message(error)}; check the project and dataset") from error
    except (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, FutureTimeoutError, OSError) as error:
        raise SinkError(f"{action}: {message(error)}") from error


def is_transient(error: Any) -> bool:
    """Whether a retry may help."""
    return bool(reasons(error) & TRANSIENT) or getattr(error, "code", None) in (429, 500, 502, 503, 504)


def reasons(error: Any) -> set[str]:
    """BigQuery's own words for what went wrong: `quotaExceeded`, `notFound`, ..."""
    return {str(detail.get("reason")) for detail in _details(error)}


def message(error: BaseException) -> str:
    """The error's own message, in one line, without the client library's additions."""
    detail: dict[str, Any] = next(_details(error), {})
    text = detail.get("message") or getattr(error, "message", None) or str(error) or _without_text(error)
    return " ".join(str(text).split())[:300].rstrip(".")


def _without_text(error: BaseException) -> str:
    return "it took too long" if isinstance(error, TimeoutError) else "no reason was given"


def _details(error: Any) -> Iterator[dict[str, Any]]:
    return (detail for detail in getattr(error, "errors", None) or () if isinstance(detail, dict))
