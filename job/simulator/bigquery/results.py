"""Query results: BigQuery's JSON form of values, and BigQuery's types for DuckDB's."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import Any, NamedTuple

from job.simulator.bigquery.errors import invalid_query
from job.simulator.bigquery.rows import Row, blob
from job.simulator.bigquery.schema import Field, legacy_name, mode_of, type_of

_TYPES = {
    "VARCHAR": "STRING", "UUID": "STRING",
    "BIGINT": "INT64", "INTEGER": "INT64", "SMALLINT": "INT64", "TINYINT": "INT64", "HUGEINT": "INT64",
    "UBIGINT": "INT64", "UINTEGER": "INT64", "USMALLINT": "INT64", "UTINYINT": "INT64", "UHUGEINT": "INT64",
    "DOUBLE": "FLOAT64", "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP": "DATETIME", "TIMESTAMP_NS": "DATETIME", "TIMESTAMP_MS": "DATETIME", "TIMESTAMP_S": "DATETIME",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
    "BLOB": "BYTES",
    '"NULL"': "INT64",
}  # fmt: skip

_EXACT = Context(prec=60)  # Python's default of 28 digits would round a NUMERIC


class Result(NamedTuple):
    """The columns and rows of a query."""

    fields: list[Field]
    rows: list[tuple[Any, ...]]
    """Python values: records are mappings, repeated values are lists, JSON is text."""


def field_of(name: str, kind: Any) -> Field:
    """The schema of a column, from its type in DuckDB."""
    text = str(kind)
    if text.endswith("[]"):
        inner = field_of(name, kind.children[0][1])
        if inner["mode"] == "REPEATED":
            raise invalid_query(f"Cannot return array of arrays in column {name}")
        return inner | {"mode": "REPEATED"}
    if text != "JSON" and kind.id == "struct":
        fields = [field_of(inner, child) for inner, child in kind.children]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": fields}
    type_ = "NUMERIC" if text.startswith("DECIMAL") else _TYPES.get(text)
    if type_ is None:
        raise invalid_query(f"The simulator does not support DuckDB's type {text}, in column {name}")
    return {"name": name, "type": legacy_name(type_), "mode": "NULLABLE"}


def name_columns(fields: list[Field]) -> list[Field]:
    """The columns of a result; unnamed ones get BigQuery's names: `f0_`, `f1_`.

    Raises:
        ApiError: two columns have the same name.
    """
    unnamed, columns = 0, []
    for field in fields:
        if not field["name"]:
            field = {**field, "name": f"f{unnamed}_"}
            unnamed += 1
        columns.append(field)
    counts = Counter(field["name"].lower() for field in columns)
    if duplicates := sorted({field["name"] for field in columns if counts[field["name"].lower()] > 1}):
        raise invalid_query(
            f"Duplicate column names in the result are not supported. Found duplicate(s): {', '.join(duplicates)}"
        )
    return columns


def cells(values: Sequence[Any], fields: list[Field], form: str) -> dict[str, Any]:
    """A row: `{"f": [{"v": ...}, ...]}`.

    Args:
        form: of timestamps: `FLOAT64`, `INT64` or `ISO8601_STRING`.
    """
    return {"f": [{"v": _cell(value, field, form)} for value, field in zip(values, fields, strict=True)]}


def _cell(value: Any, field: Field, form: str) -> Any:
    if mode_of(field) == "REPEATED":
        one = field | {"mode": "NULLABLE"}
        return [{"v": _cell(item, one, form)} for item in value or ()]
    if value is None:
        return None
    kind = type_of(field)
    if kind == "RECORD":
        return cells([value[inner["name"]] for inner in field["fields"]], field["fields"], form)
    if kind == "TIMESTAMP":
        return _timestamp(value, form)
    return _text(value)


def _timestamp(value: datetime, form: str) -> str:
    since = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
    if form == "INT64":
        return str(micros)
    if form == "ISO8601_STRING":
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"{micros / 1e6:.6f}"


def _text(value: Any) -> str:
    """The API's text of a scalar value other than a timestamp."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return repr(value) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return format(value.normalize(_EXACT), "f")
    return str(value)


def loadable(result: Result) -> list[Row]:
    """The rows of a result, in the form that tables accept."""
    return [
        {field["name"]: _loadable(value, field) for value, field in zip(row, result.fields, strict=True)}
        for row in result.rows
    ]


def _loadable(value: Any, field: Field) -> Any:
    if mode_of(field) == "REPEATED":
        return [_loadable(item, field | {"mode": "NULLABLE"}) for item in value or ()]
    if value is None:
        return None
    if type_of(field) == "RECORD":
        return {inner["name"]: _loadable(value[inner["name"]], inner) for inner in field["fields"]}
    if isinstance(value, bytes):
        return blob(value)
    if type_of(field) == "JSON":
        return json.loads(value)
    if isinstance(value, bool | int | str):
        return value
    return _text(value)
