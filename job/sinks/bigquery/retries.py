"""The one retry policy of everything that this program asks of BigQuery."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, TypeVar

from google.api_core.retry import Retry, RetryFailureReason, retry_target

from job.connect.bounded import within
from job.log import log
from job.signals import Stop
from job.sinks.bigquery.errors import is_transient, message
from job.waiting import waiting_for

T = TypeVar("T")

_SLACK_SECONDS = 0.2  # lets the library's own error, which says more, come first
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 32.0  # seconds


class GaveUpError(Exception):
    """The time is up, and the last try has failed too."""

    def __init__(self, error: Exception, seconds: float) -> None:
        super().__init__(f"{message(error)}; gave up after {seconds:g} s (timeouts.sink_seconds)")


class BoundedRetry(Retry):
    """Google's `Retry` with the waits that BigQuery's SLA asks for, a warning for each failed try, and a firm end.

    1 s after the first failure, and twice as long after each further one, up to 32 s
    (https://cloud.google.com/bigquery/sla, "Back-off Requirements"): Google's own waits start at 0. A stop ends a wait.

    Each try of a request gets the time that is left, so that a server that never answers does not hold it for longer.
    """

    def __init__(
        self,
        seconds: float,
        *,
        connect_seconds: float,
        request_seconds: float,
        stop: Stop,
        end: float = math.inf,
        predicate: Callable[[Exception], bool] = is_transient,
    ) -> None:
        super().__init__(predicate=predicate, timeout=seconds)
        self.seconds, self._connect_seconds, self._request_seconds = seconds, connect_seconds, request_seconds
        self._stop, self._end = stop, end

    def started(self) -> BoundedRetry:
        """The same policy for several requests that share the time from now on."""
        return self._until(min(monotonic() + self.seconds, self._end), self._predicate)

    def once(self) -> BoundedRetry:
        """A single try, in the time that is left."""
        return self._until(self._end, lambda _: False)

    def left(self) -> float:
        """Seconds until a started policy gives up."""
        return max(self._end - monotonic(), 0.01)

    def __call__(self, func: Callable[..., T], on_error: Callable[[Exception], Any] | None = None) -> Callable[..., T]:  # noqa: ARG002
        """A request of Google's client, which takes a `timeout`, as one that is retried."""
        return lambda *args, **kwargs: self.retried(
            lambda policy: policy.bounded(lambda timeout: func(*args, **{**kwargs, "timeout": timeout}))
        )

    def bounded(self, call: Callable[[tuple[float, float]], T], *, seconds: float | None = None) -> T:
        """One try, which ends in time also while a name is resolved or a response comes byte by byte.

        Args:
            call: gets its `timeout`: seconds to connect, and to wait for the next byte, as requests takes them.
            seconds: that an upload may take, which is longer than a request.
        """
        left = min(self.left(), self.seconds)
        timeout = min(self._connect_seconds, left), min(self._request_seconds, left)
        return within((seconds or min(sum(timeout), left)) + _SLACK_SECONDS, lambda: call(timeout))

    def retried(self, attempt: Callable[[BoundedRetry], T]) -> T:
        """The result of the first attempt that succeeds.

        Args:
            attempt: gets the policy, whose time it shares with the other attempts.

        Raises:
            GaveUpError: the time is up.
            Interrupted: a stop was asked for, and no time is left.
            Exception: what an attempt raises, if a retry cannot help.
        """
        policy = self.started()
        attempts = 0

        def warn(error: Exception) -> None:
            nonlocal attempts
            attempts += 1
            log.warning("BigQuery request failed", error=message(error), attempt=attempts)

        with waiting_for("BigQuery", self.seconds):
            result: T = retry_target(
                lambda: attempt(policy),
                self._predicate,
                policy._pauses(),
                timeout=policy.left(),
                on_error=warn,
                exception_factory=self._last_error,
            )
        return result

    def _until(self, end: float, predicate: Callable[[Exception], bool]) -> BoundedRetry:
        return BoundedRetry(
            self.seconds,
            connect_seconds=self._connect_seconds,
            request_seconds=self._request_seconds,
            stop=self._stop,
            end=end,
            predicate=predicate,
        )

    def _pauses(self) -> Iterator[float]:
        """Waits itself, since Google's sleep hears no stop, and leaves Google's `Retry` nothing to wait."""
        wait = _FIRST_WAIT
        while True:
            pause = wait * random.uniform(1.0, 1.25)  # noqa: S311
            if monotonic() + pause > self._end:
                yield math.inf  # gives up
            self._stop.pause(pause)
            yield 0.0
            wait = min(2 * wait, _LONGEST_WAIT)

    def _last_error(
        self,
        errors: list[Exception],
        reason: RetryFailureReason,
        timeout: float | None,  # noqa: ARG002
    ) -> tuple[Exception, Exception | None]:
        if reason is RetryFailureReason.NON_RETRYABLE_ERROR:
            return errors[-1], None
        return GaveUpError(errors[-1], self.seconds), errors[-1]
