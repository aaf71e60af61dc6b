"""The pages of a list: each is requested while the one before becomes rows, and none is mistaken for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event

import msgspec
import pytest

from job.client import kubernetes_client
from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ReadFailure
from job.collect.http_reader import Request
from job.collect.page_limit import PageLimit
from job.collect.paging import continue_token, read_list
from job.collect.prefetch import Prefetch
from job.collect.stats import ReadStats
from job.collect.throttle import Throttle
from job.config import Config, Timeouts
from job.connect.identity import default_identity
from job.kinds.pods import Pod
from job.simulator import Simulator, simulate
from job.wire import meta

PATH, PAGE_LIMIT = "/api/v1/pods", 10
PAGE = msgspec.json.Decoder(meta.Page[Pod])


@pytest.fixture
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=35, plain=True, bigquery=False) as found:
        yield found


class Server(ApiReader):
    """The reader of the fleet's one API server, with its throttle and its stop at hand."""

    def __init__(self, client: object, identity: object, slots: int, timeouts: Timeouts) -> None:
        self.throttle, self.stop = Throttle(slots), Event()
        self.prefetched: list[Prefetch] = []
        super().__init__(client, identity, timeouts, self.stop, self.throttle)  # type: ignore[arg-type]

    def prefetch(self, request: Request) -> Prefetch:
        self.prefetched.append(super().prefetch(request))
        return self.prefetched[-1]

    def has_slot(self, seconds: float) -> bool:
        """Whether a slot is free within so many seconds."""
        if not self.throttle.acquire(time.monotonic() + seconds):
            return False
        self.throttle.release()
        return True


@pytest.fixture
def open_server(fleet: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    config = msgspec.convert(fleet.configuration, Config)
    identity = default_identity(config.api_endpoints.oauth2)
    (cluster,) = fleet.clusters
    with kubernetes_client(*cluster.split("/"), config=config, identity=identity) as client:
        yield lambda slots, **seconds: Server(client, identity, slots, Timeouts(**{"retry_seconds": 5.0} | seconds))


class Pages:
    """Takes pages, and remembers the names of their pods."""

    def __init__(self, before: Callable[[memoryview], None] = lambda _: None) -> None:
        self.names: list[str] = []
        self.unread: list[str | None] = []
        self._before = before

    def add_unread(self, name: str | None) -> None:
        self.unread.append(name)

    def add_page(self, body: memoryview) -> meta.ListMeta:
        self._before(body)
        page = PAGE.decode(body)
        self.names += [f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in page.items or ()]
        return page.metadata


def deadline() -> Deadline:
    return Deadline(time.monotonic() + 60, "RunTimeout", "the time of the run is up")


def read_pods(server: Server, pages: Pages, limit: int = PAGE_LIMIT) -> ReadStats:
    stats = ReadStats()
    read_list(server, PATH, PageLimit(limit), pages, deadline(), stats)
    return stats


def pods(fleet: Simulator) -> list[str]:
    (cluster,) = fleet.inventory()["clusters"]
    return sorted(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in cluster["objects"]["pods"])


def requests(fleet: Simulator) -> int:
    return len(limits(fleet))


def limits(fleet: Simulator) -> list[int]:
    """The `limit` of each request for pods."""
    return [int(request["query"]["limit"]) for request in fleet.requests() if request["path"] == PATH]


def test_the_next_page_is_requested_before_the_current_one_becomes_rows(
    fleet: Simulator, open_server: Callable[..., Server]
) -> None:
    count, seen = -(-len(pods(fleet)) // PAGE_LIMIT), 0

    def wait_for_the_next(_: memoryview) -> None:
        nonlocal seen
        seen += 1
        expected, end = min(seen + 1, count), time.monotonic() + 20
        while requests(fleet) < expected:
            assert time.monotonic() < end, "it is not requested"
            time.sleep(0.01)

    pages = Pages(wait_for_the_next)
    stats = read_pods(open_server(4), pages)
    assert pages.names == pods(fleet)
    assert (stats.pages, stats.requests, stats.retries) == (count, count, 0)


@pytest.mark.parametrize("slots", [1, 4])
def test_a_retried_page_costs_no_other(fleet: Simulator, open_server: Callable[..., Server], slots: int) -> None:
    """Even where the next page holds the only slot."""
    fleet.fault("*", "invalid_json", "pods", page=2, times=1)
    pages = Pages()
    stats = read_pods(open_server(slots), pages)
    assert pages.names == pods(fleet)
    assert stats.retries == 1


def test_a_failed_page_ends_the_list_after_those_before_became_rows(
    fleet: Simulator, open_server: Callable[..., Server]
) -> None:
    fleet.fault("*", "forbidden", "pods", page=2)
    pages = Pages()
    with pytest.raises(ReadFailure):
        read_pods(open_server(4), pages)
    assert pages.names == pods(fleet)[:PAGE_LIMIT]


def test_a_prefetched_page_holds_its_slot_until_it_is_discarded(open_server: Callable[..., Server]) -> None:
    server = open_server(1)
    prefetch = server.prefetch(Request(PATH, [("limit", PAGE_LIMIT)], deadline(), ReadStats()))
    response = prefetch.response()
    assert not server.has_slot(0.2)
    prefetch.discard()
    assert response.raw.closed
    assert server.has_slot(5)


def test_a_stopped_run_discards_what_it_has_requested(open_server: Callable[..., Server]) -> None:
    server = open_server(1)
    with pytest.raises(ReadFailure, match="stopped"):
        read_pods(server, Pages(lambda _: server.stop.set()))
    assert server.has_slot(5)  # the thread that reads it closes it, then lets its slot go
    assert [prefetch.response().raw.closed for prefetch in server.prefetched] == [True]


def test_a_page_that_is_too_large_is_read_by_halves_and_the_limit_stays(
    fleet: Simulator, open_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    read_pods(open_server(4), Pages(lambda body: sizes.append(len(body))), limit=500)
    monkeypatch.setattr("job.collect.http_reader.MAX_BODY_BYTES", sizes[0] // 2)
    before, pages = len(limits(fleet)), Pages()
    stats = read_pods(open_server(4), pages, limit=40)
    assert pages.names == pods(fleet)
    asked = limits(fleet)[before:]
    assert asked[:2] == [40, min(asked[1:])]
    assert asked[-1] == max(asked[1:]) <= 20
    assert (stats.retries, stats.requests) == (asked.count(40), len(asked))


@pytest.mark.parametrize("slots", [1, 4])
def test_a_page_that_is_slow_is_asked_for_again_with_less_from_the_same_token(
    fleet: Simulator, open_server: Callable[..., Server], slots: int
) -> None:
    fleet.fault("*", "slow", "pods", page=2, times=1)
    pages = Pages()
    stats = read_pods(open_server(slots, request_seconds=2.0), pages)
    assert pages.names == pods(fleet)
    assert limits(fleet)[:6] == [10, 10, 1, 2, 4, 5]  # hardly anything had arrived
    assert max(limits(fleet)[2:]) == 5
    assert stats.retries == 1


def test_a_page_without_a_response_is_asked_for_with_few_objects_and_then_more(
    fleet: Simulator, open_server: Callable[..., Server]
) -> None:
    fleet.fault("*", "hang", "pods", times=1)
    pages = Pages()
    stats = read_pods(open_server(4, request_seconds=2.0), pages, limit=32)
    assert pages.names == pods(fleet)
    assert limits(fleet)[:6] == [32, 2, 4, 8, 16, 16]
    assert stats.retries == 1


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "code": 504, "reason": "Timeout"}, {"kind": "reset", "seconds": 2}],
    ids=["the server's own timeout", "the connection breaks late"],
)
def test_a_server_that_gives_up_on_a_page_is_asked_for_half(
    fleet: Simulator, open_server: Callable[..., Server], fault: dict[str, object]
) -> None:
    fleet.fault("*", resource="pods", times=1, **fault)
    pages = Pages()
    read_pods(open_server(4, request_seconds=4.0), pages, limit=20)
    assert pages.names == pods(fleet)
    assert limits(fleet)[0] == 20
    assert max(limits(fleet)[1:]) == 10


def test_an_object_that_is_too_large_costs_no_other(
    fleet: Simulator, open_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("job.collect.http_reader.MAX_BODY_BYTES", 200_000)
    fleet.fault("*", "big_object", "pods", page=1, bytes=300_000)
    pages = Pages()
    read_pods(open_server(4), pages)
    assert pages.unread == pods(fleet)[:1]
    assert pages.names == pods(fleet)[1:]
    assert limits(fleet)[-1] == PAGE_LIMIT // 2  # the rest is not read one object at a time


def test_the_last_object_may_be_too_large(
    fleet: Simulator, open_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("job.collect.http_reader.MAX_BODY_BYTES", 200_000)
    fleet.fault("*", "big_object", "pods", page=2, after=len(pods(fleet)) - 2, bytes=300_000)
    pages = Pages()
    read_pods(open_server(4), pages, limit=1)
    assert pages.unread == pods(fleet)[-1:]
    assert pages.names == pods(fleet)[:-1]


def test_a_list_that_may_be_whole_is_never_taken_for_one_object(
    fleet: Simulator, open_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores `limit` sends everything, without a continue token."""
    monkeypatch.setattr("job.collect.http_reader.MAX_BODY_BYTES", 5_000)
    fleet.fault("*", "missing_continue", "pods")
    pages = Pages()
    with pytest.raises(ReadFailure, match="larger than") as failed:
        read_pods(open_server(4), pages)
    assert (failed.value.cause.outcome, failed.value.cause.reason) == ("invalid", "TooLarge")
    assert pages.unread == []


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
def test_the_continue_token_is_found_in_the_first_bytes_of_a_page(body: bytes, token: str | None) -> None:
    assert continue_token(memoryview(body)) == token
