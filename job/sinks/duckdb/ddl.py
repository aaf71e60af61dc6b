"""The statements that create a file's tables and views, or update those of an older version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from job.schema import SCHEMA_VERSION, Column, columns, duckdb_type, raw_description
from job.sinks.protocol import Change
from job.tables import TABLES, raw
from job.views import MOMENT, View, digest, for_duckdb, function_description, function_for_duckdb, views

if TYPE_CHECKING:
    import duckdb


def has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the file has this program's tables."""
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'commits'").fetchone()
    return found is not None


def changes_from_nothing() -> Iterator[Change]:
    """The changes that fill a new file."""
    import duckdb

    with duckdb.connect() as nothing:
        yield from changes(nothing)


def changes(connection: duckdb.DuckDBPyConnection) -> Iterator[Change]:
    """All differences from what is declared, in the order in which to make them."""
    yield from table_changes(connection)
    yield from view_changes(connection)


def table_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[Change]:
    """The tables and columns that are missing or differ."""
    if not has_tables(connection):
        results = ", ".join(f"{name} BOOLEAN" for name in ("complete", "acceptable", "stopped"))
        yield Change("create table", "commits", f"CREATE TABLE commits (commit_id VARCHAR PRIMARY KEY, {results});")
        statement = "CREATE TABLE weights (run_id VARCHAR, name VARCHAR, objects BIGINT, asked_at TIMESTAMPTZ);"
        yield Change("create table", "weights", statement)
        statement = "CREATE TABLE schema_version (version INTEGER, views VARCHAR);"
        yield Change("create table", "schema_version", statement)
    select = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = 'main'"
    found: dict[str, dict[str, tuple[str, str | None]]] = {raw(table): {} for table in TABLES}
    for table, name, kind, comment in connection.execute(select).fetchall():
        found.setdefault(table, {})[name] = (kind, comment)
    if "commits" in found and "stopped" not in found["commits"]:
        yield Change("add column", "commits.stopped", "ALTER TABLE commits ADD COLUMN stopped BOOLEAN;")
    for table in TABLES:
        yield from _changes_of(table, found[raw(table)])


def view_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[Change]:
    """What the views lack, once the tables are there, and the version of both.

    All views are made again when the digest of any changes.
    """
    views_digest = hashlib.sha256("".join(map(digest, views())).encode()).hexdigest()[:16]
    made: tuple[Any, ...] | None = None
    if has_tables(connection):
        made = connection.execute("SELECT version, views FROM schema_version").fetchone()
    if made is None or made[1] != views_digest:
        there = {name for (name,) in connection.execute("SELECT view_name FROM duckdb_views()").fetchall()}
        for view in views():
            yield Change("replace view" if view.name in there else "create view", view.name, _create_view(view))
    if made != (SCHEMA_VERSION, views_digest):
        statement = f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION}, '{views_digest}');"
        yield Change("set version", "schema_version", f"DELETE FROM schema_version; {statement}")


def _create_view(view: View) -> str:
    statements = [
        f"CREATE OR REPLACE VIEW {view.name} AS {for_duckdb(view)};",
        f"COMMENT ON VIEW {view.name} IS {literal(view.description)};",
        *(_comment(view.name, column) for column in view.columns),
    ]
    if view.function:
        statements += [
            f"CREATE OR REPLACE MACRO {view.function}({MOMENT}) AS TABLE {function_for_duckdb(view)};",
            f"COMMENT ON MACRO TABLE {view.function} IS {literal(function_description(view))};",
        ]
    return "\n".join(statements)


def _changes_of(table: str, there: dict[str, tuple[str, str | None]]) -> Iterator[Change]:
    """https://duckdb.org/docs/stable/sql/statements/alter_table"""
    if not there:
        definition = ",\n  ".join(f'"{column.name}" {duckdb_type(column)}' for column in columns(table))
        comments = [f"COMMENT ON TABLE {raw(table)} IS {literal(raw_description(table))};"]
        comments += [_comment(raw(table), column) for column in columns(table)]
        statement = "\n".join([f"CREATE TABLE {raw(table)} (\n  {definition}\n);", *comments])
        yield Change("create table", raw(table), statement)
        return
    for column in columns(table):
        name, kind = f"{raw(table)}.{column.name}", duckdb_type(column)
        now, comment = there.get(column.name, (None, None))
        if now is None:
            statement = f'ALTER TABLE {raw(table)} ADD COLUMN "{column.name}" {kind};'
            yield Change("add column", name, f"{statement} {_comment(raw(table), column)}")
        elif _plain(str(now)) != _plain(kind):
            statement = f'ALTER TABLE {raw(table)} ALTER "{column.name}" TYPE {kind};'
            yield Change("change type", name, statement, additive=False)
        elif comment != column.description:
            yield Change("describe", name, _comment(raw(table), column))


def _comment(table: str, column: Column) -> str:
    return f'COMMENT ON COLUMN {table}."{column.name}" IS {literal(column.description)};'


def _plain(kind: str) -> str:
    return kind.replace('"', "").upper()


def literal(text: str) -> str:
    """The text as a SQL string."""
    return "'" + text.replace("'", "''") + "'"
