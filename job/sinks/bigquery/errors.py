"""What Google's libraries raise, as one sentence about the sink."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from job.errors import SinkError

# https://cloud.google.com/bigquery/docs/error-messages: those that say to try again
TRANSIENT = frozenset({"backendError", "internalError", "rateLimitExceeded", "jobBackendError", "jobInternalError"})


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Turns whatever goes wrong into a SinkError that opens with what was being done.

    Raises:
        SinkError: in place of what the libraries raise.
    """
    from concurrent.futures import TimeoutError as FutureTimeoutError

    from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except Forbidden as error:
        advice = "grant roles/bigquery.dataEditor on the dataset and roles/bigquery.jobUser on the project"
        told = "" if reasons(error) & {"quotaExceeded", "rateLimitExceeded"} else f"; {advice}"
        raise SinkError(f"{doing}: {message(error)}{told}") from error
    except NotFound as error:
        raise SinkError(f"{doing}: {message(error)}; check the project and dataset") from error
    except (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, FutureTimeoutError, OSError) as error:
        raise SinkError(f"{doing}: {message(error)}") from error


def is_transient(error: Any) -> bool:
    """Whether trying again may help."""
    return bool(reasons(error) & TRANSIENT) or getattr(error, "code", None) in (429, 500, 502, 503, 504)


def reasons(error: Any) -> set[str]:
    """BigQuery's own words for what went wrong: `quotaExceeded`, `notFound`, ..."""
    return {str(told.get("reason")) for told in getattr(error, "errors", None) or () if isinstance(told, dict)}


def message(error: BaseException) -> str:
    """What went wrong, in one line, without what the client library adds to it."""
    told = next((told for told in getattr(error, "errors", None) or () if isinstance(told, dict)), {})
    text = told.get("message") or getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300].rstrip(".")
