"""The report as text: tables for a terminal, or Markdown for a chat or a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from job.commands.answer import Form, Rows, write_answer
from job.commands.table import table_lines, vertical_lines, widths_for
from job.report.page import Page
from job.report.shown import LEGEND, Cell, Column, Shown
from job.sinks.protocol import Answer

_VALUE = (Column("figure", "figure", is_number=False), Column("value", "value", is_number=True))


def write_text(page: Page, out: TextIO, *, is_markdown: bool, width: int | None) -> None:
    """Writes all sections, and at the end what is left out."""
    one, two, three = ("# ", "## ", "### ") if is_markdown else ("", "", "")
    newline = "\n" if is_markdown else ""
    out.write(f"{one}{page.title}\n\n")
    out.write("".join(f"{'- ' if is_markdown else ''}{name}: {text}\n" for name, text in page.about))
    out.write(f"\n{LEGEND}\n")
    for part in page.parts:
        out.write(f"\n{two}{part.section.title if is_markdown else part.section.title.upper()}\n\n")
        out.write(f"{part.section.about}\n")
        for shown in part.tables:
            out.write(f"\n{three}{shown.table.title}\n\n")
            if not shown.rows:
                out.write(f"{shown.table.empty}\n")
            elif is_markdown:
                _write_markdown(shown, out)
            else:
                out.writelines(f"{line}\n" for line in _lines(shown, width))
            if shown.total > len(shown.rows):
                out.write(f"{newline}({len(shown.rows)} of {shown.total} rows)\n")
    if page.left_out:
        out.write(f"\n{two}{'What is left out' if is_markdown else 'WHAT IS LEFT OUT'}\n\n")
        out.write("".join(f"- {sentence}\n" for sentence in page.left_out))


def _table(shown: Shown) -> tuple[Sequence[Column], list[list[str]]]:
    """Columns and texts; figures are below one another."""
    if shown.table.is_figures:
        return _VALUE, [[column.label, cell.text] for column, cell in zip(shown.columns, shown.rows[0], strict=True)]
    return shown.columns, [_texts(row) for row in shown.rows]


def _texts(row: Sequence[Cell]) -> list[str]:
    return [cell.text for cell in row]


def _lines(shown: Shown, width: int | None) -> Iterator[str]:
    columns, rows = _table(shown)
    names, numbers = [column.label for column in columns], [column.is_number for column in columns]
    widths = widths_for(names, rows, numbers, width)
    if widths is None:
        return vertical_lines(names, rows)
    return table_lines(names, rows, numbers, widths)


def _write_markdown(shown: Shown, out: TextIO) -> None:
    columns, rows = _table(shown)
    kinds = tuple((column.label, "INT64" if column.is_number else "STRING") for column in columns)
    write_answer(Rows(Answer(kinds, iter([[tuple(row) for row in rows]]))), Form("markdown"), out)
