"""Queries that people write: one statement each, which reads the database and reaches nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from job.errors import QueryError
from job.sinks.duckdb.connection import duckdb_error
from job.sinks.protocol import Answer, ArrowAnswer, Result
from job.sinks.statement import check_statement

if TYPE_CHECKING:
    import duckdb

_PAGE = 2048  # rows: one vector of DuckDB's
_END = re.compile(r";\s*$")
_CHANGED = ("UUID", "BIT", "BIGNUM", "VARIANT", "TIME WITH TIME ZONE", "TIME_NS")
"""Types whose values Arrow and Python would show in different ways, or cut."""
_TEXT_IN_ARROW = frozenset({*_CHANGED, "UHUGEINT"})
_TEXT_IN_ROWS = frozenset({*_CHANGED, "INTERVAL", "TIMESTAMP_NS", "DATE"})
_TEXT_WITHIN = re.compile(rf"(?<![\"'\w])(?:{'|'.join((*_CHANGED, 'INTERVAL', 'TIMESTAMP_NS'))})(?![\"'\w])")


def confine(database: duckdb.DuckDBPyConnection, *, external_access: bool) -> None:
    """Keeps the queries of a connection, which is read-only, from all that is not in its file.

    Args:
        external_access: lets them use other files, extensions and the network: `read_text`, `COPY ... TO`, `ATTACH`.
    """
    database.execute("SET python_enable_replacements = false")  # a name is never a variable of this program
    if not external_access:
        # https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
        database.execute("SET enable_external_access = false; SET lock_configuration = true")


def answer(database: duckdb.DuckDBPyConnection, sql: str) -> Result:
    """The answer to one statement.

    Raises:
        QueryError: DuckDB refuses it, or it is empty, or several statements.
    """
    with _query_errors():
        cursor = database.execute(_only_statement(database, sql))
        return Result(_columns(cursor), cursor.fetchall())


def begin(database: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """The same answer, whose rows are computed as `next_page` asks for them.

    What Python's values would cut or change is text: intervals have their months, and nanoseconds stay.
    """
    with _query_errors():
        statement = _only_statement(database, sql)
        cursor = database.execute(statement)
        types = [str(kind) for _, kind, *_ in cursor.description or ()]
        names = [str(name) for name, *_ in cursor.description or ()]
        exact = _with_text(str(statement.query), names, types, _TEXT_IN_ROWS)
        if exact is not None:
            with suppress(duckdb_error()):  # of a statement that is not a query, they stay as Python has them
                cursor = database.execute(exact)
        columns = tuple((name, _type(kind)) for name, kind in zip(names, types, strict=True))
        return Answer(columns, iter(()), None, tuple(types))


def as_arrow(database: duckdb.DuckDBPyConnection, sql: str) -> ArrowAnswer | None:
    """The same answer as Arrow, which DuckDB writes without an object a value.

    None for what is no query, and for types that Arrow cannot have.
    """
    with _query_errors():
        statement = _only_statement(database, sql)
        found = database.sql(statement.query)
        if found is None:
            return None
        types = tuple(str(kind) for kind in found.types)
        columns = tuple((name, _type(kind)) for name, kind in zip(found.columns, types, strict=True))
        if any("HUGEINT" in kind and kind not in ("HUGEINT", "UHUGEINT") for kind in types):
            return None
        exact = _with_text(statement.query, found.columns, types, _TEXT_IN_ARROW)
        if exact is not None:
            try:
                found = database.sql(exact)
            except duckdb_error():  # a type that cannot be written with text in it
                return None
        return ArrowAnswer(columns, types, found.to_arrow_table())


def next_page(database: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Further rows of the answer that has begun; none at its end."""
    with _query_errors():
        return list(database.fetchmany(_PAGE))


def check(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Has DuckDB plan a query, which finds what is wrong with it."""
    with _query_errors():
        statement = _only_statement(database, sql)
        database.execute(f"EXPLAIN {statement.query}")


def _only_statement(database: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    check_statement(sql)
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


def _with_text(sql: str, names: Sequence[str], types: Sequence[str], whole: Collection[str]) -> str | None:
    """The query with text such as `1 month 2 days` in place of what an answer cannot have; None where it has nothing
    like it. It begins by position, as names may be the same.

    Args:
        whole: the types of columns that become text; those inside of others always do.
    """
    wanted = [
        "VARCHAR" if kind in whole else _TEXT_WITHIN.sub("VARCHAR", kind) if _is_nested(kind) else kind
        for kind in types
    ]
    if wanted == list(types):
        return None
    chosen = [
        (f"#{at}" if kind == given else f"CAST(#{at} AS {kind})") + f' AS "{name.replace(chr(34), chr(34) * 2)}"'
        for at, (name, given, kind) in enumerate(zip(names, types, wanted, strict=True), 1)
    ]
    return f"SELECT {', '.join(chosen)} FROM ({_END.sub('', sql)}\n)"


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


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
