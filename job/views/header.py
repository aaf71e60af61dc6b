"""The comment that opens a view's file: what the view answers, an example query, and its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from job.schema import Column

_MADE = re.compile(r"(\w+) (ARRAY<)?(STRING|INT64|NUMERIC|FLOAT64|BOOL|TIMESTAMP)>?: (\S.*)")
_TAKEN = re.compile(r"(\S.*) FROM (\w+)")
_ALL = re.compile(r"\*(?: EXCEPT \((.*)\))?")


class Header(NamedTuple):
    """The three paragraphs of the comment."""

    description: str
    example: str
    columns: tuple[str, ...]
    """One entry a line of the paragraph, continuation lines joined."""


def split_file(text: str) -> tuple[Header, str]:
    r"""Splits a view's file into its header and its query.

    >>> split_file("-- Which?\n--\n-- SELECT a FROM v\n--\n-- a INT64: A\n--   number.\n\nSELECT 1 AS a\n")
    (Header(description='Which?', example='SELECT a FROM v', columns=('a INT64: A number.',)), 'SELECT 1 AS a')
    """
    comment, _, sql = text.partition("\n\n")
    description, example, columns = (
        "\n".join(line.removeprefix("--").removeprefix(" ") for line in paragraph.splitlines())
        for paragraph in comment.split("\n--\n")
    )
    entries = re.sub(r"\n +", " ", columns).splitlines()
    return Header(description.replace("\n", " "), example.replace("\n", " "), tuple(entries)), sql.strip()


def columns_of(entries: Sequence[str], sources: Mapping[str, Sequence[Column]]) -> Iterator[Column]:
    """The columns that a header's entries declare.

    Each is NULLABLE or REPEATED, as BigQuery itself reports the columns of a view.

    Args:
        sources: the columns of each table and view that an entry may name.

    Raises:
        ValueError: an entry has neither of the two forms.
    """
    for entry in entries:
        if made := _MADE.fullmatch(entry):
            name, array, kind, description = made.groups()
            yield Column(name, kind, "REPEATED" if array else "NULLABLE", description)
        elif taken := _TAKEN.fullmatch(entry):
            yield from _taken(taken[1], sources[taken[2]])
        else:
            raise ValueError(f"neither `name TYPE: description` nor `columns FROM source`: {entry!r}")


def _taken(chosen: str, source: Sequence[Column]) -> Iterator[Column]:
    by_name = {column.name: column for column in source}
    if everything := _ALL.fullmatch(chosen):
        left_out = (everything[1] or "").split(", ")
        names = [(name, name) for name in by_name if name not in left_out]
    else:
        parts = (item.partition(" AS ") for item in chosen.split(", "))
        names = [(name, alias or name) for name, _, alias in parts]
    for name, alias in names:
        column = by_name[name]
        yield column._replace(name=alias, mode="REPEATED" if column.mode == "REPEATED" else "NULLABLE")
