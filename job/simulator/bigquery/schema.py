"""BigQuery's schemas: checked, turned into DuckDB's types and back, and values held to them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from job.simulator.bigquery.errors import ApiError, invalid

Field = dict[str, Any]

_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "STRUCT": "RECORD"}
_LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
_DUCKDB = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BOOL": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
    "BYTES": "BLOB",
}
_MODES = ("NULLABLE", "REQUIRED", "REPEATED")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,6})?\s*(Z|UTC|[+-]\d\d:?\d\d)?")


def type_of(field: Field) -> str:
    """The field's type by its standard name."""
    name = str(field.get("type", "")).upper()
    return _ALIASES.get(name, name)


def mode_of(field: Field) -> str:
    """`NULLABLE` where none is given."""
    return str(field.get("mode") or "NULLABLE").upper()


def check_schema(fields: list[Field]) -> list[Field]:
    """The fields, with modes and types as the API answers them.

    Raises:
        ApiError: a name, type, mode or description that BigQuery refuses.
    """
    seen: set[str] = set()
    checked = []
    for field in fields:
        name, kind, mode = str(field.get("name", "")), type_of(field), mode_of(field)
        if not _NAME.fullmatch(name):
            raise invalid(f'Invalid field name "{name}". Fields must contain only letters, numbers, and underscores.')
        if name.lower() in seen:
            raise invalid(f"Duplicate field name: {name}")
        seen.add(name.lower())
        if kind != "RECORD" and kind not in _DUCKDB:
            raise invalid(f"Invalid value for type: {field.get('type')} is not a valid value")
        if mode not in _MODES:
            raise invalid(f"Invalid value for mode: {mode} is not a valid value")
        if len(str(field.get("description", ""))) > 1024:
            raise invalid(f"The description for field {name} is too long. The maximum length is 1024 characters.")
        told = {**field, "name": name, "type": _LEGACY.get(kind, kind), "mode": mode}
        if kind == "RECORD":
            if not field.get("fields"):
                raise invalid(f"Field {name} is type RECORD but has no schema")
            told["fields"] = check_schema(field["fields"])
        checked.append(told)
    return checked


def duckdb_type(field: Field) -> str:
    """The field's type in DuckDB."""
    kind = type_of(field)
    if kind == "RECORD":
        one = "STRUCT(" + ", ".join(f'"{inner["name"]}" {duckdb_type(inner)}' for inner in field["fields"]) + ")"
    else:
        one = _DUCKDB[kind]
    return f"{one}[]" if mode_of(field) == "REPEATED" else one


def evolved(old: list[Field], new: list[Field], *, path: str = "") -> list[Field]:
    """The new schema, where it only adds to the old one, relaxes it or describes it otherwise.

    Raises:
        ApiError: it drops, renames or retypes a column, or adds one that is required.
    """
    by_name = {field["name"].lower(): field for field in new}
    for field in old:
        name = f"{path}{field['name']}"
        found = by_name.pop(field["name"].lower(), None)
        if found is None:
            raise invalid(f"Provided Schema does not match Table. Field {name} is missing in new schema")
        if type_of(found) != type_of(field):
            raise invalid(f"Provided Schema does not match Table. Field {name} has changed type")
        modes = (mode_of(field), mode_of(found))
        if modes[0] != modes[1] and modes != ("REQUIRED", "NULLABLE"):
            raise invalid(
                f"Provided Schema does not match Table. Field {name} has changed mode from {modes[0]} to {modes[1]}"
            )
        if type_of(field) == "RECORD":
            evolved(field["fields"], found["fields"], path=f"{name}.")
    for field in by_name.values():
        if mode_of(field) == "REQUIRED":
            raise invalid(
                "Provided Schema does not match Table. Cannot add required columns to an existing schema. "
                f"(field: {field['name']})"
            )
    return new


def row(
    values: Any, fields: list[Field], *, number: int, path: str = "", ignore_unknown: bool = False
) -> dict[str, Any]:
    """A JSON row, held to the schema: what is left out is None, or [] where it is repeated.

    Raises:
        ApiError: an unknown field, a missing required one, or a value that its type does not have.
    """
    if not isinstance(values, dict):
        raise _bad(number, path, "is not a JSON object")
    named = {str(key).lower(): value for key, value in values.items()}
    told: dict[str, Any] = {}
    for field in fields:
        name = f"{path}{field['name']}"
        value = named.pop(field["name"].lower(), None)
        if mode_of(field) == "REPEATED":
            if not isinstance(value, list | None):
                raise _bad(number, name, "Expected an array")
            told[field["name"]] = [_one(item, field, number, name, ignore_unknown) for item in value or []]
            if any(item is None for item in told[field["name"]]):
                raise _bad(number, name, "Only optional fields can be set to NULL")
        elif isinstance(value, list):
            raise _bad(number, name, "Array specified for non-repeated field")
        elif value is None:
            if mode_of(field) == "REQUIRED":
                raise _bad(number, name, "Missing required field")
            told[field["name"]] = None
        else:
            told[field["name"]] = _one(value, field, number, name, ignore_unknown)
    if named and not ignore_unknown:
        raise _bad(number, f"{path}{next(iter(named))}", "No such field")
    return told


def _bad(number: int, name: str, problem: str) -> ApiError:
    return invalid(
        f"Error while reading data, error message: JSON table encountered too many errors, giving up. Rows: {number}; "
        f"errors: 1. JSON parsing error in row starting at position {number}: {problem}: {name}.",
        location=name,
    )


def _one(value: Any, field: Field, number: int, name: str, ignore_unknown: bool) -> Any:
    if value is None:
        return None
    kind = type_of(field)
    if kind == "RECORD":
        return row(value, field["fields"], number=number, path=f"{name}.", ignore_unknown=ignore_unknown)
    try:
        return _PARSERS[kind](value)
    except (ValueError, TypeError, InvalidOperation, binascii.Error) as error:
        raise _bad(
            number, name, f"Could not convert value to {kind}. Field: {name}; Value: {str(value)[:40]}"
        ) from error


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise TypeError


def _int64(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    number = int(value) if isinstance(value, int | str) else int(value) if float(value).is_integer() else None
    if number is None or not -(2**63) <= number < 2**63:
        raise ValueError
    return number


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError


def _timestamp(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC).isoformat()
    found = _TIMESTAMP.fullmatch(value)
    if found is None:
        raise ValueError
    day, time, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z", "UTC") else zone
    return datetime.fromisoformat(f"{day}T{time}{(fraction or '').ljust(7, '0') if fraction else ''}{zone}").isoformat()


_PARSERS: dict[str, Any] = {
    "STRING": _string,
    "INT64": _int64,
    "FLOAT64": float,
    "NUMERIC": lambda value: str(Decimal(str(value))),
    "BOOL": _bool,
    "TIMESTAMP": _timestamp,
    "DATETIME": lambda value: datetime.fromisoformat(value).isoformat(),
    "DATE": lambda value: date.fromisoformat(value).isoformat(),
    "TIME": str,
    "JSON": lambda value: json.dumps(json.loads(value)) if isinstance(value, str) else json.dumps(value),
    "BYTES": lambda value: base64.b64decode(value, validate=True).hex(),
}
