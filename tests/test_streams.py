"""Streams that are closed, full, or without a reader change neither what a command does nor what its exit code says."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from loopback_bigquery import connected

from job.simulator.bigquery.control import Control

COMMAND = f"{shlex.quote(sys.executable)} -m job.cli"
SOME = ("2>&1 | head -n 1", "<&- >&- 2>&-", "> /dev/full 2>&1")
SIBLINGS = ("2>&1 | true", "| true", ">&-", "2>&-", ">&- 2>&-", "> /dev/full", "2> /dev/full")
STREAMS = [*SOME, *(pytest.param(streams, marks=pytest.mark.exhaustive) for streams in SIBLINGS)]


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash; the exit code is that of the first command of its pipe."""
    script = f"{COMMAND} {line}\nexit ${{PIPESTATUS[0]}}"
    return subprocess.run(
        ["bash", "-c", script], env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


def statuses(folder: Path) -> list[str]:
    """The status of each run in the sink."""
    with duckdb.connect(str(folder / "x.duckdb"), read_only=True) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM runs").fetchall()]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.siblings(1)
def test_a_run_commits_whatever_happens_to_its_streams(streams: str, tmp_path: Path) -> None:
    done = shell(f"run --json {streams}")
    assert done.returncode == 0, done.stderr
    assert statuses(tmp_path) == ["complete"]
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.siblings(1)
def test_a_task_of_cloud_run_commits_whatever_happens_to_its_streams(
    streams: str, configured_task: dict[str, str], bigquery_server: Control
) -> None:
    done = shell(f"run --json {streams}", **configured_task)
    assert done.returncode == 0, done.stderr
    with connected(bigquery_server) as client:
        jobs = {job.job_id: job.error_result for job in client.list_jobs()}
    assert jobs[f"gke-inventory-for_tasks-{configured_task['CLOUD_RUN_EXECUTION']}-0-commit-0"] is None


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.siblings(1)
def test_an_incomplete_run_says_so_whatever_happens_to_its_streams(
    streams: str, configured: dict[str, Any], tmp_path: Path
) -> None:
    keys = configured | {"projects": ["other-project", *configured["projects"]]}
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    assert shell(f"run {streams}").returncode == 3
    assert statuses(tmp_path) == ["incomplete"]


@pytest.mark.usefixtures("unwritten")
@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.siblings(1)
def test_a_command_that_fails_says_so_whatever_happens_to_its_streams(streams: str, tmp_path: Path) -> None:
    assert shell(f"run --cluster nowhere {streams}").returncode == 2
    assert not (tmp_path / "x.duckdb").exists()


@pytest.mark.usefixtures("unwritten")
def test_schema_apply_makes_all_changes_without_a_reader(tmp_path: Path) -> None:
    assert shell("schema apply | true").returncode == 0
    assert shell("schema diff").stdout == ""
    assert statuses(tmp_path) == []


@pytest.mark.usefixtures("unwritten")
@pytest.mark.exhaustive
def test_a_reader_that_closes_a_pipe_changes_no_exit_code() -> None:
    assert shell("schema diff | head -n 1").returncode == 3
    assert shell("schema show | true").returncode == 0
    assert shell("plan | true").returncode == 0


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("command", ["schema show", "plan", "--version", "query 'FROM runs'"])
@pytest.mark.siblings(1)
def test_output_that_is_all_a_command_makes_must_arrive(command: str) -> None:
    done = shell(f"{command} > /dev/full")
    assert (done.returncode, done.stderr) == (
        2, "gke-inventory: cannot write the output: No space left on device\n",
    )  # fmt: skip


@pytest.mark.usefixtures("configured")
def test_a_summary_that_cannot_be_printed_is_named() -> None:
    done = shell("run > /dev/full")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        0, "gke-inventory: cannot write the output: No space left on device; the exit code says what was done",
    )  # fmt: skip
