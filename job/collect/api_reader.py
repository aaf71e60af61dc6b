"""GET requests to one API server: bodies as raw bytes, with retries, and each within its time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, LifoQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from job.collect.deadlines import Deadline
from job.collect.failures import MAX_RETRY_AFTER_SECONDS, ReadFailure, connection_failure, response_failure
from job.collect.stats import ReadStats
from job.collect.throttle import Throttle, ThrottleTimeoutError
from job.config import Timeouts
from job.connect.identity import Identity
from job.connect.watch import WATCH
from job.errors import CredentialsError
from job.wire import meta

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import BaseHTTPResponse

Taken = TypeVar("Taken")

MOST_BYTES = 96 << 20  # of one page, decompressed: 500 objects of 200 kB each; what it takes stays below 250 MB with it
_MOST_REFUSED_BYTES = 1 << 20  # of what is said in place of an answer
_PORTION = 256 << 10  # bytes: sixteen TLS records, so that urllib3's work for a read is little beside theirs
_LARGE_AT_ONCE = 2  # bodies of one server that are longer than this: what is read but no rows yet takes memory
_KEPT_BYTES = 32 << 20  # of a buffer that is used again, which spares the kernel's work for fresh memory
_FIRST_WAIT = 0.5  # seconds


class Answer(NamedTuple):
    status: int
    headers: Any
    body: memoryview


class Begun(NamedTuple):
    """An answer whose headers have come, and whose body is still to be read."""

    response: BaseHTTPResponse
    token: str
    """The bearer token it was asked with."""
    seconds: float
    """That it has taken until here."""
    turn: ExitStack
    """At the gate; it ends with the body."""

    def close(self) -> None:
        """Leaves the body unread."""
        self.response.close()
        self.turn.close()


class Sent:
    """A request on its way, in a thread of its own."""

    def __init__(self, send: Callable[[], Begun]) -> None:
        self.at = monotonic()
        self._begun: Future[Begun] = Future()
        threading.Thread(target=self._run, args=(send,), daemon=True).start()

    def begun(self) -> Begun:
        """Waits for its answer to begin; raises what sending has raised."""
        return self._begun.result()

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self._begun.add_done_callback(lambda done: None if done.exception() else done.result().close())

    def _run(self, send: Callable[[], Begun]) -> None:
        try:
            self._begun.set_result(send())
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            self._begun.set_exception(error)


@dataclass
class ApiReader:
    """One API server as the lists of one cluster see it."""

    client: ApiClient
    identity: Identity
    timeouts: Timeouts
    wait: Callable[[float], object]
    """Waits so many seconds."""
    gate: Throttle = field(default_factory=Throttle)
    renewed: str = ""
    """The token that was got after another was refused."""
    refuses: bool = False
    """Whether that one is refused too: no further ones are got, one a list."""
    _room: LifoQueue[bytearray] = field(default_factory=lambda: _buffers(_LARGE_AT_ONCE))
    _answered_at: float = 0.0
    _silence: ReadFailure | None = None
    _probing: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self,
        path: str,
        query: list[tuple[str, Any]],
        take: Callable[[memoryview], Taken],
        tally: ReadStats,
        sent: Sent | None = None,
    ) -> Taken:
        """GETs one body and has it taken in, again where that may help.

        Connection failures, 429, 5xx and bodies that are not JSON are tried again for `retry_seconds`, after growing
        waits, or after `Retry-After` where the server asks for longer ones; a 401 once a cluster; and once what was
        not answered, where the server still answers.

        Args:
            take: is given the body, whose bytes are another's once it has returned.
            sent: the first attempt, where it is on its way.

        Raises:
            ReadFailure: it could not be had.
            Expired: 410, the continue token is too old.
            msgspec.ValidationError: from `take`, for JSON that is not what it should be.
        """
        end = min(tally.deadline.at, monotonic() + self.timeouts.retry_seconds)
        is_patient = True
        for attempt in count(1):
            self.wait(0.0)  # where the run was stopped, it ends here
            token, sent_at = "", sent.at if sent else monotonic()
            try:
                begun = sent.begun() if sent else self._send(path, query, tally)
                token = begun.token
                with self._received(begun, tally.deadline) as answer:
                    tally.http_status = answer.status
                    if answer.status != 200:
                        raise response_failure(answer.status, answer.headers, answer.body, token)
                    self.refuses = False
                    self.gate.answered()
                    tally.bytes += len(answer.body)
                    return take(answer.body)
            except msgspec.ValidationError:
                raise
            except meta.NOT_DECODABLE:
                failure = ReadFailure("invalid", "the answer is not JSON", http_status=200, again=0.0)
            except ReadFailure as error:
                failure = error
            sent = None
            wait = None if failure.again is None else max(failure.again, _backoff(attempt))
            if failure.http_status == 429:
                self.gate.throttled(failure.again or 0.0)
            if failure.reason == "ReadTimeout" and is_patient and self._answers_others(sent_at, failure, tally):
                is_patient, wait, end = False, 0.0, tally.deadline.at
            elif failure.http_status == 401 and self._has_new_token(token):
                wait, end = 0.0, tally.deadline.at
            if wait is None or monotonic() + wait > end:
                raise failure
            tally.retries += 1
            tally.waited_seconds = round(tally.waited_seconds + wait, 3)
            self.wait(wait)
        raise AssertionError("unreachable")

    def send(self, path: str, query: list[tuple[str, Any]], tally: ReadStats) -> Sent:
        """Sends a request, in a thread of its own, for `get` to go on with."""
        return Sent(lambda: self._send(path, query, tally))

    def _has_new_token(self, refused: str) -> bool:
        self.refuses = self.refuses or refused == self.renewed
        if self.refuses or not self.identity.renew(refused):
            return False
        self.renewed = self.identity.token()
        return True

    def _answers_others(self, sent_at: float, failure: ReadFailure, tally: ReadStats) -> bool:
        """Whether the server answers at all, where it has not answered a request.

        Then that one is worth a second try: after a migration of this process its connections are dead without a word.
        A server that answers nothing is found silent once, not by each of its lists in turn.
        """
        with self._probing:
            if self._silence is None and self._answered_at < sent_at:
                patience = min(self.timeouts.connect_seconds, self.timeouts.request_seconds)
                soon = Deadline(monotonic() + patience, *tally.deadline[1:])
                try:
                    at_once = min(soon, tally.deadline)
                    with self._received(self._send("/version", [], tally, at_once), at_once):
                        pass
                except ReadFailure:
                    self._silence = failure
            return self._silence is None

    def _send(
        self, path: str, query: list[tuple[str, Any]], tally: ReadStats, at_once: Deadline | None = None
    ) -> Begun:
        """Sends one request, when its turn has come, and waits for its answer to begin.

        Args:
            at_once: sends it now, and gives it until then.
        """
        deadline = at_once or tally.deadline
        accept = {"Accept": "application/json"}
        try:
            _, url, headers, *_ = self.client.param_serialize(
                "GET", path, query_params=query, header_params=accept, auth_settings=["BearerToken"]
            )
        except CredentialsError as error:
            again = 0.0 if error.may_pass else None
            raise ReadFailure("unauthorized", str(error), reason="Credentials", again=again) from error
        with ExitStack() as turn:
            if at_once is None:
                try:
                    turn.enter_context(self.gate.turn(deadline.at))
                except ThrottleTimeoutError:
                    raise deadline.unread() from None
            if self._silence is not None:
                raise ReadFailure("timed_out", self._silence.message, reason=self._silence.reason)
            tally.requests += 1
            clock = monotonic()
            response = self._begin(url, headers, deadline)
            token = headers["authorization"].removeprefix("Bearer ")
            return Begun(response, token, monotonic() - clock, turn.pop_all())

    def _begin(self, url: str, headers: dict[str, str], deadline: Deadline) -> BaseHTTPResponse:
        import urllib3

        with self._in_time(deadline) as limit:
            response: BaseHTTPResponse = self.client.rest_client.pool_manager.request(
                "GET",
                url,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(self.timeouts.connect_seconds, limit), read=limit),
                retries=False,
                redirect=False,  # to wherever it leads, the token is not for it
                preload_content=False,
            )
        return response

    @contextmanager
    def _received(self, begun: Begun, deadline: Deadline) -> Iterator[Answer]:
        """The whole answer; its body is another's when the block has ended."""
        response = begun.response
        with ExitStack() as kept:
            try:
                with begun.turn, self._in_time(deadline, begun) as seconds, WATCH.over(response.shutdown, seconds):
                    end = monotonic() + seconds
                    body = _read(response, lambda: kept.enter_context(self._buffer(end, deadline)), end)
            except BaseException:
                response.close()  # what is left unread would be taken for the next answer
                raise
            self._answered_at = monotonic()
            yield Answer(response.status, response.headers, body)
            body.release()  # the buffer may grow again

    @contextmanager
    def _in_time(self, deadline: Deadline, begun: Begun | None = None) -> Iterator[float]:
        """Gives the seconds that the block may take; failures of the connection end it as what they mean.

        Args:
            begun: what the block reads on.
        """
        from urllib3.exceptions import HTTPError

        most = self.timeouts.request_seconds
        end = min(monotonic() + most - (begun.seconds if begun else 0.0), deadline.at)

        def too_late() -> ReadFailure:
            if monotonic() >= deadline.at:
                return deadline.unread()
            if begun:
                status, told = begun.response.status, "the answer came too slowly"
                return ReadFailure("timed_out", told, reason="ReadTimeout", http_status=status)
            return ReadFailure("timed_out", f"no answer within {most:g} s", reason="ReadTimeout")

        if monotonic() >= end:
            raise too_late()
        try:
            yield end - monotonic()
        except (HTTPError, TimeoutError, ValueError) as error:  # http.client raises ValueError for a negative length
            raise (too_late() if monotonic() >= end else connection_failure(error, most)) from error

    @contextmanager
    def _buffer(self, end: float, deadline: Deadline) -> Iterator[bytearray]:
        """Waits until the end for one for a large body; where all goes well, it is used again."""
        try:
            buffer = self._room.get(timeout=max(end - monotonic(), 0.0))
        except Empty:
            if monotonic() >= deadline.at:
                raise deadline.unread() from None
            text = "answers before this one took too long to become rows"
            raise ReadFailure("timed_out", text, reason="ReadTimeout", http_status=200) from None
        again = bytearray()
        try:
            yield buffer
            again = buffer if len(buffer) <= _KEPT_BYTES else again
        finally:
            self._room.put(again)


def _buffers(number: int) -> LifoQueue[bytearray]:
    """So many for large bodies; the one that was given back last is used again."""
    buffers: LifoQueue[bytearray] = LifoQueue()
    for _ in range(number):
        buffers.put(bytearray())
    return buffers


def _read(response: Any, large: Callable[[], bytearray], end: float) -> memoryview:
    """Reads the whole body, unless it is too large or has not come by the end.

    What came after the end was cut off, and may be anything.

    Args:
        large: gives a buffer for an answer that is more than one portion, when there is one.
    """
    from urllib3.exceptions import DecodeError

    if response.status < 200:
        response.close()  # an answer that only announces another, which would be taken for that to the next request
        return memoryview(b"")
    is_answer = response.status == 200
    if is_answer and (response.length_remaining or 0) > MOST_BYTES:
        raise _too_large(response)
    buffer, size, is_packed = bytearray(), 0, "Content-Encoding" in response.headers
    while True:
        try:
            portion = response.read(_PORTION, decode_content=is_packed)
        except DecodeError as error:
            text = "the answer cannot be unpacked as its Content-Encoding says"
            raise ReadFailure("invalid", text, http_status=response.status, again=0.0) from error
        if monotonic() > end:
            raise TimeoutError
        if not portion:
            return memoryview(buffer)[:size]
        if is_answer and 0 < size <= _PORTION < size + len(portion):
            first, buffer = buffer, large()
            buffer[:size] = first
        buffer[size : size + len(portion)] = portion
        size += len(portion)
        if is_answer and size > MOST_BYTES:
            raise _too_large(response)
        if not is_answer and size > _MOST_REFUSED_BYTES:
            response.close()
            return memoryview(buffer)[:size]


def _too_large(response: Any) -> ReadFailure:
    text = f"the answer is larger than {MOST_BYTES >> 20} MiB; a lower page_limit makes answers smaller"
    return ReadFailure("invalid", text, reason="TooLarge", http_status=response.status)


def _backoff(attempt: int) -> float:
    return float(min(_FIRST_WAIT * 2 ** (attempt - 1), MAX_RETRY_AFTER_SECONDS) * random.uniform(0.75, 1.25))  # noqa: S311
