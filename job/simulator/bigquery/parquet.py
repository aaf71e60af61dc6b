"""Parquet files as BigQuery reads them: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet"""

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
    """What is in a file."""

    fields: list[Field]
    lines: list[bytes]
    """The rows as JSON."""


def read_parquet(database: duckdb.DuckDBPyConnection, media: bytes, *, infer_lists: bool) -> Parquet:
    """Reads a file.

    Args:
        infer_lists: whether a LIST is a repeated column (`parquetOptions.enableListInference`). Where it is not,
            BigQuery takes it for the record that it is in the file, `list.element`.

    Raises:
        ApiError: it is no Parquet file, or has a type that is not loaded.
    """
    with tempfile.TemporaryDirectory() as directory:
        file, rows = Path(directory) / "load.parquet", Path(directory) / "rows.ndjson"
        file.write_bytes(media)
        try:
            told = database.execute(f"SELECT * FROM read_parquet('{file}') LIMIT 0").description or ()
            fields = [field_of(name, kind) for name, kind, *_ in told]
            columns = ", ".join(_as_json(field) for field in fields)
            database.execute(f"COPY (SELECT {columns} FROM read_parquet('{file}')) TO '{rows}' (FORMAT json)")
        except duckdb.Error as error:
            raise invalid(f"Error while reading data, error message: {str(error).splitlines()[0]}") from error
        lines = rows.read_bytes().splitlines()
    return Parquet(fields if infer_lists else [_as_in_the_file(field) for field in fields], lines)


def check_types(file: list[Field], table: list[Field], path: str = "") -> None:
    """Holds the file's columns to those of the table that they go to.

    Raises:
        ApiError: one has another type, or is of a type that Parquet does not carry to BigQuery.
    """
    there = {field["name"].lower(): field for field in table}
    for field in table:
        if type_of(field) == "JSON":
            raise invalid(f"Unsupported field type: JSON. Field: {path}{field['name']}")
    for field in file:
        found = there.get(field["name"].lower())
        if found is None or _is_list(field):
            continue
        own, wanted = type_of(field), type_of(found)
        if own != wanted and (own, wanted) != ("DATETIME", "TIMESTAMP"):
            raise invalid(
                f"Error while reading data, error message: Parquet column '{path}{field['name']}' has type {own} which "
                f"does not match the target cpp_type {wanted}."
            )
        if own == "RECORD":
            check_types(field["fields"], found["fields"], f"{path}{field['name']}.")


def parsed(line: bytes, file: list[Field], table: list[Field]) -> dict[str, Any]:
    """A row as it is loaded: without list inference, lists load as nothing into repeated columns, without a word."""
    return _parsed(json.loads(line, parse_float=Decimal), file, table)


def _parsed(row: dict[str, Any], file: list[Field], table: list[Field]) -> dict[str, Any]:
    there = {field["name"].lower(): field for field in table}
    told = dict(row)
    for field in file:
        name, value, found = field["name"], row.get(field["name"]), there.get(field["name"].lower())
        if found is None or value is None:
            continue
        if _is_list(field):
            told[name] = [] if mode_of(found) == "REPEATED" else {"list": [{"element": item} for item in value]}
        elif type_of(field) == "RECORD" and mode_of(field) != "REPEATED":
            told[name] = _parsed(value, field["fields"], found["fields"])
    return told


def _is_list(field: Field) -> bool:
    return [inner["name"] for inner in field.get("fields", [])] == ["list"]


def _as_in_the_file(field: Field) -> Field:
    inner = {**field, "mode": "NULLABLE"}
    if "fields" in field:
        inner["fields"] = [_as_in_the_file(child) for child in field["fields"]]
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
