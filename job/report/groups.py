"""Sections for each cluster and for each team.

Each fact is one query of all of them, grouped by their key: a thousand cost as many queries as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from job.report.moment import Moment
from job.report.shown import TOTAL, Ask, Cell, Column, anchor, cell, columns_of, ordered, text_for
from job.sinks.protocol import Result

READ = "lists_read"
"""The column of members that names the resources that were read; it is not shown."""

Key = tuple[Any, ...]


class Facts(NamedTuple):
    """A query with at most one row for each key, whose other columns are facts."""

    name: str
    sql: str
    counts: str | None = None
    """The resource that the facts count: without a row they are 0 if it was read, and unknown if it was not."""


class Details(NamedTuple):
    """A query with a few rows for each key: a small table."""

    name: str
    title: str
    sql: str


class Kind(NamedTuple):
    """What there is a section for each of."""

    name: str
    """Opens the anchors of its members."""
    title: str
    about: str
    key: int
    """How many columns name a member: the first ones of each query."""
    members: Facts
    """The query of all members."""
    order: str
    """Those that the limit keeps come first."""
    limit: int
    facts: tuple[Facts, ...]
    details: tuple[Details, ...]
    listed: tuple[str, ...]
    """The facts that the table of all members shows."""


class Detail(NamedTuple):
    """A small table of one member."""

    title: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]]


class Member(NamedTuple):
    """One cluster or team."""

    name: str
    anchor: str
    facts: dict[Column, Cell]
    details: list[Detail]


class Group(NamedTuple):
    """The members that the page has."""

    kind: Kind
    members: list[Member]
    total: int
    """How many there are, of which the page has the first."""


def statements(kind: Kind, moment: Moment) -> Iterator[str]:
    """Every query of a kind."""
    yield _members(kind, moment)
    for sql in (*(facts.sql for facts in kind.facts), *(details.sql for details in kind.details)):
        yield moment.sql(sql)


def read(kind: Kind, moment: Moment, ask: Ask) -> Group:
    """Asks the warehouse for all members."""
    found = ask(_members(kind, moment))
    if not found.rows:
        return Group(kind, [], 0)
    own = _keyed(kind, Result(found.columns[:-1], [row[:-1] for row in found.rows]))
    facts = [(each.counts, _keyed(kind, ask(moment.sql(each.sql)))) for each in kind.facts]
    details = [(each.title, _keyed(kind, ask(moment.sql(each.sql)))) for each in kind.details]
    members = []
    for key, (values,) in own.rows.items():
        shown = _facts(own.columns, values)
        known = _resources(shown)
        for counts, answers in facts:
            rows = answers.rows.get(key)
            missing = 0 if counts in known else None
            shown |= _facts(answers.columns, rows[0] if rows else [missing] * len(answers.columns))
        tables = [
            Detail(title, answers.columns, [list(_cells(answers.columns, row)) for row in answers.rows[key]])
            for title, answers in details
            if key in answers.rows
        ]
        name = "/".join(map(str, key))
        visible = {column: found for column, found in shown.items() if column.name != READ}
        members.append(Member(text_for("name")(name), anchor(kind.name, name), visible, tables))
    return Group(kind, members, int(found.rows[0][-1]))


class _Keyed(NamedTuple):
    columns: tuple[Column, ...]
    """Those after the key."""
    rows: Mapping[Key, list[tuple[Any, ...]]]


def _keyed(kind: Kind, found: Result) -> _Keyed:
    rows: dict[Key, list[tuple[Any, ...]]] = {}
    for row in found.rows:
        rows.setdefault(row[: kind.key], []).append(row[kind.key :])
    return _Keyed(columns_of(found.columns[kind.key :]), rows)


def _members(kind: Kind, moment: Moment) -> str:
    return (
        f"SELECT *, COUNT(*) OVER () AS {TOTAL}\nFROM (\n{moment.sql(kind.members.sql)}\n) AS members\n"
        f"ORDER BY {ordered(kind.order)}\nLIMIT {kind.limit}"
    )


def _facts(columns: tuple[Column, ...], values: Any) -> dict[Column, Cell]:
    return dict(zip(columns, _cells(columns, values), strict=True))


def _cells(columns: tuple[Column, ...], values: Any) -> Iterator[Cell]:
    return (cell(column.name, value) for column, value in zip(columns, values, strict=True))


def _resources(facts: Mapping[Column, Cell]) -> frozenset[str]:
    """Those that were read."""
    named = next((found.sort for column, found in facts.items() if column.name == READ), None)
    return frozenset(str(named or "").split(","))
