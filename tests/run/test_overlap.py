"""A run that starts while another is under way on the same sink: it logs that, or is skipped, as configured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from loopback_bigquery import lift_update_limits
from made import sink_at
from test_cli import COMMAND

from job.collect import cluster, stats
from job.config import Config
from job.discover import projects
from job.run import ledger, one_task
from job.simulator import Simulator, simulate
from job.sinks.bigquery import overlap
from job.sinks.bigquery.overlap import labels_of, other_run
from job.sinks.open_sink import open_warehouse


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=2, pods=4, plain=True) as found:
        lift_update_limits(found.bigquery_endpoint)
        yield found


class Runs:
    """Runs of one configuration, each a process."""

    def __init__(self, simulator: Simulator, folder: Path, url: str) -> None:
        self._simulator, self._folder, self._url = simulator, folder, url

    def start(self, name: str, overlap: str = "warn", **variables: str) -> subprocess.Popen[str]:
        path = self._folder / f"{name}.yaml"
        keys = {**self._simulator.configuration, "sink": self._url, "overlap": overlap}
        path.write_text(json.dumps(keys))
        return subprocess.Popen(
            [*COMMAND, "run", "--json", "--config", str(path)],
            env=os.environ | self._simulator.environment | {"CLOUD_RUN_EXECUTION": name} | variables,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def end(self, process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], list[str]]:
        """Exit code, summary, and the other runs in its log."""
        out, err = process.communicate(timeout=60)
        events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
        others = [line["other"] for line in events if line["message"] == "another run is under way"]
        return process.returncode, json.loads(out or "{}"), others

    def committed(self) -> list[str]:
        config = msgspec.convert({**self._simulator.configuration, "sink": self._url}, Config)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._simulator.environment.items():
                patch.setenv(name, value)
            sink = open_warehouse(config)
            return [run_id for (run_id,) in sink.query("SELECT run_id FROM runs ORDER BY 1").rows]


@pytest.fixture(params=["duckdb", "bigquery"])
def runs(request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path) -> Runs:
    name = f"overlap_{request.node.name.partition('[')[0]}"[:60]
    url = {"duckdb": sink_at(tmp_path / "x.duckdb"), "bigquery": f"bigquery://shop-prod.{name}?location=EU"}
    return Runs(simulator, tmp_path, url[request.param])


class Held:
    """Runs that have started, and wait for a server."""

    def __init__(self, runs: Runs, simulator: Simulator) -> None:
        self._runs, self._simulator = runs, simulator
        self._cluster = sorted(simulator.clusters)[0]
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, name: str) -> subprocess.Popen[str]:
        """Starts one; returns once it waits."""
        self._simulator.fault(self._cluster, "hang", "pods", times=1)
        asked = len(self._simulator.requests())
        self.processes.append(self._runs.start(name))
        while not any(
            (request["cluster"], request["path"]) == (self._cluster, "/api/v1/pods")
            for request in self._simulator.requests()[asked:]
        ):
            time.sleep(0.05)
        return self.processes[-1]

    def let_go(self) -> None:
        """Lets all go on: their connections are cut, and they retry."""
        assert self._simulator.cut() > 0


@pytest.fixture
def held(runs: Runs, simulator: Simulator) -> Iterator[Held]:
    found = Held(runs, simulator)
    yield found
    simulator.clear()
    for process in found.processes:
        process.kill()
        process.communicate()


def test_a_second_run_logs_the_first_and_goes_on(runs: Runs, held: Held) -> None:
    first = held.start("first")
    code, summary, others = runs.end(runs.start("second"))
    assert (code, others, summary["skipped_for"]) == (0, ["first"], None)
    held.let_go()
    code, _, others = runs.end(first)
    assert (code, others) == (0, [])
    code, _, others = runs.end(runs.start("third"))
    assert (code, others) == (0, [])
    assert runs.committed() == ["first", "second", "third"]


@pytest.mark.parametrize("runs", ["bigquery"], indirect=True)  # on one DuckDB file, the lock is the first one's
@pytest.mark.exhaustive
def test_a_second_run_that_goes_on_is_seen_by_a_third(runs: Runs, held: Held) -> None:
    first, second = held.start("first"), held.start("second")
    assert runs.end(runs.start("third"))[2] == ["second"]
    held.let_go()
    assert (runs.end(first)[0], runs.end(second)[0]) == (0, 0)


def test_a_second_run_is_skipped_if_configured(runs: Runs, held: Held) -> None:
    first = held.start("first")
    code, summary, others = runs.end(runs.start("second", "skip"))
    assert (code, others) == (0, ["first"])
    assert (summary["skipped_for"], summary["clusters"], summary["committed_before"]) == ("first", 0, False)
    held.let_go()
    assert runs.end(first)[0] == 0
    code, summary, _ = runs.end(runs.start("third", "skip"))
    assert (code, summary["skipped_for"]) == (0, None)
    assert runs.committed() == ["first", "third"]


def test_attempts_of_one_run_do_not_overlap_one_another(runs: Runs, held: Held) -> None:
    first = held.start("first")
    code, summary, others = runs.end(runs.start("first", "skip", CLOUD_RUN_TASK_ATTEMPT="1"))
    assert (code, others, summary["skipped_for"]) == (0, [], None)
    held.let_go()
    assert runs.end(first)[1]["committed_before"]
    assert runs.committed() == ["first"]


def test_a_killed_duckdb_run_does_not_block_the_next(simulator: Simulator, tmp_path: Path) -> None:
    runs = Runs(simulator, tmp_path, sink_at(tmp_path / "x.duckdb"))
    cluster = sorted(simulator.clusters)[0]
    simulator.fault(cluster, "hang", "pods")
    killed = runs.start("first")
    while not (tmp_path / "x.duckdb.running").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    simulator.clear()
    assert runs.end(runs.start("second", "skip"))[1]["skipped_for"] is None
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".yaml") == ["x.duckdb"]


def test_a_run_of_several_tasks_is_over_when_all_are_committed() -> None:
    labels, done = labels_of("r-1", 3), {0, 1}
    asked = {
        "labels": labels,
        "timeout_seconds": 60.0,
        "committed": lambda run, index: index if index in done else None,
    }
    assert other_run(run_id="r-2", **asked) == "r-1"
    assert other_run(run_id="r-1", **asked) is None
    assert other_run(run_id="r-2", **asked | {"labels": labels | {"gke_inventory_run_began": "0"}}) is None
    done.add(2)
    assert other_run(run_id="r-2", **asked) is None
    assert labels_of("Not a label", 1) == {}


@pytest.mark.parametrize(
    "odd",
    [
        {"began": "4000000000"}, {"began": "yesterday"}, {"began": ""}, {"tasks": "many"},
        {"began": "9" * 40}, {"tasks": "-1"}, {"began": "1.5"},
    ],
    ids=str,
)  # fmt: skip
def test_a_run_with_odd_labels_or_from_the_future_holds_up_no_other(
    odd: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"began": "gke_inventory_run_began", "tasks": "gke_inventory_run_tasks"}
    labels = labels_of("r-1", 1) | {names[name]: value for name, value in odd.items()}
    assert other_run(labels, "r-2", 3600.0, lambda *_: None) is None
    assert json.loads(capsys.readouterr().err)["message"] in ("run from the future", "label not understood")


@pytest.mark.exhaustive
def test_a_clock_that_is_ahead_hides_no_later_run(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    config = msgspec.convert({**simulator.configuration, "sink": "bigquery://shop-prod.ahead?location=EU"}, Config)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=3)

    with monkeypatch.context() as patch:
        for module in (one_task, ledger, projects, stats, cluster):
            patch.setattr(module, "datetime", Ahead)
        patch.setattr(overlap, "time", SimpleNamespace(time=lambda: time.time() + 3 * 86_400))
        run_id = one_task.run(config).run.run_id
    assert "clock differs" in capsys.readouterr().err
    sink = open_warehouse(config)
    for table, times in {
        "runs": ("snapshot_time", "started_at", "finished_at"),
        "snapshots": ("snapshot_time", "started_at"),
        "collections": ("snapshot_time", "started_at"),
    }.items():
        late = " OR ".join(f"{name} > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 MINUTE)" for name in times)
        assert sink.query(f"SELECT COUNT(*) FROM {table} WHERE {late}").rows == [(0,)], table
    newer = one_task.run(config).run.run_id
    assert sink.query("SELECT DISTINCT run_id FROM latest_snapshots").rows == [(newer,)]
    assert newer != run_id
