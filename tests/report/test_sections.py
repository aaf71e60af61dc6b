"""Each section asks what its title says, in the SQL of both engines, and shows nothing of a name as markup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engines import Warehouse
from googlesql import DATASET, Dataset
from report.fleets import HOSTILE, published, rows
from report.markup import Page as Markup

from job.config import Config
from job.report import groups, shown
from job.report.build import Plan, Step, plan, read
from job.report.clusters import CLUSTERS
from job.report.moment import Moment
from job.report.page import Page, html
from job.report.section import Section
from job.report.sections import SECTIONS, coverage, fleet
from job.report.shown import Ask, anchor
from job.report.teams import TEAMS
from job.sinks.open_sink import open_warehouse
from job.views import views

NOW = datetime(2026, 1, 3, tzinfo=UTC)
AT = Moment(NOW)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    address = published(tmp_path_factory.mktemp("sections") / "hostile.duckdb", HOSTILE)
    with open_warehouse(Config(), sink=address).kept_open() as kept:
        yield kept.query


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    address = published(tmp_path_factory.mktemp("sections") / "plain.duckdb")
    with open_warehouse(Config(), sink=address).kept_open() as kept:
        yield kept.query


@pytest.mark.parametrize("section", [*SECTIONS, None], ids=lambda section: section.name if section else "clusters")
def test_every_table_of_a_section_has_rows_and_no_name_is_markup(section: Section | None, ask: Ask) -> None:
    steps, kinds = ([Step(section, AT)], ()) if section else ([], (CLUSTERS,))
    page = read(Plan("Fleet", AT, steps, kinds, []), ask, sink=HOSTILE, now=NOW)
    assert [table.table.name for part in page.parts for table in part.tables if not table.rows] == []
    text = html(page, views())
    found = Markup(text)
    assert found.wrong == []
    assert len(found.of("script")) == len(found.of("style")) == 1
    assert "<script>alert" not in text
    assert "\x1b" not in text
    if section is None or section.name not in ("coverage", "versions"):
        assert any(HOSTILE.partition("\x1b")[0] in data for _, data in found.texts)


def test_coverage_counts_what_was_not_read_and_says_why(plain: Ask) -> None:
    tables = {each.name: shown.read(each, AT, plain) for each in coverage.SECTION.tables}
    figures = tables["coverage-figures"]
    assert texts(figures) == [["2", "1", "1", "0", "1d23h", "1d23h"]]
    assert [[cell.text for cell in row][:6] for row in tables["gaps"].rows] == [
        ["never_read", "forbidden", "\N{EN DASH}", "1", "1", "pods"]
    ]
    assert [row[0].text for row in tables["incomplete"].rows] == ["shop-prod/europe-west1/denied"]
    assert [row[0].text for row in tables["days"].rows] == ["2026-01-01"]
    pods = next(row for row in tables["resources"].rows if row[0].text == "pods")
    assert [cell.text for cell in pods][1:6] == ["1", "0", "0", "1", "0"]
    assert tables["resources"].bars[tables["resources"].rows.index(pods)] == [("ok", 50.0), ("never_read", 50.0)]


def texts(table: shown.Shown) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_the_figures_of_the_fleet_are_of_what_was_read(plain: Ask) -> None:
    figures = shown.read(fleet.FIGURES, AT, plain)
    found = {column.name: cell.text for column, cell in zip(figures.columns, figures.rows[0], strict=True)}
    assert found == {
        "clusters": "2", "nodes": "3", "pods": "3", "workloads": "1", "cpu_allocatable_cores": "12",
        "cpu_requested_percent": "12.5", "memory_allocatable_bytes": "48 GiB", "memory_requested_percent": "6.3",
        "clusters_requesting_over_ten_times_their_nodes": "0", "clusters_with_unknown_nodes": "0",
        "clusters_with_unknown_pods": "1", "clusters_with_unknown_workloads": "1",
    }  # fmt: skip


def test_a_count_of_a_cluster_is_unknown_where_its_list_was_not_read(plain: Ask) -> None:
    kind = CLUSTERS._replace(details=CLUSTERS.details[:1])
    found = {member.name: member for member in groups.read(kind, AT, plain).members}
    whole, denied = found["shop-prod/europe-west1/whole"], found["shop-prod/europe-west1/denied"]
    assert denied.anchor == "cluster-shop-prod/europe-west1/denied"
    assert counts(denied) == dict.fromkeys(counts(whole), "\N{EN DASH}")
    assert counts(whole) == {
        "pods": "3", "pods_unscheduled": "1", "rollouts_stuck": "1", "containers_restarted": "1",
        "pods_not_ready": "1", "pods_without_controller": "1", "workloads_critical_or_high": "1",
        "containers_without_limits": "2",
    }  # fmt: skip
    assert denied.details[0].title == "Not read in full"


def test_each_team_has_a_section_and_so_has_what_may_have_one(ask: Ask) -> None:
    assert [kind.name for kind in plan(AT, views()).kinds] == ["team", "cluster"]
    group = groups.read(TEAMS, AT, ask)
    found = [{column.name: cell.text for column, cell in member.facts.items()} for member in group.members]
    assert found[0] == {
        "clusters": "1", "namespaces": "1", "workloads": "1", "pods": "2", "pods_not_ready": "1",
        "cpu_requested_cores": "1", "memory_requested_bytes": "2 GiB",
    }  # fmt: skip
    names = (HOSTILE, "(unknown)")
    assert {member.anchor for member in group.members} == {anchor("team", name) for name in names}
    assert Markup(html(Page("Fleet", [], [], [group], []), views())).wrong == []


def counts(member: groups.Member) -> dict[str, str]:
    """The facts that are about pods and what they run."""
    words = ("pods", "rollouts", "containers", "critical")
    return {
        column.name: cell.text for column, cell in member.facts.items() if any(word in column.name for word in words)
    }


@pytest.mark.exhaustive
@pytest.mark.xdist_group("googlesql")
def test_every_query_is_googlesql() -> None:
    dataset = Dataset({})
    for sql in plan(Moment(dataset=DATASET), views()).statements():
        dataset.check(f"CREATE VIEW v AS {sql}")


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("googlesql")
def test_every_query_has_equal_rows_on_both_engines(tmp_path: Path) -> None:
    both = [Warehouse(tmp_path / f"{engine}.duckdb", engine) for engine in ("duckdb", "googlesql")]
    for run in rows():
        for each in both:
            each.publish(run)
    statements = list(plan(Moment(), views()).statements())
    assert len(statements) > 40
    for sql in statements:
        one, other = (sorted(map(rounded, each.query(sql)), key=repr) for each in both)
        assert one == other, sql


def rounded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Engines divide decimals differently."""
    return tuple(round(float(value), 6) if isinstance(value, (int, float, Decimal)) else value for value in row)
