"""Google's published discovery documents, as JSON Schema: what an API says of its own requests.

They ship in the wheel of google-api-python-client.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator


@cache
def document(name: str) -> dict[str, Any]:
    """The document of an API: `run.v1`."""
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))


def problems(name: str, kind: str, body: Any) -> list[str]:
    """What is wrong with a body as a `kind` of that API, one line each; nothing where it is one."""
    definitions = {told: _schema(schema) for told, schema in document(name)["schemas"].items()}
    validator = Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})
    return [
        f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message}"
        for error in validator.iter_errors(body)
    ]


def annotations_of(name: str, resource: str) -> set[str]:
    """The annotations that the document's prose allows for a resource."""
    prose = document(name)["schemas"]["ObjectMeta"]["properties"]["annotations"]["description"]
    return {
        key for key, told in re.findall(r"\* `([^`]+)`: ([\w, ]+)", prose) if {resource, "All resources"} & _split(told)
    }


def _split(told: str) -> set[str]:
    return {word.strip() for word in told.split(",")}


def _schema(told: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in told:
        return {"$ref": f"#/$defs/{told['$ref']}"}
    kind = told.get("type")
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": _schema(told["items"])}
    if kind == "object":
        made: dict[str, Any] = {"type": "object", "additionalProperties": False}
        if "properties" in told:
            made["properties"] = {key: _schema(inner) for key, inner in told["properties"].items()}
        if "additionalProperties" in told:
            made["additionalProperties"] = _schema(told["additionalProperties"])
        return made
    if kind == "string" and "enum" in told:
        return {"enum": told["enum"]}
    if kind == "string" and told.get("format") in ("int64", "uint64"):
        return {"type": "string", "pattern": r"^-?\d+$"}
    if kind == "string" and told.get("format") == "google-duration":
        return {"type": "string", "pattern": r"^\d+(\.\d{1,9})?s$"}
    return {"type": kind}
