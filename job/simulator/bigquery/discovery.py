"""Google's discovery document of BigQuery, and checks of requests and answers against it.

The document ships in the wheel of google-api-python-client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator

from job.simulator.bigquery.errors import invalid

Document = dict[str, Any]
_CHECKED_ROWS = 10  # of each answer; rows are alike


class Method(NamedTuple):
    """A method of the API in the document."""

    id: str
    verb: str
    path: str
    """`projects/{projectId}/jobs`, in the form of aiohttp's router."""
    parameters: Mapping[str, Document]
    """Parameters of the query string; the router handles those of the path."""
    request: str | None
    answer: str | None
    uploads: tuple[str, ...]
    """The paths that also accept a file."""


@cache
def document() -> Document:
    """The discovery document."""
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((folder / "bigquery.v2.json").read_text(encoding="utf-8")))


def document_for(root: str) -> Document:
    """The document, with the address of this server."""
    found = document()
    path = found["servicePath"]
    return {**found, "rootUrl": f"{root}/", "baseUrl": f"{root}/{path}"}


@cache
def methods() -> tuple[Method, ...]:
    """All methods in the document, implemented here or not."""
    return tuple(
        Method(
            id=method["id"],
            verb=method["httpMethod"],
            # {+resource} matches paths of several kinds; flatPath is specific
            path=(method["flatPath"] if "{+resource}" in method["path"] else method["path"]).replace("{+", "{"),
            parameters={
                name: parameter
                for name, parameter in {**document()["parameters"], **method["parameters"]}.items()
                if parameter["location"] == "query"
            },
            request=method.get("request", {}).get("$ref"),
            answer=method.get("response", {}).get("$ref"),
            uploads=tuple(
                protocol["path"].replace("{+", "{")
                for protocol in method.get("mediaUpload", {}).get("protocols", {}).values()
            ),
        )
        for resource in document()["resources"].values()
        for method in resource["methods"].values()
    )


# Undeclared parameters that real clients send and BigQuery ignores.
_UNDECLARED = {
    "bigquery.jobs.get": {"projection"},
    "bigquery.jobs.cancel": {"projection"},
    "bigquery.jobs.insert": {"upload_id"},
}


def check_parameters(method: Method, given: Mapping[str, list[str]]) -> None:
    """Checks a query string against the method's parameters.

    Raises:
        ApiError: a parameter is unknown, repeated, or has an invalid value.
    """
    for name, values in given.items():
        declared = method.parameters.get(name)
        if declared is None:
            if name in _UNDECLARED.get(method.id, ()):
                continue
            raise invalid(f'Invalid query parameter "{name}": {method.id} has no such parameter')
        if len(values) > 1 and not declared.get("repeated"):
            raise invalid(f'Invalid query parameter "{name}": it appears {len(values)} times')
        for value in values:
            if not _fits(value, declared):
                raise invalid(f'Invalid value for query parameter "{name}": {value[:100]!r}')


def _fits(value: str, declared: Document) -> bool:
    if "enum" in declared:
        return value in declared["enum"]
    if declared["type"] == "boolean":
        return value.lower() in ("true", "false", "1", "0")
    if declared["type"] == "integer" or declared.get("format") in ("int64", "uint64"):
        sign = "" if str(declared.get("format", "")).startswith("u") else "-?"
        return re.fullmatch(rf"{sign}[0-9]+", value) is not None
    return True


def check(kind: str, body: Any) -> Document:
    """Checks a body against the schema of `kind` (`Job`, `Table`, ...); returns it without nulls and read-only members.

    Raises:
        ApiError: the body does not match; the message names the member.
    """
    stripped = _without_nulls(body)
    problem = _problem(kind, stripped)
    if problem is not None:
        raise invalid(f"Invalid JSON payload received. {problem}")
    for where, value in _named(stripped, document()["schemas"][kind], ""):
        name = where.rpartition(".")[2]
        given = value if isinstance(value, list) else [value]
        if name in _ENUMS and any(one not in _ENUMS[name] for one in given):
            raise invalid(f"Invalid value for: {value} is not a valid value for {where}")
    return dict(_writable(stripped, document()["schemas"][kind]))


def check_answer(kind: str | None, body: Any) -> str | None:
    """What is wrong with an answer of the simulator; None if it matches the schema."""
    if kind is None:
        return None
    if isinstance(body, dict) and isinstance(body.get("rows"), list):
        body = {**body, "rows": body["rows"][:_CHECKED_ROWS]}
    return _problem(kind, body)


# Enums that the document only describes in prose. Each name means the same everywhere.
_DISPOSITIONS = {"WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY"}
_ENUMS: dict[str, set[str]] = {
    "writeDisposition": _DISPOSITIONS,
    "createDisposition": {"CREATE_IF_NEEDED", "CREATE_NEVER"},
    "sourceFormat": {
        "CSV", "NEWLINE_DELIMITED_JSON", "PARQUET", "AVRO", "ORC", "DATASTORE_BACKUP", "GOOGLE_SHEETS", "BIGTABLE",
    },
    "schemaUpdateOptions": {"ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"},
    "priority": {"INTERACTIVE", "BATCH"},
    "parameterMode": {"POSITIONAL", "NAMED"},
    "defaultCollation": {"und:ci", ""},
    "collation": {"und:ci", ""},
}  # fmt: skip


@cache
def _validator(kind: str) -> Draft202012Validator:
    definitions = {name: _schema(schema) for name, schema in document()["schemas"].items()}
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})


def _problem(kind: str, body: Any) -> str | None:
    error = next(iter(_validator(kind).iter_errors(body)), None)
    if error is None:
        return None
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    return f"{kind}{where}: {error.message[:200]}"


_INTEGERS = {  # minimum and maximum, https://developers.google.com/discovery/v1/type-format
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


def _schema(declared: Document) -> Document:
    """The JSON Schema of one of the document's schemas."""
    if "$ref" in declared:
        return {"$ref": f"#/$defs/{declared['$ref']}"}
    kind, form = declared["type"], declared.get("format")
    if kind == "any":
        return {}
    if kind == "object":
        return _object(declared)
    if kind == "array":
        return {"type": "array", "items": _schema(declared["items"])}
    if form in _INTEGERS:  # the API accepts numbers as strings, and strings as numbers
        minimum, maximum = _INTEGERS[form]
        sign = "" if form.startswith("u") else "-?"
        number = {"type": "integer", "minimum": minimum, "maximum": maximum}
        return {"anyOf": [number, {"type": "string", "pattern": f"^{sign}[0-9]{{1,20}}$"}]}
    if kind == "number":
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^-?[0-9]+([.][0-9]+)?$|^NaN$|^Infinity$"}]}
    schema = {"type": kind}
    if "enum" in declared:
        schema["enum"] = declared["enum"]
    if form == "byte":
        schema["pattern"] = "^[A-Za-z0-9+/_-]*=*$"
    return schema


def _object(declared: Document) -> Document:
    schema: Document = {"type": "object"}
    if "properties" in declared:
        schema["properties"] = {name: _schema(inner) for name, inner in declared["properties"].items()}
        schema["additionalProperties"] = False
    if "additionalProperties" in declared:
        schema["additionalProperties"] = _schema(declared["additionalProperties"])
    return schema


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _named(value: Any, declared: Document, path: str) -> Iterator[tuple[str, Any]]:
    """Every declared member with its path, without members that users name themselves."""
    if "$ref" in declared:
        declared = document()["schemas"][declared["$ref"]]
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in declared.get("properties", {}):
                where = f"{path}.{name}".lstrip(".")
                yield where, inner
                yield from _named(inner, declared["properties"][name], where)
            elif "additionalProperties" in declared:
                yield from _named(inner, declared["additionalProperties"], path)
    elif isinstance(value, list) and "items" in declared:
        for inner in value:
            yield from _named(inner, declared["items"], path)


def _writable(value: Any, declared: Document) -> Any:
    """The value without read-only members, which the API ignores in requests."""
    if "$ref" in declared:
        declared = document()["schemas"][declared["$ref"]]
    if isinstance(value, dict) and "properties" in declared:
        members = declared["properties"]
        return {
            name: _writable(inner, members[name])
            for name, inner in value.items()
            if not members[name].get("readOnly") and not members[name].get("description", "").startswith("Output only")
        }
    if isinstance(value, list) and "items" in declared:
        return [_writable(inner, declared["items"]) for inner in value]
    return value
