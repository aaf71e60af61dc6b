"""Sizes of data by BigQuery's rules: https://cloud.google.com/bigquery/pricing#data"""

from __future__ import annotations

from job.simulator.bigquery.schema import Field, mode_of, type_of

_FIXED = {"INT64": 8, "FLOAT64": 8, "TIMESTAMP": 8, "DATETIME": 8, "DATE": 8, "TIME": 8, "NUMERIC": 16, "BOOL": 1}


def bytes_in_duckdb(fields: list[Field]) -> str:
    """An expression in DuckDB's SQL for the size of a row; NULL has size 0."""
    return " + ".join(_of(field, f'"{field["name"]}"', 0) for field in fields) or "0"


def _of(field: Field, value: str, depth: int) -> str:
    if mode_of(field) == "REPEATED":
        one, item = {**field, "mode": "NULLABLE"}, f"item{depth}"
        return f"coalesce(list_sum(list_transform({value}, lambda {item}: {_of(one, item, depth + 1)})), 0)"
    kind = type_of(field)
    if kind == "RECORD":
        inner = [_of(child, f'{value}."{child["name"]}"', depth) for child in field["fields"]]
        return f"({' + '.join(inner)})"
    if kind in _FIXED:
        return f"(CASE WHEN {value} IS NULL THEN 0 ELSE {_FIXED[kind]} END)"
    length = f"octet_length({value})" if kind == "BYTES" else f"strlen({value}::VARCHAR)"
    return f"coalesce(2 + {length}, 0)"
