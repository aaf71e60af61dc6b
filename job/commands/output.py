"""How commands print what is no answer to a query: tables for people, JSON for programs, and counts."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from job.cells import brief, encode
from job.commands.table import table_lines, terminal_width, widths_for

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e\n]+")


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table in columns, which fits the terminal if its narrowest columns do. Numbers are aligned to the right."""
    for line in lines_of_table(headers, rows):
        click.echo(line)


def lines_of_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of such a table."""
    values = list(rows)
    cells = [[brief(value) or "" for value in row] for row in values]
    columns = [[row[at] for row in values if row[at] is not None] for at in range(len(headers))]
    numbers = [bool(column) and all(isinstance(value, (int, float)) for value in column) for column in columns]
    names = [brief(name) or "" for name in headers]
    widths = widths_for(names, cells, numbers, terminal_width()) or widths_for(names, cells, numbers, None) or []
    return table_lines(names, cells, numbers, widths)


def print_json(value: Any) -> None:
    """A value as JSON, indented."""
    click.echo(json_text(msgspec.json.format(encode(value))))


def json_text(encoded: bytes) -> str:
    """JSON that a terminal prints as it is: what it would not print becomes JSON's own escapes."""
    text = encoded.decode()
    return text if text.replace("\n", "").isprintable() else _NOT_PRINTABLE.sub(_as_json_escapes, text)


def counted(number: int, noun: str) -> str:
    """`1 cluster`, `2 clusters`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def this_command() -> str:
    """How this program can be called again: by its name where that is on the PATH, else by its path."""
    called = sys.argv[0]
    if Path(called).stem != "gke-inventory":
        return f"{shlex.quote(sys.executable)} -m job"
    found = shutil.which("gke-inventory")
    return "gke-inventory" if found and Path(found).resolve() == Path(called).resolve() else shlex.quote(called)


def _as_json_escapes(found: re.Match[str]) -> str:
    """Letters as they are, and JSON's escape for each other character.

    https://www.rfc-editor.org/rfc/rfc8259#section-7
    """
    return "".join(char if char.isprintable() else _json_escape(char) for char in found[0])


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
