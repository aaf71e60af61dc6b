"""`-q` and `-v`: the same on every command, before and after its name."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from job import cli
from job.signals import Stop


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands below a group, with the names that call them."""
    for name, command in group.commands.items():
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["gke-inventory", *words])
    code = int(cli._exit_code(Stop()))
    return code, *capsys.readouterr()


def messages(err: str) -> set[tuple[str, str]]:
    """The severity and message of each event."""
    events = [json.loads(line) for line in err.splitlines()]
    return {(event["severity"], event["message"]) for event in events}


def test_every_command_has_both_flags_with_one_meaning() -> None:
    flags = [("-q", "--quiet"), ("-v", "--verbose")]
    found = dict(commands(cli.cli)) | {(): cli.cli}
    assert {("run",), ("schema", "diff"), ("version",)} <= set(found)
    texts = set()
    for names, command in found.items():
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert [tuple(option.opts) for option in options if {*option.opts} & {"-q", "-v"}] == flags, names
        texts |= {(option.name, option.help) for option in options if tuple(option.opts) in flags}
    assert len(texts) == 2


@pytest.mark.usefixtures("configured")
def test_verbose_and_quiet_act_before_and_after_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, usual, err = typed(monkeypatch, capsys, "plan", "--project", "other-project")
    listed = ("WARNING", "project not listed in full")
    assert (code, messages(err)) == (3, {listed})
    for words in (["-v", "plan"], ["plan", "-v"], ["--verbose", "plan", "-v"]):
        code, out, err = typed(monkeypatch, capsys, *words)
        assert (code, messages(err)) == (0, {("INFO", "project listed")})
        assert out
    for words in (["-q", "plan"], ["plan", "--quiet"]):
        assert typed(monkeypatch, capsys, *words, "--project", "other-project") == (3, usual, "")
    code, _, err = typed(monkeypatch, capsys, "-v", "plan", "-q")
    assert (code, "--quiet and --verbose exclude each other" in err) == (2, True)


@pytest.mark.usefixtures("configured")
def test_a_quiet_run_prints_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert typed(monkeypatch, capsys, "run", "-q", "--project", "other-project") == (3, "", "")
    assert (tmp_path / "x.duckdb").exists()
    code, out, err = typed(monkeypatch, capsys, "-q", "run", "--json")
    assert (code, json.loads(out)["status"], err) == (0, "complete", "")


@pytest.mark.usefixtures("configured")
def test_a_verbose_run_logs_every_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = typed(monkeypatch, capsys, "run", "-v", "--json")
    lists = [event for event in map(json.loads, err.splitlines()) if event["message"] == "list read"]
    assert code == 0
    assert [event["objects"] for event in lists if event["resource"] == "pods"] == [45]
    assert {event["severity"] for event in lists} == {"DEBUG"}
