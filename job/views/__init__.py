"""The views, written once in BigQuery's SQL, and the functions that render them for an engine.

`ledger/` has what was read and when, `questions/` one view for each question, `tables/` the templates of the views of
each table. A view is a file: a comment in three paragraphs, an empty line, and the query, which writes `${dataset}.`
before each table and view that it reads. The paragraphs are:

1. the question that the view answers, and what a reader of its rows must know;
2. an example query that runs on BigQuery and on DuckDB;
3. the columns, in order. `name TYPE: description` declares a column that the view computes. `a, b AS c FROM source`,
   `* FROM source` and `* EXCEPT (a) FROM source` take columns that the view passes through, with their descriptions,
   from a table or view that it reads. An indented line continues the one above.

For example:

    -- Which containers lack a CPU or memory request or limit?
    --
    -- SELECT cluster, container, missing FROM without_limits
    --
    -- cluster, name AS container FROM containers
    -- missing ARRAY<STRING>: What is missing: `cpu_request`, `cpu_limit`,
    --   `memory_request`, `memory_limit`.

Each file makes a view and a function. The view `pods` shows what is known now; the function `pods_as_of(moment)` shows
what was known at that moment: it reads the functions of the views that the view reads, takes the moment for the current
time, and `${known}`, which is TRUE in a view, hides what was committed later.

Views of the present read `raw_recent_<table>` (`recent.py`) in place of a table: the rows that may be the newest of
their kind. A view of the ledger that shows all history has a second one of these rows alone, `recent_<view>`, with the
same query.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import NamedTuple

from job.schema import PARTITIONED_BY, Column, columns
from job.tables import LEDGER, TABLES, raw
from job.views.header import Header, columns_of, split_file
from job.views.recent import RECENT
from job.views.row_columns import LabelColumn, check_columns, header, select_list

AS_OF = "_as_of"
"""Ends the name of a function."""
MOMENT = "moment"
"""The parameter of each function: a TIMESTAMP. (`at` is a reserved word of GoogleSQL.)"""

_TABLES = {raw(table): table for table in TABLES}
"""`raw_pods` -> `pods`."""
_OF_ALL_HISTORY = ("committed_attempts", "snapshots", "collections", "readings", "project_lists")
"""Views of the ledger that have a second one of recent rows."""
_READ = re.compile(r"\$\{dataset\}\.(\w+)")
_NOW = "CURRENT_TIMESTAMP()"


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

    @property
    def function(self) -> str | None:
        """Name of its function. None for a history, which shows every moment."""
        return None if self.name.endswith("_history") else f"{self.name}{AS_OF}"


@cache
def views(configured: tuple[LabelColumn, ...] = ()) -> tuple[View, ...]:
    """All views, each after those that it reads.

    Args:
        configured: columns that the configuration adds to the views of rows.

    Raises:
        ConfigError: the views cannot have such a column.
    """
    if configured:
        check_columns(configured, _words())
    found = {name: split_file(text) for name, text in _files(configured)}
    known = {name: columns(table) for name, table in (*_TABLES.items(), *RECENT.items())}
    made = []
    for name in TopologicalSorter({name: _reads(sql) for name, (_, sql) in found.items()}).static_order():
        if name in found:
            header, sql = found[name]
            read = {source: known[source] for source in _reads(sql)}
            sql = _sharing_coverage(sql, found)
            known[name] = tuple(columns_of(header.columns, read))
            made.append(View(name, header.description, header.example, sql, known[name]))
    return tuple(made)


def for_bigquery(view: View, dataset: str, bounds: Mapping[str, str] = MappingProxyType({})) -> str:
    """The view's query, with each name as `` `project.dataset.name` ``.

    Args:
        bounds: table -> a condition; the query reads only the table's rows that meet it.
    """
    return _bigquery(view.sql.replace("${known}", "TRUE"), dataset, bounds, "")


def function_for_bigquery(view: View, dataset: str, bounds: Mapping[str, str] = MappingProxyType({})) -> str:
    """The query of the view's function, with its parameter `moment`."""
    sql = view.sql.replace(_NOW, MOMENT).replace("${known}", f"finished_at <= {MOMENT}")
    return _bigquery(sql, dataset, bounds, AS_OF)


@cache
def for_duckdb(view: View) -> str:
    """The view's query, in DuckDB's SQL."""
    return _outside_texts(r"\bmain\.known_", "TRUE", _duckdb(view))


@cache
def function_for_duckdb(view: View) -> str:
    """The query of the view's function, in DuckDB's SQL, with its parameter `moment`."""
    moment = f"CAST({MOMENT} AS TIMESTAMPTZ)"
    sql = _outside_texts(r"\bCURRENT_TIMESTAMP\b", moment, _duckdb(view))
    sql = _outside_texts(r"\bmain\.known_", f"finished_at <= {moment}", sql)
    earlier = rf"(SELECT * FROM main.raw_\1 WHERE {PARTITIONED_BY} <= {moment})"  # noqa: S608
    sql = _outside_texts(r"\bmain\.raw_recent_(\w+)", earlier, sql)
    return _outside_texts(r"\bmain\.(?!raw_)(\w+)", rf"main.\1{AS_OF}({MOMENT})", sql)


def _outside_texts(pattern: str, by: str, sql: str) -> str:
    """The SQL with each match replaced; those inside a string stay, such as the key of a label.

    >>> _outside_texts(r"main\\.(\\w+)", r"\\1", "SELECT 'it''s main.a' FROM main.b")
    "SELECT 'it''s main.a' FROM b"
    """
    return re.sub(rf"{pattern}|('(?:[^']|'')*')", lambda found: found[found.re.groups] or found.expand(by), sql)


@cache
def digest(view: View, configured: tuple[LabelColumn, ...] = ()) -> str:
    """Changes with the view, its descriptions and everything it reads: engines resolve `*` when they make a view."""
    by_name = {other.name: other for other in views(configured)}
    read = (digest(by_name[name], configured) if name in by_name else _columns(_table(name)) for name in view.reads)
    made_from = (view.description, view.sql, repr(view.columns), *read)
    return hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]


def function_description(view: View) -> str:
    """What the view's function returns."""
    return f"The same as the view {view.name}, as it was known at a moment: what was committed by then."


def _bigquery(sql: str, dataset: str, bounds: Mapping[str, str], suffix: str) -> str:
    def named(found: re.Match[str]) -> str:
        name = found[1]
        if suffix and name in RECENT:
            return f"(SELECT * FROM `{dataset}.{raw(RECENT[name])}` WHERE {PARTITIONED_BY} <= {MOMENT})"  # noqa: S608
        if name not in _TABLES and name not in RECENT:
            return f"`{dataset}.{name}{suffix}`({MOMENT})" if suffix else f"`{dataset}.{name}`"
        whole, bound = f"`{dataset}.{name}`", bounds.get(_TABLES.get(name, ""))
        return f"(SELECT * FROM {whole} WHERE {bound})" if bound else whole  # noqa: S608

    return _READ.sub(named, sql)


@cache
def _duckdb(view: View) -> str:
    import sqlglot

    sql = _READ.sub(r"main.\1", view.sql.replace("${known}", "main.known_"))
    return sqlglot.transpile(sql, read="bigquery", write="duckdb", comments=False)[0]


def _sharing_coverage(sql: str, found: Mapping[str, tuple[Header, str]]) -> str:
    """The query, with the tables' own queries in place of their views where it reads several: all share one `coverage`.

    Engines put a view's query in place of its name each time, and `coverage` takes most of their work.
    """
    tables = [name for name in _reads(sql) if name in TABLES and name not in LEDGER and TABLES[name].read_from]
    if len(tables) + ("coverage" in _reads(sql)) < 2:
        return sql
    shared = ["coverage_now AS (SELECT * FROM ${dataset}.coverage)"]
    for name in tables:
        shared.append(f"{name}_now AS (\n{found[name][1].replace('${dataset}.coverage', 'coverage_now')}\n)")
        sql = re.sub(rf"\$\{{dataset\}}\.{name}\b", f"{name}_now", sql)
    rest = sql.replace("${dataset}.coverage", "coverage_now")
    return "WITH\n  " + ",\n  ".join(shared) + (f",\n{rest[5:]}" if rest.startswith("WITH\n") else f"\n{rest}")


def _table(name: str) -> str:
    return _TABLES.get(name) or RECENT[name]


def _columns(table: str) -> str:
    return ",".join(f"{column.name} {column.mode} {column.type}" for column in columns(table))


def _reads(sql: str) -> tuple[str, ...]:
    return tuple(sorted(set(_READ.findall(sql))))


@cache
def _words() -> frozenset[str]:
    """Every word in the queries, and the name of every column."""
    names = {column.name for view in views() for column in view.columns}
    return frozenset(names.union(*(re.findall(r"\w+", view.sql.lower()) for view in views())))


def _files(configured: tuple[LabelColumn, ...]) -> Iterator[tuple[str, str]]:
    """Each view's name and text."""
    for folder in ("ledger", "questions"):
        for file in sorted((files(__package__) / folder).iterdir(), key=lambda file: file.name):
            name, text = file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")
            yield name, text
            if name in _OF_ALL_HISTORY:
                yield f"recent_{name}", _of_recent_rows(name, text)
    for table in TABLES:
        if table not in LEDGER:
            yield table, _of_table("now", table, configured)
            yield f"{table}_history", _of_table("history", table, configured)


def _of_recent_rows(name: str, text: str) -> str:
    """The same view of recent rows alone."""
    for read in _OF_ALL_HISTORY:
        text = text.replace(f"${{dataset}}.{read}", f"${{dataset}}.recent_{read}")
        text = re.sub(rf"^(-- .*) FROM {read}$", rf"\1 FROM recent_{read}", text, flags=re.MULTILINE)
        text = re.sub(rf"^(-- SELECT .*\bFROM) {name}\b", rf"\1 recent_{name}", text, flags=re.MULTILINE)
    text = text.replace("${dataset}.raw_", "${dataset}.raw_recent_").replace(" FROM raw_", " FROM raw_recent_")
    return re.sub(
        r"^-- Scans .*(?:\n-- .*)*",
        "-- Scans recent rows alone: views of the present read it.",
        text,
        count=1,
        flags=re.MULTILINE,
    )


def _of_table(template: str, table: str, configured: tuple[LabelColumn, ...]) -> str:
    read_from = TABLES[table].read_from
    name = f"{template}_of_snapshot.sql" if read_from is None else f"{template}_of_resource.sql"
    text = (files(__package__) / "tables" / name).read_text(encoding="utf-8")
    resource = "t.resource" if read_from == "*" else f"'{read_from}'"
    return Template(text).safe_substitute(
        table=table,
        resource=resource,
        more=select_list(table, configured),
        more_columns=header(table, configured),
    )
