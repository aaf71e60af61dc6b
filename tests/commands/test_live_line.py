"""The live line: what it shows while a run lasts, that nothing breaks it, and that nothing is left of it."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from replay import CLUSTER, LOCATION, PROJECT, Replay
from terminals import on_terminal

from job.commands.live_line import line_of
from job.commands.table import width_of
from job.progress import LISTING, PHASES, PUBLISHING, READING, Lasting, RunProgress, Seen

NAME = f"{PROJECT}/{LOCATION}/{CLUSTER}"
ESCAPES = re.compile(r"\x1b\[[\d;]*[A-Za-z]")


class Hanging(dict[str, Any]):
    """Answers of the cluster, which does not answer requests for a path before it may."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.may_answer = path, threading.Event()

    def __contains__(self, path: object) -> bool:
        if path == self.path:
            self.may_answer.wait(60)
        return super().__contains__(path)


@contextmanager
def hanging(replay: Replay, path: str) -> Iterator[threading.Event]:
    """The cluster does not answer requests for this path, until the event is set."""
    replay.answers = answers = Hanging(path)
    try:
        yield answers.may_answer
    finally:
        answers.may_answer.set()


def committed(folder: Path) -> list[str]:
    """The status of each run in the sink."""
    with duckdb.connect(str(folder / "x.duckdb"), read_only=True) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM runs").fetchall()]


@pytest.mark.usefixtures("configured")
@pytest.mark.siblings(1)
@pytest.mark.parametrize("columns", [60, 200])
def test_the_line_names_a_cluster_that_hangs_and_is_gone_at_the_end(
    replay: Replay, columns: int, tmp_path: Path
) -> None:
    with hanging(replay, "/api/v1/pods") as may_answer, on_terminal("run", columns=columns) as terminal:
        terminal.wait_for("slowest: ")
        may_answer.set()
        assert terminal.end() == 0
    slow = [row for row in terminal.seen if "slowest: " in row]
    assert re.fullmatch(rf"(slowest|reading: 0 of 1 clusters; .*slowest): ({NAME}|{CLUSTER}), 1 s", slow[0])
    lines = [row for row in terminal.seen if row.startswith((*PHASES,))]
    assert max(map(width_of, lines)) < columns
    assert "objects, " in "".join(lines)
    assert not [row for row in terminal.rows if row.startswith((*PHASES,))]
    assert [
        row for row in terminal.rows if "run started" in row and row.endswith(f"sink={_sink(tmp_path)} version=0.1.0")
    ]
    assert [row for row in terminal.rows if "cluster collected" in row and "status=complete" in row]
    assert any(row.startswith("1 cluster of 1 project in ") for row in terminal.rows)
    assert "\x1b[?25l" not in terminal.sent  # nobody would show the cursor again after a second Ctrl-C
    assert committed(tmp_path) == ["complete"]


def _sink(folder: Path) -> str:
    return f"duckdb:///{folder / 'x.duckdb'}"


@pytest.mark.usefixtures("unwritten")
@pytest.mark.parametrize(
    ("sent", "code", "words"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")]
)
def test_a_signal_leaves_a_clean_screen(replay: Replay, sent: signal.Signals, code: int, words: str) -> None:
    with hanging(replay, "/version"), on_terminal("run") as terminal:
        terminal.wait_for(f"waiting for {NAME} to answer")
        terminal.process.send_signal(sent)
        assert terminal.end() == code
    assert terminal.rows[-2:] == [f"gke-inventory: {words}; no snapshot was written", ""]
    assert not [row for row in terminal.rows if row.startswith((*PHASES,))]
    assert "reading: 0 of 1 clusters" in "".join(terminal.seen)
    assert "Ctrl-C stops" not in terminal.sent  # the line has it


@pytest.mark.usefixtures("configured")
@pytest.mark.siblings(1)
@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=["dumb", "no colour"])
def test_a_terminal_that_takes_no_escapes_gets_none(environment: dict[str, str]) -> None:
    with on_terminal("run", **environment) as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.sent
    assert "reading" not in terminal.sent
    assert "1 of 1 clusters" in terminal.rows
    assert any(row.startswith("1 cluster of 1 project in ") for row in terminal.rows)


@pytest.mark.usefixtures("configured")
def test_the_processes_of_a_run_share_the_line(replay: Replay) -> None:
    with hanging(replay, "/api/v1/pods") as may_answer, on_terminal("run", "--tasks", "2") as terminal:
        replay.answers["/api/v1/nodes"] = (403, {}, b"{}")
        terminal.wait_for(f"slowest: {NAME}")
        may_answer.set()
        assert terminal.end() == 3
    assert "reading: 0 of 1 clusters" in "".join(terminal.seen)
    assert not [row for row in terminal.rows if row.startswith((*PHASES,))]
    (warning,) = [row for row in terminal.rows if "cluster collected" in row]  # of a process, with its colours
    assert re.match(r"\d\d:\d\d:\d\d \[warning  ] cluster collected", warning)
    assert "\x1b[1mcluster collected" in terminal.sent


@pytest.mark.usefixtures("configured")
def test_a_run_commits_where_its_terminal_has_gone(replay: Replay, tmp_path: Path) -> None:
    with hanging(replay, "/api/v1/pods") as may_answer, on_terminal("run") as terminal:
        terminal.wait_for("reading: 0 of 1 clusters")
        terminal.hang_up()
        may_answer.set()
        assert terminal.process.wait(60) == 0
    assert committed(tmp_path) == ["complete"]


@pytest.mark.usefixtures("configured")
def test_a_lock_that_a_run_waits_for_is_on_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as holder, on_terminal("run", columns=300) as terminal:
        terminal.wait_for(f"; waiting for {path}, which another process has open, ")
        holder.close()
        assert terminal.end() == 0
    assert not [row for row in terminal.rows if row.startswith(("waiting", *PHASES))]


def test_the_line_fits_every_width_and_shows_no_hostile_text() -> None:
    hostile = "shop\x1b]0;x\x07/eu/web\u202e\n" + 40 * "日本"
    for name, phase in ((NAME, READING), (hostile, LISTING), (hostile, PUBLISHING), (hostile, READING)):
        slow = Lasting(name, 100.0)
        for waited in (None, Lasting(f"{name} to answer", 9.0), Lasting("BigQuery", 3.0)):
            seen = Seen(
                phase=phase, clusters=1000, clusters_done=999, projects=30, objects=12_345_678, slowest=slow,
                awaited=waited, also_awaited=7 if waited else 0,
            )  # fmt: skip
            for width in range(20, 300, 7):
                line = line_of(seen, 4000.0, 99_999.9, width)
                assert line.isprintable()
                assert width_of(line) <= width


def test_a_wait_within_a_cluster_is_named_once() -> None:
    slow, waited = Lasting(NAME, 9.0), Lasting(f"{NAME} to answer", 9.0)
    seen = Seen(phase=READING, clusters=5, clusters_done=4, slowest=slow, awaited=waited, also_awaited=2)
    assert line_of(seen, 61.0, 0.0, 200) == (
        f"reading: 4 of 5 clusters; 1:01; waiting for {NAME} to answer and 2 more, 9 s"
    )


def test_tasks_are_one_run_whose_phase_is_that_of_the_slowest() -> None:
    progress = RunProgress()
    progress.tasks = {
        0: Seen(phase=READING, clusters=3, clusters_done=1, objects=10, slowest=Lasting("a", 5.0), projects=9),
        1: Seen(phase=LISTING, clusters=2, objects=5, slowest=Lasting("b", 7.0), awaited=Lasting("c", 3.0), projects=4),
    }
    assert progress.seen() == Seen(
        phase=LISTING, clusters=5, clusters_done=1, objects=15, slowest=Lasting("b", 7.0), awaited=Lasting("c", 3.0),
        projects=9,
    )  # fmt: skip
    progress.phase = PUBLISHING
    assert progress.seen().phase == PUBLISHING
