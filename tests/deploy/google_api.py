"""Google's published discovery documents as JSON Schema.

They ship in the wheel of google-api-python-client.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema_rs import Draft202012Validator


@cache
def document(name: str) -> dict[str, Any]:
    """The document of an API: `run.v1`."""
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))


def problems(name: str, kind: str, body: Any) -> list[str]:
    """Errors in a body as a `kind` of that API, one line each; empty if it is valid."""
    definitions = {key: _schema(schema) for key, schema in document(name)["schemas"].items()}
    validator = Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})
    return [
        f"{'.'.join(str(part) for part in error.instance_path)}: {error.message}"
        for error in validator.iter_errors(body)
    ]


def annotations_of(name: str, resource: str) -> set[str]:
    """The annotations that the document's prose allows for a resource."""
    prose = document(name)["schemas"]["ObjectMeta"]["properties"]["annotations"]["description"]
    return {
        key
        for key, names in re.findall(r"\* `([^`]+)`: ([\w, ]+)", prose)
        if {resource, "All resources"} & _split(names)
    }


def _split(names: str) -> set[str]:
    return {word.strip() for word in names.split(",")}


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type")
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": _schema(schema["items"])}
    if kind == "object":
        made: dict[str, Any] = {"type": "object", "additionalProperties": False}
        if "properties" in schema:
            made["properties"] = {key: _schema(inner) for key, inner in schema["properties"].items()}
        if "additionalProperties" in schema:
            made["additionalProperties"] = _schema(schema["additionalProperties"])
        return made
    if kind == "string" and "enum" in schema:
        return {"enum": schema["enum"]}
    if kind == "string" and schema.get("format") in ("int64", "uint64"):
        return {"type": "string", "pattern": r"^-?\d+$"}
    if kind == "string" and schema.get("format") == "google-duration":
        return {"type": "string", "pattern": r"^\d+(\.\d{1,9})?s$"}
    return {"type": kind}
