"""Clusters that do not answer: they hold up no other, and many of them end together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from threading import Event

import msgspec
import pytest
from ports import black_hole, closed_port, forwarding
from replay import PROJECT, Replay

from job.collect import worker_pool as module
from job.collect.cluster import ClusterCollector, CollectedCluster
from job.collect.worker_pool import Progress, WorkerPool
from job.config import Config, Timeouts
from job.connect.endpoints import Endpoint
from job.connect.identity import default_identity
from job.connect.reachability import Network, Reachability, network_of
from job.discover.container_api import container_client
from job.discover.projects import clusters_in
from job.spool import open_spool
from job.task import current_task
from job.wire import gke


def test_as_many_are_read_at_a_time_as_there_are_workers() -> None:
    pool, lock, most, now = WorkerPool(3), threading.Lock(), 0, 0

    def collect(number: int) -> int:
        nonlocal most, now
        with pool.contact():
            time.sleep(0.001)
        with pool.reading(Event()):
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1
        return number

    assert sorted(pool.map_unordered(collect, range(40))) == list(range(40))
    assert most == 3


def test_those_that_wait_leave_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)
    pool, answered = WorkerPool(1), Event()
    waiting = threading.Barrier(31)

    def collect(number: int) -> int:
        with pool.contact():
            if number < 30:
                waiting.wait(60)
                assert answered.wait(60)
        with pool.reading(Event()):
            return number

    found = pool.map_unordered(collect, range(31))
    threading.Thread(target=lambda: waiting.wait(60), daemon=True).start()  # all thirty wait at the same time
    assert next(found) == 30  # and the last is read by the only worker
    answered.set()
    assert sorted(found) == list(range(30))


def test_no_more_wait_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.001)
    pool, lock, most, now = WorkerPool(2, max_waiting=10), threading.Lock(), 0, 0

    def collect(_: int) -> None:
        nonlocal most, now
        with pool.contact():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.05)
            with lock:
                now -= 1

    assert len(list(pool.map_unordered(collect, range(60)))) == 60
    assert 8 <= most <= 12


def test_what_a_thread_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)

    def collect(_: int) -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        list(WorkerPool(2).map_unordered(collect, range(9)))


def test_a_stop_ends_the_wait_for_a_worker() -> None:
    pool, stop = WorkerPool(1), Event()
    stop.set()
    with pool.reading(Event()), pool.reading(stop) as waited:
        assert waited < 5


def test_a_slow_cluster_leaves_its_place_and_a_steady_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STALL_SECONDS", 0.01)
    monkeypatch.setattr(module, "_BUSY", 1000.0)  # whatever else this machine does
    for progress, expected in (
        (lambda: Progress(0.0, 0), ["other read", "first ends"]),  # it has sent nothing
        (lambda: Progress(time.monotonic(), 100), ["other read", "first ends"]),  # it trickles
        (lambda: Progress(time.monotonic(), 1 << 50), ["first ends", "other read"]),
    ):
        pool, seen, other_read = WorkerPool(1), [], Event()

        def read_another(pool: WorkerPool = pool, seen: list[str] = seen, other_read: Event = other_read) -> None:
            with pool.reading(Event()):
                seen.append("other read")
                other_read.set()

        with pool.reading(Event(), progress):
            thread = threading.Thread(target=read_another)
            thread.start()
            other_read.wait(60 if expected[0] == "other read" else 0.3)
            seen.append("first ends")
        thread.join(60)
        assert seen == expected


def test_slow_clusters_are_read_in_bounded_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STALL_SECONDS", 0.0)
    monkeypatch.setattr(module, "_BUSY", 1000.0)
    pool, lock, most, now, full = WorkerPool(2), threading.Lock(), 0, 0, Event()

    def collect(_: int) -> None:
        nonlocal most, now
        with pool.reading(Event(), lambda: Progress(0.0, 0)):
            with lock:
                now += 1
                most = max(most, now)
                if now == 2 * (1 + module._SLOW_PER_WORKER):
                    full.set()
            assert full.wait(60)
            with lock:
                now -= 1

    assert len(list(pool.map_unordered(collect, range(40)))) == 40
    assert most == 2 * (1 + module._SLOW_PER_WORKER)


def test_three_vain_waits_are_a_verdict_on_a_network_until_one_answers() -> None:
    found, private, public = Reachability(), Network("n", "private"), Network("n", "public")
    for _ in range(2):
        found.waited_in_vain(private)
    assert found.is_worth_waiting(private)  # they may be down for reasons of their own
    found.waited_in_vain(private)
    assert not found.is_worth_waiting(private)
    assert found.is_worth_waiting(public)
    found.answered(private)
    assert found.is_worth_waiting(private)


def test_a_network_is_told_by_its_full_name() -> None:
    cluster = gke.Cluster(name="c", location="l", network="default", self_link="https://x/c")
    assert network_of(cluster, Endpoint("dns", "h")) == Network("https://x/c", "dns")  # each project has a `default`
    full = msgspec.structs.replace(cluster, network_config=gke.NetworkConfig(network="projects/p/global/networks/d"))
    assert network_of(full, Endpoint("private", "h")) == Network("projects/p/global/networks/d", "private")


@pytest.fixture
def real(replay: Replay) -> gke.Cluster:
    """The description of a cluster that can be read."""
    config = msgspec.convert(replay.configuration, Config)
    with container_client(config, default_identity(replay.token_uri)) as client:
        (cluster,) = clusters_in(PROJECT, lambda: client, config.timeouts).clusters
    return cluster


Collect = Callable[[list[gke.Cluster], Config, WorkerPool], list[CollectedCluster]]


@pytest.fixture
def collect(replay: Replay) -> Collect:
    def collected(clusters: list[gke.Cluster], config: Config, pool: WorkerPool) -> list[CollectedCluster]:
        identity, task = default_identity(replay.token_uri), current_task(datetime.now(UTC))
        with open_spool() as spool:
            collector = ClusterCollector(config, identity, spool, task, Event(), None, pool)
            return list(pool.map_unordered(lambda cluster: collector.collect(PROJECT, cluster), clusters))

    return collected


def at(cluster: gke.Cluster, port: int, number: int, network: str = "") -> gke.Cluster:
    """The cluster with another name, and its endpoint at this port."""
    return gke.Cluster(
        name=f"c-{number}",
        location=cluster.location,
        status=cluster.status,
        endpoint=f"127.0.0.1:{port}",
        master_auth=cluster.master_auth,
        network_config=gke.NetworkConfig(network=network or f"n-{number}"),
    )


def outcomes(found: list[CollectedCluster]) -> set[tuple[str, str | None]]:
    return {(each.outcome, each.reason) for cluster in found for each in cluster.collections if each.outcome != "off"}


@pytest.mark.parametrize(
    ("dead", "expected"),
    [(black_hole, ("timed_out", "ConnectTimeout")), (closed_port, ("unreachable", "ConnectionRefused"))],
)
def test_sixty_dead_clusters_in_sixty_networks_take_hardly_longer_than_one(
    dead: Callable[[], AbstractContextManager[int]],
    expected: tuple[str, str],
    real: gke.Cluster,
    collect: Collect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.1)
    config = Config(timeouts=Timeouts(connect_seconds=1.0, retry_seconds=4.0))
    began = time.monotonic()
    with dead() as port:
        found = collect([at(real, port, number) for number in range(60)], config, WorkerPool(1))
    assert outcomes(found) == {expected}
    assert all(cluster.snapshot.duration_seconds >= 4.0 for cluster in found)  # each had its time
    assert time.monotonic() - began < 60 * 4.0 / 4  # one after the other: 240 s and more


def test_a_dead_network_is_waited_for_by_its_first_clusters_alone(
    real: gke.Cluster, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.1)
    config = Config(timeouts=Timeouts(connect_seconds=1.0, retry_seconds=4.0))
    with closed_port() as port:
        found = collect([at(real, port, number, "n") for number in range(60)], config, WorkerPool(1, max_waiting=4))
    assert outcomes(found) == {("unreachable", "ConnectionRefused")}
    waited = [cluster for cluster in found if cluster.snapshot.duration_seconds >= 4.0]
    assert 3 <= len(waited) <= 10  # five at a time: without a verdict all sixty would, in 48 s


def test_a_cluster_that_comes_back_in_time_is_read_among_dead_ones(
    real: gke.Cluster, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.1)
    config = Config(timeouts=Timeouts(connect_seconds=2.0, retry_seconds=20.0))
    target = ("127.0.0.1", int(str(real.endpoint).rpartition(":")[2]))
    with closed_port() as port, forwarding(target, after=5.0) as back:
        clusters = [at(real, back if number == 5 else port, number, "n") for number in range(12)]
        found = collect(clusters, config, WorkerPool(1))
    assert {cluster.key.cluster for cluster in found if cluster.snapshot.status != "failed"} == {"c-5"}


def test_a_system_that_allows_no_more_threads_is_slower_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, started = threading.Lock(), 0

    class Scarce(threading.Thread):
        def start(self) -> None:
            nonlocal started
            with lock:
                if started >= 2:
                    raise RuntimeError("can't start new thread")
                started += 1
            super().start()

        def run(self) -> None:
            nonlocal started
            super().run()
            with lock:
                started -= 1

    monkeypatch.setattr(module.threading, "Thread", Scarce)
    assert sorted(WorkerPool(8).map_unordered(lambda number: number, range(50))) == list(range(50))
