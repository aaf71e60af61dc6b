"""The page: what a person without a mouse, without scripts, or with other eyes gets of it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from report.fleets import HOSTILE
from report.markup import Page as Markup
from report.markup import loads

from job.commands.report_text import write_text
from job.report.clusters import CLUSTERS
from job.report.groups import Group, Member
from job.report.moment import Moment, possible
from job.report.page import Page, Part, html
from job.report.section import Bars, Section, Table
from job.report.sections import SECTIONS
from job.report.shown import Cell, Column, Shown, anchor, cells, cluster_cell, read
from job.report.teams import TEAMS
from job.sinks.protocol import Result
from job.views import views

TABLE = Table("t", "A table", "SELECT 1", bars=Bars(("ok", "never_read")))
COLUMNS = (("project_id", "STRING"), ("location", "STRING"), ("cluster", "STRING"), ("status", "STRING"),
           ("ok", "INT64"), ("never_read", "INT64"), ("memory_bytes", "NUMERIC"))  # fmt: skip


def shown(table: Table, *rows: tuple[object, ...], total: int | None = None) -> Shown:
    """A table with rows, as if a warehouse had returned them."""
    found = Result((*COLUMNS, ("rows_in_all", "INT64")), [(*row, total or len(rows)) for row in rows])
    return read(table, Moment(), lambda _: found)


def page(*tables: Shown, groups: tuple[Group, ...] = (), left_out: tuple[str, ...] = ()) -> str:
    part = Part(Section("s", "A section", "About it.", tuple(table.table for table in tables)), list(tables))
    return html(Page("Fleet", [("sink", "x.duckdb")], [part], list(groups), list(left_out)), views())


def test_a_table_can_be_read_without_scripts_eyes_or_colours() -> None:
    text = page(shown(TABLE, ("p", "l", "c", "stale", 3, 1, 2**30), ("q", "-", None, "ok", 0, 0, None), total=1234))
    found = Markup(text)
    assert found.wrong == []
    assert found.text_of("caption", "small") == ["The first 2 of 1,234 rows."]
    assert [each.attributes["scope"] for each in found.of("th")] == ["col"] * 6 + ["row"] * 2
    assert [each.attributes.get("class") for each in found.of("rect")][:2] == ["b-ok", "b-never_read"]
    assert [each.attributes["width"] for each in found.of("rect")][:2] == ["75.0", "25.0"]
    assert 'data-v="1.07374e+09">1 GiB</td>' in text
    assert '<span class="mark m-stale">stale</span>' in text
    regions = [each for each in found.of("div") if each.attributes.get("role") == "region"]
    assert [(each.attributes["tabindex"], each.attributes["aria-labelledby"]) for each in regions] == [("0", "t")]
    assert loads(text) == []


def test_the_policy_of_the_page_allows_its_own_style_and_script_alone() -> None:
    text = page()
    (policy,) = [each.attributes["content"] for each in Markup(text).of("meta") if "http-equiv" in each.attributes]
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_no_name_is_markup_wherever_it_stands() -> None:
    name = f"{HOSTILE}'\"&"
    hostile = TABLE._replace(name="n", title=name, note=name, empty=name, sql=f"SELECT '{name}'")
    member = Member(name, anchor("team", name), {Column("x", name, False): Cell(name, name)}, [])
    text = page(
        shown(hostile, (name, name, name, name, 1, 0, None)), shown(hostile._replace(name="none")),
        groups=(Group(TEAMS._replace(listed=("x",)), [member], 2),), left_out=(name,),
    )  # fmt: skip
    found = Markup(text)
    assert found.wrong == []
    assert (len(found.of("script")), len(found.of("img"))) == (1, 0)
    assert sum(name in data for _, data in found.texts) >= 6
    assert anchor("team", name) in {each.attributes["href"].removeprefix("#") for each in found.of("a")}


@pytest.mark.parametrize("is_markdown", [False, True])
def test_no_name_forges_a_line_of_text(is_markdown: bool) -> None:
    name, out = f"{HOSTILE}\n| forged |\r\n# forged", io.StringIO()
    table = shown(TABLE, (name, name, name, name, 1, 0, None))
    part = Part(Section("s", "A section", "About it.", (TABLE,)), [table])
    write_text(Page("Fleet", [], [part], [], []), out, is_markdown=is_markdown, width=None)
    text = out.getvalue()
    assert text.replace("\n", "").isprintable()
    assert [line for line in text.splitlines() if line.startswith(("# forged", "| forged"))] == []
    assert ("<script>" in text.replace("\\<", "")) is not is_markdown


def test_sections_tables_and_kinds_have_anchors_of_their_own() -> None:
    names = [section.name for section in SECTIONS] + [table.name for each in SECTIONS for table in each.tables]
    names += [f"{kind.name}{end}" for kind in (TEAMS, CLUSTERS) for end in ("s", "-list")] + [
        "main",
        "left-out",
        "theme",
    ]
    assert sorted(names) == sorted(set(names))
    assert all(re.fullmatch(r"[a-z-]+", name) for name in names)


def test_each_name_has_an_anchor_of_its_own() -> None:
    names = ["a/b", "a_b", "a_2fb", "a b", "a%20b", "a_20b", "ä", "a\u202e", "", "A/b"]
    anchors = {anchor("team", name) for name in names}
    assert len(anchors) == len(names)
    assert all(re.fullmatch(r"team-[\w./:-]*", each) for each in anchors)


def test_a_cluster_is_a_link_where_it_has_a_section() -> None:
    cell = cluster_cell("p", "l", "c")
    assert cell == Cell("p/l/c", "p/l/c", "cluster-p/l/c")
    assert cluster_cell("folders/1", "-", None) == Cell("folders/1", "folders/1")
    assert 'href="#cluster-p/l/c"' not in page(shown(TABLE, ("p", "l", "c", "ok", 1, 0, None)))


def test_absurd_values_are_shown_and_draw_no_more_than_a_bar() -> None:
    full = TABLE._replace(bars=Bars(("ok",), whole=100))
    table = shown(full, ("p", "l", "c", "ok", 10**30, -5, 10**30), ("p", "l", "d", "ok", None, 0, None))
    assert table.bars == [[("ok", 100.0)], []]
    _, rows = cells(Result((("x_percent", "FLOAT64"), ("y", "FLOAT64")), [(float("inf"), float("nan"))]))
    assert [cell.text for cell in rows[0]] == ["inf", "nan"]
    assert Markup(page(table)).wrong == []


def test_what_has_no_function_of_a_moment_is_left_out_and_named() -> None:
    names = {view.name for view in views()} | {each.name for view in views() for each in view.functions}
    at = Moment(at=None)
    assert possible(SECTIONS, at, names) == (list(SECTIONS), [])
    then = Moment(datetime(2026, 1, 1, tzinfo=UTC))
    kept, lacking = possible(SECTIONS, then, names - {"trust_as_of"})
    assert lacking == [("Lists that were read on each day", "trust")]
    assert sum(len(section.tables) for section in kept) == sum(len(section.tables) for section in SECTIONS) - 1
    assert possible(SECTIONS, then, names)[1] == []


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_have_the_contrast_that_wcag_asks_for(theme: int) -> None:
    """https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast"""
    style = (files("job.report") / "page.css").read_text()
    colours = {name: pair[theme] for name, *pair in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\);", style)}
    assert len(colours) == 13
    for paper in ("paper", "raised"):
        assert [name for name in ("ink", "soft", "link") if contrast(colours[name], colours[paper]) < 4.5] == []
    assert [name for name in ("ok", "never", "plain", "focus") if contrast(colours[name], colours["paper"]) < 3] == []


def contrast(one: str, other: str) -> float:
    first, second = sorted((luminance(one), luminance(other)), reverse=True)
    return (first + 0.05) / (second + 0.05)


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
