"""Google's published discovery document of BigQuery: every request, and every answer, is held to it.

The document ships in the wheel of google-api-python-client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from job.simulator.bigquery.errors import invalid

Document = dict[str, Any]
_MOST_ROWS_CHECKED = 10  # of an answer: they are all alike, and JSON Schema is slow


class Method(NamedTuple):
    """A method of the API, as the document has it."""

    id: str
    verb: str
    path: str
    """`projects/{projectId}/jobs`, in the router's form."""
    parameters: Mapping[str, Document]
    """Of the query; those of the path are the router's."""
    request: str | None
    answer: str | None
    uploads: tuple[str, ...]
    """The paths that take a file too."""


@cache
def document() -> Document:
    """The discovery document."""
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((folder / "bigquery.v2.json").read_text(encoding="utf-8")))


def served(root: str) -> Document:
    """The document, with this server's address in it."""
    found = document()
    path = found["servicePath"]
    return {**found, "rootUrl": f"{root}/", "baseUrl": f"{root}/{path}"}


@cache
def methods() -> tuple[Method, ...]:
    """All methods there are, whether or not they are served here."""
    return tuple(
        Method(
            id=told["id"],
            verb=told["httpMethod"],
            # {+resource} stands for paths of several kinds, which flatPath tells apart
            path=(told["flatPath"] if "{+resource}" in told["path"] else told["path"]).replace("{+", "{"),
            parameters={
                name: parameter
                for name, parameter in {**document()["parameters"], **told["parameters"]}.items()
                if parameter["location"] == "query"
            },
            request=told.get("request", {}).get("$ref"),
            answer=told.get("response", {}).get("$ref"),
            uploads=tuple(
                protocol["path"].replace("{+", "{")
                for protocol in told.get("mediaUpload", {}).get("protocols", {}).values()
            ),
        )
        for resource in document()["resources"].values()
        for told in resource["methods"].values()
    )


# What the real clients send and the document does not declare; BigQuery ignores it.
_UNDECLARED = {
    "bigquery.jobs.get": {"projection"},
    "bigquery.jobs.cancel": {"projection"},
    "bigquery.jobs.insert": {"upload_id"},
}


def check_parameters(method: Method, given: Mapping[str, list[str]]) -> None:
    """Holds a query string to the method's parameters.

    Raises:
        ApiError: one is unknown, is given twice, or has a value that it cannot have.
    """
    for name, values in given.items():
        told = method.parameters.get(name)
        if told is None:
            if name in _UNDECLARED.get(method.id, ()):
                continue
            raise invalid(f'Invalid query parameter "{name}": {method.id} has none of that name')
        if len(values) > 1 and not told.get("repeated"):
            raise invalid(f'Invalid query parameter "{name}": it is given {len(values)} times')
        for value in values:
            if not _fits(value, told):
                raise invalid(f'Invalid value for query parameter "{name}": {value[:100]!r}')


def _fits(value: str, told: Document) -> bool:
    if "enum" in told:
        return value in told["enum"]
    if told["type"] == "boolean":
        return value.lower() in ("true", "false", "1", "0")
    if told["type"] == "integer" or told.get("format") in ("int64", "uint64"):
        sign = "" if str(told.get("format", "")).startswith("u") else "-?"
        return re.fullmatch(rf"{sign}[0-9]+", value) is not None
    return True


def check(kind: str, body: Any) -> Document:
    """The body without its nulls and what only the server writes, if it is a `kind` (`Job`, `Table`, `QueryRequest`).

    Raises:
        ApiError: it is not; the message names the member.
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
    """What is wrong with an answer of ours, if anything is."""
    if kind is None:
        return None
    if isinstance(body, dict) and isinstance(body.get("rows"), list):
        body = {**body, "rows": body["rows"][:_MOST_ROWS_CHECKED]}
    return _problem(kind, body)


# Enums that are only prose in the document, where the name means the same wherever it stands.
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
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return f"{kind}{where}: {error.message[:200]}"


_INTEGERS = {  # smallest and largest, https://developers.google.com/discovery/v1/type-format
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


def _schema(told: Document) -> Document:
    """JSON Schema for one of the document's schemas."""
    if "$ref" in told:
        return {"$ref": f"#/$defs/{told['$ref']}"}
    kind, form = told["type"], told.get("format")
    if kind == "any":
        return {}
    if kind == "object":
        return _object(told)
    if kind == "array":
        return {"type": "array", "items": _schema(told["items"])}
    if form in _INTEGERS:  # the API takes a number as a string, and a string as a number
        least, most = _INTEGERS[form]
        sign = "" if form.startswith("u") else "-?"
        number = {"type": "integer", "minimum": least, "maximum": most}
        return {"anyOf": [number, {"type": "string", "pattern": f"^{sign}[0-9]{{1,20}}$"}]}
    if kind == "number":
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^-?[0-9]+([.][0-9]+)?$|^NaN$|^Infinity$"}]}
    made = {"type": kind}
    if "enum" in told:
        made["enum"] = told["enum"]
    if form == "byte":
        made["pattern"] = "^[A-Za-z0-9+/_-]*=*$"
    return made


def _object(told: Document) -> Document:
    made: Document = {"type": "object"}
    if "properties" in told:
        made["properties"] = {name: _schema(inner) for name, inner in told["properties"].items()}
        made["additionalProperties"] = False
    if "additionalProperties" in told:
        made["additionalProperties"] = _schema(told["additionalProperties"])
    return made


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _named(value: Any, told: Document, path: str) -> Iterator[tuple[str, Any]]:
    """Every member that the document declares, with its path; what users name themselves is left out."""
    if "$ref" in told:
        told = document()["schemas"][told["$ref"]]
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in told.get("properties", {}):
                where = f"{path}.{name}".lstrip(".")
                yield where, inner
                yield from _named(inner, told["properties"][name], where)
            elif "additionalProperties" in told:
                yield from _named(inner, told["additionalProperties"], path)
    elif isinstance(value, list) and "items" in told:
        for inner in value:
            yield from _named(inner, told["items"], path)


def _writable(value: Any, told: Document) -> Any:
    """Without what the document marks as read-only: the API ignores it in a request."""
    if "$ref" in told:
        told = document()["schemas"][told["$ref"]]
    if isinstance(value, dict) and "properties" in told:
        members = told["properties"]
        return {
            name: _writable(inner, members[name])
            for name, inner in value.items()
            if not members[name].get("readOnly") and not members[name].get("description", "").startswith("Output only")
        }
    if isinstance(value, list) and "items" in told:
        return [_writable(inner, told["items"]) for inner in value]
    return value
