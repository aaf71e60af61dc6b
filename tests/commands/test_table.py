"""Tables for people: they fit the terminal, say what is NULL, and never show half a number."""

from __future__ import annotations

import io
import os
import pty
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from made import sink_at

from job.cli import cli
from job.commands.answer import Form, Rows, write_answer
from job.commands.output import print_table
from job.commands.plan import Planned, print_plan
from job.commands.table import width_of
from job.sinks.protocol import Answer

COLUMNS = (
    ("cluster", "STRING"), ("status", "STRING"), ("message", "STRING"), ("memory_request_bytes", "INT64"),
    ("read_age_seconds", "INT64"), ("snapshot_time", "TIMESTAMP"),
)  # fmt: skip
ROW = (
    "shop-prod/europe-west1/web", "", 'pods is forbidden: User "inventory" cannot list', 1536 << 20, 3661,
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
)  # fmt: skip


def printed(*rows: tuple[Any, ...], width: int | None, form: str | None = None, columns: Any = COLUMNS) -> list[str]:
    out = io.StringIO()
    answer = Answer(columns, iter([rows]))
    write_answer(Rows(answer), Form(form or "table", is_chosen=form is not None, width=width), out)
    return out.getvalue().splitlines()


def test_the_widest_columns_shrink_first_and_numbers_never() -> None:
    assert printed(ROW, (None,) * 6, width=100) == [
        "cluster            status  message           memory_request_…  read_age_seconds  snapshot_time",
        "-----------------  ------  ----------------  ----------------  ----------------  -------------------",
        "shop-prod/europe…          pods is forbidd…           1.5 GiB              1h1m  2026-01-02 03:04:05",
        "NULL               NULL    NULL                          NULL              NULL  NULL",
        "(2 rows)",
    ]


def test_every_width_is_kept_and_what_fits_nowhere_is_vertical() -> None:
    wide = ("日本語のクラスタ名", "e\u0301" * 30, *ROW[2:])
    for width in range(60, 240, 7):
        lines = printed(ROW, wide, width=width)
        assert max(map(width_of, lines)) <= width or lines[0].startswith("-[ row 1 ]")
        if width >= 200:
            assert "shop-prod/europe-west1/web" in lines[2]
    assert printed(ROW, wide, width=60)[:4] == [
        "-[ row 1 ]------------",
        "cluster               shop-prod/europe-west1/web",
        "status",
        'message               pods is forbidden: User "inventory" cannot list',
    ]
    assert printed(ROW, wide, width=60)[-1].startswith("(2 rows) 6 columns do not fit this terminal: ")
    assert printed(ROW, width=60, form="table")[1].count("--") > 60  # who chooses a table gets one


def test_a_table_that_no_terminal_shows_has_whole_values() -> None:
    lines = printed(ROW, width=None)
    for text in (str(1536 << 20), "3661", "2026-01-02 03:04:05.000006+00:00", ROW[2]):
        assert str(text) in lines[2]
    assert len(printed(("x" * 5000,), width=None, columns=(("name", "STRING"),))[2]) == 1000


def test_the_vertical_format_has_whole_values_on_a_terminal_too() -> None:
    lines = printed(ROW, width=60, form="vertical")
    assert f"memory_request_bytes  {1536 << 20}" in lines
    assert "snapshot_time         2026-01-02 03:04:05.000006+00:00" in lines
    assert lines[-1] == "(1 row)"


@pytest.mark.parametrize(
    ("pages", "total", "count"),
    [
        ([[1, 2], [3]], None, "(2 of 3 rows)"),
        ([[1], [2]], None, "(2 rows)"),
        ([[1, 2, 3]], 7, "(2 of 7 rows)"),
        ([[1]], 1, "(1 row)"),
        ([], 0, "(0 rows)"),
        ([[1] * 60_000, [1] * 60_000], None, "(2 of at least 120000 rows)"),
    ],
)
def test_the_last_line_counts_the_rows_and_those_that_the_limit_cut(
    pages: list[list[int]], total: int | None, count: str
) -> None:
    out = io.StringIO()
    answer = Answer((("n", "INT64"),), ([(one,) for one in page] for page in pages), total)
    write_answer(Rows(answer, limit=2), Form("table"), out)
    assert out.getvalue().splitlines()[-1] == count
    assert len(out.getvalue().splitlines()) == 3 + min(2, sum(map(len, pages)))


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Iterator[int]:
    """Stdout on a terminal of so many columns; the descriptor from which what it shows is read."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    monkeypatch.delenv("COLUMNS", raising=False)
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as out, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            yield ours
    finally:
        os.close(ours)


def test_a_query_fits_a_real_terminal(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT 'shop-prod/web' AS cluster, repeat('x', 80) AS message, 5 AS n, 2048 AS size_bytes"
    with terminal(monkeypatch, 60) as screen:
        cli.main(["query", sql, "--sink", sink_at(tmp_path / "x.duckdb")], standalone_mode=False)
        sys.stdout.flush()
        lines = os.read(screen, 4000).decode().splitlines()
    assert lines == [
        "cluster        message                         n  size_bytes",
        "-------------  ------------------------------  -  ----------",
        "shop-prod/web  xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…  5       2 KiB",
        "(1 row)",
    ]


def test_problems_of_a_plan_are_below_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    running = {
        "status": "RUNNING",
        "version": "1.32.9",
        "nodes": 36,
        "endpoint_type": "public",
        "endpoint": "192.0.2.1",
    }
    print_plan([
        Planned(name="acquired", problem="forbidden: no permission\nto list"),
        Planned(name="folders/1", projects=2, projects_without_api=1),
        Planned(name="shop/eu/web", **running),
        Planned(name="shop/eu/new", status="PROVISIONING", version="1.33.1", nodes=3, problem="not_running: it starts"),
    ])  # fmt: skip
    assert capsys.readouterr().out.splitlines() == [
        "cluster      status        version  nodes  endpoint  address",
        "-----------  ------------  -------  -----  --------  ---------------------------------",
        "folders/1                                            2 projects, 1 without the GKE API",
        "shop/eu/web  RUNNING       1.32.9      36  public    192.0.2.1",
        "shop/eu/new  PROVISIONING  1.33.1       3",
        "",
        "2 problems:",
        "  acquired: forbidden: no permission to list",
        "  shop/eu/new: not_running: it starts",
    ]


def test_versions_are_no_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("version", "pods"), [("1.9", 7), ("1.10", None)])
    assert capsys.readouterr().out == "version  pods\n-------  ----\n1.9         7\n1.10\n"
