"""GETs of one API server, retried while a retry may help.

One concern a layer, outermost first: retries (here), the throttle (`throttle.py`), deadlines (`http_reader.py`).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import msgspec

from job.collect.deadlines import Deadline
from job.collect.failures import MAX_RETRY_AFTER_SECONDS, ReadFailure, response_failure, stopped
from job.collect.http_reader import HttpReader, OpenResponse, Request
from job.collect.prefetch import Prefetch
from job.collect.throttle import Throttle, ThrottledReader
from job.config import Timeouts
from job.connect.identity import Identity
from job.errors import CredentialsError
from job.wire import meta

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

T = TypeVar("T")

_FIRST_DELAY_SECONDS = 0.5


class ApiReader:
    """Reads from one API server. The lists of a cluster share it, each in threads of its own."""

    def __init__(
        self,
        client: ApiClient,
        identity: Identity,
        timeouts: Timeouts,
        stop: threading.Event,
        throttle: Throttle,
        *,
        compression: bool = True,
    ) -> None:
        self._timeouts, self._stop = timeouts, stop
        self._http = HttpReader(client, timeouts, compression=compression)
        self._throttled = ThrottledReader(self._http, throttle)
        self._tokens = _TokenRenewal(identity)
        self._probing = threading.Lock()

    def get(
        self,
        request: Request,
        take: Callable[[memoryview], T],
        prefetch: Prefetch | None = None,
        smaller: Callable[[ReadFailure, int], Request | None] = lambda *_: None,
    ) -> T:
        """GETs one body and passes it to `take`.

        For `retry_seconds` it retries broken connections, 429, 5xx and bodies that are not JSON, after growing delays,
        or after `Retry-After` where the server asks for longer ones. It renews a refused token once a cluster, and
        repeats an unanswered request once, if the server still answers others.

        Args:
            take: called with the body. The buffer is reused afterwards: copy what you keep.
            prefetch: the first attempt, where it was sent ahead.
            smaller: called with the failure of a page that was too large or too slow, and with about how many of its
                objects arrived; returns the request for a smaller page, if there is one.

        Raises:
            ReadFailure: every attempt failed, or the run was stopped.
            ContinueTokenExpired: the server answered 410.
            msgspec.ValidationError: `take` raised it, for JSON of the wrong shape.
        """
        end = min(request.deadline.at, monotonic() + self._timeouts.retry_seconds)
        may_probe = True
        for attempt in count(1):
            self._sleep(0.0)
            sent_at, token, response = prefetch.sent_at if prefetch else monotonic(), "", None
            try:
                response = prefetch.response() if prefetch else self._throttled.open(request)
                token = response.token
                return self._receive(response, request, take)
            except msgspec.ValidationError:
                raise
            except meta.NOT_DECODABLE:
                failure = ReadFailure("invalid", "the response is not JSON", http_status=200, retry_after=0.0)
            except ReadFailure as error:
                failure = error
            prefetch = None
            after = failure.retry_after
            delay = None if after is None else max(after, _delay(attempt))
            arrived = response.objects if response else 0
            less = smaller(failure, arrived) if self._is_too_much(failure, sent_at) else None
            if failure.cause.reason == "ReadTimeout":
                if (less or may_probe) and self._answers_others(request, sent_at, failure):
                    may_probe, delay, end = False, 0.0, request.deadline.at
            elif less:
                delay, end = delay or 0.0, request.deadline.at
            elif failure.cause.http_status == 401 and self._tokens.renew(token):
                delay, end = 0.0, request.deadline.at
            if delay is None or monotonic() + delay > end:
                raise failure
            request = less or request
            request.stats.retries += 1
            request.stats.waited_seconds += delay
            self._sleep(delay)
        raise AssertionError("unreachable")

    def prefetch(self, request: Request) -> Prefetch:
        """Sends a request ahead, for `get` to continue with."""
        return Prefetch(lambda: self._throttled.open(request))

    def _receive(self, response: OpenResponse, request: Request, take: Callable[[memoryview], T]) -> T:
        status = request.stats.http_status = response.raw.status
        with self._http.body(response, request) as body:
            if status != 200:
                raise response_failure(status, response.raw.headers, body, response.token)
            self._tokens.accepted()
            request.stats.bytes += len(body)
            return take(body)

    def _sleep(self, seconds: float) -> None:
        if self._stop.is_set() or (seconds and self._stop.wait(seconds)):
            raise stopped()

    def _is_too_much(self, failure: ReadFailure, sent_at: float) -> bool:
        """Whether a smaller page may be read where this one failed.

        An API server breaks the connection when its own `--request-timeout` is over, 60 s by default, or responds with
        the reason `Timeout`.
        """
        reason = failure.cause.reason
        is_late = monotonic() - sent_at >= self._timeouts.request_seconds / 2
        return reason in ("TooLarge", "ReadTimeout", "Timeout") or (is_late and reason == "ConnectionBroken")

    def _answers_others(self, request: Request, sent_at: float, failure: ReadFailure) -> bool:
        """Whether the server, which left a request unanswered, answers anything else.

        If so, that request deserves a second try: after this process was migrated, its connections are dead without a
        notice. A server that answers nothing is found silent once, not by each of its lists in turn.
        """
        with self._probing:
            if self._http.silent is None and self._http.last_response_at < sent_at:
                patience = min(self._timeouts.connect_seconds, self._timeouts.request_seconds)
                soon = Deadline(monotonic() + patience, *request.deadline[1:])
                probe = Request("/version", (), min(soon, request.deadline), request.stats)
                try:
                    with self._http.body(self._http.open(probe), probe):
                        pass
                except ReadFailure:
                    self._http.silent = failure.cause._replace(http_status=None)
            return self._http.silent is None


class _TokenRenewal:
    """Renews a token that the server refuses (401): once, until the server has accepted another."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._renewed = ""
        self._has_failed = False

    def renew(self, refused: str) -> bool:
        """Whether there is a new token to try."""
        self._has_failed = self._has_failed or refused == self._renewed
        if self._has_failed or not self._identity.renew(refused):
            return False
        try:
            self._renewed = self._identity.token()
        except CredentialsError:  # the new token is stale already, and there is no other
            return False
        return True

    def accepted(self) -> None:
        """The server accepted a token."""
        self._has_failed = False


def _delay(attempt: int) -> float:
    """Seconds before a retry: 0.5, doubling, with jitter."""
    delay = min(_FIRST_DELAY_SECONDS * 2 ** (attempt - 1), MAX_RETRY_AFTER_SECONDS)
    return float(delay * random.uniform(0.75, 1.25))  # noqa: S311
