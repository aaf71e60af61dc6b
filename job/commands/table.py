"""Tables for people: columns that fit the terminal or, where they cannot, the values of a row below one another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TextIO
from unicodedata import category, east_asian_width

_GAP = 2
_USUAL_WIDTH = 80
_LEAST = 8  # characters of text that still say something
_MAX_CELL_LENGTH = 1000  # of a table without a terminal; the other formats have the whole text

Cells = Sequence[Sequence[str]]
"""One sequence of texts for each row."""


def terminal_width(out: TextIO | None = None) -> int | None:
    """The columns of a terminal, as COLUMNS or the terminal itself says; None elsewhere: nothing is cut there."""
    out = out or sys.stdout
    if not out.isatty():
        return None
    if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
        return int(columns)
    with suppress(OSError):
        return os.get_terminal_size(out.fileno()).columns or _USUAL_WIDTH
    return _USUAL_WIDTH


def widths_for(names: Sequence[str], rows: Cells, whole: Sequence[bool], room: int | None) -> list[int] | None:
    """The width of each column of a table; None if the narrowest table is wider than the room.

    The widest columns shrink first.

    Args:
        whole: the columns whose values are never cut: half a number is another number.
    """
    values = [max((width_of(row[at]) for row in rows), default=0) for at in range(len(names))]
    heads = [width_of(name) for name in names]
    natural = [min(max(pair), _MAX_CELL_LENGTH) for pair in zip(values, heads, strict=True)]
    if room is None:
        return natural
    least = [
        max(value if is_whole else min(value, _LEAST), min(head, _LEAST))
        for value, head, is_whole in zip(values, heads, whole, strict=True)
    ]
    room -= _GAP * (len(names) - 1)
    if sum(least) > room:
        return None
    low, high = 0, max(natural, default=0)
    while low < high:  # the highest limit for all columns with which they fit
        limit = (low + high + 1) // 2
        if sum(_limited(natural, least, limit)) <= room:
            low = limit
        else:
            high = limit - 1
    found = _limited(natural, least, low)
    for at, width in enumerate(found):
        if sum(found) < room and least[at] <= low < natural[at]:
            found[at] = width + 1
    return found


def table_lines(names: Sequence[str], rows: Cells, numbers: Sequence[bool], widths: Sequence[int]) -> Iterator[str]:
    """The lines of a table."""
    mark = _ellipsis(sys.stdout)
    yield _line(names, numbers, widths, mark)
    yield (" " * _GAP).join("-" * width for width in widths)
    for row in rows:
        yield _line(row, numbers, widths, mark)


def vertical_lines(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of rows whose values are below one another, with nothing cut, as `\\x` of psql has them."""
    widest = max(map(width_of, names), default=0)
    for number, row in enumerate(rows, 1):
        title = f"-[ row {number} ]"
        yield title + "-" * max(widest + _GAP - len(title), 0)
        for name, value in zip(names, row, strict=True):
            yield f"{name}{' ' * (widest - width_of(name) + _GAP)}{value}".rstrip()


def width_of(text: str) -> int:
    """The columns that a terminal gives to a text.

    >>> width_of("web"), width_of("日本"), width_of("e\\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_width_of_one, text))


def shortened(text: str, width: int, mark: str = "…") -> str:
    """The text in at most so many columns, with an ellipsis where it was cut.

    >>> shortened("shop-prod", 5), shortened("日本語", 4), shortened("web", 3)
    ('shop…', '日…', 'web')
    """
    if width_of(text) <= width:
        return text
    left, kept = width - len(mark), 0
    for char in text:
        left -= _width_of_one(char)
        if left < 0:
            break
        kept += 1
    return text[:kept] + mark[: max(width, 0)]


def _line(cells: Sequence[str], numbers: Sequence[bool], widths: Sequence[int], mark: str) -> str:
    padded = []
    for cell, is_number, width in zip(cells, numbers, widths, strict=True):
        text = shortened(cell, width, mark)
        space = " " * (width - width_of(text))
        padded.append(space + text if is_number else text + space)
    return (" " * _GAP).join(padded).rstrip()


def _limited(natural: Sequence[int], least: Sequence[int], limit: int) -> list[int]:
    return [min(width, max(limit, low)) for width, low in zip(natural, least, strict=True)]


def _width_of_one(char: str) -> int:
    if category(char) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(char) in ("W", "F") else 1


def _ellipsis(out: TextIO) -> str:
    encoding = (getattr(out, "encoding", None) or "utf-8").lower()
    return "…" if encoding.replace("-", "").startswith("utf") else "..."
