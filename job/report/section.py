"""What a section of the report is: a title, and tables that are queries. `sections/` declares one in each file.

A query is written in the SQL that BigQuery and DuckDB share, with `${coverage}` for the view `coverage`, which
`moment.py` replaces by the view, or by its function of a moment.
"""

from __future__ import annotations

from typing import NamedTuple


class Bars(NamedTuple):
    """A bar in each row, which draws numbers that the row also has as text."""

    columns: tuple[str, ...]
    """Their parts, side by side."""
    whole: float | None = None
    """The value that fills the width. None: the largest row does."""


class Table(NamedTuple):
    """A query and how its rows are shown. Three columns that name a cluster become one, a link to its section."""

    name: str
    """Its anchor."""
    title: str
    sql: str
    """Without ORDER BY and LIMIT."""
    order: str = ""
    """What its ORDER BY has: names of columns, so that the rows that a limit keeps are the same each time."""
    limit: int = 50
    """Rows that are shown. The page says how many there are."""
    note: str = ""
    """What a reader must know."""
    empty: str = "None in what was read."
    """What an empty table means."""
    bars: Bars | None = None
    is_figures: bool = False
    """It has one row, whose columns are shown as single numbers."""


class Section(NamedTuple):
    """A part of the page with a heading."""

    name: str
    """Its anchor."""
    title: str
    about: str
    """The question that it answers, and what a reader must know."""
    tables: tuple[Table, ...]
    is_first: bool = False
    """It is on the first screen, which the text formats have too."""
