"""Whose the tables, views and macros of a file are: those of this program bear a mark in their comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from job.errors import SinkError
from job.sinks.duckdb.ddl import INTERNAL
from job.sinks.duckdb.marks import is_marked
from job.sinks.protocol import refuse_foreign
from job.tables import TABLES, raw
from job.views import views

if TYPE_CHECKING:
    import duckdb

_OBJECTS = """
SELECT 'table' AS kind, schema_name, table_name AS name, comment FROM duckdb_tables()
WHERE database_name = current_database() AND NOT internal
UNION ALL
SELECT 'view', schema_name, view_name, comment FROM duckdb_views()
WHERE database_name = current_database() AND NOT internal
UNION ALL
SELECT 'macro', schema_name, function_name, comment FROM duckdb_functions()
WHERE database_name = current_database() AND NOT internal AND function_type LIKE '%macro'
ORDER BY ALL
"""


class _Object(NamedTuple):
    kind: str
    schema: str
    name: str
    comment: str | None

    @property
    def is_ours(self) -> bool:
        return self.schema == "main" and is_marked(self.comment)


def check_owner(where: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Refuses a file of somebody else's, and one in which they have a table, view or macro with a name that is needed.

    Their objects of other names may be in a file that this program made.

    Raises:
        SinkError: naming the tables and views.
    """
    objects = [_Object(*found) for found in connection.execute(_OBJECTS).fetchall()]
    if objects and not any(found.is_ours for found in objects):
        raise SinkError(
            f"{where}: gke-inventory did not make this database (or did so before 0.1.0), which contains the "
            f"{objects[0].kind} {objects[0].name}; nothing was written. Name another file: the next run creates it"
        )
    made = (*(view.name for view in views()), *(one.name for view in views() for one in view.functions))
    needed = {name.lower() for name in (*map(raw, TABLES), *made, *INTERNAL)}
    refuse_foreign(
        where,
        [
            f"{found.kind} {found.name}"
            for found in objects
            if found.schema == "main" and found.name.lower() in needed and not found.is_ours
        ],
        "another file",
    )
