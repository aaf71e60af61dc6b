"""`tables` and `describe`: what there is to query, as the declarations have it. Asks no sink."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import click

import job.views
from job.commands.output import print_json, print_table
from job.commands.reference import column_type
from job.commands.table import terminal_width
from job.config_file import did_you_mean
from job.errors import NotFoundError
from job.schema import Column
from job.tables import TABLES, raw
from job.views import View, views

_WIDEST = 100  # of a paragraph
_FIRST = "coverage"
_FOLDERS = ("questions", "changes")
_AFTER = """
Each table has two more: NAME_history, with every reading, and NAME_as_of(TIMESTAMP '...'), with what was known then.
`gke-inventory describe NAME` explains one, and `gke-inventory query NAME` shows its rows."""


def print_tables(*, as_json: bool) -> None:
    """One line for each view that answers a question, and then for each table."""
    found = [(view.name, _about(view)) for view in _listed()]
    if as_json:
        print_json([{"name": name, "description": text} for name, text in found])
        return
    print_table(("name", "question, or what one row is"), found)
    for paragraph in _AFTER.split("\n"):
        click.echo("\n".join(textwrap.wrap(paragraph, _width())))


def print_description(name: str, *, as_json: bool) -> None:
    """What a view or function is for, an example, and its columns.

    Raises:
        NotFoundError: there is none of this name.
    """
    view, function = _named(name)
    found: dict[str, Any] = {"name": name, "description": view.description, "example": view.example}
    if function is not None:
        about = f"{function.description} {view.description}"
        found |= {"parameters": list(function.parameters), "description": about}
        found["example"] = function.example or f"SELECT * FROM {name}(TIMESTAMP '2026-01-31 10:00:00+00')"  # noqa: S608 (one of our names)
    elif view.name in TABLES:
        found["description"] = f"{TABLES[view.name].description} {view.description}"
    columns = [{"name": each.name, "type": column_type(each), "description": each.description} for each in view.columns]
    if as_json:
        print_json(found | {"columns": columns})
        return
    call = name if function is None else f"{name}({', '.join(function.parameters)})"
    click.echo("\n".join([call, "", *textwrap.wrap(found["description"], _width()), "", "Example:", ""]))
    click.echo(textwrap.indent(found["example"], "  "))
    click.echo("\nColumns:\n")
    for column in view.columns:
        click.echo("\n".join(_column_lines(column)))


def _column_lines(column: Column) -> Iterator[str]:
    yield f"  {column.name}  {column_type(column)}"
    yield from textwrap.wrap(column.description, _width(), initial_indent=" " * 6, subsequent_indent=" " * 6)


def _about(view: View) -> str:
    """The question of a view; of a table, what one row is, in its first sentence."""
    return TABLES[view.name].description.partition(". ")[0] if view.name in TABLES else view.question


def _listed() -> list[View]:
    """`coverage` first, which says what the others cannot know; then the questions, then the tables."""
    order = list(TABLES)
    questions = [view for view in views() if view.name == _FIRST or _is_question(view.name)]
    tables = [view for view in views() if view.name in TABLES]
    return [
        *sorted(questions, key=lambda view: (view.name != _FIRST, view.name)),
        *sorted(tables, key=lambda view: order.index(view.name)),
    ]


def _is_question(name: str) -> bool:
    return any((files(job.views) / folder / f"{name}.sql").is_file() for folder in _FOLDERS)


def _named(name: str) -> tuple[View, Any]:
    """The view of a name, or the view that a function belongs to, and the function."""
    by_name = {view.name: view for view in views()}
    functions = {function.name: (view, function) for view in views() for function in view.functions}
    if name in by_name:
        return by_name[name], None
    if name in functions:
        return functions[name]
    for table in TABLES:
        if name == raw(table):
            raise NotFoundError(f"{name} has rows that do not count: query {table}, which shows those that do")
    raise NotFoundError(f"no table or view {name[:80]!r}{_hint(name, list(by_name))}")


def _hint(name: str, names: list[str]) -> str:
    hint = did_you_mean(name, names)
    return hint if "mean" in hint else "; `gke-inventory tables` lists them"


def _width() -> int:
    return min(terminal_width() or _WIDEST, _WIDEST)
