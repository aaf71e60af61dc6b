"""Ctrl-C: every command ends at once with 130, in one line, whatever it is doing; a notebook stays quiet afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from loopback_bigquery import served
from replay import Replay
from test_cli import slow_pods

from job.config import Config
from job.frames import query
from job.run.one_task import run
from job.spool import Spool

ENDLESS = "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT max(i) FROM t"


@pytest.fixture(autouse=True)
def _as_in_a_notebook() -> Iterator[None]:
    """A worker of pytest may ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def interrupted_when(ready: Callable[[], bool]) -> Iterator[None]:
    """Presses Ctrl-C as soon as something is so."""

    def press() -> None:
        while not ready():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


def ended(program: str) -> tuple[int, str]:
    """The exit code and stderr of a program."""
    command = [sys.executable, "-c", "import os, signal, sys, time\n" + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_the_first_moments_of_a_command_end_in_one_line() -> None:
    program = """
from job import __main__ as start
class Press:
    def find_spec(name, path=None, target=None):
        if name == "job.cli":
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
sys.meta_path.insert(0, Press)
start.main()
"""
    assert ended(program) == (130, "gke-inventory: interrupted\n")


@pytest.mark.parametrize(
    "busy",
    [
        "signal.signal(signal.SIGINT, lambda *_: None)  # as if a library had swallowed the exception",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
    ],
)
def test_a_main_thread_that_does_not_end_is_ended(busy: str) -> None:
    program = f"""
from job.interrupts import end_within_a_second
{busy}
end_within_a_second(lambda: 130)
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(60)
"""
    assert ended(program) == (130, "")


def test_an_interrupt_that_python_cannot_raise_prints_nothing() -> None:
    program = """
from job.interrupts import end_within_a_second
class Closed:
    def __del__(self):
        raise KeyboardInterrupt
end_within_a_second(lambda: 130)
Closed()
"""
    assert ended(program) == (0, "")


def test_a_query_of_duckdb_ends(tmp_path: Path) -> None:
    sink = f"duckdb:///{tmp_path}/x.duckdb"

    duckdb.connect(str(tmp_path / "x.duckdb")).close()
    with interrupted_when(lambda: any(thread.name == "query" for thread in threading.enumerate())):
        query(ENDLESS, sink=sink)
    assert query("SELECT 1 AS n", sink=sink)["n"].tolist() == [1]


def test_a_query_of_bigquery_is_cancelled(replay: Replay) -> None:
    with served() as bigquery:
        bigquery.fault("slow_job", seconds=3600)
        keys = {**replay.configuration, "sink": "bigquery://shop-prod.inventory?location=EU"}
        keys["api_endpoints"] = {**keys["api_endpoints"], "bigquery": bigquery.endpoint}
        with interrupted_when(lambda: any("/queries/" in request["path"] for request in bigquery.requests())):
            query("SELECT 1", config=msgspec.convert(keys, Config))
        assert [request for request in bigquery.requests() if request["id"] == "bigquery.jobs.cancel"]


def test_threads_say_nothing_after_an_interrupted_run(
    replay: Replay, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = msgspec.convert({**replay.configuration, "sink": f"duckdb:///{tmp_path}/x.duckdb"}, Config)
    reads, ended, segment = threading.Event(), threading.Event(), Spool.segment
    failed = []

    def segment_of_a_closed_spool(spool: Spool, *arguments: Any) -> Any:
        if not any(frame.name == "_keep" for frame in traceback.extract_stack()):
            reads.set()
            ended.wait(30)
            failed.append(arguments)
            raise ValueError("I/O operation on closed file")
        return segment(spool, *arguments)

    monkeypatch.setattr(Spool, "segment", segment_of_a_closed_spool)
    with interrupted_when(reads.is_set):
        run(config)
    ended.set()
    for thread in threading.enumerate():
        if thread.name == "read":
            thread.join(20)
            assert not thread.is_alive()
    printed = capsys.readouterr()
    assert failed
    assert '"bug"' not in printed.err
    assert "Traceback" not in printed.err
    assert not (tmp_path / "x.duckdb").exists()


@pytest.mark.usefixtures("configured")
def test_the_tasks_of_a_run_end_with_it_and_say_nothing(replay: Replay, tmp_path: Path) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    with slow_pods(replay) as asked:
        process = subprocess.Popen(
            [sys.executable, "-m", "job", "run", "-q", "--tasks", "2"],
            stderr=subprocess.PIPE, text=True, start_new_session=True, env=os.environ | {"TMPDIR": str(spools)},
        )  # fmt: skip
        assert asked.wait(60)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error.strip()) == (130, "gke-inventory: interrupted; no snapshot was written")
    assert list(spools.iterdir()) == []
