"""Google's published discovery document of BigQuery: served to `bq`, and every request body is held to it.

The document ships in the wheel of google-api-python-client.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

from job.simulator.bigquery.errors import invalid

# Enums are only prose in the document.
_ENUMS = {
    "writeDisposition": {"WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY"},
    "createDisposition": {"CREATE_IF_NEEDED", "CREATE_NEVER"},
    "sourceFormat": {"CSV", "NEWLINE_DELIMITED_JSON", "PARQUET", "AVRO", "ORC", "DATASTORE_BACKUP", "GOOGLE_SHEETS"},
    "schemaUpdateOptions": {"ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"},
    "priority": {"INTERACTIVE", "BATCH"},
}


@cache
def document() -> dict[str, Any]:
    """The discovery document."""
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((folder / "bigquery.v2.json").read_text(encoding="utf-8")))


def served(root: str) -> dict[str, Any]:
    """The document, with this server's address in it."""
    found = document()
    path = found["servicePath"]
    return {**found, "rootUrl": f"{root}/", "baseUrl": f"{root}/{path}", "batchPath": "batch"}


def check(kind: str, body: Any) -> dict[str, Any]:
    """The body without its nulls, if it is a `kind` (`Job`, `Table`, `Dataset`, `QueryRequest`).

    Raises:
        ApiError: it is not; the message names the member.
    """
    stripped = _without_nulls(body)
    error = next(iter(_validator(kind).iter_errors(stripped)), None)
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "the request body"
        raise invalid(f"Invalid JSON payload received: {where}: {error.message[:200]}")
    _check_enums(stripped)
    return dict(stripped)


@cache
def _validator(kind: str) -> Draft202012Validator:
    definitions = {name: _schema(schema) for name, schema in document()["schemas"].items()}
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})


def _schema(told: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema for one of the document's schemas."""
    if "$ref" in told:
        return {"$ref": f"#/$defs/{told['$ref']}"}
    kind = told.get("type")
    if kind == "object":
        made: dict[str, Any] = {"type": "object"}
        if "properties" in told:
            made["properties"] = {name: _schema(inner) for name, inner in told["properties"].items()}
            made["additionalProperties"] = False
        if "additionalProperties" in told:
            made["additionalProperties"] = _schema(told["additionalProperties"])
        return made
    if kind == "array":
        return {"type": "array", "items": _schema(told["items"])}
    if kind == "string" and told.get("format") in ("int64", "uint64"):
        return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    if kind in ("integer", "number"):
        return {"anyOf": [{"type": kind}, {"type": "string", "pattern": "^-?[0-9.]+$"}]}
    if kind == "any":
        return {}
    return {"type": kind}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _check_enums(value: Any) -> None:
    if isinstance(value, list):
        for inner in value:
            _check_enums(inner)
    if isinstance(value, dict):
        for key, inner in value.items():
            given = inner if isinstance(inner, list) else [inner]
            if key in _ENUMS and any(isinstance(name, str) and name not in _ENUMS[key] for name in given):
                raise invalid(f"Invalid value for: {given} is not a valid value for {key}")
            _check_enums(inner)
