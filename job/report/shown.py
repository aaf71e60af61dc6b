"""Answers to queries as cells that people read, whatever the page is written in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from job.cells import NUMBERS, brief_for
from job.report.moment import Moment
from job.report.section import Table
from job.sinks.protocol import Result

Ask = Callable[[str], Result]
"""Sends a query to the warehouse."""

TOTAL = "rows_in_all"
NULL = "\N{EN DASH}"
"""A value that is unknown, or that the row cannot have."""
LEGEND = f"{NULL} is a value that is unknown, or that does not apply. Times are UTC."
"""What every report says about its cells."""
_UNSAFE = re.compile(r"[^A-Za-z0-9./:-]")
_KEY = ("project_id", "location", "cluster")
MOST_CHARACTERS = 300  # of a cell
_DAY = 10  # characters of a time that say the day
_MOST_PERCENT = 1000  # anybody may request an absurd amount
_UNITS = ("_bytes", "_seconds")


class Cell(NamedTuple):
    """A value of a row."""

    text: str
    sort: float | str | None
    """What its column is sorted by; None for NULL, which comes last."""
    cluster: str | None = None
    """The anchor of the cluster that it names."""


class Column(NamedTuple):
    """A column of a table."""

    name: str
    """In the query."""
    label: str
    is_number: bool


class Shown(NamedTuple):
    """A table with its rows."""

    table: Table
    columns: tuple[Column, ...]
    rows: list[list[Cell]]
    total: int
    """How many rows there are, of which the limit keeps the first."""
    sql: str
    """The query, as a person would write it."""
    bars: list[list[tuple[str, float]]]
    """For each row, the parts of its bar: the column, and its share of the width in percent."""


def statement(table: Table, moment: Moment) -> str:
    """The query of a table, as a person would write it."""
    text = moment.sql(table.sql)
    if table.is_figures:
        return text
    return f"{text}\nORDER BY {ordered(table.order)}\nLIMIT {table.limit}"


def executed(table: Table, moment: Moment) -> str:
    """The same query with the number of all rows in each, so that one scan answers both."""
    if table.is_figures:
        return moment.sql(table.sql)
    inner = moment.sql(table.sql)
    # our own words; names and values of rows never become SQL
    return (
        f"SELECT *, COUNT(*) OVER () AS {TOTAL}\nFROM (\n{inner}\n) AS shown\n"
        f"ORDER BY {ordered(table.order)}\nLIMIT {table.limit}"
    )


def ordered(columns: str) -> str:
    """The columns of an ORDER BY with NULL last on both engines, as it is anyway where the order is descending.

    >>> ordered("pods DESC, name")
    'pods DESC, name NULLS LAST'
    """
    return ", ".join(column if column.endswith(" DESC") else f"{column} NULLS LAST" for column in columns.split(", "))


def read(table: Table, moment: Moment, ask: Ask) -> Shown:
    """Asks the warehouse for a table."""
    result = ask(executed(table, moment))
    names = [name for name, _ in result.columns]
    total = len(result.rows)
    if names[-1:] == [TOTAL]:
        total = int(result.rows[0][-1]) if result.rows else 0
        result = Result(result.columns[:-1], [row[:-1] for row in result.rows])
    columns, rows = cells(result)
    return Shown(table, columns, rows, total, statement(table, moment), _bars(table, result))


def cells(result: Result) -> tuple[tuple[Column, ...], list[list[Cell]]]:
    """An answer as columns and cells: the three columns that name a cluster are one."""
    names = [name for name, _ in result.columns]
    if names[:3] != list(_KEY):
        return columns_of(result.columns), [list(map(cell, names, row)) for row in result.rows]
    columns = (Column("cluster", "cluster", False), *columns_of(result.columns[3:]))
    return columns, [[cluster_cell(*row[:3]), *map(cell, names[3:], row[3:])] for row in result.rows]


def columns_of(columns: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """The columns of an answer, with their headings."""
    return tuple(Column(name, label(name), kind in NUMBERS) for name, kind in columns)


def cell(name: str, value: Any) -> Cell:
    """A value of a column."""
    return Cell(text_for(name)(value), _sortable(value))


def cluster_cell(project: Any, location: Any, cluster: Any) -> Cell:
    """The cluster as `project/location/cluster`; a project, folder or organization itself where a list is about it."""
    if cluster is None:
        text = text_for("project_id")(project)
        return Cell(text, text)
    text = text_for("cluster")(f"{project}/{location}/{cluster}")
    return Cell(text, text, anchor("cluster", f"{project}/{location}/{cluster}"))


def anchor(kind: str, name: str) -> str:
    """An id for a name that anybody may choose: the same name always has the same, and no other name has it.

    >>> anchor("cluster", "shop-prod/europe-west1/web-1"), anchor("team", "a b%")
    ('cluster-shop-prod/europe-west1/web-1', 'team-a_20b_25')
    """
    return f"{kind}-{_UNSAFE.sub(lambda found: ''.join(f'_{byte:02x}' for byte in found[0].encode()), name)}"


def label(name: str) -> str:
    """The heading of a column: its name without underscores, and without a unit that its cells have.

    >>> label("memory_requested_bytes"), label("cpu_requested_percent"), label("oldest_reading_age_seconds")
    ('memory requested', 'CPU requested %', 'oldest reading age')
    """
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name.replace("_percent", " %").replace("_", " ").replace("cpu", "CPU")


@cache
def text_for(name: str) -> Callable[[Any], str]:
    """What makes the cells of a column.

    >>> text_for("pods")(1234567), text_for("memory_bytes")(1 << 30), text_for("percent")(61.84), text_for("x")(True)
    ('1,234,567', '1 GiB', '61.8', 'yes')
    """
    brief, has_unit = brief_for(name), name.endswith(("_bytes", "_age_seconds"))
    is_percent = name.endswith("_percent")

    def made(value: Any) -> str:
        if value is None:
            return NULL
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, (int, float, Decimal)) and not has_unit and math.isfinite(value):
            return f"> {_MOST_PERCENT:,}" if is_percent and value > _MOST_PERCENT else number(value)
        text = (brief(value) or "")[: _DAY if name == "day" else None]
        return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"

    return made


def number(value: float | Decimal) -> str:
    """A number for people: digits in groups of three, and one after the point where it has a fraction.

    >>> number(1234567), number(Decimal("0.25")), number(-1.0)
    ('1,234,567', '0.3', '-1')
    """
    if value == int(value):
        return f"{int(value):,}"
    return f"{float(value) + math.copysign(1e-9, value):,.1f}"


def _sortable(value: Any) -> float | str | None:
    if value is None:
        return None
    if isinstance(value, (bool, int, float, Decimal)):
        return float(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _bars(table: Table, result: Result) -> list[list[tuple[str, float]]]:
    """The bar of each row. Negative and unknown numbers draw nothing."""
    if table.bars is None:
        return []
    names = [name for name, _ in result.columns]
    values = [_parts(dict(zip(names, row, strict=True)), table.bars.columns) for row in result.rows]
    whole = table.bars.whole or max((sum(row.values()) for row in values), default=0) or 1
    drawn = []
    for row in values:
        scale = max(whole, sum(row.values()))
        drawn.append([(name, round(100 * value / scale, 2)) for name, value in row.items() if value])
    return drawn


def _parts(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, float]:
    return {name: max(float(row[name] or 0), 0.0) for name in columns}
