"""A BigQuery on loopback that does not lie: it refuses what the real one refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web


def application(authorized: Callable[[str | None], bool], *, googlesql: bool = False) -> web.Application:
    """BigQuery's REST API, over storage of its own.

    Args:
        authorized: whether a request with this Authorization header may come in.
        googlesql: whether GoogleSQL's own engine holds and answers queries; it needs the package `zetasql`.
    """
    from job.simulator.bigquery.application import Server
    from job.simulator.bigquery.googlesql import GoogleSQL

    return Server(authorized, GoogleSQL() if googlesql else None).application()
