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
    with simulate(clusters=1, pods=35, plain=True) as found:
        yield found


class Server(ApiReader):
    """The reader of the fleet's one API server, with its throttle and its stop at hand."""

    def __init__(self, fleet: Simulator, client: object, identity: object, slots: int) -> None:
        self.throttle, self.stop = Throttle(slots), Event()
        self.prefetched: list[Prefetch] = []
        super().__init__(client, identity, Timeouts(retry_seconds=5), self.stop, self.throttle)  # type: ignore[arg-type]

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
def open_server(fleet: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Server]]:
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    config = msgspec.convert(fleet.configuration, Config)
    identity = default_identity(config.api_endpoints.oauth2)
    (cluster,) = fleet.clusters
    with kubernetes_client(*cluster.split("/"), config=config, identity=identity) as client:
        yield lambda slots: Server(fleet, client, identity, slots)


class Pages:
    """Takes pages, and remembers the names of their pods."""

    def __init__(self, before: Callable[[memoryview], None] = lambda _: None) -> None:
        self.names: list[str] = []
        self._before = before

    def add(self, body: memoryview) -> meta.ListMeta:
        self._before(body)
        page = PAGE.decode(body)
        self.names += [f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in page.items or ()]
        return page.metadata


def deadline() -> Deadline:
    return Deadline(time.monotonic() + 60, "RunTimeout", "the time of the run is up")


def read_pods(server: Server, pages: Pages) -> ReadStats:
    stats = ReadStats()
    read_list(server, PATH, PAGE_LIMIT, pages.add, deadline(), stats)
    return stats


def pods(fleet: Simulator) -> list[str]:
    (cluster,) = fleet.inventory()["clusters"]
    return sorted(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in cluster["objects"]["pods"])


def requests(fleet: Simulator) -> int:
    return sum(request["path"] == PATH for request in fleet.requests())


def test_the_next_page_is_requested_before_the_current_one_becomes_rows(
    fleet: Simulator, open_server: Callable[[int], Server]
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
def test_a_retried_page_costs_no_other(fleet: Simulator, open_server: Callable[[int], Server], slots: int) -> None:
    """Even where the next page holds the only slot."""
    fleet.fault("*", "invalid_json", "pods", page=2, times=1)
    pages = Pages()
    stats = read_pods(open_server(slots), pages)
    assert pages.names == pods(fleet)
    assert stats.retries == 1


def test_a_failed_page_ends_the_list_after_those_before_became_rows(
    fleet: Simulator, open_server: Callable[[int], Server]
) -> None:
    fleet.fault("*", "forbidden", "pods", page=2)
    pages = Pages()
    with pytest.raises(ReadFailure):
        read_pods(open_server(4), pages)
    assert pages.names == pods(fleet)[:PAGE_LIMIT]


def test_a_prefetched_page_holds_its_slot_until_it_is_discarded(open_server: Callable[[int], Server]) -> None:
    server = open_server(1)
    prefetch = server.prefetch(Request(PATH, [("limit", PAGE_LIMIT)], deadline(), ReadStats()))
    response = prefetch.response()
    assert not server.has_slot(0.2)
    prefetch.discard()
    assert response.raw.closed
    assert server.has_slot(5)


def test_a_stopped_run_discards_what_it_has_requested(open_server: Callable[[int], Server]) -> None:
    server = open_server(1)
    with pytest.raises(ReadFailure, match="stopped"):
        read_pods(server, Pages(lambda _: server.stop.set()))
    assert [prefetch.response().raw.closed for prefetch in server.prefetched] == [True]
    assert server.has_slot(5)


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
