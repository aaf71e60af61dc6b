"""Reads Parquet files as BigQuery does: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet"""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from job.simulator.bigquery.errors import invalid
from job.simulator.bigquery.results import field_of
from job.simulator.bigquery.schema import Field, mode_of, type_of


class Parquet(NamedTuple):
    """The content of a file."""

    fields: list[Field]
    lines: list[bytes]
    """The rows as JSON."""


def read_parquet(database: duckdb.DuckDBPyConnection, media: bytes, *, infer_lists: bool) -> Parquet:
    """Reads a file.

    Args:
        infer_lists: reads a LIST as a repeated column (`parquetOptions.enableListInference`). Otherwise BigQuery reads
            it as the record in the file, `list.element`.

    Raises:
        ApiError: the file is not Parquet, or has an unsupported type.
    """
    with tempfile.TemporaryDirectory() as directory:
        file, rows = Path(directory) / "load.parquet", Path(directory) / "rows.ndjson"
        file.write_bytes(media)
        try:
            description = database.execute(f"SELECT * FROM read_parquet('{file}') LIMIT 0").description or ()
            fields = [field_of(name, kind) for name, kind, *_ in description]
            columns = ", ".join(_as_json(field) for field in fields)
            database.execute(f"COPY (SELECT {columns} FROM read_parquet('{file}')) TO '{rows}' (FORMAT json)")
        except duckdb.Error as error:
            raise invalid(f"Error while reading data, error message: {str(error).splitlines()[0]}") from error
        lines = rows.read_bytes().splitlines()
    return Parquet(fields if infer_lists else [_as_list_record(field) for field in fields], lines)


def check_types(file: list[Field], table: list[Field], path: str = "") -> None:
    """Checks the file's columns against those of the table.

    Raises:
        ApiError: a column has another type, or a type that BigQuery does not load from Parquet.
    """
    existing = {field["name"].lower(): field for field in table}
    for field in table:
        if type_of(field) == "JSON":
            raise invalid(f"Unsupported field type: JSON. Field: {path}{field['name']}")
    for field in file:
        found = existing.get(field["name"].lower())
        if found is None or _is_list(field):
            continue
        own, expected = type_of(field), type_of(found)
        if own != expected and (own, expected) != ("DATETIME", "TIMESTAMP"):
            raise invalid(
                f"Error while reading data, error message: Parquet column '{path}{field['name']}' has type {own} which "
                f"does not match the target cpp_type {expected}."
            )
        if own == "RECORD":
            check_types(field["fields"], found["fields"], f"{path}{field['name']}.")


def parse_row(line: bytes, file: list[Field], table: list[Field]) -> dict[str, Any]:
    """A row as BigQuery loads it: without list inference, repeated columns silently stay empty."""
    return _parsed(json.loads(line, parse_float=Decimal), file, table)


def _parsed(row: dict[str, Any], file: list[Field], table: list[Field]) -> dict[str, Any]:
    existing = {field["name"].lower(): field for field in table}
    parsed = dict(row)
    for field in file:
        name, value, found = field["name"], row.get(field["name"]), existing.get(field["name"].lower())
        if found is None or value is None:
            continue
        if _is_list(field):
            parsed[name] = [] if mode_of(found) == "REPEATED" else {"list": [{"element": item} for item in value]}
        elif type_of(field) == "RECORD" and mode_of(field) != "REPEATED":
            parsed[name] = _parsed(value, field["fields"], found["fields"])
    return parsed


def _is_list(field: Field) -> bool:
    return [inner["name"] for inner in field.get("fields", [])] == ["list"]


def _as_list_record(field: Field) -> Field:
    inner = {**field, "mode": "NULLABLE"}
    if "fields" in field:
        inner["fields"] = [_as_list_record(child) for child in field["fields"]]
    if mode_of(field) != "REPEATED":
        return inner
    element = {**inner, "name": "element"}
    listed = {"name": "list", "type": "RECORD", "mode": "REPEATED", "fields": [element]}
    return {"name": field["name"], "type": "RECORD", "mode": "NULLABLE", "fields": [listed]}


def _as_json(field: Field) -> str:
    name = f'"{field["name"]}"'
    if type_of(field) == "BYTES" and mode_of(field) != "REPEATED":
        return f"to_base64({name}) AS {name}"
    return name
