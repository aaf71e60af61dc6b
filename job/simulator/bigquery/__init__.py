"""Simulates BigQuery on loopback, and refuses what the real one refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

REQUIRED_PACKAGES = ("googleapiclient", "jsonschema_rs")
"""Packages that only `application` needs; the rest of the simulator works without them."""


def application(authorized: Callable[[str | None], bool], *, googlesql: bool = False) -> web.Application:
    """BigQuery's REST API, with its own storage.

    Args:
        authorized: returns True if requests with this Authorization header are allowed.
        googlesql: checks and answers queries with the GoogleSQL engine; needs the package `zetasql`.
    """
    from job.simulator.bigquery.application import Server
    from job.simulator.bigquery.googlesql import GoogleSQL

    return Server(authorized, GoogleSQL() if googlesql else None).application()


def refusing_application() -> web.Application:
    """An API that refuses every request, so that no client falls back to the real BigQuery."""
    from aiohttp import web

    from job.simulator.bigquery.errors import ApiError

    async def refuse(request: web.Request) -> web.Response:  # noqa: ARG001
        return ApiError(501, "notImplemented", "This simulated fleet was started without BigQuery").response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    return app
