"""What ends or shakes a whole run: exit codes that are true, and nothing half written."""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from faults.cases import ENDINGS, KINDS, WEB, Ending
from faults.fleet import NEWEST, Ended, Fleet, Started

from job.errors import SpoolError
from job.spool import Spool
from job.tables import UPGRADE_INFO, Key, Namespace


@pytest.fixture
def ending(request: pytest.FixtureRequest) -> Ending:
    """What the reference says of this test's fault."""
    return ENDINGS[getattr(request.node, "originalname", request.node.name)]


def assert_ended(ended: Ended, ending: Ending) -> None:
    assert ended.exit_code == ending.exit_code, ended.err
    assert ending.stderr in ended.err
    assert "Traceback" not in ended.err


def assert_nothing_written(fleet: Fleet) -> None:
    assert fleet.database.read_bytes() == fleet.usual.read_bytes()
    assert sorted(path.name for path in fleet.database.parent.glob("x.duckdb*")) == ["x.duckdb"]
    assert list(fleet.spools.iterdir()) == []


def test_no_token_at_all(
    fleet: Fleet, ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault("token", "token_status", "token", code=500)
    assert_ended(fleet.run(monkeypatch, capsys), ending)
    assert_nothing_written(fleet)
    assert fleet.asked() == []


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("pattern", ["web-11", "shop-prod/asia-southeast1/wbe-1", "*/us-*/web-1"])
def test_clusters_that_are_not_there(
    pattern: str,
    command: str,
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = fleet.run(monkeypatch, capsys, command, "--json", "--cluster", pattern)
    assert_ended(ended, ENDINGS["test_clusters_that_are_not_there"])
    assert f"clusters.include: {pattern} matches no cluster" in ended.err
    assert f"the nearest are {WEB}" in ended.err
    assert "Write PROJECT/LOCATION/CLUSTER" in ended.err
    assert_nothing_written(fleet)
    assert [request for request in fleet.asked() if request["cluster"] in fleet.simulator.clusters] == []


def test_an_empty_selection(
    fleet: Fleet, ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(clusters={"exclude": ["*"]})
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == ending.exit_code
    summary = json.loads(ended.out)
    assert (summary["status"], summary["acceptable"], summary["clusters"]) == ("incomplete", False, 0)
    assert [gap["message"].partition(":")[0] for gap in summary["unread"]] == [ending.stderr]
    assert fleet.query(f"SELECT status, acceptable FROM runs WHERE {NEWEST}") == [("incomplete", False)]
    coverage = "SELECT DISTINCT status FROM coverage WHERE cluster IS NOT NULL AND status <> 'off'"
    assert fleet.query(coverage) == [("stale",)]


def test_an_expired_login(
    fleet: Fleet, ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(fleet.simulator.directory / "authorized-user.json"))
    fleet.simulator.fault("token", "token_invalid_grant", "token")
    ended = fleet.run(monkeypatch, capsys)
    assert_ended(ended, ending)
    assert "gcloud auth application-default login" in ended.err
    assert_nothing_written(fleet)


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A folder on a disk of its own, where this user may mount one."""
    directory.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def largest_file(size: int) -> tuple[str, ...]:
    """What, before a command, lets it write no file beyond so many bytes."""
    return ("sh", "-c", f'ulimit -f {size // 512}; exec "$@"', "sh")


@pytest.mark.parametrize("how", ["disk", "limit"])
def test_a_full_temporary_folder(fleet: Fleet, ending: Ending, how: str) -> None:
    if how == "disk":
        with small_disk(fleet.spools, "16k"):
            assert_ended(fleet.start().end(), ending)
            assert_nothing_written(fleet)
    else:
        assert_ended(fleet.start(before=largest_file(4096)).end(), ending)
        assert_nothing_written(fleet)


def test_a_spool_that_cannot_grow_is_one_error_and_can_still_be_dropped(tmp_path: Path) -> None:
    key = Key(snapshot_id="1", snapshot_time=datetime(2026, 1, 1, tzinfo=UTC))
    draw = random.Random(1)
    rows = [Namespace(name=draw.randbytes(2000).hex(), uid="u") for _ in range(1000)]
    spool = Spool(tmp_path)
    kept, grown = spool.segment(key), spool.segment(key)
    kept.add(rows[:300])
    spool.keep(kept)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(SpoolError, match="Set TMPDIR to a folder with room"):
            grown.add(rows)
        grown.drop()
        with pytest.raises(SpoolError, match="cannot write rows"):
            spool.save()
        spool.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("how", ["disk", "limit"])
def test_a_full_disk_under_the_sink(fleet: Fleet, ending: Ending, tmp_path: Path, how: str) -> None:
    if how == "limit":
        assert_ended(fleet.start(before=largest_file(64 * 1024)).end(), ending)
        assert fleet.rows() == fleet.rows(usual=True)
        return
    with small_disk(tmp_path / "disk", str(fleet.usual.stat().st_size + 64 * 1024)) as disk:
        fleet.database = Path(shutil.copy(fleet.usual, disk / "x.duckdb"))
        fleet.configure()
        assert_ended(fleet.start().end(), ending)
        assert fleet.rows() == fleet.rows(usual=True)


def test_an_output_folder_that_goes_away(fleet: Fleet, ending: Ending, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    fleet.database = folder / "x.duckdb"
    fleet.configure()
    fleet.simulator.fault(WEB, "delay", "pods", seconds=2)
    started = fleet.start()
    started.wait_for("run started")
    shutil.rmtree(folder)
    assert_ended(started.end(), ending)
    assert not folder.exists()
    assert list(fleet.spools.iterdir()) == []


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program that has the file open."""
    program = f"import duckdb; c = duckdb.connect({str(database)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        yield
        other.communicate("\n")


def test_a_file_that_stays_locked(
    fleet: Fleet, ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(timeouts={"sink_seconds": 1.0})
    with locked(fleet.database):
        assert_ended(fleet.run(monkeypatch, capsys), ending)
    assert fleet.rows() == fleet.rows(usual=True)


@pytest.mark.exhaustive
def test_two_runs_at_once(fleet: Fleet, ending: Ending) -> None:
    both = [fleet.start(), fleet.start()]
    for started in both:
        assert_ended(started.end(), ending)
    assert fleet.query("SELECT count(*) FROM snapshots WHERE status = 'complete'") == [(9,)]
    assert fleet.query("SELECT count(*), count(DISTINCT snapshot_id) FROM latest_snapshots") == [(3, 3)]
    assert fleet.rows(prefix="") == fleet.rows(usual=True)


def stopped(fleet: Fleet, *signals: signal.Signals) -> tuple[Ended, float]:
    """A run that is sent the signals while a server lets it wait; and how long it then took to end."""
    fleet.simulator.fault("*/*/*", "hang", "pods")
    started = fleet.start()
    fleet.wait_until_asked(WEB, "/api/v1/pods")
    began = time.monotonic()
    for number in signals:
        started.process.send_signal(number)
    return started.end(), time.monotonic() - began


def test_sigterm(fleet: Fleet, ending: Ending) -> None:
    ended, seconds = stopped(fleet, signal.SIGTERM)
    assert_ended(ended, ending)
    assert_nothing_written(fleet)
    assert seconds < 8  # Cloud Run sends SIGKILL after 10


def test_sigterm_with_clusters_complete(fleet: Fleet, ending: Ending) -> None:
    fleet.simulator.fault(WEB, "hang", "pods")
    started = fleet.start()
    fleet.wait_until_asked(WEB, "/api/v1/pods")
    for _ in range(2):
        started.wait_for("cluster collected")
    began = time.monotonic()
    started.process.send_signal(signal.SIGTERM)
    ended = started.end()
    assert time.monotonic() - began < 8
    assert_ended(ended, ending)
    sql = f"SELECT cluster, status, reason FROM snapshots WHERE {NEWEST} ORDER BY 1"
    assert fleet.query(sql) == [
        ("payments-1", "complete", None), ("search-1", "complete", None), ("web-1", "partial", "stopped"),
    ]  # fmt: skip
    unread = "SELECT resource, outcome FROM collections WHERE cluster = 'web-1' AND outcome NOT IN ('ok', 'off')"
    assert fleet.query(f"{unread} AND {NEWEST}") == [("pods", "stopped")]
    usual, found = fleet.rows(usual=True), fleet.rows(where=NEWEST)
    assert found == {key: rows for key, rows in usual.items() if key != (WEB, "pods")}
    assert fleet.rows(prefix="") == usual  # pods as they were


def test_ctrl_c_once(fleet: Fleet, ending: Ending) -> None:
    ended, _ = stopped(fleet, signal.SIGINT)
    assert_ended(ended, ending)
    assert_nothing_written(fleet)


def test_ctrl_c_twice(fleet: Fleet, ending: Ending) -> None:
    ended, _ = stopped(fleet, signal.SIGINT, signal.SIGINT)
    assert_ended(ended, ending)
    assert fleet.database.read_bytes() == fleet.usual.read_bytes()


def test_a_signal_at_the_commit_is_answered_with_the_truth(fleet: Fleet) -> None:
    draw, written = random.Random(5), 3
    for _ in range(5):
        started = fleet.start()
        started.wait_for("publishing")
        time.sleep(draw.uniform(0, 0.5))
        started.process.send_signal(signal.SIGTERM)
        ended = started.end()
        assert ended.exit_code in (0, 143), ended.err
        written += 3 if ended.exit_code == 0 else 0
        assert fleet.query("SELECT count(*) FROM snapshots") == [(written,)]


def is_stopped(process: subprocess.Popen[str]) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def stop(started: Started) -> None:
    """SIGTSTP; and SIGSTOP where it is without effect, as in a process group that no shell looks after."""
    for number in (signal.SIGTSTP, signal.SIGSTOP):
        started.process.send_signal(number)
        for _ in range(50):
            if is_stopped(started.process):
                return
            time.sleep(0.02)
    raise AssertionError("it does not stop")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="whether a process is stopped is read from /proc")
def test_a_migration_of_the_machine(fleet: Fleet, ending: Ending) -> None:
    fleet.simulator.fault("*/*/*", "delay", "pods", seconds=20, times=3)
    started = fleet.start()
    for cluster in fleet.simulator.clusters:
        fleet.wait_until_asked(cluster, "/api/v1/pods")
    stop(started)
    assert fleet.simulator.cut() >= 3
    time.sleep(0.5)
    started.process.send_signal(signal.SIGCONT)
    ended = started.end()
    assert_ended(ended, ending)
    assert json.loads(ended.out)["clusters_complete"] == 3
    sql = f"SELECT count(*) FROM collections WHERE resource = 'pods' AND retries = 1 AND outcome = 'ok' AND {NEWEST}"
    assert fleet.query(sql) == [(3,)]
    sql = f"SELECT count(*) FROM collections WHERE outcome = 'ok' AND resource <> '{UPGRADE_INFO}' AND {NEWEST}"
    assert fleet.query(sql) == [(3 * len(KINDS) + 3,)]
    assert fleet.rows(where=NEWEST) == fleet.rows(usual=True)
