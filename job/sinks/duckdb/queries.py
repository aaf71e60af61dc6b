"""Queries that people write: one statement each, which reads the database and reaches nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from job.errors import QueryError
from job.sinks.duckdb.connection import duckdb_error
from job.sinks.protocol import Answer, ArrowAnswer, Result

if TYPE_CHECKING:
    import duckdb

_PAGE = 2048  # rows: one vector of DuckDB's
_END = re.compile(r";\s*$")


def answer(database: duckdb.DuckDBPyConnection, sql: str, *, external_access: bool) -> Result:
    """The answer to one statement, on a connection that is read-only.

    Args:
        external_access: lets it use other files, extensions and the network: `read_text`, `COPY ... TO`, `ATTACH`.

    Raises:
        QueryError: DuckDB refuses it, or it is empty, or several statements.
    """
    with _query_errors():
        cursor = database.execute(_only_statement(database, sql, external_access=external_access))
        return Result(_columns(cursor), cursor.fetchall())


def begin(database: duckdb.DuckDBPyConnection, sql: str, *, external_access: bool) -> Answer:
    """The same answer, whose rows are computed as `next_page` asks for them. Intervals are text, with their months."""
    with _query_errors():
        statement = _only_statement(database, sql, external_access=external_access)
        cursor = database.execute(statement)
        types = [str(kind) for _, kind, *_ in cursor.description or ()]
        if "INTERVAL" in types:
            names = [str(name) for name, *_ in cursor.description or ()]
            with suppress(duckdb_error()):  # of a statement that is not a query, they stay as Python has them
                cursor = database.execute(_with_intervals_as_text(str(statement.query), names, types))
        return Answer(_columns(cursor), iter(()), None, tuple(types))


def as_arrow(database: duckdb.DuckDBPyConnection, sql: str, *, external_access: bool) -> ArrowAnswer | None:
    """The same answer as Arrow, which DuckDB writes without an object a value; None for what is no query."""
    with _query_errors():
        statement = _only_statement(database, sql, external_access=external_access)
        found = database.sql(statement.query)
        if found is None:
            return None
        types = tuple(str(kind) for kind in found.types)
        columns = tuple((name, _type(kind)) for name, kind in zip(found.columns, types, strict=True))
        return ArrowAnswer(columns, types, found.to_arrow_table())


def next_page(database: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Further rows of the answer that has begun; none at its end."""
    with _query_errors():
        return list(database.fetchmany(_PAGE))


def check(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Has DuckDB plan a query, which finds what is wrong with it."""
    with _query_errors():
        statement = _only_statement(database, sql, external_access=False)
        database.execute(f"EXPLAIN {statement.query}")


def _only_statement(database: duckdb.DuckDBPyConnection, sql: str, *, external_access: bool) -> duckdb.Statement:
    """The one statement, on a connection that from now on reaches nothing else."""
    database.execute("SET python_enable_replacements = false")  # a name is never a variable of this program
    if not external_access:
        # https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
        database.execute("SET enable_external_access = false; SET lock_configuration = true")
    statements = database.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError("the query is empty" if not statements else "write one statement for each query")
    return statements[0]


@contextmanager
def _query_errors() -> Iterator[None]:
    try:
        yield
    except duckdb_error() as error:
        denied = "disabled by configuration" in str(error) or "disabled through configuration" in str(error)
        hint = "; --external-access (in Python external_access=True) allows it" if denied else ""
        raise QueryError(f"the query failed: {error}{hint}") from error


def _columns(cursor: duckdb.DuckDBPyConnection) -> tuple[tuple[str, str], ...]:
    return tuple((name, _type(str(kind))) for name, kind, *_ in cursor.description or ())


def _with_intervals_as_text(sql: str, names: Sequence[str], types: Sequence[str]) -> str:
    """The query with text such as `1 month 2 days` in place of intervals; it begins by position, as names may be the
    same."""
    chosen = [
        (f"CAST(#{at} AS VARCHAR)" if kind == "INTERVAL" else f"#{at}") + f' AS "{name.replace(chr(34), chr(34) * 2)}"'
        for at, (name, kind) in enumerate(zip(names, types, strict=True), 1)
    ]
    return f"SELECT {', '.join(chosen)} FROM ({_END.sub('', sql)}\n)"


_TYPES: dict[str, Callable[[str], bool]] = {
    "JSON": lambda kind: kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "JSON")),
    "INT64": lambda kind: kind.lstrip("U") in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    "FLOAT64": lambda kind: kind in ("DOUBLE", "FLOAT"),
    "NUMERIC": lambda kind: kind.startswith("DECIMAL"),
    "BOOL": lambda kind: kind == "BOOLEAN",
    "TIMESTAMP": lambda kind: kind == "TIMESTAMP WITH TIME ZONE",
    "DATE": lambda kind: kind == "DATE",
}


def _type(kind: str) -> str:
    return next((name for name, matches in _TYPES.items() if matches(kind)), "STRING")
