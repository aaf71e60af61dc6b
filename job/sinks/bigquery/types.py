"""The types of the columns of an answer: for programs in BigQuery's words, and as DuckDB would store them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.cloud import bigquery

_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "BIGNUMERIC": "NUMERIC"}
_DUCKDB = {
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "NUMERIC": "DECIMAL(38, 9)",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "BYTES": "BLOB",
    "JSON": "JSON",
}


def answer_type(field: bigquery.SchemaField) -> str:
    """`STRING`, `INT64`, ...; `JSON` for arrays and structs."""
    if field.mode == "REPEATED" or field.field_type in ("RECORD", "STRUCT"):
        return "JSON"
    return _STANDARD.get(field.field_type, field.field_type)


def duckdb_type(field: bigquery.SchemaField) -> str:
    """DuckDB's type that holds all values of a field; text where it has none, as for BIGNUMERIC and INTERVAL."""
    if field.field_type in ("RECORD", "STRUCT"):
        kind = f"STRUCT({', '.join(f'{_quoted(inner.name)} {duckdb_type(inner)}' for inner in field.fields)})"
    elif field.field_type == "BIGNUMERIC":
        kind = "VARCHAR"
    else:
        kind = _DUCKDB.get(_STANDARD.get(field.field_type, field.field_type), "VARCHAR")
    return f"{kind}[]" if field.mode == "REPEATED" else kind


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
