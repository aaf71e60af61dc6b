"""The views, written once in BigQuery's SQL, and the functions that render them for an engine."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from string import Template
from typing import NamedTuple

from job.schema import columns
from job.tables import TABLES


class View(NamedTuple):
    """A view, in BigQuery's SQL with `${dataset}` before each table and view it reads."""

    name: str
    description: str
    sql: str


@cache
def views() -> tuple[View, ...]:
    """All views, each after those that it reads."""
    return (
        _from_file("committed_runs"),
        _from_file("latest_snapshots"),
        _from_file("coverage"),
        *(_latest(table) for table in TABLES if table != "snapshots"),
    )


def for_bigquery(view: View, dataset: str) -> str:
    """The view's query, with `project.dataset` before each name."""
    return Template(view.sql).substitute(dataset=f"`{dataset}`")


def for_duckdb(view: View) -> str:
    """The view's query, in DuckDB's SQL."""
    import sqlglot

    plain = Template(view.sql).substitute(dataset="main")
    return sqlglot.transpile(plain, read="bigquery", write="duckdb", comments=False)[0]


def digest(view: View) -> str:
    """Changes when the view or the columns that its `*` stands for do."""
    table = view.name.removeprefix("latest_")
    names = ",".join(column.name for column in columns(table)) if table in TABLES else ""
    return hashlib.sha256(f"{view.description}\0{view.sql}\0{names}".encode()).hexdigest()[:16]


def _from_file(name: str, file: str | None = None, **parameters: str) -> View:
    text = (files(__package__) / f"{file or name}.sql").read_text(encoding="utf-8")
    comment, _, sql = text.partition("\n\n")
    description = " ".join(line.removeprefix("--").strip() for line in comment.splitlines())
    render = {"dataset": "${dataset}", **parameters}
    return View(name, Template(description).substitute(render), Template(sql.strip()).substitute(render))


def _latest(table: str) -> View:
    if table in ("runs", "collections"):
        return _from_file(f"latest_{table}")
    record = TABLES[table]
    if record.read_from is None:
        return _from_file(f"latest_{table}", "latest_of_snapshot", table=table)
    resource = "rows_.resource" if record.read_from == "*" else f"'{record.read_from}'"
    return _from_file(f"latest_{table}", "latest_of_resource", table=table, resource=resource)
