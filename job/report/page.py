"""The page as HTML: one file that loads nothing. `page.html` has its structure, `page.css` and `page.js` the rest.

Bars are SVG that the template draws: a library of charts would bring scripts, fonts and colours of its own into a page
that has a light and a dark theme, and each bar stands in a row of a table that says the same in numbers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from job.report.groups import Group
from job.report.moment import reads
from job.report.section import Section, Table
from job.report.sections.coverage import STATUSES
from job.report.shown import LEGEND, Cell, Column, Shown, number
from job.version import described
from job.views import View

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS = frozenset({*STATUSES, "critical", "high", "medium", "low"})
"""Words that have a colour."""


_MARKED = frozenset({"status", "severity"})
"""Columns whose words have one."""


class Part(NamedTuple):
    """A section with its tables."""

    section: Section
    tables: list[Shown]


class Page(NamedTuple):
    """Everything that the page says."""

    title: str
    about: list[tuple[str, str]]
    """What it is about: the sink, the moment, the runs."""
    parts: list[Part]
    groups: list[Group]
    left_out: list[str]
    """A sentence for each thing that it leaves out."""


def html(page: Page, views: Sequence[View]) -> str:
    """The page as one HTML file.

    Args:
        views: whose descriptions explain the columns.
    """
    style, script = _text("page.css"), _text("page.js")
    by_name = {view.name: view for view in views}
    return _environment().from_string(_text("page.html")).render(
        page=page,
        version=described(),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        anchors=frozenset(member.anchor for group in page.groups for member in group.members),
        marks=_MARKS,
        marked=_MARKED,
        legend=LEGEND,
        number=number,
        sort_value=_sort_value,
        figures_of=lambda shown: zip(shown.columns, shown.rows[0], strict=True) if shown.rows else (),
        list_of=_list_of,
        columns_described=lambda shown: list(_described(shown, by_name)),
    )  # fmt: skip


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _text(name: str) -> str:
    return (files("job.report") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the policy of the page allows: this text, and no other script or style, whatever a name contains.

    https://www.w3.org/TR/CSP3/#grammardef-hash-source
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _sort_value(column: Column, cell: Cell) -> str | None:
    """The number behind a text that is none, such as `1.5 GiB`."""
    if not column.is_number or cell.sort is None or cell.text.replace(",", "") == f"{cell.sort:g}":
        return None
    return f"{cell.sort:.6g}" if isinstance(cell.sort, float) else None


def _list_of(group: Group) -> Shown:
    """The table of all members, with links."""
    kind = group.kind
    table = Table(
        name=f"{kind.name}-list",
        title=f"All {kind.name}s",
        sql="",
        limit=kind.limit,
        empty=f"No {kind.name} is known.",
    )
    columns: tuple[Column, ...] = (Column(kind.name, kind.name, False),)
    rows = []
    for member in group.members:
        listed = {column: cell for column, cell in member.facts.items() if column.name in kind.listed}
        columns = (columns[0], *listed)
        rows.append([Cell(member.name, member.name, member.anchor), *listed.values()])
    return Shown(table, columns, rows, group.total, "", [])


def _described(shown: Shown, views: dict[str, View]) -> Iterator[tuple[str, str]]:
    """The columns that views describe, as far as they are shown under the same name."""
    found = {column.name: column.description for name in reads(shown.table.sql) for column in views[name].columns}
    for column in shown.columns:
        if text := found.get(column.name):
            yield column.name, text
