"""A retry after a stop: it reads what is left, and commits it as the next part of the task."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND, UID_TABLES
from loopback_bigquery import lift_update_limits
from made import sink_at

from job.config import Config
from job.errors import Interrupted
from job.kinds import KINDS, RESOURCES
from job.progress import RunProgress
from job.run.one_task import run
from job.run.summary import Summary
from job.signals import Stop
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Warehouse

FOR_PODS = {kind.resource for kind in KINDS if kind.controls or kind.place}
"""What pods wait for."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=4, pods=6, plain=True, seed=3) as found:
        lift_update_limits(found.bigquery_endpoint)
        yield found


class Attempts:
    """Attempts of one task, on one warehouse."""

    def __init__(self, simulator: Simulator, url: str, patch: pytest.MonkeyPatch) -> None:
        self.simulator, self._patch = simulator, patch
        for name, value in simulator.environment.items():
            patch.setenv(name, value)
        projects = [project for project in simulator.projects if project != "acquired-company"]
        keys = {**simulator.configuration, "kinds": EVERY_KIND, "projects": projects, "sink": url, "workers": 4}
        self.config = msgspec.convert(keys, Config)
        self.sink: Warehouse = open_warehouse(self.config)
        self.clusters = sorted(simulator.clusters)
        patch.setenv("CLOUD_RUN_EXECUTION", "e-1")
        self._asked = 0

    def run(self, number: int, *, after: int = 0, beside: Callable[[], object] = lambda: None) -> Summary:
        """One attempt, which is stopped once so many clusters are done, or never."""
        self._patch.setenv("CLOUD_RUN_TASK_ATTEMPT", str(number))
        self._asked, stop = len(self.simulator.requests()), Stop()

        def progress(done: int, _: int) -> None:
            if done == after:
                beside()
                stop.set()

        return run(self.config, stop=stop, progress=RunProgress(progress))

    def asked(self, since: int | None = None) -> dict[str, Counter[str]]:
        """Cluster -> the resources that the last attempt has asked it for, and how often."""
        found: dict[str, Counter[str]] = {}
        for request in self.simulator.requests()[self._asked if since is None else since :]:
            resource = request["path"].rpartition("/")[2]
            if request["cluster"] in self.clusters and resource in RESOURCES:
                found.setdefault(request["cluster"], Counter())[resource] += 1
        return found

    def wait_until_asked(self, cluster: str, resource: str, since: int | None = None) -> None:
        end = time.monotonic() + 60
        while not self.asked(since).get(cluster, Counter())[resource]:
            assert time.monotonic() < end
            time.sleep(0.02)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.sink.query(sql).rows

    def finds_each_once(self) -> None:
        """Everything was read, once, and the views show all of it."""
        once = "GROUP BY 1, 2, 3 HAVING COUNT(*) > 1"
        lists = "FROM collections AS c JOIN snapshots AS s ON s.snapshot_id = c.snapshot_id"
        read = f"SELECT COUNT(DISTINCT CONCAT(c.cluster, c.resource)) {lists} WHERE outcome = 'ok'"
        objects = [cluster["objects"] for cluster in self.simulator.inventory()["clusters"]]
        pods = sorted(pod["metadata"]["uid"] for each in objects for pod in each["pods"])
        with self.sink.kept_open() as kept:
            for table in UID_TABLES:
                twice = (
                    f"SELECT s.run_id, s.cluster, t.uid FROM {table} AS t JOIN snapshots AS s "
                    f"ON s.snapshot_id = t.snapshot_id {once}"
                )
                assert kept.query(twice).rows == []
            twice = f"SELECT c.run_id, c.cluster, c.resource {lists} WHERE outcome <> 'stopped' {once}"
            assert kept.query(twice).rows == []
            assert kept.query(read).rows == [(len(self.clusters) * (len(RESOURCES) + 1),)]  # with upgrade info
            assert kept.query("SELECT COUNT(*) FROM coverage WHERE status <> 'ok'").rows == [(0,)]
            assert sorted(uid for (uid,) in kept.query("SELECT uid FROM pods").rows) == pods
            assert kept.query("SELECT status, clusters, clusters_complete, tasks_committed FROM runs").rows == [
                ("complete", len(self.clusters), len(self.clusters), 1)
            ]


@pytest.fixture(params=["duckdb", "bigquery"])
def attempts(
    request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Attempts]:
    dataset = request.node.name.partition("[")[0][:40]
    url = {"duckdb": sink_at(tmp_path / "x.duckdb"), "bigquery": f"bigquery://shop-prod.{dataset}?location=EU"}
    yield Attempts(simulator, url[request.param], monkeypatch)
    simulator.clear()


def stop_early(attempts: Attempts, number: int = 0) -> Summary:
    """An attempt that is stopped when two clusters are complete, one lacks its pods, and one has not answered."""
    *_, partial, silent = attempts.clusters
    attempts.simulator.fault(partial, "hang", "pods")
    attempts.simulator.fault(silent, "hang", "*")
    summary = attempts.run(number, after=2, beside=lambda: attempts.wait_until_asked(partial, "pods"))
    attempts.simulator.clear()
    return summary


def test_a_retry_reads_what_a_stop_has_left_and_nothing_else(attempts: Attempts) -> None:
    *complete, partial, silent = attempts.clusters
    stopped = stop_early(attempts)
    assert (stopped.stopped, stopped.run.clusters_complete, stopped.run.clusters) == (True, 2, 4)
    assert attempts.rows("SELECT COUNT(*) FROM latest_snapshots WHERE status = 'complete'") == [(2,)]

    retried = attempts.run(1)
    assert (retried.stopped, retried.committed_before, retried.gaps) == (False, False, ())
    assert (retried.run.status, retried.run.acceptable, retried.run.clusters_complete) == ("complete", True, 4)
    asked = attempts.asked()
    assert [asked.get(cluster) for cluster in complete] == [None, None]
    assert asked[partial] == Counter({"pods", *FOR_PODS})
    assert asked[silent] == Counter(RESOURCES)
    attempts.finds_each_once()
    counted = "SELECT COUNT(*) FROM collections AS c JOIN runs AS r ON r.run_id = c.run_id AND r.attempt = 1"
    weighed = "SELECT MAX(row_count) - SUM(objects) FROM runs WHERE attempt = 1"
    assert attempts.rows(counted) > [(len(RESOURCES) * 4,)]
    assert attempts.rows(weighed)[0][0] > 0

    again = attempts.run(2)
    assert (again.committed_before, again.run.status, attempts.asked()) == (True, "complete", {})
    attempts.finds_each_once()


@pytest.mark.exhaustive
def test_a_task_may_be_stopped_again_and_again(attempts: Attempts) -> None:
    stop_early(attempts)
    silent = attempts.clusters[-1]
    for resource in ("services", "pods"):
        attempts.simulator.fault(silent, "hang", resource)
    second = attempts.run(1, after=1, beside=lambda: attempts.wait_until_asked(silent, "pods"))
    attempts.simulator.clear()
    assert (second.stopped, second.run.clusters_complete) == (True, 3)
    attempts.simulator.fault(silent, "hang", "pods")
    stop, asked = Stop(), len(attempts.simulator.requests())

    def stop_once_asked() -> None:
        attempts.wait_until_asked(silent, "pods", asked)
        stop.set()

    waiting = threading.Thread(target=stop_once_asked)
    waiting.start()
    with pytest.raises(Interrupted):  # nothing new is complete
        run(attempts.config, stop=stop)
    waiting.join()
    attempts.simulator.clear()
    last = attempts.run(3)
    assert attempts.asked() == {silent: Counter({"services", "pods", *FOR_PODS})}
    assert (last.run.status, last.run.clusters_complete) == ("complete", 4)
    attempts.finds_each_once()


@pytest.mark.exhaustive
def test_an_attempt_that_loses_the_race_to_a_stopped_one_reads_the_rest(attempts: Attempts) -> None:
    """Cloud Run may start a retry while the attempt before it still commits."""
    stopped: list[Summary] = []
    faster = Attempts(attempts.simulator, attempts.config.sink, attempts._patch)

    def overtake() -> None:
        if not stopped:
            stopped.append(stop_early(faster))
            attempts._patch.setenv("CLOUD_RUN_TASK_ATTEMPT", "1")

    attempts._patch.setenv("CLOUD_RUN_TASK_ATTEMPT", "1")
    summary = run(attempts.config, progress=RunProgress(lambda *_: overtake()))
    assert [each.stopped for each in stopped] == [True]
    assert (summary.committed_before, summary.run.status, summary.run.clusters_complete) == (False, "complete", 4)
    attempts.finds_each_once()


def test_a_run_that_fails_does_not_stop_the_callers_next_one(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop()

    def fail(*_: int) -> None:
        raise RuntimeError("by a progress bar")

    with pytest.raises(RuntimeError):
        run(attempts.config, stop=stop, progress=RunProgress(fail))
    assert not stop.is_set()
    assert run(attempts.config, stop=stop).run.status == "complete"
