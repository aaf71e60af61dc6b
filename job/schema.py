"""From record classes to the schemas of both engines."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from job.tables import TABLES, Key, Part, Record

SCHEMA_VERSION = 1
"""The version of all tables and views together, which a warehouse stores. A release that changes any of them raises it,
so that an older program leaves a newer one's tables and views as they are."""
OLDEST_WRITER = 1
"""The oldest version that may write rows to these tables. A release that does more than add tables, columns and views
raises it to its own SCHEMA_VERSION: then an older program refuses to write."""
PARTITIONED_BY = "snapshot_time"

_TYPES = {str: "STRING", int: "INT64", float: "FLOAT64", bool: "BOOL", datetime: "TIMESTAMP"}
_DUCKDB = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 0)",  # sums of whole amounts
    "BOOL": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
}


class Column(NamedTuple):
    """A column, in BigQuery's terms."""

    name: str
    type: str
    """`STRING`, `INT64`, `FLOAT64`, `NUMERIC` (of views alone), `BOOL`, `TIMESTAMP` or `STRUCT`."""
    mode: str
    """`REQUIRED` (never NULL), `NULLABLE` or `REPEATED`."""
    description: str
    fields: tuple[Column, ...] = ()
    """Of a `STRUCT`."""
    key: bool = False
    """One of the columns of the key, which every table has first."""

    @property
    def declared_mode(self) -> str:
        """The mode that BigQuery gets: REQUIRED only for the key.

        A column added to an existing table has to be NULLABLE, and a load job has to declare the table's own mode.
        """
        return "NULLABLE" if self.mode == "REQUIRED" and not self.key else self.mode


@cache
def columns(table: str) -> tuple[Column, ...]:
    """All columns of a table, the key's first."""
    return (*(column._replace(key=True) for column in _columns(Key)), *_columns(TABLES[table]))


def raw_description(table: str) -> str:
    """The description of the table that load jobs append to."""
    warning = f"Do not query this table, whose rows may count for nothing: query the view {table}."
    return f"{warning} {TABLES[table].description}"


def duckdb_type(column: Column) -> str:
    """The column's type in DuckDB, such as `STRUCT(key VARCHAR, value VARCHAR)[]`."""
    if column.type == "STRUCT":
        one = f"STRUCT({', '.join(f'{field.name} {duckdb_type(field)}' for field in column.fields)})"
    else:
        one = _DUCKDB[column.type]
    return f"{one}[]" if column.mode == "REPEATED" else one


def _columns(record: type[Record | Key | Part]) -> Iterator[Column]:
    for field in msgspec.structs.fields(record):
        kind, description = get_args(field.type)[:2]
        mode = "REQUIRED"
        if get_origin(kind) in (Union, types.UnionType):
            mode, kind = "NULLABLE", next(arm for arm in get_args(kind) if arm is not types.NoneType)
        elif get_origin(kind) is tuple:
            mode, kind = "REPEATED", get_args(kind)[0]
        yield _column(field.name, kind, mode, description)


def _column(name: str, kind: Any, mode: str, description: str) -> Column:
    if isinstance(kind, type) and issubclass(kind, Part):
        return Column(name, "STRUCT", mode, description, tuple(_columns(kind)))
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    return Column(name, _TYPES[kind], mode, description)
