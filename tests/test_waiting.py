"""What is waited for is said after two seconds, which these tests shorten: a lock, BigQuery, tokens, clusters."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from google.oauth2.credentials import Credentials
from made import sink_at
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job import waiting
from job.commands.show import show
from job.config import BigQuery, Config
from job.connect.identity import Identity, default_identity
from job.errors import CredentialsError, SinkError
from job.log import configure_logging
from job.run.one_task import run
from job.sinks.bigquery import BigQuerySink
from job.sinks.duckdb import DuckDBSink
from job.waiting import waiting_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What is said on stderr, at once."""
    found = Terminal()
    monkeypatch.setattr(waiting, "_SAY_AFTER", 0.02)
    monkeypatch.setattr(waiting, "sys", SimpleNamespace(stderr=found))  # pytest sets `sys.stderr` itself
    return found


def soon(is_so: Callable[[], Any]) -> None:
    for _ in range(2000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it does not happen")


def test_a_wait_is_said_once_with_its_bound_and_how_to_stop(terminal: Terminal) -> None:
    with waiting_for("Godot", 300), waiting_for("a part of it"):
        soon(terminal.getvalue)
    with waiting_for("the next"):
        soon(lambda: "next" in terminal.getvalue())
    said = terminal.getvalue().replace("\r\x1b[K", "").splitlines()
    assert said == ["waiting for Godot, for up to 300 s; Ctrl-C stops", "waiting for the next; Ctrl-C stops"]


def test_a_short_wait_is_not_said(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SAY_AFTER", 3600.0)
    with waiting_for("nothing"):
        pass
    assert waiting._unsaid == []
    assert terminal.getvalue() == ""


def test_many_waits_are_one_line(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SAY_AFTER", 0.5)
    ended = threading.Event()

    def wait(number: int) -> None:
        with waiting_for(f"cluster {number}", 10):
            ended.wait(60)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    soon(lambda: not waiting._unsaid)
    soon(terminal.getvalue)
    ended.set()
    for thread in threads:
        thread.join()
    said = [line for line in terminal.getvalue().split("\n") if line]
    assert len(said) < 9
    assert " more, for up to 10 s; Ctrl-C stops" in terminal.getvalue()


def test_a_log_says_it_as_an_event(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SAY_AFTER", 0.02)
    configure_logging()
    said: list[str] = []

    def is_said() -> bool:
        said.append(capsys.readouterr().err)
        return bool("".join(said))

    with waiting_for("Godot", 300):
        soon(is_said)
    configure_logging("warning")
    (event,) = [json.loads(line) for line in "".join(said).splitlines()]
    assert (event["message"], event["what"], event["seconds"]) == ("waiting", "Godot", 300)


def test_a_locked_file_is_named(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    hold = f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    answers: list[Any] = []
    thread = threading.Thread(
        target=lambda: answers.append(DuckDBSink(path, timeout_seconds=60).query("SELECT 1 AS n").rows)
    )
    thread.start()
    soon(terminal.getvalue)
    holder.communicate("\n")
    thread.join()
    assert f"waiting for {path}, which another process has open, for up to 30 s; Ctrl-C stops" in terminal.getvalue()
    assert answers == [[(1,)]]


def test_a_bigquery_and_a_token_endpoint_that_never_answer_are_named(terminal: Terminal, replay: Replay) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        sink = BigQuerySink(
            "shop-prod", "inventory", "EU", lambda: Identity(Credentials("token")), options=BigQuery(),
            endpoint=address, timeout_seconds=0.9, overlap_seconds=3600,
        )  # fmt: skip
        with pytest.raises(SinkError):
            sink.query("SELECT 1")
        with pytest.raises(CredentialsError):
            default_identity(f"{address}/token", seconds=0.9).token()
    assert "waiting for BigQuery, for up to 0.9 s; Ctrl-C stops" in terminal.getvalue()
    assert "waiting for an access token, for up to 0.9 s; Ctrl-C stops" in terminal.getvalue()


def test_a_cluster_that_does_not_answer_is_named(terminal: Terminal, replay: Replay, tmp_path: Path) -> None:
    name = f"waiting for {PROJECT}/{LOCATION}/{CLUSTER} to answer"

    class Answers(dict[str, Any]):
        def __contains__(self, path: object) -> bool:
            if path == "/version":
                soon(lambda: name in terminal.getvalue())
            return False

    replay.answers = Answers()
    config = msgspec.convert({**replay.configuration, "sink": sink_at(tmp_path / "x.duckdb")}, Config)
    assert run(config).run.clusters_complete == 1
    assert name in terminal.getvalue()


def test_an_object_that_does_not_come_is_named(terminal: Terminal, replay: Replay) -> None:
    name = f"waiting for {PROJECT}/{LOCATION}/{CLUSTER} to send"

    class Answers(dict[str, Any]):
        def __contains__(self, path: object) -> bool:
            if str(path).startswith("/api/v1/"):
                soon(lambda: name in terminal.getvalue())
            return False

    replay.answers = Answers()
    config = msgspec.convert(replay.configuration, Config)
    assert "name: kube-system" in show(f"{PROJECT}/{LOCATION}/{CLUSTER}", "namespace", "kube-system", None, config)
    assert name in terminal.getvalue()
