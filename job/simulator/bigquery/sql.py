"""Parses GoogleSQL with sqlglot: the tables of a statement, and its translation for DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from job.simulator.bigquery.constants import MICROSECONDS
from job.simulator.bigquery.errors import invalid_query, not_implemented
from job.simulator.bigquery.relations import UNKNOWN, Relation

_NOT_SIMULATED = {
    "alter", "analyze", "command", "commit", "create", "declare", "describe", "drop", "execute", "export", "grant",
    "rollback", "set", "transaction", "truncatetable", "use",
}  # fmt: skip
_MODIFICATIONS = {"insert": "INSERT", "update": "UPDATE", "delete": "DELETE", "merge": "MERGE"}


class Source(NamedTuple):
    """The source of a name: a table in DuckDB, or a view."""

    sql: str
    """The table's name in DuckDB, or the view's query, translated."""
    is_view: bool = False
    relation: Relation = UNKNOWN
    """What it reads of partitioned tables."""


Find = Callable[[str], Source]
"""Looks up `project:dataset.table`; raises ApiError if it does not exist."""


@lru_cache(maxsize=256)
def parse(sql: str) -> exp.Expr:
    """Parses one statement. The tree is cached: copy it before changing it.

    Raises:
        ApiError: the statement cannot be parsed.
    """
    try:
        found = [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
    except SqlglotError as error:
        raise _syntax_error(error) from error
    if not found:
        raise invalid_query("Syntax error: Unexpected end of statement")
    if len(found) > 1:
        raise not_implemented("scripts of several statements")
    return found[0]


def kind_of(tree: exp.Expr) -> str:
    """`SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`.

    Raises:
        ApiError: the statement has another kind.
    """
    if isinstance(tree, exp.Query):
        return "SELECT"
    if tree.key in _NOT_SIMULATED:
        raise not_implemented(f"statements such as {tree.key.upper()}")
    if tree.key not in _MODIFICATIONS:
        raise invalid_query(f"Syntax error: Unexpected {tree.sql()[:40]}")
    if tree.key in ("update", "delete") and tree.args.get("where") is None:
        raise invalid_query(f"{tree.key.upper()} must have a WHERE clause")
    return _MODIFICATIONS[tree.key]


def target(tree: exp.Expr, project: str, dataset: str | None) -> str | None:
    """The table that a DML statement modifies, as `project:dataset.table`; None for queries."""
    if isinstance(tree, exp.Query):
        return None
    found = tree.this.find(exp.Table)
    return full_name(parts_of(found), project, dataset) if found is not None else None


def translate(tree: exp.Expr, find: Find, project: str, dataset: str | None) -> str:
    """The statement in DuckDB's SQL, with views in place of their names.

    Raises:
        ApiError: a table does not exist, or DuckDB would silently give another answer than BigQuery.
    """
    tree = _name_results(_bound(tree.copy(), find, project, dataset))
    for call in list(tree.find_all(exp.CurrentTimestamp, exp.CurrentDatetime, exp.CurrentDate)):
        call.replace(_now(call))
    for number, unnest in enumerate(list(tree.find_all(exp.Unnest))):
        _rename_element(unnest, f"_element_{number}")
    for node in list(tree.find_all(exp.TimestampDiff, exp.Div, exp.Format)):
        node.replace(_REWRITES[type(node)](node))
    for node in list(tree.find_all(exp.ArrayAgg)):
        if isinstance(node.this, exp.Limit):
            node.replace(_limited(node))
    try:
        return tree.sql(dialect="duckdb", comments=False)
    except SqlglotError as error:
        raise _syntax_error(error) from error


def _bound(tree: exp.Expr, find: Find, project: str, dataset: str | None) -> exp.Expr:
    """The tree with each table replaced by its name in DuckDB, and each view by its translated query, as text."""
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        parts = parts_of(table)
        if not parts or (len(parts) == 1 and parts[0].lower() in ctes):
            continue
        source = find(full_name(parts, project, dataset))
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(parts[-1], quoted=True))
        rest = {key: table.args.get(key) for key in ("joins", "pivots", "sample", "laterals") if table.args.get(key)}
        if source.is_view:
            table.replace(exp.Subquery(this=exp.Var(this=source.sql), alias=alias, **rest))
        else:
            table.replace(exp.Table(this=exp.to_identifier(source.sql, quoted=True), alias=alias, **rest))
    return tree


def parts_of(table: exp.Table) -> list[str]:
    """The parts of a table's name; `` `p.d.t` `` in one pair of backticks has three."""
    if not isinstance(table.this, exp.Identifier | exp.Dot):
        return []
    return [part for identifier in table.parts for part in identifier.name.split(".")]


def full_name(parts: list[str], project: str, dataset: str | None) -> str:
    """`project:dataset.table`, or `project:dataset.INFORMATION_SCHEMA.view`.

    Args:
        dataset: `project:dataset`, the default of the statement, if it has one.

    Raises:
        ApiError: the name has no dataset.
    """
    schema = [part.upper() for part in parts[-2:-1]] == ["INFORMATION_SCHEMA"]
    parts, table = (parts[:-2], f"INFORMATION_SCHEMA.{parts[-1].upper()}") if schema else (parts[:-1], parts[-1])
    if not parts:
        if dataset is None:
            raise invalid_query(f'Table "{table}" must be qualified with a dataset (e.g. dataset.table).')
        return f"{dataset}.{table}"
    if len(parts) == 1:
        return f"{project}:{parts[0]}.{table}"
    return f"{'.'.join(parts[:-1])}:{parts[-1]}.{table}"


def _name_results(tree: exp.Expr) -> exp.Expr:
    """Marks unnamed expressions, which BigQuery's answers number."""
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if isinstance(first, exp.Select):
        for number, projection in enumerate(first.expressions):
            if not projection.is_star and not isinstance(projection, exp.Alias | exp.Column | exp.Dot):
                first.expressions[number].replace(exp.alias_(projection.copy(), f"{UNNAMED}{number}", quoted=True))
    return tree


def _rename_element(unnest: exp.Unnest, name: str) -> None:
    """`UNNEST(labels) AS labels`: in BigQuery the element hides the column, in DuckDB the name is ambiguous."""
    alias, select = unnest.args.get("alias"), unnest.find_ancestor(exp.Select)
    if select is None or alias is None or len(alias.columns) != 1:
        return
    old = alias.columns[0].name
    if old not in [column.name for array in unnest.expressions for column in array.find_all(exp.Column)]:
        return
    alias.set("columns", [exp.to_identifier(name)])
    for column in list(select.find_all(exp.Column)):
        if column.find_ancestor(exp.Unnest) is unnest:
            continue
        element = exp.column(name)
        if column.table == old:
            column.replace(exp.Dot(this=element, expression=column.this.copy()))
        elif column.name == old and not column.table:
            named = exp.alias_(element, old) if column.parent is select else element
            column.replace(named)


UNNAMED = "_unnamed_"
"""Prefix of the names in DuckDB of columns that are unnamed in BigQuery."""


NOW = "now"
"""DuckDB's variable for the current time by the simulator's clock."""


def _now(call: exp.Expr) -> exp.Expr:
    """DuckDB's CURRENT_TIMESTAMP is by the system's clock."""
    now: exp.Expr = exp.cast(exp.Anonymous(this="getvariable", expressions=[exp.Literal.string(NOW)]), "TIMESTAMPTZ")
    if isinstance(call, exp.CurrentTimestamp):
        return now
    if call.this is not None:
        now = exp.cast(exp.AtTimeZone(this=now, zone=call.this.copy()), "TIMESTAMP")
    return exp.cast(now, "DATE" if isinstance(call, exp.CurrentDate) else "TIMESTAMP")


def _whole_units(difference: exp.Expr) -> exp.Expr:
    """BigQuery counts whole units; DuckDB's `date_diff` counts crossed boundaries."""
    unit = str(difference.args["unit"].name).upper()
    if unit not in MICROSECONDS:
        raise invalid_query(f"TIMESTAMP_DIFF does not support the {unit} date part")
    micros = exp.func("epoch_us", difference.this.copy()) - exp.func("epoch_us", difference.expression.copy())
    return exp.Cast(
        this=exp.func("trunc", exp.Div(this=exp.paren(micros), expression=exp.Literal.number(MICROSECONDS[unit]))),
        to=exp.DataType.build("BIGINT"),
    )


def _checked_division(division: exp.Expr) -> exp.Expr:
    """BigQuery fails on division by zero; DuckDB returns NULL or infinity."""
    divisor = division.expression
    if isinstance(divisor, exp.Literal) and divisor.name.strip("0.") != "":
        return division.copy()
    zero = exp.EQ(this=exp.paren(divisor.copy()), expression=exp.Literal.number(0))
    fails = exp.Anonymous(this="error", expressions=[exp.Literal.string("division by zero")])
    return exp.paren(exp.Case(ifs=[exp.If(this=zero, true=fails)], default=division.copy()))


def _printf(call: exp.Expr) -> exp.Expr:
    """DuckDB's FORMAT is another function; its printf has BigQuery's %d, %s and %f."""
    pattern = call.this.name if isinstance(call.this, exp.Literal) else ""
    if not pattern or any(odd in pattern for odd in ("%t", "%T", "%p", "%P", "%'")):
        raise not_implemented("FORMAT with %t, %T, %p or a computed pattern without the GoogleSQL engine")
    return exp.Anonymous(this="printf", expressions=[call.this.copy(), *(one.copy() for one in call.expressions)])


def _limited(aggregate: exp.Expr) -> exp.Expr:
    """`ARRAY_AGG(x LIMIT n)`, which DuckDB does not support."""
    limit = aggregate.this
    whole = exp.ArrayAgg(this=limit.this.copy())
    return exp.Anonymous(this="list_slice", expressions=[whole, exp.Literal.number(1), limit.expression.copy()])


_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.TimestampDiff: _whole_units,
    exp.Div: _checked_division,
    exp.Format: _printf,
}


def _syntax_error(error: Exception) -> Exception:
    return invalid_query(f"Syntax error: {str(error).splitlines()[0]}")
