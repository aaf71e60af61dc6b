"""The pages of a list: each asked for while the one before is taken in, and none taken for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event

import msgspec
import pytest

from job.client import kubernetes_client
from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ReadFailure
from job.collect.paging import _following, read_list
from job.collect.stats import ReadStats
from job.collect.throttle import Throttle, ThrottleTimeoutError
from job.config import Config, Timeouts
from job.connect.identity import default_identity
from job.kinds.pods import Pod
from job.simulator import Simulator, simulate
from job.wire import meta

PATH, LIMIT = "/api/v1/pods", 10
PAGE = msgspec.json.Decoder(meta.Page[Pod])


@pytest.fixture
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=35, plain=True) as found:
        yield found


@pytest.fixture
def server(fleet: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiReader]:
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    config = msgspec.convert(fleet.configuration, Config)
    identity = default_identity(config.api_endpoints.oauth2)
    (cluster,) = fleet.clusters
    with kubernetes_client(*cluster.split("/"), config=config, identity=identity) as client:
        yield ApiReader(client, identity, Timeouts(retry_seconds=5), time.sleep)


class Taker:
    """Takes pages in."""

    def __init__(self, first: Callable[[memoryview], None] = lambda _: None) -> None:
        self.names: list[str] = []
        self._first = first

    def take(self, body: memoryview) -> meta.ListMeta:
        self._first(body)
        page = PAGE.decode(body)
        self.names += [f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in page.items or ()]
        return page.metadata


def tally() -> ReadStats:
    return ReadStats(Deadline(time.monotonic() + 60, "RunTimeout", "the run's time was up"))


def pods(fleet: Simulator) -> list[str]:
    (cluster,) = fleet.inventory()["clusters"]
    return sorted(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in cluster["objects"]["pods"])


def asked(fleet: Simulator) -> int:
    return sum(request["path"] == PATH for request in fleet.requests())


def test_the_next_page_is_asked_for_before_one_is_taken_in(fleet: Simulator, server: ApiReader) -> None:
    pages = -(-len(pods(fleet)) // LIMIT)

    def wait(_: memoryview) -> None:
        wanted, end = min(taken.pages + 2, pages), time.monotonic() + 20
        while asked(fleet) < wanted:
            assert time.monotonic() < end, "it is not asked for"
            time.sleep(0.01)

    taken, taker = tally(), Taker(wait)
    read_list(server, PATH, LIMIT, taker.take, taken)
    assert taker.names == pods(fleet)
    assert (taken.pages, taken.requests, taken.retries) == (pages, pages, 0)


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_page_that_is_asked_for_again_costs_no_other(fleet: Simulator, server: ApiReader, at_once: int) -> None:
    """Though the next one has the only turn that there is."""
    server.gate = Throttle(at_once)
    fleet.fault("*", "invalid_json", "pods", page=2, times=1)
    taken, taker = tally(), Taker()
    read_list(server, PATH, LIMIT, taker.take, taken)
    assert taker.names == pods(fleet)
    assert taken.retries == 1


def test_one_that_cannot_be_had_ends_the_list_when_those_before_are_taken_in(
    fleet: Simulator, server: ApiReader
) -> None:
    fleet.fault("*", "forbidden", "pods", page=2)
    taken, taker = tally(), Taker()
    with pytest.raises(ReadFailure):
        read_list(server, PATH, LIMIT, taker.take, taken)
    assert taker.names == pods(fleet)[:LIMIT]


def test_what_is_asked_for_ahead_has_its_turn_until_its_body_is_read_or_it_is_dropped(server: ApiReader) -> None:
    server.gate = Throttle(1)
    ahead = server.send(PATH, [("limit", LIMIT)], tally())
    begun = ahead.begun()
    with pytest.raises(ThrottleTimeoutError), server.gate.turn(time.monotonic() + 0.2):
        pass
    ahead.drop()
    assert begun.response.closed
    with server.gate.turn(time.monotonic() + 5):
        pass


def test_a_run_that_is_stopped_lets_go_of_what_it_has_asked_for(
    server: ApiReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gate = Throttle(1)
    taker = Taker(lambda _: setattr(server, "wait", stopped))
    send, sent = server.send, []
    monkeypatch.setattr(server, "send", lambda *asked: sent.append(send(*asked)) or sent[-1])

    def stopped(_: float) -> None:
        raise ReadFailure("stopped", "the run was stopped")

    with pytest.raises(ReadFailure, match="stopped"):
        read_list(server, PATH, LIMIT, taker.take, tally())
    assert [ahead.begun().response.closed for ahead in sent] == [True]
    with server.gate.turn(time.monotonic() + 5):
        pass


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b'{"kind":"PodList","metadata":{"resourceVersion":"1","continue":"abc"},"items":[{"spec":{}}]}', "abc"),
        (b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}', None),
        (b'{"items":[{"spec":{}}],"metadata":{"resourceVersion":"1","continue":"abc"}}', None),
        (b'{"kind":"PodList","metadata":{"continue":7},"items":[]}', None),
        (b'{"kind":"PodList","metadata":{"continue":"abc"},"items":null}', None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_token_is_known_from_the_beginning_of_a_page_or_when_all_of_it_is_read(
    body: bytes, token: str | None
) -> None:
    assert _following(memoryview(body)) == token


class Held:
    """Takes a large body in, and holds it until it may go on."""

    def __init__(self) -> None:
        self.bodies: SimpleQueue[int] = SimpleQueue()
        self.may_go_on = Event()

    def take(self, body: memoryview) -> int:
        self.bodies.put(len(body))
        assert self.may_go_on.wait(30)
        return len(body)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes in a portion, of which a page has several."""
    size = 4096
    monkeypatch.setattr("job.collect.api_reader._PORTION", size)
    return size


def test_of_one_server_two_large_bodies_are_held_at_a_time(server: ApiReader, large: int) -> None:
    held, all_pods = Held(), [("limit", 500)]
    with ThreadPoolExecutor(3) as threads:
        sent = [threads.submit(server.get, PATH, all_pods, held.take, tally()) for _ in range(3)]
        assert min(held.bodies.get(timeout=20), held.bodies.get(timeout=20)) > large
        assert server.get("/version", [], len, tally()) < large  # what is small waits for nobody
        with pytest.raises(Empty):
            held.bodies.get(timeout=0.5)
        held.may_go_on.set()
        assert len({each.result(20) for each in sent}) == 1


@pytest.mark.usefixtures("large")
def test_who_waits_too_long_for_room_is_told_so(server: ApiReader) -> None:
    server.timeouts = Timeouts(request_seconds=1, retry_seconds=1)
    held, all_pods = Held(), [("limit", 500)]
    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(server.get, PATH, all_pods, held.take, tally()) for _ in range(2)]
        for _ in sent:
            held.bodies.get(timeout=20)
        with pytest.raises(ReadFailure, match="answers before this one took too long"):
            server.get(PATH, all_pods, len, tally())
        held.may_go_on.set()
        for each in sent:
            each.result(20)


@pytest.mark.usefixtures("large")
def test_a_body_that_could_not_be_taken_in_costs_no_room(server: ApiReader) -> None:
    def refuse(body: memoryview) -> None:
        items = meta.RAW_PAGE.decode(body).items
        raise LookupError(items)  # which goes on to look at the body

    for _ in range(5):
        with pytest.raises(LookupError) as caught:
            server.get(PATH, [("limit", 500)], refuse, tally())
        assert len(caught.value.args[0]) == server.get(PATH, [("limit", 500)], _count, tally())


def _count(body: memoryview) -> int:
    return len(PAGE.decode(body).items or ())
