"""SIGKILL at any moment: what an analyst then sees is the run before, whole, or the new one, whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from replay import Replay
from test_cli import write_config

from job.sinks.duckdb import DuckDBSink

SEEN = (
    "SELECT (SELECT count(*) FROM latest_runs), (SELECT count(*) FROM latest_snapshots), "
    "(SELECT count(*) FROM latest_pods), (SELECT count(*) FROM latest_nodes), "
    "(SELECT count(*) FROM coverage WHERE status = 'ok')"
)
WHOLE = (1, 1, 45, 3, 10)


@pytest.mark.timeout(300)
def test_a_killed_run_leaves_no_partial_snapshot(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.duckdb"
    write_config(tmp_path, replay.configuration | {"sink": f"duckdb:///{path}"})
    monkeypatch.setenv("GKE_INVENTORY_CONFIG", str(tmp_path / "c.yaml"))
    command = [sys.executable, "-m", "job.cli", "run", "-q", "--json"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    began = time.monotonic()
    assert start().wait(60) == 0
    whole = time.monotonic() - began
    sink, draw, runs, killed = DuckDBSink(path, timeout_seconds=5), random.Random(11), 1, 0
    for attempt in range(16):
        process = start()
        # half of the moments are spread over the run, half fall where it commits
        time.sleep(whole * (draw.random() if attempt % 2 else draw.uniform(0.6, 1.0)))
        process.kill()
        killed += process.wait() != 0
        (seen,) = sink.query(SEEN).rows
        assert seen == WHOLE
        ((found,),) = sink.query("SELECT count(*) FROM snapshots").rows
        for table, rows in (("pods", 45), ("nodes", 3), ("runs", 1)):
            assert sink.query(f"SELECT count(*) FROM {table}").rows == [(found * rows,)]
        assert found in (runs, runs + 1)
        runs = found
    assert killed >= 8
