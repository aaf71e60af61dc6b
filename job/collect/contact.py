"""Which endpoint of a cluster answers: its endpoints are tried in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec

from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ContinueTokenExpired, ReadFailure, stopped
from job.collect.http_reader import Request
from job.collect.retries import RetryTime
from job.collect.stats import ReadStats
from job.config import Timeouts
from job.connect.endpoints import ConnectError, Endpoint
from job.connect.reachability import Network, Reachability, network_of
from job.tables.snapshots import FailedEndpoint
from job.wire import gke
from job.wire.decoders import decoder
from job.wire.meta import Wire

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_SHORT_SECONDS = 2.0  # for one attempt, in a network in which nothing has answered


class _Version(Wire, frozen=True):
    git_version: Annotated[str, msgspec.Meta(max_length=256)] | None = None


_VERSIONS = decoder(_Version)


class Greeted(Protocol):
    """An API server that is asked for its version."""

    refusal: ReadFailure | None

    def version(self) -> str | None: ...


@dataclass
class Greeting:
    """The first request to an API server, which shows whether it can be reached."""

    reader: ApiReader
    deadline: Deadline
    refusal: ReadFailure | None = None
    """Why the server, which answers, does not say its version."""

    def version(self) -> str | None:
        """The version of the API server; None where it answers, but not with its version.

        Raises:
            ReadFailure: the server cannot be reached.
        """
        request = Request("/version", (), self.deadline, ReadStats())
        try:
            return self.reader.get(request, _VERSIONS.decode).git_version
        except (ContinueTokenExpired, msgspec.ValidationError):
            return None
        except ReadFailure as error:
            cause = error.cause
            if cause.outcome not in ("unreachable", "timed_out", "stopped"):
                self.refusal = error
                return None
            text = f"{cause.message} to the first request (/version)" if cause.reason == "ReadTimeout" else str(error)
            raise ReadFailure(
                cause.outcome, text, reason=cause.reason, http_status=cause.http_status, retry_after=error.retry_after
            ) from error


@dataclass(frozen=True)
class Attempts:
    """What trying the endpoints of one cluster takes."""

    connect: Callable[[Endpoint], AbstractContextManager[ApiClient]]
    reader: Callable[[ApiClient, Endpoint, Timeouts], Greeted]
    timeouts: Timeouts
    reachability: Reachability
    stop: threading.Event
    deadline: Deadline
    failed: dict[Endpoint, FailedEndpoint] = field(default_factory=dict)
    """Why each endpoint did not answer in its last attempt, and the seconds of all."""

    def first_that_answers(
        self,
        cluster: gke.Cluster,
        endpoints: Sequence[Endpoint],
        opened: ExitStack,
        waiting: Callable[[ReadFailure], None],
    ) -> tuple[Endpoint, ApiClient, str | None]:
        """The endpoint, its client, which `opened` closes, and the version of the API server.

        Endpoints whose networks are out of reach come last. Each attempt has `connect_seconds`, and less in such a
        network. Where none answers, all are tried again for `retry_seconds`, unless waiting has been in vain for other
        clusters.

        Args:
            waiting: called once, with the first failure, if it waits.

        Raises:
            ReadFailure: none answers: with the cause of the first, and what happened to the others.
        """
        networks = {endpoint: network_of(cluster, endpoint) for endpoint in endpoints}
        order = sorted(endpoints, key=lambda each: not self.reachability.is_worth_waiting(networks[each]))
        retries = RetryTime(self.timeouts.retry_seconds, self.deadline)
        while True:
            failures: list[ReadFailure] = []
            for endpoint in order:
                with ExitStack() as attempt:
                    found = self._try(endpoint, networks[endpoint], attempt, failures, is_last=endpoint == order[-1])
                    if found is not None:
                        opened.push(attempt.pop_all())
                        return found
            delay = self._delay(failures, [networks[each] for each in order], retries)
            if delay is None:
                raise self._combined(endpoints, failures[order.index(endpoints[0])])
            if retries.is_first:
                waiting(failures[0])
            if self.stop.wait(delay):
                raise stopped()

    def _try(
        self, endpoint: Endpoint, network: Network, attempt: ExitStack, failures: list[ReadFailure], *, is_last: bool
    ) -> tuple[Endpoint, ApiClient, str | None] | None:
        started = monotonic()
        short = min(self.timeouts.connect_seconds, self.timeouts.request_seconds)
        if not self.reachability.is_worth_waiting(network):
            short = min(short, _SHORT_SECONDS)
        timeouts = msgspec.structs.replace(
            self.timeouts, connect_seconds=short, request_seconds=short, retry_seconds=0.0
        )
        try:
            client = attempt.enter_context(self.connect(endpoint))
            server = self.reader(client, endpoint, timeouts)
            version = server.version()
            if server.refusal is not None and server.refusal.is_in_front and not is_last:
                raise server.refusal
        except ConnectError as error:
            failure = ReadFailure("unreachable", str(error), reason=error.reason)
        except ReadFailure as error:
            if error.cause.outcome == "stopped":
                raise
            failure = error
        else:
            self.reachability.answered(network)
            self.failed.pop(endpoint, None)
            return endpoint, client, version
        failures.append(failure)
        earlier = self.failed.get(endpoint)
        self.failed[endpoint] = FailedEndpoint(
            endpoint_type=endpoint.type,
            endpoint=endpoint.host,
            reason=failure.cause.reason or failure.cause.outcome,
            message=str(failure),
            seconds=round(monotonic() - started + (earlier.seconds if earlier else 0.0), 3),
        )
        return None

    def _delay(self, failures: Sequence[ReadFailure], networks: Sequence[Network], retries: RetryTime) -> float | None:
        """Seconds until all endpoints are tried again; None where that is not worth it."""
        may_pass = [
            network
            for failure, network in zip(failures, networks, strict=True)
            if failure.retry_after is not None and self.reachability.is_worth_waiting(network)
        ]
        delay = retries.delay(0.0) if may_pass else None
        if may_pass and delay is None:
            for network in may_pass:
                self.reachability.waited_in_vain(network)
        return delay

    def _combined(self, endpoints: Sequence[Endpoint], first: ReadFailure) -> ReadFailure:
        cause, failed = first.cause, self.failed
        message = "; ".join(f"{each.type} endpoint {each.host}: {failed[each].message}" for each in endpoints)
        return ReadFailure(cause.outcome, message, reason=cause.reason, http_status=cause.http_status)
