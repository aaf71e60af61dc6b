"""How commands print: tables for people, JSON and CSV for programs.

Rows have names, images and messages that anybody in a cluster may choose. Here they become text that moves no cursor,
forges no line, and is no formula of a spreadsheet.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
import msgspec

from job.printable import escaped

if TYPE_CHECKING:
    from job.sinks.protocol import Result

_MAX_CELL_LENGTH = 1000  # of a table; CSV and JSON have the whole text
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e\n]+")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, align_numbers: bool = False) -> None:
    """A table in columns.

    Args:
        align_numbers: to the right; for counts, not for versions, which look like numbers.
    """
    from tabulate import tabulate

    cells = [[_cut(_cell(value)) for value in row] for row in rows]
    names = [_cut(_cell(name)) for name in headers]
    click.echo(tabulate(cells, headers=names, tablefmt="simple", disable_numparse=not align_numbers))


def print_result(result: Result, form: str) -> None:
    """The answer to a query, as a `table`, `csv` or `json`.

    In CSV, text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    names = [name for name, _ in result.columns]
    if form == "json":
        print_json([dict(zip(names, row, strict=True)) for row in result.rows])
        return
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([_without_formula(_cell(value)) for value in row] for row in (names, *result.rows))
    else:
        print_table(names, result.rows)


def print_json(value: Any) -> None:
    """A value as JSON, indented."""
    text = msgspec.json.format(_encode(value)).decode()
    if not text.replace("\n", "").isprintable():
        text = _NOT_PRINTABLE.sub(_as_json_escapes, text)
    click.echo(text)


def counted(number: int, noun: str) -> str:
    """`1 cluster`, `2 clusters`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def progress_bar() -> Callable[[int, int], None] | None:
    """Prints a counter of clusters if stderr is a terminal."""
    if not sys.stderr.isatty():
        return None

    def show_progress(done: int, total: int) -> None:
        click.echo(f"\r{done} of {total} clusters", nl=done == total, err=True)

    return show_progress


def _cell(value: Any) -> Any:
    """A value of a row in one line. Numbers stay numbers, so that they can be aligned."""
    if value is None or isinstance(value, (bool, int, float, Decimal)):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return escaped(msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else str(value))


def _cut(cell: Any) -> Any:
    is_long = isinstance(cell, str) and len(cell) > _MAX_CELL_LENGTH
    return f"{cell[: _MAX_CELL_LENGTH - 3]}..." if is_long else cell


def _without_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip().startswith(_FORMULA) else cell


def _as_json_escapes(found: re.Match[str]) -> str:
    """Letters as they are, and JSON's escape for each other character.

    https://www.rfc-editor.org/rfc/rfc8259#section-7
    """
    return "".join(char if char.isprintable() else _json_escape(char) for char in found[0])


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
