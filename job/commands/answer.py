"""The answer to a query in each format, as text that arrives while the rows do. Tables alone hold all rows.

Tables are for people: on a terminal they fit its width, times end with seconds, and bytes and ages have units. All
other formats, and a table that no terminal shows, have whole values that compare equal in SQL. NULL is `NULL` in what
people read, nothing in CSV, where an empty text is `""`, and JSON's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple, TextIO

from msgspec.json import format as indented

from job.cells import NUMBERS, UNCUT, brief_for, encode, exact, json_value, without_formula
from job.commands.output import json_text
from job.commands.table import table_lines, terminal_width, vertical_lines, widths_for
from job.sinks.protocol import Answer, Result

FORMATS = ("table", "vertical", "csv", "json", "jsonl", "markdown")
"""Those that are text."""
_MOST_COUNTED = 100_000  # rows beyond the limit that are read to count them
_NEEDS_QUOTES = frozenset('",\n\r')
_NO_TEXT = (int, float, Decimal, date)
"""No values that a spreadsheet takes for a formula, though a number may begin with a minus. A datetime is a date."""


class Form(NamedTuple):
    """How an answer is printed."""

    format: str
    is_chosen: bool = True
    """False if nobody chose it: rows that fit no table on this terminal are vertical, as psql's `\\x auto` does."""
    width: int | None = None
    """Columns of the terminal; None for a file or a pipe."""


class Rows:
    """The pages of an answer up to a limit, and how many rows there are."""

    def __init__(self, answer: Answer, limit: int | None = None) -> None:
        self.columns = answer.columns
        self._answer, self._limit = answer, limit
        self.shown = 0

    def __iter__(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        pages = iter(self._answer.pages)
        for page in pages:
            kept = page if self._limit is None else page[: self._limit - self.shown]
            self.shown += len(kept)
            yield kept
            if self._limit == self.shown:
                self._cut = chain([page[len(kept) :]], pages)
                return

    def count(self) -> str:
        """How many rows were shown and, where the limit cut them, of how many."""
        total, more = self.shown, ""
        if self._limit is not None and self._limit == self.shown:
            if self._answer.total is not None:
                total = self._answer.total
            else:
                for page in self._cut:
                    total += len(page)
                    if total - self.shown > _MOST_COUNTED:
                        more = "at least "
                        break
        of = f" of {more}{total}" if total > self.shown or more else ""
        return f"({self.shown}{of} {'row' if total == 1 else 'rows'})"

    _cut: Iterator[Sequence[tuple[Any, ...]]] = iter(())


def write_answer(rows: Rows, form: Form, out: TextIO) -> None:
    """Writes an answer until it ends, or nobody reads any more."""
    for text in _WRITERS[form.format](rows, form):
        out.write(text)
        if getattr(out, "error", None) is not None:  # of a guarded stream: `head` has what it wants
            return


def print_result(result: Result, form: str = "table") -> None:
    """An answer whose rows are all there."""
    answer = Answer(result.columns, iter([result.rows]), len(result.rows))
    write_answer(Rows(answer), Form(form, is_chosen=False, width=terminal_width()), sys.stdout)


def unique(names: Sequence[str]) -> list[str]:
    """Names of which none hides another, as an object of JSON needs them.

    >>> unique(["name", "name", "name_2", "name"])
    ['name', 'name_3', 'name_2', 'name_4']
    """
    taken, found, counts = set(names), [], dict[str, int]()
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        own = name
        while counts[name] > 1 and own in taken:
            own = f"{name}_{counts[name]}"
            if own in taken:
                counts[name] += 1
        taken.add(own)
        found.append(own)
    return found


def _table(rows: Rows, form: Form) -> Iterator[str]:
    names = [exact(name) or "" for name, _ in rows.columns]
    if form.width is None:
        makers: list[Callable[[Any], str | None]] = [exact] * len(names)
    else:
        makers = [brief_for(name) for name in names]
    kinds = [kind for _, kind in rows.columns]
    cells = [_cells(row, makers) for page in rows for row in page]
    numbers, whole = [kind in NUMBERS for kind in kinds], [kind in UNCUT for kind in kinds]
    widths = widths_for(names, cells, whole, form.width)
    if widths is None and not form.is_chosen:
        yield from map(_ended, vertical_lines(names, cells))
        yield f"{rows.count()} {len(names)} columns do not fit this terminal: name fewer, or use --format table\n"
        return
    widths = widths or widths_for(names, cells, whole, None) or []
    yield from map(_ended, table_lines(names, cells, numbers, widths))
    yield rows.count() + "\n"


def _vertical(rows: Rows, _: Form) -> Iterator[str]:
    names = [exact(name) or "" for name, _ in rows.columns]
    cells = (_cells(row, [exact] * len(row)) for page in rows for row in page)
    yield from map(_ended, vertical_lines(names, cells))
    yield rows.count() + "\n"


def _csv(rows: Rows, _: Form) -> Iterator[str]:
    """As PostgreSQL writes it: nothing is NULL, and `""` an empty text.

    https://www.postgresql.org/docs/current/sql-copy.html
    """
    yield ",".join(_csv_text(name) for name, _ in rows.columns) + "\n"
    for page in rows:
        yield "".join([",".join(map(_csv_cell, row)) + "\n" for row in page])


def _json(rows: Rows, _: Form) -> Iterator[str]:
    names, opened = unique([name for name, _ in rows.columns]), "["
    for page in rows:
        for row in page:
            text = json_text(indented(_as_object(names, row)))
            yield opened + "\n  " + text.replace("\n", "\n  ")
            opened = ","
    yield "[]\n" if opened == "[" else "\n]\n"


def _jsonl(rows: Rows, _: Form) -> Iterator[str]:
    names = unique([name for name, _ in rows.columns])
    for page in rows:
        yield "".join([json_text(_as_object(names, row)) + "\n" for row in page])


def _markdown(rows: Rows, _: Form) -> Iterator[str]:
    yield _markdown_row([exact(name) or "" for name, _ in rows.columns])
    yield f"| {' | '.join('---:' if kind in NUMBERS else '---' for _, kind in rows.columns)} |\n"
    for page in rows:
        for row in page:
            yield _markdown_row(_cells(row, [exact] * len(row)))


_WRITERS: Mapping[str, Callable[[Rows, Form], Iterator[str]]] = dict(
    zip(FORMATS, (_table, _vertical, _csv, _json, _jsonl, _markdown), strict=True)
)


def _cells(row: Sequence[Any], makers: Sequence[Callable[[Any], str | None]]) -> list[str]:
    return ["NULL" if value is None else make(value) or "" for make, value in zip(makers, row, strict=True)]


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    text = exact(value) or ""
    return text if isinstance(value, _NO_TEXT) or hasattr(value, "months") else _csv_text(text)


def _csv_text(text: str) -> str:
    safe = without_formula(exact(text) or "")
    return '"' + safe.replace('"', '""') + '"' if not safe or not _NEEDS_QUOTES.isdisjoint(safe) else safe


def _as_object(names: Sequence[str], row: Sequence[Any]) -> bytes:
    return encode({name: json_value(value) for name, value in zip(names, row, strict=True)})


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_markdown_cell, cells))} |\n"


def _markdown_cell(text: str) -> str:
    """Text that shows as it is: no link, no tag, no end of a cell."""
    return "".join([f"\\{char}" if char in "\\|<[]`*" else char for char in text])


def _ended(line: str) -> str:
    return line + "\n"
