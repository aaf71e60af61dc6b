"""DuckDB's types and values, in the form in which BigQuery answers them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from job.simulator.bigquery.schema import Field

_TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "INTEGER", "INTEGER": "INTEGER", "SMALLINT": "INTEGER", "TINYINT": "INTEGER", "HUGEINT": "INTEGER",
    "UBIGINT": "INTEGER", "UINTEGER": "INTEGER",
    "DOUBLE": "FLOAT", "FLOAT": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP": "DATETIME",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
    "BLOB": "BYTES",
    '"NULL"': "INTEGER",
}  # fmt: skip


def field_of(name: str, kind: Any) -> Field:
    """A column's schema, from DuckDB's type of it."""
    text = str(kind)
    if text.endswith("[]"):
        return field_of(name, kind.children[0][1]) | {"mode": "REPEATED"}
    if kind.id == "struct":
        fields = [field_of(inner, child) for inner, child in kind.children]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": fields}
    told = "NUMERIC" if text.startswith("DECIMAL") else _TYPES.get(text, "STRING")
    return {"name": name, "type": told, "mode": "NULLABLE"}


def cells(values: Sequence[Any], fields: list[Field], *, int64_timestamps: bool) -> dict[str, Any]:
    """A row: `{"f": [{"v": ...}, ...]}`."""
    return {"f": [{"v": _cell(value, field, int64_timestamps)} for value, field in zip(values, fields, strict=True)]}


def _cell(value: Any, field: Field, int64_timestamps: bool) -> Any:
    if field["mode"] == "REPEATED":
        one = field | {"mode": "NULLABLE"}
        return [{"v": _cell(item, one, int64_timestamps)} for item in value or ()]
    if value is None:
        return None
    if field["type"] == "RECORD":
        inner = field["fields"]
        return cells([value[found["name"]] for found in inner], inner, int64_timestamps=int64_timestamps)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and field["type"] == "TIMESTAMP":
        since = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        micros = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
        return str(micros) if int64_timestamps else f"{micros / 1e6:.6f}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)
