"""`run --tasks`: several processes on this machine, one run, one commit."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from made import sink_at
from replay import Replay
from test_cli import COMMAND, invoke

from job.commands.run import take_snapshot
from job.config import Config
from job.run import task_count
from job.scratch import scratch_folder
from job.signals import Stop
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse


@pytest.mark.parametrize("kind", ["duckdb", "bigquery"])
def test_tasks_on_this_machine_make_one_run_with_one_commit(kind: str, tmp_path: Path) -> None:
    url = {"duckdb": sink_at(tmp_path / "x.duckdb"), "bigquery": "bigquery://shop-prod.tasks?location=EU"}[kind]
    with simulate(clusters=7, pods=6) as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.environment.items():
            patch.setenv(name, value)
        keys = {**simulator.configuration, "sink": url, "upgrade_info": False}  # of which the second run reads nothing
        (tmp_path / "c.yaml").write_text(json.dumps(keys))
        config = msgspec.convert(keys, Config)
        summaries = {
            tasks: json.loads(
                invoke(
                    "run", "--json", "-q", "--tasks", str(tasks), "--config", str(tmp_path / "c.yaml"), timeout=120
                ).stdout
            )
            for tasks in (3, 1)
        }
        alike = {"clusters", "clusters_complete", "clusters_partial", "clusters_failed", "objects", "status", "unread"}
        assert {key: summaries[3][key] for key in alike} == {key: summaries[1][key] for key in alike}
        assert (summaries[3]["bytes_billed"] > 0) == (kind == "bigquery")
        assert {key: count for key, count in summaries[3]["rows"].items() if key not in ("runs", "collections")} == {
            key: count for key, count in summaries[1]["rows"].items() if key not in ("runs", "collections")
        }
        sink = open_warehouse(config)
        found = "SELECT COUNT(*), COUNT(DISTINCT task_index), MAX(task_count) FROM runs WHERE run_id = "
        assert sink.query(f"{found} '{summaries[3]['run_id']}'").rows == [(3, 3, 3)]
        if kind == "duckdb":
            patch.setattr(task_count, "_WORTH_OBJECTS", 1)
            patch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
            patch.setattr(task_count, "container_limit", lambda: None)
            patch.setattr(task_count, "container_cpus", lambda: None)
            last = take_snapshot(config, tasks=None, stop=Stop(), is_quiet=True)
            assert sink.query(f"{found} '{last.run.run_id}'").rows == [(2, 2, 2)]


def test_a_task_that_fails_leaves_nothing_written(tmp_path: Path) -> None:
    with simulate(clusters=2, pods=3, plain=True) as simulator:
        keys = {**simulator.configuration, "sink": f"duckdb:///{tmp_path}/x.duckdb"}
        (tmp_path / "c.yaml").write_text(json.dumps(keys))
        simulator.fault("token", "token_status", "token", code=500, times=40)
        done = invoke("run", "--tasks", "2", "--config", str(tmp_path / "c.yaml"), **simulator.environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.duckdb").exists()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=4, pods=3, plain=True) as found:
        yield found


class Started:
    """`run --tasks 2` into a DuckDB file, in a session of its own."""

    def __init__(self, simulator: Simulator, folder: Path, **settings: Any) -> None:
        self._simulator = simulator
        self.spools = folder / "spools"
        self.spools.mkdir()
        self.database = folder / "x.duckdb"
        projects = [project for project in simulator.projects if project != "acquired-company"]
        keys = {**simulator.configuration, "projects": projects, "sink": f"duckdb:///{self.database}", **settings}
        (folder / "c.yaml").write_text(json.dumps(keys))
        self.process = subprocess.Popen(
            [*COMMAND, "run", "--tasks", "2", "--json", "--config", str(folder / "c.yaml")],
            env=os.environ | simulator.environment | {"TMPDIR": str(self.spools)}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for_pods(self, count: int) -> None:
        """Waits until so many lists of pods are asked for."""
        self._wait(lambda: sum("/pods" in each["path"] for each in self._simulator.requests()) >= count)

    def tasks(self) -> list[int]:
        """The processes of the tasks that are there."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if str(self.spools) in path.read_text():
                    found.append(int(path.parent.name))
        return found

    def wait_until_alone(self) -> None:
        """Waits for the end of all tasks."""
        self._wait(lambda: not self.tasks())

    @staticmethod
    def _wait(is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not is_done():
            assert time.monotonic() < end
            time.sleep(0.05)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err
        return self.process.returncode, out, err


def test_sigterm_commits_what_the_tasks_have_finished(simulator: Simulator, tmp_path: Path) -> None:
    simulator.fault("*/*/*", "hang", "pods", after=2)
    started = Started(simulator, tmp_path, workers=1, sink=sink_at(tmp_path / "x.duckdb"))
    started.wait_for_pods(3)  # a task asks for those of its second cluster when its first is finished
    started.process.send_signal(signal.SIGTERM)
    code, out, err = started.end()
    complete = json.loads(out)["clusters_complete"]
    assert (code, complete) in ((143, 1), (143, 2))
    # a task that the signal reached before it had chosen its clusters has not counted them
    assert re.search(f"stopped by SIGTERM; {complete} of [234] clusters were complete, and are committed", err)
    with duckdb.connect(str(started.database), read_only=True) as database:
        outcomes = (
            "SELECT c.cluster, bool_or(outcome = 'stopped') FROM collections AS c JOIN snapshots USING (snapshot_id)"
        )
        found = dict(database.execute(f"{outcomes} GROUP BY 1").fetchall())
    assert (len(found), sum(found.values())) == (4, 4 - complete)
    assert list(started.spools.iterdir()) == []


@pytest.mark.siblings(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_before_anything_is_finished_is_said_once(
    simulator: Simulator, tmp_path: Path, number: signal.Signals
) -> None:
    simulator.fault("*/*/*", "hang", "pods")
    started = Started(simulator, tmp_path)
    started.wait_for_pods(4)
    os.killpg(started.process.pid, number)  # as a terminal does
    code, out, err = started.end()
    assert (code, out) == (128 + number, "")
    assert len([line for line in err.splitlines() if line and not line.startswith("{")]) == 1
    assert started.tasks() == list(started.spools.iterdir()) == []
    assert not started.database.exists()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are found in /proc")
def test_tasks_end_with_the_process_that_started_them(simulator: Simulator, tmp_path: Path) -> None:
    simulator.fault("*/*/*", "hang", "pods")
    started = Started(simulator, tmp_path)
    started.wait_for_pods(4)
    assert len(started.tasks()) == 2
    started.process.kill()
    started.wait_until_alone()
    assert started.end()[1:] == ("", "")
    (left,) = started.spools.iterdir()
    with scratch_folder(started.spools):
        assert not left.exists()


def test_an_error_that_all_tasks_meet_is_said_once(simulator: Simulator, tmp_path: Path) -> None:
    simulator.fault("token", "token_status", "token", code=400, after=1)
    code, _, err = Started(simulator, tmp_path).end()
    assert code == 2
    assert len([line for line in err.splitlines() if not line.startswith("{")]) == 1, err


def test_nothing_of_the_working_directory_is_executed(replay: Replay, tmp_path: Path) -> None:
    work, marker = tmp_path / "work", tmp_path / "executed"
    work.mkdir()
    for name in ("job.py", "json.py", "yaml.py", "click.py", "subprocess.py"):
        (work / name).write_text(f"open({str(marker)!r}, 'a').write(__name__)\n")
    keys = {**replay.configuration, "sink": sink_at(tmp_path / "x.duckdb")}
    (work / "c.json").write_text(json.dumps(keys))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "job.cli", "run", "-q", "--tasks", "2", "--config", "c.json"],
        cwd=work, env=os.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert not marker.exists()
