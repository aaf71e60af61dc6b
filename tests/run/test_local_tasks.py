"""`run --tasks`: several processes on this machine, one run, one commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from replay import Replay
from test_cli import invoke

from job.config import Config
from job.simulator import simulate
from job.sinks.open_sink import open_warehouse


@pytest.mark.parametrize("kind", ["duckdb", "bigquery"])
def test_tasks_on_this_machine_make_one_run_with_one_commit(kind: str, tmp_path: Path) -> None:
    url = {"duckdb": f"duckdb:///{tmp_path}/x.duckdb", "bigquery": "bigquery://shop-prod.tasks?location=EU"}[kind]
    with simulate(clusters=7, pods=6) as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.environment.items():
            patch.setenv(name, value)
        keys = {**simulator.configuration, "sink": url}
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


def test_a_task_that_fails_leaves_nothing_written(tmp_path: Path) -> None:
    with simulate(clusters=2, pods=3, plain=True) as simulator:
        (tmp_path / "c.yaml").write_text(
            json.dumps({**simulator.configuration, "sink": f"duckdb:///{tmp_path}/x.duckdb"})
        )
        simulator.fault("token", "token_status", "token", code=500, times=40)
        done = invoke("run", "--tasks", "2", "--config", str(tmp_path / "c.yaml"), **simulator.environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.duckdb").exists()


def test_nothing_of_the_working_directory_is_executed(replay: Replay, tmp_path: Path) -> None:
    work, marker = tmp_path / "work", tmp_path / "executed"
    work.mkdir()
    for name in ("job.py", "json.py", "yaml.py", "click.py", "subprocess.py"):
        (work / name).write_text(f"open({str(marker)!r}, 'a').write(__name__)\n")
    keys = {**replay.configuration, "sink": f"duckdb:///{tmp_path}/x.duckdb"}
    (work / "c.json").write_text(json.dumps(keys))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "job.cli", "run", "-q", "--tasks", "2", "--config", "c.json"],
        cwd=work, env=os.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert not marker.exists()
