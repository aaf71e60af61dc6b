"""A request, as the methods of the API see it, and what their answers have in common."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from job.simulator.bigquery.errors import ApiError, invalid
from job.simulator.bigquery.results import Result, cells
from job.simulator.bigquery.storage import Resource

_MOST_ROWS = 10_000  # in one page: BigQuery answers fewer than it is asked for
_MOST_LISTED = 1_000
_REPLACED = {
    "clustering", "defaultPartitionExpirationMs", "defaultTableExpirationMs", "description", "expirationTime",
    "friendlyName", "labels", "requirePartitionFilter",
}  # fmt: skip


class Call(NamedTuple):
    """A request that has been held to the document."""

    request: web.Request
    names: dict[str, str]
    """Of the path: `projectId`, `datasetId`."""
    query: dict[str, str]
    body: Resource
    """Without its nulls."""
    given: Resource
    """With them: PATCH takes away what is null."""


Handler = Callable[[Call], Awaitable[Any]]


async def body_of(request: web.Request) -> Any:
    """The request's JSON.

    Raises:
        ApiError: it is none.
    """
    text = await request.read()
    try:
        told = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}", reason="parseError") from error
    if not isinstance(told, dict):
        raise invalid("Invalid JSON payload received. It is not an object", reason="parseError")
    return told


def cut(request: web.Request) -> web.StreamResponse:
    """Cuts the connection, as a network that fails."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def unchanged(call: Call, found: Resource) -> Resource:
    """The resource, if it is still the one that the client has seen."""
    etag = call.request.headers.get("If-Match")
    if etag not in (None, "*", found["etag"]):
        raise ApiError(412, "conditionNotMet", "Precondition check failed.")
    return found


def removed(call: Call, found: Resource) -> set[str]:
    """Which members a request takes away: PATCH those that are null, PUT those that it has not."""
    if call.request.method == "PUT":
        return {key for key in found if key in _REPLACED and key not in call.body}
    return {key for key, value in call.given.items() if value is None}


def merged_labels(call: Call, found: Resource) -> Resource:
    """The body with all labels: PATCH sets those that it names, and takes away those that are null; PUT sets all."""
    given = call.given.get("labels")
    if call.request.method != "PATCH" or given is None:
        return call.body
    kept = {key: value for key, value in found.get("labels", {}).items() if key not in given}
    return {**call.body, "labels": kept | call.body["labels"]}


def listed(name: str, found: Sequence[Resource], call: Call) -> Resource:
    """A page of a list."""
    start, most = _start(call.query), min(int(call.query.get("maxResults", _MOST_LISTED)), _MOST_LISTED)
    end = start + most
    told: Resource = {name: list(found[start:end])} if found[start:end] else {}
    return told | ({"nextPageToken": f"page-{end}"} if end < len(found) else {})


def page_of(result: Result, call: Call) -> Resource:
    """A page of rows."""
    query, options = call.query, call.body.get("formatOptions", {})
    start = _start(query)
    most = int(str(query.get("maxResults", call.body.get("maxResults", _MOST_ROWS))))
    end = start + min(most, _MOST_ROWS)
    form = query.get("formatOptions.timestampOutputFormat", options.get("timestampOutputFormat"))
    if form in (None, "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED"):
        integers = str(query.get("formatOptions.useInt64Timestamp", options.get("useInt64Timestamp")))
        form = "INT64" if integers.lower() == "true" else "FLOAT64"
    told: Resource = {"totalRows": str(len(result.rows))}
    rows = [cells(row, result.fields, form) for row in result.rows[start:end]]
    if rows:
        told["rows"] = rows
    return told | ({"pageToken": f"page-{end}"} if end < len(result.rows) else {})


def _start(query: dict[str, str]) -> int:
    token = query.get("pageToken", "")
    if not token:
        return int(query.get("startIndex", "0"))
    if not token.removeprefix("page-").isdigit():
        raise invalid(f"Invalid page token: {token[:100]}")
    return int(token.removeprefix("page-"))
