"""Columns of tables and views as BigQuery's schema fields, and the changes between two schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from job.schema import Column, columns
from job.sinks.bigquery import ddl
from job.sinks.protocol import Change

if TYPE_CHECKING:
    from google.cloud import bigquery

_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def schema_of(table: str) -> list[bigquery.SchemaField]:
    """The table's columns, for tables and load jobs."""
    return [_field(column) for column in columns(table)]


def _field(column: Column) -> bigquery.SchemaField:
    from google.cloud.bigquery import SchemaField

    kind = "RECORD" if column.type == "STRUCT" else column.type
    inner = tuple(_field(field) for field in column.fields)
    return SchemaField(column.name, kind, mode=column.declared_mode, description=column.description, fields=inner)


def column_changes(
    full_name: str, path: str, declared: Sequence[Column], found: Sequence[bigquery.SchemaField]
) -> Iterator[Change]:
    by_name = {field.name.lower(): field for field in found}
    for column in declared:
        name, mode = f"{path}.{column.name}", column.declared_mode
        field = by_name.get(column.name.lower())
        if field is None:
            yield Change("add column", name, ddl.add_column(full_name, name, column))
            continue
        kind = _ALIASES.get(field.field_type, field.field_type)
        if kind != column.type or (field.mode == "REPEATED") != (mode == "REPEATED"):
            yield Change("change type", name, ddl.change_type(full_name, name, column), additive=False)
        elif field.mode == "REQUIRED" and mode == "NULLABLE":
            yield Change("relax column", name, ddl.relax(full_name, name))
        elif field.mode == "NULLABLE" and mode == "REQUIRED":
            yield Change("require column", name, ddl.require(full_name, name), additive=False)
        if (field.description or "") != column.description:
            yield Change("describe", name, ddl.describe_column(full_name, name, column.description))
        if kind == column.type == "STRUCT":
            yield from column_changes(full_name, name, column.fields, field.fields)


def unwritable(
    full_name: str, path: str, declared: Sequence[Column], found: Sequence[bigquery.SchemaField]
) -> list[str]:
    """The columns because of which a load job with the declared columns would fail."""
    differing = column_changes(full_name, path, declared, found)
    known = {column.name.lower() for column in declared}
    unknown = (field for field in found if field.mode == "REQUIRED" and field.name.lower() not in known)
    return [
        *(change.name for change in differing if change.action != "describe"),
        *(f"{path}.{field.name}" for field in unknown),
    ]


def merged(found: Sequence[bigquery.SchemaField], declared: Sequence[Column]) -> list[bigquery.SchemaField]:
    """The existing columns, with descriptions and modes as declared; then new ones. Columns that are not ours stay."""
    from google.cloud.bigquery import SchemaField

    by_name = {column.name.lower(): column for column in declared}
    fields = []
    for field in found:
        column = by_name.pop(field.name.lower(), None)
        if column is None:
            fields.append(field)
            continue
        inner = merged(field.fields, column.fields)
        mode, described = column.declared_mode, column.description
        fields.append(SchemaField(field.name, field.field_type, mode=mode, description=described, fields=tuple(inner)))
    return fields + [_field(column) for column in by_name.values()]


def described(found: Sequence[bigquery.SchemaField], declared: Sequence[Column]) -> list[bigquery.SchemaField]:
    """A view's columns as BigQuery derives them, with the declared descriptions; columns that are not ours stay."""
    from google.cloud.bigquery import SchemaField

    by_name = {column.name.lower(): column for column in declared}
    fields = []
    for field in found:
        column = by_name.get(field.name.lower())
        if column is None:
            fields.append(field)
            continue
        inner, text = tuple(described(field.fields, column.fields)), column.description
        fields.append(SchemaField(field.name, field.field_type, mode=field.mode, description=text, fields=inner))
    return fields
