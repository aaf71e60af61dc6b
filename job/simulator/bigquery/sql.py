"""GoogleSQL, translated for DuckDB."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from job.simulator.bigquery.errors import ApiError, invalid
from job.simulator.bigquery.storage import Storage

_MICROSECONDS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
}


def parse(sql: str) -> exp.Expr:
    """One statement.

    Raises:
        ApiError: it cannot be parsed.
    """
    try:
        found = [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
    except SqlglotError as error:
        raise _syntax_error(error) from error
    if len(found) != 1:
        raise invalid("Syntax error: expected one statement", reason="invalidQuery", location="query")
    return found[0]


def translate(tree: exp.Expr, storage: Storage, project: str, dataset: str | None, location: str) -> str:
    """The statement in DuckDB's SQL, with each table under its name there.

    Raises:
        ApiError: a table is not there.
    """
    tree = tree.copy()
    names = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        parts = [part for identifier in table.parts for part in _split(identifier.name)]
        if not parts or (len(parts) == 1 and parts[0].lower() in names) or isinstance(table.this, exp.Func):
            continue
        full = _full(parts, project, dataset)
        if full not in storage.tables:
            raise ApiError(
                404, "notFound", f"Not found: Table {full} was not found in location {location}", location=full
            )
        schema, _, name = full.rpartition(".")
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(parts[-1], quoted=True))
        table.replace(
            exp.Table(
                this=exp.to_identifier(name, quoted=True),
                db=exp.to_identifier(schema.replace(":", "."), quoted=True),
                alias=alias,
                joins=table.args.get("joins"),
            )
        )
    for difference in list(tree.find_all(exp.TimestampDiff)):
        difference.replace(_whole_units(difference))
    try:
        return tree.sql(dialect="duckdb", comments=False)
    except SqlglotError as error:
        raise _syntax_error(error) from error


def _whole_units(difference: exp.TimestampDiff) -> exp.Expr:
    """BigQuery counts whole units; DuckDB's `date_diff` counts the boundaries that are crossed."""
    unit = str(difference.args["unit"].name).upper()
    if unit not in _MICROSECONDS:
        raise invalid(f"TIMESTAMP_DIFF does not support the {unit} date part", reason="invalidQuery")
    micros = exp.func("epoch_us", difference.this.copy()) - exp.func("epoch_us", difference.expression.copy())
    return exp.Cast(
        this=exp.func("trunc", exp.Div(this=exp.paren(micros), expression=exp.Literal.number(_MICROSECONDS[unit]))),
        to=exp.DataType.build("BIGINT"),
    )


def _split(name: str) -> list[str]:
    """`` `p.d.t` `` in one pair of backticks is three names."""
    return name.split(".")


def _full(parts: list[str], project: str, dataset: str | None) -> str:
    if len(parts) == 1:
        if dataset is None:
            raise invalid(
                f'Table "{parts[0]}" must be qualified with a dataset (e.g. dataset.table).', reason="invalidQuery"
            )
        return f"{dataset}.{parts[0]}"
    if len(parts) == 2:
        return f"{project}:{parts[0]}.{parts[1]}"
    return f"{'.'.join(parts[:-2])}:{parts[-2]}.{parts[-1]}"


def _syntax_error(error: Exception) -> ApiError:
    return invalid(f"Syntax error: {str(error).splitlines()[0]}", reason="invalidQuery", location="query")
