"""A checked request for the methods of the API, and the common parts of their answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from job.simulator.bigquery.errors import ApiError, invalid
from job.simulator.bigquery.results import Result, cells
from job.simulator.bigquery.storage import Resource

_MAX_PAGE_ROWS = 10_000  # BigQuery, too, may return fewer rows than requested
_MAX_PAGE_ITEMS = 1_000
_REPLACED_BY_PUT = {
    "clustering", "defaultPartitionExpirationMs", "defaultTableExpirationMs", "description", "expirationTime",
    "friendlyName", "labels", "requirePartitionFilter",
}  # fmt: skip


class Call(NamedTuple):
    """A request that matches the discovery document."""

    request: web.Request
    names: dict[str, str]
    """Variables of the path, such as `projectId` and `datasetId`."""
    query: dict[str, str]
    body: Resource
    """The JSON body without nulls."""
    raw_body: Resource
    """The JSON body with nulls, which PATCH uses to remove members."""


Handler = Callable[[Call], Awaitable[Any]]


async def body_of(request: web.Request) -> Any:
    """The JSON object in the request's body.

    Raises:
        ApiError: the body is not a JSON object.
    """
    text = await request.read()
    try:
        body = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}", reason="parseError") from error
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. It is not an object", reason="parseError")
    return body


def disconnect(request: web.Request) -> web.StreamResponse:
    """Aborts the connection, as a network failure would."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def check_etag(call: Call, found: Resource) -> Resource:
    """Returns the resource if its etag matches the request's If-Match.

    Raises:
        ApiError: 412, the resource was changed.
    """
    etag = call.request.headers.get("If-Match")
    if etag not in (None, "*", found["etag"]):
        raise ApiError(412, "conditionNotMet", "Precondition check failed.")
    return found


def removed_members(call: Call, found: Resource) -> set[str]:
    """The members that a request removes: PATCH removes nulls, PUT removes members that it omits."""
    if call.request.method == "PUT":
        return {key for key in found if key in _REPLACED_BY_PUT and key not in call.body}
    return {key for key, value in call.raw_body.items() if value is None}


def merged(call: Call, found: Resource) -> Resource:
    """The members that a request sets: PATCH merges objects into those that are there, at any depth, and removes nulls;
    PUT replaces them. https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch
    """
    if call.request.method != "PATCH":
        return call.body
    return {
        key: _merged(found.get(key), call.raw_body[key], value) if isinstance(value, dict) else value
        for key, value in call.body.items()
    }


def _merged(found: Any, raw: Resource, body: Resource) -> Resource:
    """An object into which another was merged, whose nulls `raw` alone has. Lists are replaced."""
    old = found if isinstance(found, dict) else {}
    kept = {key: value for key, value in old.items() if key not in raw}
    return kept | {
        key: _merged(old.get(key), raw[key], value) if isinstance(value, dict) else value for key, value in body.items()
    }


def page_of_list(name: str, found: Sequence[Resource], call: Call) -> Resource:
    """A page of a list."""
    start, limit = _start(call.query), min(int(call.query.get("maxResults", _MAX_PAGE_ITEMS)), _MAX_PAGE_ITEMS)
    end = start + limit
    page: Resource = {name: list(found[start:end])} if found[start:end] else {}
    return page | ({"nextPageToken": f"page-{end}"} if end < len(found) else {})


def page_of_rows(result: Result, call: Call) -> Resource:
    """A page of rows."""
    query, options = call.query, call.body.get("formatOptions", {})
    start = _start(query)
    limit = int(str(query.get("maxResults", call.body.get("maxResults", _MAX_PAGE_ROWS))))
    end = start + min(limit, _MAX_PAGE_ROWS)
    form = query.get("formatOptions.timestampOutputFormat", options.get("timestampOutputFormat"))
    if form in (None, "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED"):
        integers = str(query.get("formatOptions.useInt64Timestamp", options.get("useInt64Timestamp")))
        form = "INT64" if integers.lower() == "true" else "FLOAT64"
    page: Resource = {"totalRows": str(len(result.rows))}
    rows = [cells(row, result.fields, form) for row in result.rows[start:end]]
    if rows:
        page["rows"] = rows
    return page | ({"pageToken": f"page-{end}"} if end < len(result.rows) else {})


def _start(query: dict[str, str]) -> int:
    token = query.get("pageToken", "")
    if not token:
        return int(query.get("startIndex", "0"))
    if not token.removeprefix("page-").isdigit():
        raise invalid(f"Invalid page token: {token[:100]}")
    return int(token.removeprefix("page-"))
