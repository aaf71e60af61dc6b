"""The views, written once in BigQuery's SQL, and the functions that render them for an engine.

`ledger/` has what was read and when, `questions/` one view for each question, `tables/` the templates of the views of
each table, `changes/` the views that compare readings, `fragments/` what several queries share. A view is a file: a
comment in three paragraphs, an empty line, and the query, which writes `${dataset}.` before each table and view that it
reads. The paragraphs are:

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

A view of changes also has a function of two moments, such as `changes_between(from_moment, to_moment)`. In its query,
`${from}.` stands before what was known at `from_moment`, and `${dataset}.` before what was known at `to_moment`.
`${since}`, which is TRUE elsewhere, hides rows of runs that began before `from_moment`.

A view may have a function of the present, whose file is in `functions/` and has no third paragraph:
`breaks_at(version)` has the columns of `deprecated_api_uses`, whose query stands in place of `${uses}`.

The ledger is kept longer than the rows of objects: those of runs that began before `${rows_since}` are gone, or are not
read by a function, which looks back for some days only. A view that shows a reading must say so, and one that compares
two must have the rows of both.

Views of the present read `raw_recent_<table>` (`recent.py`) in place of a table: the rows that may be the newest of
their kind. A view of the ledger that shows all history has a second one of these rows alone, `recent_<view>`, with the
same query.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from typing import NamedTuple

from job.schema import PARTITIONED_BY, Column, columns
from job.tables import LEDGER, OBJECTS, TABLES, raw
from job.views.header import Header, columns_of, split_file
from job.views.recent import RECENT
from job.views.row_columns import RowColumn, check_columns
from job.views.team_keys import TEAM
from job.views.templates import COMPARISONS, text_between, text_of_present, texts

AS_OF = "_as_of"
"""Ends the name of a function of one moment."""
MOMENT = "moment"
"""Its parameter, a TIMESTAMP. (`at` is a reserved word of GoogleSQL.)"""
MOMENTS = ("from_moment", "to_moment")
"""The parameters of a function `_between` two moments."""

_OF_PRESENT = {"deprecated_api_uses": ("breaks_at", "version", "${uses}")}
"""View -> its function of the present, the parameter, and what stands for the view's query in the function's."""
_TABLES = {raw(table): table for table in TABLES}
"""`raw_pods` -> `pods`."""
_READ = re.compile(r"\$\{(dataset|from)\}\.(\w+)")
_NOW = "CURRENT_TIMESTAMP()"


class Bounds(NamedTuple):
    """Which rows of the tables there are, and which ones are read."""

    filter: str = ""
    """A condition that every query of a table must have."""
    rows_since: str = "TIMESTAMP '1970-01-01 00:00:00+00'"
    """Since when runs began whose rows of objects have not expired, in BigQuery's SQL."""
    look_back_days: int | None = None
    """Functions read rows of runs that began at most so many days before their first moment. None: all of them."""


ALL_ROWS = Bounds()


class Function(NamedTuple):
    """A table function on BigQuery, and a macro on DuckDB."""

    name: str
    parameters: tuple[str, ...]
    """TIMESTAMPs: the function sees what was committed by the last one. Of a function of the present, STRINGs."""
    description: str
    sql: str
    """As a view's."""
    example: str = ""
    """A query of it that runs on BigQuery and on DuckDB."""
    is_of_present: bool = False
    """Whether it shows what is known now, as its view does. Its parameters are no moments."""

    @property
    def parameter_type(self) -> str:
        """BigQuery's type of its parameters."""
        return "STRING" if self.is_of_present else "TIMESTAMP"


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
    between: Function | None = None
    """Its function of two moments."""
    of_present: Function | None = None
    """Its function of the present."""

    @property
    def question(self) -> str:
        """The description up to its question mark."""
        return self.description.partition("?")[0] + "?"

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables and views that it reads."""
        return _reads(self.sql)

    @property
    def functions(self) -> tuple[Function, ...]:
        """Those that are made with it. None for a history, which shows every moment."""
        if self.name.endswith("_history"):
            return ()
        description = f"The same as the view {self.name}, as it was known at a moment: what was committed by then."
        as_of = Function(f"{self.name}{AS_OF}", (MOMENT,), description, self.sql)
        return (as_of, *filter(None, (self.between, self.of_present)))


@cache
def views(configured: tuple[RowColumn, ...] = ()) -> tuple[View, ...]:
    """All views, each after those that it and its functions read.

    Args:
        configured: columns that the configuration adds to the views of rows.

    Raises:
        ConfigError: the views cannot have such a column.
    """
    if configured:
        check_columns(configured, _words(), _words_of_objects())
    found = {name: split_file(text) for name, text in texts(configured)}
    between = {name: _between(name, *found[name]) for name in COMPARISONS}
    read_by = {name: {*_reads(sql), *(_reads(between[name].sql) if name in between else ())}
               for name, (_, sql) in found.items()}  # fmt: skip
    known = {name: columns(table) for name, table in (*_TABLES.items(), *RECENT.items())}
    made = []
    for name in TopologicalSorter(read_by).static_order():
        if name in found:
            header, sql = found[name]
            read = {source: known[source] for source in read_by[name]}
            sql = _sharing_coverage(sql, found)
            known[name] = tuple(columns_of(header.columns, read))
            functions = between.get(name), _of_present(name, sql)
            made.append(View(name, header.description, header.example, sql, known[name], *functions))
    return tuple(made)


def for_bigquery(view: View, dataset: str, bounds: Bounds = ALL_ROWS) -> str:
    """The view's query, with each name as `` `project.dataset.name` ``."""
    return _present_for_bigquery(view.sql, dataset, bounds)


def _present_for_bigquery(sql: str, dataset: str, bounds: Bounds) -> str:
    def named(found: re.Match[str]) -> str:
        whole, bound = f"`{dataset}.{found[2]}`", bounds.filter if found[2] in _TABLES else ""
        return f"(SELECT * FROM {whole} WHERE {bound})" if bound else whole  # noqa: S608

    sql = sql.replace("${known}", "TRUE").replace("${since}", "TRUE")
    return _READ.sub(named, sql.replace("${rows_since}", bounds.rows_since))


def function_for_bigquery(function: Function, dataset: str, bounds: Bounds = ALL_ROWS) -> str:
    """The function's query, with its parameters."""
    if function.is_of_present:
        return _present_for_bigquery(function.sql, dataset, bounds)

    def named(found: re.Match[str]) -> str:
        name, moment = found[2], function.parameters[0 if found[1] == "from" else -1]
        if name in _TABLES or name in RECENT:
            bound = _bound(function, name, bounds.look_back_days) or bounds.filter
            whole = f"`{dataset}.{raw(_table(name))}`"
            return f"(SELECT * FROM {whole} WHERE {bound})" if bound else whole  # noqa: S608
        return f"`{dataset}.{name}{AS_OF}`({moment})"

    moment = function.parameters[-1]
    sql = function.sql.replace(_NOW, moment).replace("${known}", f"finished_at <= {moment}")
    rows_since, since = bounds.rows_since, _looks_back(function, bounds.look_back_days)
    rows_since = f"GREATEST({rows_since}, {since})" if since else rows_since  # by the clock, whatever the moment
    return _READ.sub(named, sql.replace("${since}", _since(function)).replace("${rows_since}", rows_since))


@cache
def for_duckdb(view: View) -> str:
    """The view's query, in DuckDB's SQL."""
    return _present_for_duckdb(view.sql)


def _present_for_duckdb(sql: str) -> str:
    return _outside_texts(r"\bmain\.(?:known|since)_", "TRUE", _duckdb(sql))


@cache
def function_for_duckdb(function: Function) -> str:
    """The function's query, in DuckDB's SQL, with its parameters."""
    if function.is_of_present:
        return _present_for_duckdb(function.sql)

    def time(bound: str) -> str:
        return re.sub(r"\b(\w*moment)\b", r"CAST(\1 AS TIMESTAMPTZ)", bound)

    def named(found: re.Match[str]) -> str:
        name, moment = found[2], function.parameters[0 if found[1] else -1]
        if name in _TABLES or name in RECENT:
            bound = _bound(function, name, None)
            whole = f"main.{raw(_table(name))}"
            return f"(SELECT * FROM {whole} WHERE {time(bound)})" if bound else whole  # noqa: S608
        return f"main.{name}{AS_OF}({moment})"

    moment = time(function.parameters[-1])
    sql = _outside_texts(r"\bCURRENT_TIMESTAMP\b", moment, _duckdb(function.sql))
    sql = _outside_texts(r"\bmain\.known_", f"finished_at <= {moment}", sql)
    sql = _outside_texts(r"\bmain\.since_", time(_since(function)), sql)
    return _outside_texts(r"\bmain(_from)?\.(\w+)", named, sql)


def _outside_texts(pattern: str, by: str | Callable[[re.Match[str]], str], sql: str) -> str:
    """The SQL with each match replaced; those inside a string stay, such as the key of a label.

    >>> _outside_texts(r"main\\.(\\w+)", r"\\1", "SELECT 'it''s main.a' FROM main.b")
    "SELECT 'it''s main.a' FROM b"
    """

    def replaced(found: re.Match[str]) -> str:
        text: str | None = found[found.re.groups]
        return text or (found.expand(by) if isinstance(by, str) else by(found))

    return re.sub(rf"{pattern}|('(?:[^']|'')*')", replaced, sql)


@cache
def digest(view: View, configured: tuple[RowColumn, ...] = ()) -> str:
    """Changes with the view, its descriptions and everything it reads: engines resolve `*` when they make a view."""
    by_name = {other.name: other for other in views(configured)}
    reads = dict.fromkeys((*view.reads, *(_reads(view.between.sql) if view.between else ())))
    read = (digest(by_name[name], configured) if name in by_name else _columns(_table(name)) for name in reads)
    made_from = (view.description, view.sql, repr(view.columns), repr(view.between), repr(view.of_present), *read)
    return hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]


def _bound(function: Function, name: str, look_back_days: int | None) -> str:
    """Which rows of a table a function reads. All of those that say which are committed."""
    if name in _TABLES and _table(name) in LEDGER:
        return ""
    bound = f"{PARTITIONED_BY} <= {function.parameters[-1]}"
    if _is_since(function):
        return f"{_since(function)} AND {bound}"
    since = _looks_back(function, look_back_days) if _table(name) not in LEDGER else ""
    return f"{PARTITIONED_BY} >= {since} AND {bound}" if since else bound


def _looks_back(function: Function, days: int | None) -> str:
    """How far. No further than `from_moment`, where it reads the rows of runs that began since then."""
    if days is None or _is_since(function):
        return ""
    return f"TIMESTAMP_SUB({function.parameters[0]}, INTERVAL {days} DAY)"


def _is_since(function: Function) -> bool:
    return len(function.parameters) > 1 and "${since}" in function.sql


def _since(function: Function) -> str:
    return f"{PARTITIONED_BY} >= {function.parameters[0]}" if len(function.parameters) > 1 else "TRUE"


@cache
def _duckdb(sql: str) -> str:
    import sqlglot

    sql = _READ.sub(lambda found: f"main{'_from' * (found[1] == 'from')}.{found[2]}", sql)
    sql = sql.replace("${known}", "main.known_").replace("${since}", "main.since_")
    sql = sql.replace("${rows_since}", ALL_ROWS.rows_since)
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
    return tuple(sorted({name for _, name in _READ.findall(sql)}))


@cache
def _words() -> frozenset[str]:
    """Every word in the queries that is in no text, and the name of every column. `ownership` has the column `team` of
    the configuration, and its query names a table before each of its own.
    """
    names = {column.name for view in views() for column in view.columns}
    queries = (re.sub(r"'[^'\n]*'", "", view.sql.lower()) for view in views())
    return frozenset(names.union(*(re.findall(r"\w+", sql) for sql in queries))) - {TEAM}


@cache
def _words_of_objects() -> frozenset[str]:
    """Every word in the views of the table `objects`, and their columns. No other view reads these."""
    of_objects = [view for view in views() if view.name in (OBJECTS, f"{OBJECTS}_history")]
    names = {column.name for view in of_objects for column in view.columns}
    return frozenset(names.union(*(re.findall(r"\w+", view.sql.lower()) for view in of_objects)))


def _of_present(view: str, sql: str) -> Function | None:
    """The view's function of the present. It has the view's query in itself: BigQuery makes functions before views."""
    if view not in _OF_PRESENT:
        return None
    name, parameter, place = _OF_PRESENT[view]
    header, text = split_file(text_of_present(name))
    return Function(
        name, (parameter,), header.description, text.replace(place, f"(\n{sql}\n)"), header.example, is_of_present=True
    )


def _between(name: str, header: Header, sql: str) -> Function:
    """The function of two moments of a view that compares readings."""
    function = f"{name}_between"
    if text := text_between(function):
        header, sql = split_file(text)
        return Function(function, MOMENTS, header.description, sql, header.example)
    description = f"The same as the view {name}, of the readings of runs that began between two moments."
    moments = "(TIMESTAMP '2026-01-31 10:00:00+00', TIMESTAMP '2026-02-01 10:00:00+00')"
    return Function(
        function, MOMENTS, description, sql, header.example.replace(f"FROM {name}", f"FROM {function}{moments}")
    )
