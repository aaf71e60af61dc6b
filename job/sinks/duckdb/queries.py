"""Queries that people write: one statement each, which reads the database and reaches nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from job.errors import QueryError
from job.sinks.duckdb.connection import duckdb_error
from job.sinks.protocol import Result

if TYPE_CHECKING:
    import duckdb


def answer(database: duckdb.DuckDBPyConnection, sql: str, *, external_access: bool) -> Result:
    """The answer to one statement, on a connection that is read-only.

    Args:
        external_access: lets it use other files, extensions and the network: `read_text`, `COPY ... TO`, `ATTACH`.

    Raises:
        QueryError: DuckDB refuses it, or it is empty, or several statements.
    """
    try:
        database.execute("SET python_enable_replacements = false")  # a name is never a variable of this program
        if not external_access:
            # https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
            database.execute("SET enable_external_access = false; SET lock_configuration = true")
        statements = database.extract_statements(sql)
        if len(statements) != 1:
            raise QueryError("the query is empty" if not statements else "write one statement for each query")
        cursor = database.execute(statements[0])
        found = tuple((name, _type(str(kind))) for name, kind, *_ in cursor.description or ())
        return Result(found, cursor.fetchall())
    except duckdb_error() as error:
        denied = "disabled by configuration" in str(error) or "disabled through configuration" in str(error)
        hint = "; --external-access (in Python external_access=True) allows it" if denied else ""
        raise QueryError(f"the query failed: {error}{hint}") from error


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
