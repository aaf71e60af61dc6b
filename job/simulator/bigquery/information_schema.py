"""`dataset.INFORMATION_SCHEMA`: https://cloud.google.com/bigquery/docs/information-schema-intro"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from job.simulator.bigquery import partitions
from job.simulator.bigquery.errors import not_implemented
from job.simulator.bigquery.rows import Row
from job.simulator.bigquery.schema import Field, mode_of, type_of
from job.simulator.bigquery.storage import Resource, Storage


def view_of(storage: Storage, dataset: str, view: str) -> tuple[list[Field], list[Row]]:
    """The columns and rows of a view.

    Args:
        dataset: `project:dataset`.
        view: its name in capitals, such as `TABLES`.

    Raises:
        ApiError: the simulator does not have this view.
    """
    if dataset.partition(":")[2].startswith("region-") or view not in _VIEWS:
        raise not_implemented(f"{dataset}.INFORMATION_SCHEMA.{view}")
    fields, rows_of = _VIEWS[view]
    tables = [table for name, table in sorted(storage.tables.items()) if name.startswith(f"{dataset}.")]
    rows = [{**_key(table), **row} for table in tables for row in rows_of(storage, table)]
    names = [field["name"] for field in fields]
    return fields, [{name: row[name] for name in names} for row in rows]


def _key(table: Resource) -> Row:
    name = table["tableReference"]
    return {"table_catalog": name["projectId"], "table_schema": name["datasetId"], "table_name": name["tableId"]}


def _tables(storage: Storage, table: Resource) -> list[Row]:  # noqa: ARG001 (all views have one signature)
    created = datetime.fromtimestamp(int(table["creationTime"]) / 1000, UTC).isoformat()
    base = table["type"] == "TABLE"
    return [
        {
            "table_type": "BASE TABLE" if base else "VIEW",
            "is_insertable_into": "YES" if base else "NO",
            "is_typed": "NO",
            "creation_time": created,
        }
    ]


def _columns(storage: Storage, table: Resource) -> list[Row]:  # noqa: ARG001
    clustering = [name.lower() for name in table.get("clustering", {}).get("fields", [])]
    partitioned = (partitions.column(table) or "").lower()
    return [
        {
            "column_name": field["name"],
            "ordinal_position": number,
            "is_nullable": "NO" if mode_of(field) == "REQUIRED" else "YES",
            "data_type": _type(field),
            "is_partitioning_column": "YES" if field["name"].lower() == partitioned else "NO",
            "clustering_ordinal_position": clustering.index(field["name"].lower()) + 1
            if field["name"].lower() in clustering
            else None,
        }
        for number, field in enumerate(table["schema"]["fields"], start=1)
    ]


def _paths(storage: Storage, table: Resource) -> list[Row]:  # noqa: ARG001
    return [row for field in table["schema"]["fields"] for row in _paths_of(field, field["name"], "")]


def _paths_of(field: Field, column: str, above: str) -> list[Row]:
    path = f"{above}{field['name']}"
    row: Row = {
        "column_name": column, "field_path": path, "data_type": _type(field), "description": field.get("description")
    }  # fmt: skip
    return [row, *(below for inner in field.get("fields", []) for below in _paths_of(inner, column, f"{path}."))]


def _partitions(storage: Storage, table: Resource) -> list[Row]:
    if table["type"] != "TABLE":
        return []
    rows: dict[str, Any] = storage.partition_rows(table) or {}
    if partitions.column(table) is None:
        rows = {"": storage.size(table, [])[0]}
    return [{"partition_id": name or None, "total_rows": number} for name, number in rows.items()]


def _type(field: Field) -> str:
    kind = type_of(field)
    if kind == "RECORD":
        kind = "STRUCT<" + ", ".join(f"{inner['name']} {_type(inner)}" for inner in field["fields"]) + ">"
    return f"ARRAY<{kind}>" if mode_of(field) == "REPEATED" else kind


def _fields(**types: str) -> list[Field]:
    named = {"table_catalog": "STRING", "table_schema": "STRING", "table_name": "STRING", **types}
    return [{"name": name, "type": kind, "mode": "NULLABLE"} for name, kind in named.items()]


_VIEWS: dict[str, tuple[list[Field], Any]] = {
    "TABLES": (
        _fields(table_type="STRING", is_insertable_into="STRING", is_typed="STRING", creation_time="TIMESTAMP"),
        _tables,
    ),
    "COLUMNS": (
        _fields(
            column_name="STRING", ordinal_position="INTEGER", is_nullable="STRING", data_type="STRING",
            is_partitioning_column="STRING", clustering_ordinal_position="INTEGER",
        ),
        _columns,
    ),
    "COLUMN_FIELD_PATHS": (
        _fields(column_name="STRING", field_path="STRING", data_type="STRING", description="STRING"),
        _paths,
    ),
    "PARTITIONS": (_fields(partition_id="STRING", total_rows="INTEGER"), _partitions),
}  # fmt: skip
