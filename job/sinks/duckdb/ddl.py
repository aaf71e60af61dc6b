"""The statements that create a file's tables and views, or update those of an older version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from job.schema import OLDEST_WRITER, SCHEMA_VERSION, Column, columns, duckdb_type, raw_description
from job.sinks.duckdb import recent
from job.sinks.duckdb.marks import comment_on, literal, marked
from job.sinks.protocol import Change, refuse_newer
from job.tables import TABLES, raw
from job.views import View, digest, for_duckdb, function_for_duckdb, views
from job.views.recent import RECENT
from job.views.row_columns import RowColumn

if TYPE_CHECKING:
    import duckdb

INTERNAL = {
    recent.TABLE: recent.DEFINITION,
    "commits": (
        "commit_id VARCHAR PRIMARY KEY, complete BOOLEAN, acceptable BOOLEAN, stopped BOOLEAN",
        "Which tasks have committed.",
    ),
    "weights": (
        "run_id VARCHAR, name VARCHAR, objects BIGINT, asked_at TIMESTAMPTZ",
        "How large each cluster was when a run shared the clusters among its tasks.",
    ),
    "schema_version": (
        "version INTEGER, views VARCHAR, oldest_writer INTEGER",
        "The version of the tables and views, and the oldest one that may write to them.",
    ),
}
"""Tables that no person needs to query: name -> columns and description."""
DEMO = "demo"
"""A table without rows, in a file that has a simulated fleet."""


def has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the file has this program's tables."""
    return "commits" in _comments(connection)


def is_demo(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the file has a simulated fleet."""
    return DEMO in _comments(connection)


def demo_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[Change]:
    """What a file lacks that is to have a simulated fleet."""
    if not is_demo(connection):
        statement = f"CREATE TABLE {DEMO} (nothing BOOLEAN);"
        yield Change(
            "create table", DEMO, f"{statement} {comment_on('TABLE', DEMO, 'The rows are of a simulated fleet.')}"
        )


def newer_version(where: str, connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version of a file that a newer one has only added to, so that this one may write rows; else None.

    Raises:
        SinkError: a newer one has done more.
    """
    if not has_tables(connection):
        return None
    select = "SELECT max(version), max(oldest_writer) FROM schema_version"
    version, oldest_writer = connection.execute(select).fetchone() or (None, None)
    if (version or 0) <= SCHEMA_VERSION:
        return None
    missing = [change.name for change in table_changes(connection) if change.action != "describe"]
    refuse_newer(where, version, oldest_writer or 0, missing)
    return int(version)


def changes_from_nothing(configured: tuple[RowColumn, ...] = ()) -> Iterator[Change]:
    """The changes that fill a new file."""
    import duckdb

    with duckdb.connect() as nothing:
        yield from changes(nothing, configured)


def changes(connection: duckdb.DuckDBPyConnection, configured: tuple[RowColumn, ...] = ()) -> Iterator[Change]:
    """All differences from what is declared, in the order in which to make them."""
    yield from table_changes(connection)
    yield from view_changes(connection, configured)


def table_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[Change]:
    """The tables and columns that are missing or differ."""
    comments = _comments(connection)
    for name, (definition, description) in INTERNAL.items():
        if name not in comments:
            statement = f"CREATE TABLE {name} ({definition});"
            yield Change("create table", name, f"{statement} {comment_on('TABLE', name, description)}")
    select = (
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = 'main'"
    )
    found: dict[str, dict[str, tuple[str, str | None]]] = {raw(table): {} for table in TABLES}
    for table, name, kind, comment in connection.execute(select).fetchall():
        found.setdefault(table, {})[name] = (kind, comment)
    for table in TABLES:
        yield from _changes_of(table, found[raw(table)], comments.get(raw(table)))


def view_changes(connection: duckdb.DuckDBPyConnection, configured: tuple[RowColumn, ...] = ()) -> Iterator[Change]:
    """What the views lack, once the tables are there, and the version of both.

    All views are made again when the digest of any changes.
    """
    digests = "".join(digest(view, configured) for view in views(configured))
    views_digest = hashlib.sha256(digests.encode()).hexdigest()[:16]
    made: tuple[Any, ...] | None = None
    if has_tables(connection):
        made = connection.execute("SELECT version, views, oldest_writer FROM schema_version").fetchone()
    select = "SELECT view_name FROM duckdb_views() WHERE database_name = current_database() AND schema_name = 'main'"
    there = {name for (name,) in connection.execute(select).fetchall()}
    if made is None or made[1] != views_digest or not {*RECENT, *(view.name for view in views())} <= there:
        yield from recent.view_changes(connection, there)
        for view in views(configured):
            yield Change("replace view" if view.name in there else "create view", view.name, _create_view(view))
    if made != (SCHEMA_VERSION, views_digest, OLDEST_WRITER):
        statement = f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION}, '{views_digest}', {OLDEST_WRITER});"
        yield Change("set version", "schema_version", f"DELETE FROM schema_version; {statement}")


def make(
    connection: duckdb.DuckDBPyConnection, missing: Sequence[Change], configured: tuple[RowColumn, ...] = ()
) -> None:
    """Makes changes that `changes` has found, the views in an order of its own.

    DuckDB binds the query of a view when it makes it, and with it those of all views that it reads. So each is made
    first with its columns and no query, and gets its query once those that read it have theirs.
    """
    declared = {view.name: view for view in views(configured)}
    of_views = [change for change in missing if change.name in declared and change.action.endswith(" view")]
    others = [change for change in missing if change not in of_views]
    for change in others:
        connection.execute(change.statement)
    for change in of_views:
        connection.execute(_create_without_query(declared[change.name]))
    for change in reversed(of_views):
        connection.execute(change.statement)


def _create_without_query(view: View) -> str:
    nothing = "SELECT " + ", ".join(f'NULL::{duckdb_type(column)} AS "{column.name}"' for column in view.columns)
    functions = (f"{function.name}({', '.join(function.parameters)})" for function in view.functions)
    statements = (f"CREATE OR REPLACE MACRO {function} AS TABLE {nothing};" for function in functions)
    return "\n".join([f"CREATE OR REPLACE VIEW {view.name} AS {nothing};", *statements])


def _create_view(view: View) -> str:
    statements = [
        f"CREATE OR REPLACE VIEW {view.name} AS {for_duckdb(view)};",
        comment_on("VIEW", view.name, view.description),
        *(_comment(view.name, column) for column in view.columns),
    ]
    for function in view.functions:
        parameters = ", ".join(function.parameters)
        statements += [
            f"CREATE OR REPLACE MACRO {function.name}({parameters}) AS TABLE {function_for_duckdb(function)};",
            comment_on("MACRO TABLE", function.name, function.description),
        ]
    return "\n".join(statements)


def _changes_of(table: str, there: dict[str, tuple[str, str | None]], comment: str | None) -> Iterator[Change]:
    """https://duckdb.org/docs/stable/sql/statements/alter_table"""
    if not there:
        definition = ",\n  ".join(f'"{column.name}" {duckdb_type(column)}' for column in columns(table))
        comments = [comment_on("TABLE", raw(table), raw_description(table))]
        comments += [_comment(raw(table), column) for column in columns(table)]
        statement = "\n".join([f"CREATE TABLE {raw(table)} (\n  {definition}\n);", *comments])
        yield Change("create table", raw(table), statement)
        return
    if comment != marked(raw_description(table)):
        yield Change("describe", raw(table), comment_on("TABLE", raw(table), raw_description(table)))
    for column in columns(table):
        name, kind = f"{raw(table)}.{column.name}", duckdb_type(column)
        now, described = there.get(column.name, (None, None))
        if now is None:
            statement = f'ALTER TABLE {raw(table)} ADD COLUMN "{column.name}" {kind};'
            yield Change("add column", name, f"{statement} {_comment(raw(table), column)}")
        elif _plain(str(now)) != _plain(kind):
            statement = f'ALTER TABLE {raw(table)} ALTER "{column.name}" TYPE {kind};'
            yield Change("change type", name, statement, additive=False)
        elif described != column.description:
            yield Change("describe", name, _comment(raw(table), column))


def _comments(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Table -> its comment."""
    select = (
        "SELECT table_name, comment FROM duckdb_tables() "
        "WHERE database_name = current_database() AND schema_name = 'main'"
    )
    return dict(connection.execute(select).fetchall())


def _comment(table: str, column: Column) -> str:
    return f'COMMENT ON COLUMN {table}."{column.name}" IS {literal(column.description)};'


def _plain(kind: str) -> str:
    return kind.replace('"', "").upper()
