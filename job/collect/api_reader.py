"""GETs of one API server, retried while a retry may help.

One concern a layer, outermost first: retries (here), the throttle (`throttle.py`), deadlines (`http_reader.py`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import msgspec

from job.collect.deadlines import Deadline
from job.collect.failures import ReadFailure, stopped, without_frames
from job.collect.http_reader import HttpReader, OpenResponse, Request
from job.collect.prefetch import Prefetch
from job.collect.refusals import not_json, response_failure
from job.collect.retries import RetryTime
from job.collect.throttle import Throttle, ThrottledReader
from job.collect.worker_pool import Progress
from job.config import Timeouts
from job.connect.identity import Identity
from job.errors import CredentialsError
from job.wire import meta

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

T = TypeVar("T")

WorthWaiting = Callable[[ReadFailure], bool]
"""Whether to wait for a server to which no connection came yet."""


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
        by_google: bool = False,
        worth_waiting: WorthWaiting = lambda _: True,
    ) -> None:
        """Args:
        by_google: Google's frontend serves the endpoint.
        worth_waiting: asked once, at the first failure of a server that has not answered anything.
        """
        self._timeouts, self._stop = timeouts, stop
        self._http = HttpReader(client, timeouts, compression=compression)
        self._throttled = ThrottledReader(self._http, throttle)
        self._tokens = _TokenRenewal(identity)
        self._probing = threading.Lock()
        self._by_google, self._worth_waiting = by_google, worth_waiting

    def get(
        self,
        request: Request,
        take: Callable[[memoryview], T],
        prefetch: Prefetch | None = None,
        smaller: Callable[[ReadFailure, int], Request | None] = lambda *_: None,
    ) -> T:
        """GETs one body and passes it to `take`.

        For `retry_seconds` from the first failure it retries connections that fail or break, 429, 5xx and bodies that
        are not JSON, after growing delays, or after `Retry-After` where the server asks for longer ones. A request
        whose token is refused is sent once more with a new one, and an unanswered request once more if the server still
        answers others.

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
        retries = RetryTime(self._timeouts.retry_seconds, request.deadline)
        may_probe, may_renew, began = True, True, monotonic()
        while True:
            self._sleep(0.0)
            sent_at, response = prefetch.sent_at if prefetch else monotonic(), None
            try:
                response = prefetch.response() if prefetch else self._throttled.open(request, retries.end)
                return self._receive(response, request, take)
            except ReadFailure as error:
                failure = without_frames(error)
            prefetch = None
            arrived = response.objects if response else 0
            less = smaller(failure, arrived) if self._is_too_much(failure, sent_at) else None
            delay, is_unanswered = None, failure.cause.reason == "ReadTimeout"
            if is_unanswered and (less or may_probe) and self._answers_others(request, sent_at, failure):
                may_probe, delay = False, retries.restart()
            elif less and not is_unanswered:
                delay = retries.restart(failure.retry_after)
            elif failure.cause.http_status == 401 and may_renew and response and self._tokens.renew(response.token):
                may_renew, delay = False, retries.restart()
            elif failure.retry_after is not None and self._may_come_back(failure, retries):
                delay = retries.delay(failure.retry_after)
            if delay is None:
                if response is None:
                    self._remember_silence(failure, began)
                raise failure
            request = less or request
            request.stats.retries += 1
            request.stats.waited_seconds += delay
            self._sleep(delay)

    def progress(self) -> Progress:
        """What the server has sent so far."""
        return Progress(self._http.last_response_at, self._http.received_bytes)

    def prefetch(self, request: Request) -> Prefetch:
        """Sends a request ahead, for `get` to continue with."""
        return Prefetch(lambda: self._throttled.open(request))

    def _receive(self, response: OpenResponse, request: Request, take: Callable[[memoryview], T]) -> T:
        status = request.stats.http_status = response.raw.status
        with self._http.body(response, request) as body:
            if status != 200:
                raise response_failure(status, response.raw.headers, body, response.token, by_google=self._by_google)
            self._tokens.accepted(response.token)
            request.stats.bytes += len(body)
            try:
                return take(body)
            except msgspec.ValidationError:
                raise
            except meta.NOT_DECODABLE as error:
                raise not_json(body) from error

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

    def _may_come_back(self, failure: ReadFailure, retries: RetryTime) -> bool:
        """Whether to wait for a server that cannot be connected to: always, once it has answered."""
        is_first = not failure.is_connected and self._http.last_response_at == 0.0 and retries.end == math.inf
        return not is_first or self._worth_waiting(failure)

    def _remember_silence(self, failure: ReadFailure, began: float) -> None:
        """Lets the other lists fail at once where no connection came for as long as this request was tried."""
        if not failure.is_connected and self._http.silent is None and self._http.last_response_at < began:
            self._http.silent = failure.cause

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
    """Renews a token that the server refuses (401), unless the server has refused the last new one too.

    A long run may meet several refused tokens. A server that refuses every token costs one new token.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._renewed = ""
        """The last new token, until the server accepts it."""

    def renew(self, refused: str) -> bool:
        """Whether there is a new token to try."""
        if (self._renewed and refused == self._renewed) or not self._identity.renew(refused):
            return False
        try:
            self._renewed = self._identity.token()
        except CredentialsError:  # the new token is stale already, and there is no other
            return False
        return True

    def accepted(self, token: str) -> None:
        """The server accepted this token."""
        if token == self._renewed:
            self._renewed = ""
