"""Partitions and clusters of a table: https://cloud.google.com/bigquery/docs/partitioned-tables"""

from __future__ import annotations

import re
from typing import Any

from job.simulator.bigquery.errors import invalid, not_implemented
from job.simulator.bigquery.schema import mode_of, type_of

Resource = dict[str, Any]

# unit -> how much of `2026-01-31T12` stands in a partition's id, and what DuckDB calls the unit
_UNITS = {"HOUR": (13, "hour"), "DAY": (10, "day"), "MONTH": (7, "month"), "YEAR": (4, "year")}
_CLUSTERED = {"STRING", "INT64", "NUMERIC", "BOOL", "TIMESTAMP", "DATETIME", "DATE"}
_MOST_CLUSTERED = 4
NULL_PARTITION = "__NULL__"


def check_layout(table: Resource) -> None:
    """Holds a table's partitioning and clustering to its schema.

    Raises:
        ApiError: BigQuery has no such table.
    """
    fields = {field["name"].lower(): field for field in table["schema"]["fields"]}
    if "rangePartitioning" in table:
        raise not_implemented("tables that are partitioned by a range of integers")
    told = table.get("timePartitioning")
    if told is None and table.get("requirePartitionFilter"):
        raise invalid("requirePartitionFilter is set on a table that is not partitioned")
    if told is not None:
        _check_time_partitioning(told, fields)
    clustering = table.get("clustering", {}).get("fields", [])
    if len(clustering) > _MOST_CLUSTERED:
        raise invalid(f"Too many fields specified for clustering: {len(clustering)}. The maximum is {_MOST_CLUSTERED}.")
    if len({name.lower() for name in clustering}) < len(clustering):
        raise invalid("A field is named twice for clustering")
    for name in clustering:
        field = fields.get(name.lower())
        if field is None:
            raise invalid(f"The field specified for clustering cannot be found in the schema. Invalid field: {name}.")
        if mode_of(field) == "REPEATED" or type_of(field) not in _CLUSTERED:
            raise invalid(f"Field {name} of type {field['type']}, {mode_of(field)}, cannot be clustered by")


def _check_time_partitioning(told: Resource, fields: dict[str, Resource]) -> None:
    unit, name = told.get("type"), told.get("field")
    if unit not in _UNITS:
        raise invalid(f"Invalid value for: type: {unit} is not one of {', '.join(_UNITS)}")
    if name is None:
        raise not_implemented("tables that are partitioned by the time of ingestion")
    field = fields.get(name.lower())
    if field is None:
        raise invalid(f"The field specified for partitioning cannot be found in the schema. Invalid field: {name}.")
    kind = type_of(field)
    if kind not in ("TIMESTAMP", "DATE", "DATETIME") or mode_of(field) == "REPEATED":
        raise invalid(f"Field {name} of type {kind} cannot be partitioned by: it takes a TIMESTAMP, DATE or DATETIME")
    if kind == "DATE" and unit == "HOUR":
        raise invalid(f"Field {name} of type DATE cannot be partitioned by HOUR")


def column(table: Resource) -> str | None:
    """The name of the partitioning column."""
    found: str | None = table.get("timePartitioning", {}).get("field")
    return found


def needs_filter(table: Resource) -> bool:
    """Whether queries must filter on the partitioning column; the flag has moved, and both places count."""
    return bool(table.get("requirePartitionFilter") or table.get("timePartitioning", {}).get("requirePartitionFilter"))


def partition_of(table: Resource, value: str | None) -> str:
    """The id of the partition for a value of the partitioning column, as rows have it."""
    if value is None:
        return NULL_PARTITION
    length, _ = _UNITS[table["timePartitioning"]["type"]]
    return re.sub(r"[-T]", "", value[:length])


def split_decorator(table_id: str) -> tuple[str, str | None]:
    """`pods$20260131` -> `pods` and `20260131`."""
    name, _, partition = table_id.partition("$")
    return name, partition or None


def check_decorator(table: Resource, partition: str) -> None:
    """Holds a partition decorator to the table's partitioning.

    Raises:
        ApiError: the table has no such partitions.
    """
    told = table.get("timePartitioning")
    if told is None:
        raise invalid(f"Cannot write to partition ${partition} of table {table['id']}, which is not partitioned")
    digits = len(re.sub(r"[-T]", "", "2026-01-31T12"[: _UNITS[told["type"]][0]]))
    if not re.fullmatch(rf"\d{{{digits}}}", partition):
        raise invalid(f"Invalid partition decorator ${partition} for a table partitioned by {told['type']}")


def id_in_duckdb(table: Resource) -> str:
    """The partition's id of a row, in DuckDB's SQL."""
    length, _ = _UNITS[table["timePartitioning"]["type"]]
    text = f"left(strftime(\"{column(table)}\", '%Y-%m-%dT%H'), {length})"
    return f"coalesce(regexp_replace({text}, '[-T]', '', 'g'), '{NULL_PARTITION}')"


def expired_in_duckdb(table: Resource, now: float) -> str | None:
    """Which rows are in partitions that have expired: those whose partition began so long ago."""
    told = table.get("timePartitioning", {})
    if "expirationMs" not in told:
        return None
    unit = _UNITS[told["type"]][1]
    oldest = now - int(told["expirationMs"]) / 1000
    return f"date_trunc('{unit}', \"{column(table)}\"::TIMESTAMP WITH TIME ZONE) < to_timestamp({oldest})"
