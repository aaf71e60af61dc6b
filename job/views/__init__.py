"""The views, written once in BigQuery's SQL, and the functions that render them for an engine.

Each is a file: a comment with the question that it answers, an empty comment line and an example query, an empty line,
and the query, with `${dataset}.` before each table and view that it reads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import NamedTuple

from job.schema import columns
from job.tables import TABLES

_READ = re.compile(r"\$\{dataset\}\.(\w+)")


class View(NamedTuple):
    """A view, in BigQuery's SQL with `${dataset}.` before each table and view it reads."""

    name: str
    description: str
    """The question that it answers, and what its columns mean."""
    example: str
    """A query of it, the same on BigQuery and DuckDB."""
    sql: str

    @property
    def question(self) -> str:
        """The description up to its question mark."""
        return self.description.partition("?")[0] + "?"

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables and views that it reads."""
        return tuple(sorted(set(_READ.findall(self.sql))))


@cache
def views() -> tuple[View, ...]:
    """All views, each after those that it reads."""
    names = [file.name.removesuffix(".sql") for file in files(__package__).iterdir() if file.name.endswith(".sql")]
    found = {name: _from_file(name) for name in sorted(names) if not name.startswith("latest_of_")}
    found |= {view.name: view for view in map(_latest, TABLES) if view.name not in found}
    order = TopologicalSorter({view.name: view.reads for view in found.values()}).static_order()
    return tuple(found[name] for name in order if name in found)


def for_bigquery(view: View, dataset: str, bounds: Mapping[str, str] = MappingProxyType({})) -> str:
    """The view's query, with each name as `` `project.dataset.name` ``.

    Args:
        bounds: table -> the condition under which alone its rows are read.
    """

    def named(found: re.Match[str]) -> str:
        whole = f"`{dataset}.{found[1]}`"
        return f"(SELECT * FROM {whole} WHERE {bounds[found[1]]})" if found[1] in bounds else whole  # noqa: S608

    return _READ.sub(named, view.sql)


@cache
def for_duckdb(view: View) -> str:
    """The view's query, in DuckDB's SQL."""
    import sqlglot

    return sqlglot.transpile(_READ.sub(r"main.\1", view.sql), read="bigquery", write="duckdb", comments=False)[0]


@cache
def digest(view: View) -> str:
    """Changes when the view does, or anything that it reads: `*` stands for the columns that a view was made with."""
    by_name = {other.name: other for other in views()}
    read = (digest(by_name[name]) if name in by_name else _columns(name) for name in view.reads)
    return hashlib.sha256("\0".join((view.description, view.sql, *read)).encode()).hexdigest()[:16]


def _columns(table: str) -> str:
    return ",".join(f"{column.name} {column.mode} {column.type}" for column in columns(table))


def _from_file(name: str, file: str | None = None, **parameters: str) -> View:
    text = (files(__package__) / f"{file or name}.sql").read_text(encoding="utf-8")
    text = Template(text).substitute({"dataset": "${dataset}", **parameters})
    comment, _, sql = text.partition("\n\n")
    description, _, example = (
        " ".join(line.removeprefix("--").strip() for line in part.splitlines()) for part in comment.partition("\n--\n")
    )
    return View(name, description, example, sql.strip())


def _latest(table: str) -> View:
    read_from = TABLES[table].read_from
    if read_from is None:
        return _from_file(f"latest_{table}", "latest_of_snapshot", table=table)
    resource = "t.resource" if read_from == "*" else f"'{read_from}'"
    return _from_file(f"latest_{table}", "latest_of_resource", table=table, resource=resource)
