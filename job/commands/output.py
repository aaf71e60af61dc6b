"""How commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from job.sinks.protocol import Result

_encode = msgspec.json.Encoder(decimal_format="number").encode


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, align_numbers: bool = False) -> None:
    """A table in columns.

    Args:
        align_numbers: to the right; for counts, not for versions, which look like numbers.
    """
    from tabulate import tabulate

    click.echo(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=not align_numbers))


def print_result(result: Result, form: str) -> None:
    """The answer to a query, as a `table`, `csv` or `json`."""
    names = [name for name, _ in result.columns]
    if form == "json":
        print_json([dict(zip(names, row, strict=True)) for row in result.rows])
        return
    rows = [[_text(value) for value in row] for row in result.rows]
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    else:
        print_table(names, rows)


def print_json(value: Any) -> None:
    """A value as JSON, indented."""
    click.echo(msgspec.json.format(_encode(value)).decode())


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


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else value
