"""Checks schemas by BigQuery's rules, and how they may change.

https://cloud.google.com/bigquery/docs/schemas, https://cloud.google.com/bigquery/docs/managing-table-schemas
"""

from __future__ import annotations

import re
from typing import Any

from job.simulator.bigquery.errors import invalid, not_implemented

Field = dict[str, Any]

_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "STRUCT": "RECORD"}
_LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}  # names in the API's answers
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
_NOT_SIMULATED = {"BIGNUMERIC", "GEOGRAPHY", "RANGE", "INTERVAL", "FOREIGN"}
_MODES = ("NULLABLE", "REQUIRED", "REPEATED")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_RESERVED = re.compile(r"(?i)_table_|_file_|_partition|_row_timestamp|__root__|_colidentifier|_change_(sequence|type)")
_MAX_DESCRIPTION = 1024
_MAX_COLUMNS = 10_000
_MAX_DEPTH = 15


def type_of(field: Field) -> str:
    """The field's type by its GoogleSQL name."""
    name = str(field.get("type", "")).upper()
    return _ALIASES.get(name, name)


def mode_of(field: Field) -> str:
    """The field's mode; NULLABLE by default."""
    return str(field.get("mode") or "NULLABLE").upper()


def legacy_name(kind: str) -> str:
    """The API's name of a type: `INTEGER` for `INT64`."""
    return _LEGACY.get(kind, kind)


def check_schema(fields: list[Field]) -> list[Field]:
    """The fields, with modes and types as the API returns them.

    Raises:
        ApiError: BigQuery refuses a name, type, mode or description.
    """
    checked = _checked(fields, 1)
    if _count(checked) > _MAX_COLUMNS:
        raise invalid(f"Too many fields: {_count(checked)}. The maximum is {_MAX_COLUMNS}.")
    return checked


def _checked(fields: list[Field], depth: int) -> list[Field]:
    names = [str(field.get("name", "")).lower() for field in fields]
    if duplicates := {name for name in names if names.count(name) > 1}:
        raise invalid(f"Field {min(duplicates)} already exists in schema")
    return [_checked_field(field, depth) for field in fields]


def _checked_field(field: Field, depth: int) -> Field:
    name, kind, mode = str(field.get("name", "")), type_of(field), mode_of(field)
    if not _NAME.fullmatch(name) or _RESERVED.match(name):
        raise invalid(
            f'Invalid field name "{name}". Fields must contain only letters, numbers, and underscores, start with '
            "a letter or underscore, and be at most 300 characters long."
        )
    if kind in _NOT_SIMULATED or "defaultValueExpression" in field or "policyTags" in field:
        raise not_implemented(f"fields like {name}: of type {kind}, with a default value, or with policy tags")
    if kind != "RECORD" and kind not in _DUCKDB:
        raise invalid(f"Invalid value for type: {field.get('type')} is not a valid value")
    if mode not in _MODES:
        raise invalid(f"Invalid value for mode: {field.get('mode')} is not a valid value")
    if len(str(field.get("description", ""))) > _MAX_DESCRIPTION:
        raise invalid(f"The description for field {name} is too long. The maximum length is 1024 characters.")
    checked = {**field, "name": name, "type": legacy_name(kind), "mode": mode}
    inner = checked.pop("fields", [])
    if (kind == "RECORD") != bool(inner):
        raise invalid(f"Field {name} is type {kind} and has {len(inner)} fields of its own")
    if inner:
        if depth == _MAX_DEPTH:
            raise invalid(f"Field {name} is nested too deeply: the maximum depth is {_MAX_DEPTH}")
        checked["fields"] = _checked(inner, depth + 1)
    return checked


def _count(fields: list[Field]) -> int:
    return sum(1 + _count(field.get("fields", [])) for field in fields)


def duckdb_type(field: Field) -> str:
    """The field's type in DuckDB."""
    kind = type_of(field)
    if kind == "RECORD":
        one = "STRUCT(" + ", ".join(f'"{inner["name"]}" {duckdb_type(inner)}' for inner in field["fields"]) + ")"
    else:
        one = _DUCKDB[kind]
    return f"{one}[]" if mode_of(field) == "REPEATED" else one


def evolved(
    old: list[Field],
    new: list[Field],
    *,
    table: str,
    may_add: bool,
    may_relax: bool,
    describe: bool = True,
    path: str = "",
) -> list[Field]:
    """The old schema with the additions, relaxations and descriptions of the new one, in the old order.

    Args:
        may_add: allows new columns, which must not be REQUIRED.
        may_relax: allows REQUIRED columns to become NULLABLE.
        describe: takes descriptions from the new schema.

    Raises:
        ApiError: the new schema omits a column, changes its type, or makes a change that is not allowed.
    """
    problem = f"Provided Schema does not match Table {table}."
    remaining = {field["name"].lower(): field for field in new}
    merged = []
    for field in old:
        name = f"{path}{field['name']}"
        found = remaining.pop(field["name"].lower(), None)
        if found is None:
            raise invalid(f"{problem} Field {name} is missing in new schema")
        if type_of(found) != type_of(field):
            raise invalid(f"{problem} Field {name} has changed type from {field['type']} to {found['type']}")
        before, after = mode_of(field), mode_of(found)
        if before != after and not (may_relax and (before, after) == ("REQUIRED", "NULLABLE")):
            raise invalid(f"{problem} Field {name} has changed mode from {before} to {after}")
        result = {**field, **(found if describe else {}), "name": field["name"], "mode": after}
        if type_of(field) == "RECORD":
            result["fields"] = evolved(
                field["fields"], found["fields"],
                table=table, may_add=may_add, may_relax=may_relax, describe=describe, path=f"{name}.",
            )  # fmt: skip
        merged.append(result)
    for field in remaining.values():
        name = f"{path}{field['name']}"
        if not may_add:
            raise invalid(f"{problem} Cannot add fields (field: {name})")
        if mode_of(field) == "REQUIRED":
            raise invalid(f"{problem} Cannot add required fields to an existing schema. (field: {name})")
        merged.append(field)
    return merged


_KEY = re.compile(r"[^\W\d_A-Z][\w-]{0,62}")
_VALUE = re.compile(r"[\w-]{0,63}")
_MAX_LABELS = 64


def check_labels(labels: dict[str, str]) -> None:
    """https://cloud.google.com/bigquery/docs/labels-intro#requirements

    Raises:
        ApiError: a label breaks the rules.
    """
    if len(labels) > _MAX_LABELS:
        raise invalid(f"Too many labels: {len(labels)}. The maximum is {_MAX_LABELS}.")
    for key, value in labels.items():
        if not _KEY.fullmatch(key) or key != key.lower():
            raise invalid(
                f'Invalid label key "{key}": use at most 63 lowercase letters, digits, underscores and '
                "dashes, starting with a letter"
            )
        if not _VALUE.fullmatch(value) or value != value.lower():
            raise invalid(
                f'Invalid label value "{value}" of "{key}": use at most 63 lowercase letters, digits, underscores and '
                "dashes"
            )
