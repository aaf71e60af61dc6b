"""One API server: how many large bodies are in memory, and what happens to requests that wait for memory."""

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
from job.collect.http_reader import Request
from job.collect.stats import ReadStats
from job.collect.throttle import Throttle
from job.config import Config, Timeouts
from job.connect.identity import default_identity
from job.kinds.pods import Pod
from job.simulator import simulate
from job.wire import meta

PAGE = msgspec.json.Decoder(meta.Page[Pod])
READ_BYTES = 4096


@pytest.fixture
def open_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Timeouts], ApiReader]]:
    """Readers of a server for which a body of more than 4 KiB is large."""
    monkeypatch.setattr("job.collect.http_reader._READ_BYTES", READ_BYTES)
    with simulate(clusters=1, pods=35, plain=True, bigquery=False) as fleet:
        for name, value in fleet.environment.items():
            monkeypatch.setenv(name, value)
        config = msgspec.convert(fleet.configuration, Config)
        identity = default_identity(config.api_endpoints.oauth2)
        (cluster,) = fleet.clusters
        with kubernetes_client(*cluster.split("/"), config=config, identity=identity) as client:
            yield lambda timeouts: ApiReader(client, identity, timeouts, Event(), Throttle())


def all_pods() -> Request:
    deadline = Deadline(time.monotonic() + 60, "RunTimeout", "the time of the run is up")
    return Request("/api/v1/pods", [("limit", 500)], deadline, ReadStats())


class Held:
    """Takes a body and holds it until it is released."""

    def __init__(self) -> None:
        self.sizes: SimpleQueue[int] = SimpleQueue()
        self.released = Event()

    def take(self, body: memoryview) -> int:
        self.sizes.put(len(body))
        assert self.released.wait(30)
        return len(body)


def test_two_large_bodies_of_a_server_are_in_memory_at_a_time(open_reader: Callable[[Timeouts], ApiReader]) -> None:
    reader, held = open_reader(Timeouts(retry_seconds=5)), Held()
    with ThreadPoolExecutor(3) as threads:
        sent = [threads.submit(reader.get, all_pods(), held.take) for _ in range(3)]
        assert min(held.sizes.get(timeout=20), held.sizes.get(timeout=20)) > READ_BYTES
        small = all_pods()._replace(path="/version", query=())
        assert reader.get(small, len) < READ_BYTES  # a small body does not wait
        with pytest.raises(Empty):
            held.sizes.get(timeout=0.5)
        held.released.set()
        assert len({each.result(20) for each in sent}) == 1


def test_a_body_that_waits_too_long_for_memory_fails_in_words(open_reader: Callable[[Timeouts], ApiReader]) -> None:
    reader, held = open_reader(Timeouts(request_seconds=1, retry_seconds=1)), Held()
    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(reader.get, all_pods(), held.take) for _ in range(2)]
        for _ in sent:
            held.sizes.get(timeout=20)
        with pytest.raises(ReadFailure, match="earlier responses took too long to become rows"):
            reader.get(all_pods(), len)
        held.released.set()
        for each in sent:
            each.result(20)


def test_a_body_whose_taker_fails_gives_its_memory_back(open_reader: Callable[[Timeouts], ApiReader]) -> None:
    def refuse(body: memoryview) -> None:
        raise LookupError(meta.RAW_PAGE.decode(body).items)  # which refers to the body

    def count(body: memoryview) -> int:
        return len(PAGE.decode(body).items or ())

    reader = open_reader(Timeouts(retry_seconds=5))
    for _ in range(5):
        with pytest.raises(LookupError) as caught:
            reader.get(all_pods(), refuse)
        assert len(caught.value.args[0]) == reader.get(all_pods(), count)
