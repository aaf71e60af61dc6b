"""What is logged, as Cloud Logging reads it: one JSON object a line, lifted fields, labels, and no token."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from replay import CLUSTER, LOCATION, PROJECT, Replay
from test_cli import COMMAND, assert_refused, invoke

from job.log import configure_logging, context_of, log

TASK = {
    "CLOUD_RUN_JOB": "gke-inventory",
    "CLOUD_RUN_EXECUTION": "gke-inventory-abc12",
    "CLOUD_RUN_TASK_INDEX": "0",
    "CLOUD_RUN_TASK_COUNT": "1",
    "CLOUD_RUN_TASK_ATTEMPT": "2",
}
LABELS = {"job": "gke-inventory", "run_id": "gke-inventory-abc12", "task_index": "0", "attempt": "2"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def events(text: str) -> list[dict[str, Any]]:
    """Every line, each of which has to be one event."""
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_of_a_task_is_one_event_with_its_labels(configured_task: dict[str, str]) -> None:
    run_id = configured_task["CLOUD_RUN_EXECUTION"]
    trace = {"TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01", "GOOGLE_CLOUD_PROJECT": "shop-ops"}
    done = invoke("run", **configured_task, **trace, GKE_INVENTORY_BUILD="abc1234")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    logged = events(done.stderr)
    for event in logged:
        assert list(event)[:3] == ["severity", "time", "message"]
        assert event["severity"] == "INFO"
        labels = {**LABELS, "run_id": run_id, "attempt": "0", "build": "abc1234"}
        assert event["logging.googleapis.com/labels"] == labels
        assert event["logging.googleapis.com/trace"] == f"projects/shop-ops/traces/{TRACE}"
    messages = [event["message"] for event in logged]
    assert messages == ["run started", "project listed", "query", "cluster collected", "publishing", "run finished"]
    collected = logged[3]
    assert (collected["project"], collected["location"], collected["cluster"]) == (PROJECT, LOCATION, CLUSTER)
    assert logged[-1]["run_id"] == run_id


def test_no_token_and_no_key_is_logged(replay: Replay, configured_task: dict[str, str]) -> None:
    replay.answers["/api/v1/pods"] = (403, {"Content-Type": "application/json"}, b'{"message": "no"}')
    done = invoke("run", "-v", **configured_task)
    assert done.returncode == 3
    assert replay.tokens
    for secret in (*replay.tokens, "CANARY", "PRIVATE KEY", "Bearer"):
        assert secret not in done.stdout + done.stderr


@pytest.mark.usefixtures("configured")
def test_what_ends_a_task_is_one_event_of_severity_error() -> None:
    for arguments, detail in (
        (["run", "--project", "Nope"], "'Nope' is not a project id"),
        (["run", "--bogus"], "No such option"),
        (["run", "--config", "absent.yaml"], "absent.yaml"),
    ):
        done = invoke(*arguments, **TASK)
        assert (done.returncode, done.stdout) == (2, "")
        (event,) = events(done.stderr)
        assert (event["severity"], event["message"], event["exit_code"]) == ("ERROR", "command failed", 2)
        assert detail in event["detail"]
        assert event["logging.googleapis.com/labels"] == LABELS


def test_a_bug_is_one_event_that_says_where() -> None:
    program = (
        "import job.cli, job.config\n"
        "def broken(*_, **__): raise ZeroDivisionError('CANARY')\n"
        "job.config.load_config = broken\n"
        "job.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run"],
        env=os.environ | TASK, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (event,) = events(done.stderr)
    assert (event["severity"], event["exit_code"]) == ("ERROR", 1)
    assert "ZeroDivisionError" in event["detail"]
    assert "in broken" in event["detail"]
    assert "CANARY" not in done.stderr


def test_elsewhere_the_same_is_a_sentence() -> None:
    assert_refused(invoke("run", "--project", "Nope"), "gke-inventory: projects: 'Nope' is not a project id")


def test_labels_are_logged_where_there_are_any() -> None:
    assert context_of({}) == {}
    assert context_of(TASK | {"CLOUD_RUN_TASK_ATTEMPT": ""})["logging.googleapis.com/labels"] == {
        key: value for key, value in LABELS.items() if key != "attempt"
    }


@pytest.mark.parametrize(
    "traceparent",
    ["", "nonsense", f"00-{TRACE}", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01"],
)
def test_a_trace_that_is_none_is_left_out(traceparent: str) -> None:
    assert context_of({"TRACEPARENT": traceparent, "GOOGLE_CLOUD_PROJECT": "shop-ops"}) == {}


def test_a_trace_without_a_project_is_left_out() -> None:
    assert context_of({"TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01"}) == {}


def test_a_message_of_several_lines_stays_one_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging()
    log.warning("load job failed", detail="one\ntwo")
    log.info("load job submitted")
    configure_logging("warning")
    log.info("not logged")
    first, second = events(capsys.readouterr().err)
    assert (first["severity"], first["detail"]) == ("WARNING", "one\ntwo")
    assert (second["severity"], second["message"]) == ("INFO", "load job submitted")


def test_a_terminal_shows_text_but_cloud_run_never_does(configured_task: dict[str, str]) -> None:
    for environment, words in (({"TERM": "xterm"}, "mrun started"), (configured_task, '{"severity"')):
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb") as screen:
            process = subprocess.Popen(
                [*COMMAND, "run"], stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | environment
            )
            os.close(theirs)
            assert process.wait(60) == 0
            shown = screen.read1(65536).decode()
        assert words in shown
        assert ("\x1b" in shown) == ("TERM" in environment)
