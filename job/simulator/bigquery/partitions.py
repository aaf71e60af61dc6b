"""Partitioning and clustering of tables: https://cloud.google.com/bigquery/docs/partitioned-tables"""

from __future__ import annotations

import re
from typing import Any

from job.simulator.bigquery.constants import MICROSECONDS, plus
from job.simulator.bigquery.errors import invalid, not_implemented
from job.simulator.bigquery.schema import mode_of, type_of

Resource = dict[str, Any]

# unit -> length of the part of `2026-01-31T12` in a partition's id, and DuckDB's name of the unit
_UNITS = {"HOUR": (13, "hour"), "DAY": (10, "day"), "MONTH": (7, "month"), "YEAR": (4, "year")}
_CLUSTERED = {"STRING", "INT64", "NUMERIC", "BOOL", "TIMESTAMP", "DATETIME", "DATE"}
_MAX_CLUSTERED = 4
NULL_PARTITION = "__NULL__"


def check_layout(table: Resource) -> None:
    """Checks a table's partitioning and clustering against its schema.

    Raises:
        ApiError: BigQuery does not allow it.
    """
    fields = {field["name"].lower(): field for field in table["schema"]["fields"]}
    if "rangePartitioning" in table:
        raise not_implemented("tables partitioned by integer range")
    partitioning = table.get("timePartitioning")
    if partitioning is None and table.get("requirePartitionFilter"):
        raise invalid("requirePartitionFilter requires a partitioned table")
    if partitioning is not None:
        _check_time_partitioning(partitioning, fields)
    clustering = table.get("clustering", {}).get("fields", [])
    if len(clustering) > _MAX_CLUSTERED:
        raise invalid(f"Too many fields specified for clustering: {len(clustering)}. The maximum is {_MAX_CLUSTERED}.")
    if len({name.lower() for name in clustering}) < len(clustering):
        raise invalid("Duplicate field for clustering")
    for name in clustering:
        field = fields.get(name.lower())
        if field is None:
            raise invalid(f"The field specified for clustering cannot be found in the schema. Invalid field: {name}.")
        if mode_of(field) == "REPEATED" or type_of(field) not in _CLUSTERED:
            raise invalid(f"Field {name} of type {field['type']}, {mode_of(field)}, cannot be used for clustering")


def _check_time_partitioning(partitioning: Resource, fields: dict[str, Resource]) -> None:
    unit, name = partitioning.get("type"), partitioning.get("field")
    if unit not in _UNITS:
        raise invalid(f"Invalid value for: type: {unit} is not one of {', '.join(_UNITS)}")
    if name is None:
        raise not_implemented("tables partitioned by ingestion time")
    field = fields.get(name.lower())
    if field is None:
        raise invalid(f"The field specified for partitioning cannot be found in the schema. Invalid field: {name}.")
    kind = type_of(field)
    if kind not in ("TIMESTAMP", "DATE", "DATETIME") or mode_of(field) == "REPEATED":
        raise invalid(f"Field {name} of type {kind} cannot be used for partitioning: use TIMESTAMP, DATE or DATETIME")
    if kind == "DATE" and unit == "HOUR":
        raise invalid(f"Field {name} of type DATE does not support partitioning by HOUR")


def column(table: Resource) -> str | None:
    """The name of the partitioning column."""
    found: str | None = table.get("timePartitioning", {}).get("field")
    return found


def needs_filter(table: Resource) -> bool:
    """True if queries must filter on the partitioning column; the flag may be in its old or its new place."""
    return bool(table.get("requirePartitionFilter") or table.get("timePartitioning", {}).get("requirePartitionFilter"))


def partition_of(table: Resource, value: str | None) -> str:
    """The partition's id for a value of the partitioning column."""
    if value is None:
        return NULL_PARTITION
    length, _ = _UNITS[table["timePartitioning"]["type"]]
    return re.sub(r"[-T]", "", value[:length])


def split_decorator(table_id: str) -> tuple[str, str | None]:
    """`pods$20260131` -> `pods` and `20260131`."""
    name, _, partition = table_id.partition("$")
    return name, partition or None


def check_decorator(table: Resource, partition: str) -> None:
    """Checks a partition decorator against the table's partitioning.

    Raises:
        ApiError: the decorator does not fit.
    """
    partitioning = table.get("timePartitioning")
    if partitioning is None:
        raise invalid(f"Cannot write to partition ${partition} of table {table['id']}, which is not partitioned")
    digits = len(re.sub(r"[-T]", "", "2026-01-31T12"[: _UNITS[partitioning["type"]][0]]))
    if not re.fullmatch(rf"\d{{{digits}}}", partition):
        raise invalid(f"Invalid partition decorator ${partition} for a table partitioned by {partitioning['type']}")


def id_in_duckdb(table: Resource) -> str:
    """An expression in DuckDB's SQL for the id of a row's partition."""
    length, _ = _UNITS[table["timePartitioning"]["type"]]
    text = f"left(strftime(\"{column(table)}\", '%Y-%m-%dT%H'), {length})"
    return f"coalesce(regexp_replace({text}, '[-T]', '', 'g'), '{NULL_PARTITION}')"


def start_in_duckdb(table: Resource) -> str:
    """An expression in DuckDB's SQL for the start of a row's partition, in microseconds since 1970."""
    unit = _UNITS[table["timePartitioning"]["type"]][1]
    return f"epoch_us(date_trunc('{unit}', make_timestamp(epoch_us(\"{column(table)}\"))))"


def span(table: Resource, start: int | None) -> tuple[int, int] | None:
    """The first and the last value that a partition may contain, in microseconds; None for the partition of NULL."""
    if start is None:
        return None
    fields = {field["name"].lower(): field for field in table["schema"]["fields"]}
    smallest = "DAY" if type_of(fields[str(column(table)).lower()]) == "DATE" else "MICROSECOND"
    return start, plus(start, 1, table["timePartitioning"]["type"]) - MICROSECONDS[smallest]


def expired_in_duckdb(table: Resource, now: float) -> str | None:
    """A condition in DuckDB's SQL for rows in expired partitions; None if partitions never expire."""
    partitioning = table.get("timePartitioning", {})
    if "expirationMs" not in partitioning:
        return None
    unit = _UNITS[partitioning["type"]][1]
    oldest = now - int(partitioning["expirationMs"]) / 1000
    return f"date_trunc('{unit}', \"{column(table)}\"::TIMESTAMP WITH TIME ZONE) < to_timestamp({oldest})"
