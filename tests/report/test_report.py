"""`report`: where it goes, which moment it is about, and what it says where it cannot be made."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import warehouse
from google.oauth2.credentials import Credentials
from report.fleets import published, rows
from report.markup import Page as Markup
from report.markup import loads

from job.cli import cli
from job.commands.report_text import write_text
from job.config import BigQuery, Config
from job.connect.identity import Identity
from job.errors import ConfigError, InventoryError
from job.report import build
from job.report.moment import Moment
from job.report.page import html
from job.report.sections import coverage, fleet
from job.simulator.bigquery.control import Control
from job.sinks.bigquery import BigQuerySink
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Result
from job.views import views

LATER = "2026-01-03"
SMALL = (
    coverage.SECTION._replace(tables=(coverage.FIGURES, coverage.GAPS)),
    fleet.SECTION._replace(tables=(fleet.FIGURES,)),
)
"""Sections of few queries: each takes a fifth of a second."""


@pytest.fixture(autouse=True)
def _few_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SECTIONS", SMALL)
    monkeypatch.setattr(build, "TEAMS", build.TEAMS._replace(details=()))
    monkeypatch.setattr(build, "CLUSTERS", build.CLUSTERS._replace(facts=build.CLUSTERS.facts[:1], details=()))


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> str:
    return published(tmp_path_factory.mktemp("report") / "fleet.duckdb")


def report(sink: str, *words: str) -> Any:
    return cli.main(["report", "--sink", sink, *words], prog_name="gke-inventory", standalone_mode=False)


def test_the_page_is_one_file_that_loads_nothing_and_begins_with_coverage(sink: str, tmp_path: Path) -> None:
    report(sink, "-o", str(tmp_path / "fleet.html"))
    text = (tmp_path / "fleet.html").read_text()
    page = Markup(text)
    assert (page.wrong, loads(text)) == ([], [])
    assert page.text_of("h2") == ["Coverage", "The fleet at a glance", "Teams", "Clusters", "What is left out"]
    assert [each.attributes["href"] for each in page.of("a") if "nav" in each.inside] == [
        "#coverage", "#fleet", "#teams", "#clusters", "#left-out",
    ]  # fmt: skip
    assert {"main", "header", "nav", "footer"} <= {each.tag for each in page.elements}
    assert 'id="cluster-shop-prod/europe-west1/whole"' in text
    assert "FROM coverage" in text
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.html"]


def test_a_moment_shows_what_was_known_then(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(sink, "--at", "2026-01-01T00:30")
    first = capsys.readouterr().out
    assert "as of: 2026-01-01 00:30:00 UTC" in first
    assert re.search(r"clusters +1\nclusters with gaps +0\n", first)
    report(sink, "--at", LATER)
    later = capsys.readouterr().out
    assert re.search(r"clusters +2\nclusters with gaps +1\n", later)
    assert "never_read  forbidden" in later


def test_markdown_and_the_terminal_have_the_same_first_screen(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(sink, "--at", LATER)
    plain = capsys.readouterr().out
    report(sink, "--at", LATER, "--format", "markdown")
    marked = capsys.readouterr().out
    assert marked.startswith("# GKE fleet\n\n- sink: duckdb:///")
    assert "| clusters with gaps | 1 |" in marked
    assert words(plain) - {"-"} == words(marked)


def words(text: str) -> set[str]:
    """Without what only marks a table or a heading."""
    found = re.sub(r"[|\\#]|-{2,}:?", " ", text.lower()).split()
    return {word for word in found if word not in ("-", "##", "###") and not re.fullmatch(r"-+|\d+d\d+h|\d\d:.*", word)}


def test_two_moments_are_compared_as_a_page_and_as_markdown(sink: str) -> None:
    moment = Moment(datetime(2026, 1, 3, tzinfo=UTC), datetime(2026, 1, 1, 0, 30, tzinfo=UTC))
    opened, asked = open_warehouse(Config(), sink=sink), list[str]()

    def ask(sql: str) -> Result:
        asked.append(sql)
        return opened.query(sql)

    plan = build.plan_comparison(moment)
    page = build.read(plan, ask, sink="x.duckdb", now=datetime.now(UTC))
    assert asked == list(plan.statements())  # of which a dry run says the bytes
    found, out = Markup(html(page, views())), io.StringIO()
    assert found.wrong == []
    assert found.text_of("h2") == [
        "Coverage", "Coverage at the earlier moment", "Coverage at the later moment", "The fleet at a glance",
        "Changes", "What is left out",
    ]  # fmt: skip
    assert "changes_between(TIMESTAMP '2026-01-01 00:30:00+00', TIMESTAMP '2026-01-03 00:00:00+00')" in " ".join(
        found.text_of("code")
    )
    write_text(page, out, is_markdown=True, width=None)
    text = out.getvalue()
    assert text.startswith("# Changes in the GKE fleet\n")
    assert "| clusters with gaps | 0 | 1 | +1 |" in text
    assert "| nodes | 1 | 3 | +2 |" in text
    assert re.search(r"\| shop-prod/europe-west1/whole \|.*\| Node \| n2 \|.*\| added \|", text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "yesterday"], "--at: 'yesterday' is not a moment; write 2026-01-31"),
        (["--at", "2999-01-01"], "--at: 2999-01-01 is in the future"),
        (["--at", "2020-01-01"], "nothing was committed by 2020-01-01 00:00:00 UTC: the first commit was at 2026"),
        (["--at", LATER, "--diff", "2026-01-01", LATER], "name either --at or --diff"),
        (["--diff", LATER, "2026-01-01"], "2026-01-03 is not before 2026-01-01"),
        (["--diff", "2020-01-01", LATER], "nothing was committed by 2020-01-01"),
        (["--format", "html"], "--format html needs --output FILE"),
        (["-o", "/nowhere/fleet.html"], "cannot write the output file /nowhere/fleet.html"),
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_made_says_why(options: list[str], message: str, sink: str) -> None:
    with pytest.raises(InventoryError, match=message):
        report(sink, *options)


def test_a_sink_without_a_run_or_without_our_tables_is_named(tmp_path: Path) -> None:
    from made import sink_at

    with pytest.raises(ConfigError, match="has no committed run yet; `gke-inventory run` makes one"):
        report(sink_at(tmp_path / "made.duckdb"))
    with pytest.raises(InventoryError, match="there is no such file"):
        report(str(tmp_path / "none.duckdb"))
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    with pytest.raises(InventoryError, match="needs the tables and views of this version: `gke-inventory run` or"):
        report(str(tmp_path / "other.duckdb"))


def test_a_report_that_fails_leaves_the_old_file(sink: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fleet.html").write_text("old")
    broken = fleet.FIGURES._replace(sql="SELECT nothing FROM ${clusters}")
    monkeypatch.setattr(build, "SECTIONS", (fleet.SECTION._replace(tables=(coverage.FIGURES, broken)),))
    with pytest.raises(InventoryError, match="nothing"):
        report(sink, "-o", str(tmp_path / "fleet.html"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("fleet.html", "old")]


@pytest.mark.exhaustive
def test_a_dry_run_says_the_bytes_that_bigquery_would_read(
    bigquery_sink: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("job.sinks.open_sink.bigquery_identity", lambda *_: Identity(Credentials("token")))
    (tmp_path / "c.yaml").write_text(json.dumps(bigquery_sink))
    cli.main(["report", "--config", str(tmp_path / "c.yaml"), "--dry-run"], "gke-inventory", standalone_mode=False)
    assert re.fullmatch(BYTES, capsys.readouterr().out)


BYTES = r"the report's 4 queries read \S+ \S+ \(\d+ bytes\); BigQuery bills at least 10 MiB .*\n"


@pytest.mark.exhaustive
def test_bigquery_has_the_same_content_and_its_bytes_are_said_first(
    sink: str, bigquery_server: Control, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def opened(*_: Any, **__: Any) -> BigQuerySink:
        return BigQuerySink(
            "shop-prod", "for_report", "EU", lambda: Identity(Credentials("token")), options=BigQuery(),
            endpoint=bigquery_server.endpoint, timeout_seconds=100, overlap_seconds=3600,
        )  # fmt: skip

    opened().apply()
    for run in rows():
        warehouse.publish(opened(), run)
    report(sink, "--at", LATER)
    expected = capsys.readouterr().out
    monkeypatch.setattr("job.commands.report.open_warehouse", opened)
    address = "bigquery://shop-prod.for_report?location=EU"
    report(address, "--at", LATER)
    found = capsys.readouterr()
    assert re.fullmatch(BYTES, found.err)
    assert without_sink(found.out) == without_sink(expected)


def without_sink(text: str) -> str:
    return re.sub(r"(?m)^(sink|written):.*\n", "", text)
