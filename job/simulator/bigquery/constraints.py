"""Primary and foreign keys, which BigQuery keeps and never enforces.

https://cloud.google.com/bigquery/docs/primary-foreign-keys
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from job.simulator.bigquery.errors import invalid
from job.simulator.bigquery.schema import Field, mode_of, type_of

_MAX_COLUMNS, _MAX_FOREIGN_KEYS = 16, 64
_TYPES = {"BIGNUMERIC", "BOOL", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIMESTAMP"}


def check_constraints(table: dict[str, Any], tables: Mapping[str, dict[str, Any]]) -> None:
    """Checks the constraints of a table against its columns and the tables that they reference.

    Args:
        tables: all tables, by `project:dataset.table`.

    Raises:
        ApiError: BigQuery does not allow them.
    """
    constraints = table.get("tableConstraints", {})
    if constraints and table["type"] != "TABLE":
        raise invalid(f"Table constraints are not supported for a {table['type']}")
    if "primaryKey" in constraints:
        _check_columns(table, constraints["primaryKey"].get("columns", []))
    foreign = constraints.get("foreignKeys", [])
    if len(foreign) > _MAX_FOREIGN_KEYS:
        raise invalid(f"Too many foreign keys: {len(foreign)}. The maximum is {_MAX_FOREIGN_KEYS}.")
    for key in foreign:
        _check_foreign_key(table, key, tables)


def _check_foreign_key(table: dict[str, Any], key: dict[str, Any], tables: Mapping[str, dict[str, Any]]) -> None:
    reference, pairs = key.get("referencedTable", {}), key.get("columnReferences", [])
    name = "{projectId}:{datasetId}.{tableId}".format_map(
        {"projectId": "", "datasetId": "", "tableId": "", **reference}
    )
    referenced = table if name == table["id"] else tables.get(name)
    if referenced is None or name.rpartition(".")[0] != table["id"].rpartition(".")[0]:
        raise invalid(f"The table {name} that a foreign key references is not in the dataset")
    own = _check_columns(table, [pair.get("referencingColumn", "") for pair in pairs])
    theirs = _check_columns(referenced, [pair.get("referencedColumn", "") for pair in pairs])
    primary = referenced.get("tableConstraints", {}).get("primaryKey", {}).get("columns", [])
    if {field["name"].lower() for field in theirs} != {column.lower() for column in primary}:
        raise invalid(f"A foreign key must reference the primary key of {name}")
    for mine, other in zip(own, theirs, strict=True):
        if type_of(mine) != type_of(other):
            raise invalid(f"Column {mine['name']} of a foreign key has another type than {name}.{other['name']}")


def _check_columns(table: dict[str, Any], columns: list[str]) -> list[Field]:
    fields = {field["name"].lower(): field for field in table["schema"]["fields"]}
    if not 1 <= len(columns) <= _MAX_COLUMNS or len({column.lower() for column in columns}) < len(columns):
        raise invalid(f"A key has 1 to {_MAX_COLUMNS} different columns, not: {', '.join(columns)}")
    for column in columns:
        field = fields.get(column.lower())
        if field is None:
            raise invalid(f"The column {column} of a key is not in table {table['id']}")
        if mode_of(field) == "REPEATED" or type_of(field) not in _TYPES:
            raise invalid(f"Column {column} of type {field['type']}, {mode_of(field)}, cannot be part of a key")
    return [fields[column.lower()] for column in columns]
