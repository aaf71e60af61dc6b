"""Long answers on a terminal go through a pager, and nothing else does."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import pytest
from terminals import on_terminal

# Counts the lines that it gets; with a second argument, reads one and leaves; with a file, waits for it first.
_PAGER = """
import pathlib, sys, time
lines = 1 if sys.argv[1:] == ["leave"] else None
read = sys.stdin.readline() if lines else sys.stdin.read()
print("paged", len(read.splitlines()), flush=True)
while sys.argv[1:] and not lines and not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    """A pager, as PAGER names it."""
    (tmp_path / "pager.py").write_text(_PAGER)
    return shlex.join([sys.executable, "-S", str(tmp_path / "pager.py")])


@pytest.mark.parametrize("argument", ["", "leave"])
def test_a_terminal_gets_what_a_command_prints_through_the_pager(command: str, argument: str) -> None:
    """One that is left early is no error."""
    with on_terminal("describe", "pods", PAGER=f"{command} {argument}") as terminal:
        assert terminal.end() == 0
        count = int(terminal.sent.split("paged ")[1].split()[0])
        assert (count == 1) if argument else (count > 80)
        assert "workload_kind" not in terminal.sent


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        (["--no-pager"], {}),
        ([], {"TERM": "dumb"}),
        ([], {"PAGER": ""}),
        ([], {"PAGER": "cat"}),
        ([], {"PAGER": "/no/pager -x"}),
        (["--no-pager"], {"PAGER": "less '"}),
    ],
)
def test_text_goes_straight_to_a_terminal_without_a_pager(
    command: str, flags: list[str], environment: dict[str, str]
) -> None:
    with on_terminal("describe", "pods", *flags, **{"PAGER": command, **environment}) as terminal:
        assert terminal.end() == 0
        assert "paged" not in terminal.sent
        assert "workload_kind" in terminal.sent


def test_a_pager_may_be_a_line_for_a_shell(command: str) -> None:
    with on_terminal("tables", PAGER=f"LESS=-R {command} | sed 's/paged/a pipe of/'") as terminal:
        assert terminal.end() == 0
    assert "a pipe of" in terminal.sent


def test_sigterm_ends_the_pager_that_somebody_reads(command: str, tmp_path: Path) -> None:
    never = shlex.quote(str(tmp_path / "never"))
    with on_terminal("tables", PAGER=f"{command} {never}") as terminal:
        terminal.wait_for("paged ")
        terminal.process.terminate()
        assert terminal.end() == 143
        left = [pid for pid in Path("/proc").glob("[0-9]*/cmdline") if never.encode() in _read(pid)]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def test_an_error_starts_no_pager(command: str) -> None:
    with on_terminal("describe", "nothing", PAGER=command) as terminal:
        assert terminal.end() == 2
        assert "paged" not in terminal.sent
        assert "nothing" in terminal.sent


def test_ctrl_c_is_for_the_pager_while_it_is_read(command: str, tmp_path: Path) -> None:
    may_leave = tmp_path / "may leave"
    with on_terminal("tables", PAGER=f"{command} {shlex.quote(str(may_leave))}") as terminal:
        terminal.wait_for("paged ")
        terminal.process.send_signal(signal.SIGINT)
        may_leave.touch()
        assert terminal.end() == 0
