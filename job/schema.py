"""From a record class to what each engine calls a schema."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from job.tables import TABLES, Key, Part, Record

SCHEMA_VERSION = 1
"""Of all tables and views together, as a warehouse records it: raised with each release that changes any of them, so
that an older program does not write to what a newer one has made."""
PARTITIONED_BY = "snapshot_time"

_TYPES = {str: "STRING", int: "INT64", float: "FLOAT64", bool: "BOOL", datetime: "TIMESTAMP"}
_DUCKDB = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
}


class Column(NamedTuple):
    """A column, in BigQuery's words."""

    name: str
    type: str
    """`STRING`, `INT64`, `FLOAT64`, `BOOL`, `TIMESTAMP` or `STRUCT`."""
    mode: str
    """`REQUIRED` (never NULL), `NULLABLE` or `REPEATED`."""
    description: str
    fields: tuple[Column, ...] = ()
    """Of a `STRUCT`."""
    key: bool = False
    """It is one of those that open every table."""

    @property
    def declared_mode(self) -> str:
        """The mode that BigQuery is told: NULLABLE for all that can be, but the key's. A column that is added to a
        table can be nothing else, and a load job's schema has to name the very mode that the table has."""
        return "NULLABLE" if self.mode == "REQUIRED" and not self.key else self.mode


@cache
def columns(table: str) -> tuple[Column, ...]:
    """All columns of a table, those of the key first."""
    return (*(column._replace(key=True) for column in _columns(Key)), *_columns(TABLES[table]))


def duckdb_type(column: Column) -> str:
    """`STRUCT(key VARCHAR, value VARCHAR)[]` and the like."""
    if column.type == "STRUCT":
        one = f"STRUCT({', '.join(f'{field.name} {duckdb_type(field)}' for field in column.fields)})"
    else:
        one = _DUCKDB[column.type]
    return f"{one}[]" if column.mode == "REPEATED" else one


def _columns(record: type[Record | Key | Part]) -> Iterator[Column]:
    hints = get_type_hints(record, include_extras=True)
    for field in msgspec.structs.fields(record):
        kind, description = get_args(hints[field.name])[:2]
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
