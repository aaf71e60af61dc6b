"""A BigQuery on loopback that does not lie: it refuses what the real one refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

REQUIRED_PACKAGES = ("googleapiclient", "jsonschema")
"""What `application` imports that nothing else of the simulator needs."""


def application(authorized: Callable[[str | None], bool], *, googlesql: bool = False) -> web.Application:
    """BigQuery's REST API, over storage of its own.

    Args:
        authorized: whether a request with this Authorization header may come in.
        googlesql: whether GoogleSQL's own engine holds and answers queries; it needs the package `zetasql`.
    """
    from job.simulator.bigquery.application import Server
    from job.simulator.bigquery.googlesql import GoogleSQL

    return Server(authorized, GoogleSQL() if googlesql else None).application()


def refusing_application() -> web.Application:
    """Refuses every request: a client that points here gets an error, and never reaches the real BigQuery."""
    from aiohttp import web

    from job.simulator.bigquery.errors import ApiError

    async def refuse(request: web.Request) -> web.Response:  # noqa: ARG001
        return ApiError(501, "notImplemented", "This simulated fleet was started without BigQuery").response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    return app
