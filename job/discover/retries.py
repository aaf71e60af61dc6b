"""Calls of Google's APIs, retried while a retry may help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from job.connect.google_errors import older_reason
from job.errors import CredentialsError

T = TypeVar("T")

_FIRST_DELAY_SECONDS, _MAX_DELAY_SECONDS = 0.5, 10.0


class Answer(NamedTuple, Generic[T]):
    """The end of a call."""

    result: T | None
    error: Exception | None
    retries: int
    waited_seconds: float


def retried(call: Callable[[], T], seconds: float, is_worth_waiting: Callable[[], bool] = lambda: True) -> Answer[T]:
    """Calls until there is a result, an error that a retry cannot help, or no time left since the first call.

    A wait that is longer than the time left is cut to it, so that the last call is at the end.
    `google.api_core.retry` gives up in its place: at 33 of 60 seconds, if the next wait is of 30.

    Args:
        is_worth_waiting: asked after the first call, if a retry may help.

    Raises:
        Exception: what `call` raises, if it is no error of Google's APIs or of our credentials.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError

    end, retries, waited = time.monotonic() + seconds, 0, 0.0
    while True:
        try:
            return Answer(call(), None, retries, waited)
        except (CredentialsError, GoogleAPICallError, GoogleAuthError, OSError) as error:
            left = end - time.monotonic()
            if left <= 0 or not _may_pass(error) or (retries == 0 and not is_worth_waiting()):
                return Answer(None, error, retries, waited)
            delay = min(max(_own_delay(retries), _asked_for(error)), left)
        time.sleep(delay)
        retries, waited = retries + 1, waited + delay


def _may_pass(error: Exception) -> bool:
    if isinstance(error, CredentialsError):
        return error.may_pass
    if isinstance(error, OSError):  # over REST: `requests` raises its own subclasses
        return True
    code = getattr(error, "code", None)
    if code == 403:  # over REST, of some quotas
        return older_reason(error).lower().endswith("ratelimitexceeded")
    if code is None:  # UNKNOWN and DATA_LOSS, which gRPC gives a stream that broke
        return getattr(error, "grpc_status_code", None) is not None
    return code in (409, 429, 499, 500, 502, 503, 504)


def _asked_for(error: Any) -> float:
    """Seconds that the `RetryInfo` of an error asks for (https://google.aip.dev/194)."""
    for detail in getattr(error, "details", ()):
        delay = getattr(detail, "retry_delay", None)
        if delay is not None:
            return float(delay.seconds + delay.nanos / 1e9)
    return 0.0


def _own_delay(retries: int) -> float:
    delay = min(_FIRST_DELAY_SECONDS * 2 ** min(retries, 10), _MAX_DELAY_SECONDS)
    return float(delay * random.uniform(0.75, 1.25))  # noqa: S311
