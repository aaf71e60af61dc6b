"""Figures of two moments beside one another."""

from __future__ import annotations

from job.report.section import Table
from job.report.shown import NULL, Cell, Column, Shown, text_for

_COLUMNS = (
    Column("figure", "figure", False),
    Column("before", "before", True),
    Column("after", "after", True),
    Column("difference", "difference", True),
)


def compared(table: Table, before: Shown, after: Shown) -> Shown:
    """One row for each figure: its value at both moments, and the difference where both are known."""
    rows = []
    for column, old, new in zip(after.columns, before.rows[0], after.rows[0], strict=True):
        rows.append([Cell(column.label, column.label), old, new, _difference(column.name, old, new)])
    sql = f"{before.sql};\n\n{after.sql}"
    return Shown(table._replace(is_figures=False), _COLUMNS, rows, len(rows), sql, [])


def _difference(name: str, old: Cell, new: Cell) -> Cell:
    if not isinstance(old.sort, float) or not isinstance(new.sort, float):
        return Cell(NULL, None)
    value = new.sort - old.sort
    text = text_for(name)(value)
    return Cell(f"+{text}" if value > 0 else text, value)
