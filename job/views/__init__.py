"""The views, written once in BigQuery's SQL, and the functions that render them for an engine.

Each view is a file: a comment in three paragraphs, an empty line, and the query, which writes `${dataset}.` before each
table and view that it reads. The paragraphs are:

1. the question that the view answers, and what a reader of its rows must know;
2. an example query that runs on BigQuery and on DuckDB;
3. the columns, in order. `name TYPE: description` declares a column that the view computes. `a, b AS c FROM source`,
   `* FROM source` and `* EXCEPT (a) FROM source` take columns that the view passes through, with their descriptions,
   from a table or view that it reads. An indented line continues the one above.

For example:

    -- Which containers lack a CPU or memory request or limit?
    --
    -- SELECT cluster, container, missing FROM unbounded
    --
    -- cluster, name AS container FROM latest_containers
    -- missing ARRAY<STRING>: What is missing: `cpu_request`, `cpu_limit`,
    --   `memory_request`, `memory_limit`.

A file `latest_of_...` is a template: it makes `latest_<table>` for each table that has no file of its own.
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

from job.schema import Column, columns
from job.tables import TABLES
from job.views.header import Header, columns_of, split_file

_READ = re.compile(r"\$\{dataset\}\.(\w+)")


class View(NamedTuple):
    """A view, in BigQuery's SQL with `${dataset}.` before each table and view that it reads."""

    name: str
    description: str
    """The question that it answers, and what a reader must know."""
    example: str
    """A query of it that runs on BigQuery and on DuckDB."""
    sql: str
    columns: tuple[Column, ...]
    """Every column that it returns, in order."""

    @property
    def question(self) -> str:
        """The description up to its question mark."""
        return self.description.partition("?")[0] + "?"

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables and views that it reads."""
        return _reads(self.sql)


@cache
def views() -> tuple[View, ...]:
    """All views, each after those that it reads."""
    names = [file.name.removesuffix(".sql") for file in files(__package__).iterdir() if file.name.endswith(".sql")]
    found = {name: _read(name) for name in sorted(names) if not name.startswith("latest_of_")}
    found |= {f"latest_{table}": _latest(table) for table in TABLES if f"latest_{table}" not in found}
    known = {table: columns(table) for table in TABLES}
    made = []
    for name in TopologicalSorter({name: _reads(sql) for name, (_, sql) in found.items()}).static_order():
        if name in found:
            header, sql = found[name]
            known[name] = tuple(columns_of(header.columns, {source: known[source] for source in _reads(sql)}))
            made.append(View(name, header.description, header.example, sql, known[name]))
    return tuple(made)


def for_bigquery(view: View, dataset: str, bounds: Mapping[str, str] = MappingProxyType({})) -> str:
    """The view's query, with each name as `` `project.dataset.name` ``.

    Args:
        bounds: table -> a condition; the query reads only the table's rows that meet it.
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
    """Changes with the view, its descriptions and everything it reads: engines resolve `*` when they make a view."""
    by_name = {other.name: other for other in views()}
    read = (digest(by_name[name]) if name in by_name else _columns(name) for name in view.reads)
    made_from = (view.description, view.sql, repr(view.columns), *read)
    return hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]


def _columns(table: str) -> str:
    return ",".join(f"{column.name} {column.mode} {column.type}" for column in columns(table))


def _reads(sql: str) -> tuple[str, ...]:
    return tuple(sorted(set(_READ.findall(sql))))


def _read(file: str, **parameters: str) -> tuple[Header, str]:
    text = (files(__package__) / f"{file}.sql").read_text(encoding="utf-8")
    return split_file(Template(text).substitute({"dataset": "${dataset}", **parameters}))


def _latest(table: str) -> tuple[Header, str]:
    read_from = TABLES[table].read_from
    if read_from is None:
        return _read("latest_of_snapshot", table=table)
    resource = "t.resource" if read_from == "*" else f"'{read_from}'"
    return _read("latest_of_resource", table=table, resource=resource)
