"""The HTTP server; it checks every request and every answer against Google's discovery document."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import Any

from aiohttp import web

from job.simulator.bigquery import catalog, discovery
from job.simulator.bigquery.calls import Call, Handler, body_of
from job.simulator.bigquery.catalog_methods import CatalogMethods
from job.simulator.bigquery.clock import Clock
from job.simulator.bigquery.discovery import Method
from job.simulator.bigquery.errors import ApiError, not_implemented
from job.simulator.bigquery.faults import Fault, Faults
from job.simulator.bigquery.googlesql import GoogleSQL
from job.simulator.bigquery.job_methods import JobMethods
from job.simulator.bigquery.jobs import Jobs
from job.simulator.bigquery.queries import Queries
from job.simulator.bigquery.quotas import Quotas
from job.simulator.bigquery.storage import Storage


class Server:
    """Serves the routes of the document, and the control API under `/_control/`."""

    def __init__(self, authorized: Callable[[str | None], bool], googlesql: GoogleSQL | None) -> None:
        self._authorized = authorized
        self._clock, self._faults = Clock(), Faults()
        self._quotas = Quotas(self._clock)
        self._storage = storage = Storage(self._clock)
        queries = Queries(storage, googlesql)
        self._jobs = Jobs(storage, queries, self._quotas)
        self._job_methods = JobMethods(self._jobs, self._faults)
        self._handlers = CatalogMethods(storage, queries, self._quotas).handlers | self._job_methods.handlers
        self._requests: list[dict[str, Any]] = []
        self._wrong: list[str] = []

    def application(self) -> web.Application:
        """The aiohttp application with all routes."""
        app = web.Application(client_max_size=1 << 30)
        app.on_cleanup.append(self._close)
        add = app.router.add_route
        base = "/" + discovery.document()["servicePath"]
        for method in discovery.methods():
            add(method.verb, base + method.path, self._serve(method, self._handlers.get(method.id)))
            for upload in method.uploads:
                add("POST", upload, self._serve(method, self._job_methods.upload, reads_body=False))
                add("PUT", upload, self._serve(method, self._job_methods.upload_chunk, reads_body=False))
        add("GET", "/discovery/v1/apis/bigquery/v2/rest", self._discovery)
        add("GET", "/$discovery/rest", self._discovery)
        add("POST", "/_control/faults", self._post_faults)
        add("DELETE", "/_control/faults", self._delete_faults)
        add("GET", "/_control/requests", self._get_requests)
        add("GET", "/_control/quotas", self._get_quotas)
        add("PUT", "/_control/quotas", self._put_quotas)
        add("GET", "/_control/wrong", self._get_wrong)
        add("POST", "/_control/clock", self._post_clock)
        add("GET", "/_control/queries", self._get_queries)
        add("GET", "/_control/catalogs/{name}", self._get_catalog)
        add("POST", "/_control/catalogs", self._post_catalog)
        add("*", "/{path:.*}", self._unknown)
        return app

    def _serve(self, method: Method, handler: Handler | None, *, reads_body: bool = True) -> Any:
        async def serve(request: web.Request) -> web.StreamResponse:
            self._requests.append(
                {"id": method.id, "method": request.method, "path": request.path, "query": dict(request.query)}
            )
            try:
                await self._check_access(request)
                answer = await self._answered(method, handler, request, reads_body=reads_body)
            except ApiError as error:
                return error.response()
            except ConnectionError:
                raise
            except Exception as error:  # noqa: BLE001 (a bug of the simulator is reported as an answer)
                traceback.print_exc(file=sys.stderr)
                return self._bug(f"{method.id}: {type(error).__name__}: {error}")
            return self._response(method, request, answer)

        return serve

    async def _close(self, app: web.Application) -> None:  # noqa: ARG002
        await self._jobs.close()

    async def _check_access(self, request: web.Request) -> None:
        if not self._authorized(request.headers.get("Authorization")):
            raise ApiError(401, "authError", "Request had invalid authentication credentials.")
        if delay := self._faults.take("delay", method=request.method, path=request.path):
            await asyncio.sleep(delay.seconds)
        if fault := self._faults.take("status", method=request.method, path=request.path):
            raise ApiError(fault.code, fault.reason, fault.message)

    async def _answered(
        self, method: Method, handler: Handler | None, request: web.Request, *, reads_body: bool
    ) -> Any:
        if handler is None:
            raise not_implemented(method.id)
        discovery.check_parameters(method, {name: request.query.getall(name) for name in request.query})
        given = await body_of(request) if reads_body and method.request else {}
        body = discovery.check(method.request, given) if reads_body and method.request else {}
        return await handler(Call(request, dict(request.match_info), dict(request.query), body, given))

    def _response(self, method: Method, request: web.Request, answer: Any) -> web.StreamResponse:
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204)
        if problem := discovery.check_answer(method.answer, answer):
            return self._bug(f"{method.id}: the answer does not match BigQuery's schema: {problem}")
        return web.json_response(_fields(answer, request.query.get("fields")))

    def _bug(self, problem: str) -> web.Response:
        self._wrong.append(problem)
        return ApiError(500, "internalError", f"the simulator has a bug: {problem}").response()

    async def _unknown(self, request: web.Request) -> web.Response:
        self._requests.append({"id": None, "method": request.method, "path": request.path, "query": {}})
        return ApiError(404, "notFound", f"Not found: {request.method} {request.path}").response()

    # discovery and control

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(discovery.document_for(f"{request.scheme}://{request.host}"))

    async def _post_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.all += [Fault(**options) for options in await request.json()]
        except (TypeError, ValueError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)

    async def _delete_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002
        self._faults.all.clear()
        return web.Response(status=204)

    async def _get_requests(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self._requests)

    async def _get_quotas(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self._quotas.counts())

    async def _get_wrong(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self._wrong)

    async def _put_quotas(self, request: web.Request) -> web.Response:
        try:
            self._quotas.set_limits(await request.json())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)

    async def _post_clock(self, request: web.Request) -> web.Response:
        self._clock.ahead += float((await request.json())["advance_seconds"])
        return web.json_response({"now": self._clock.utc().isoformat()})

    async def _get_queries(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self._jobs.queries)

    async def _get_catalog(self, request: web.Request) -> web.Response:
        with self._storage.lock:
            return web.json_response(catalog.catalog_of(self._storage, request.match_info["name"]))

    async def _post_catalog(self, request: web.Request) -> web.Response:
        made = await request.json()
        with self._storage.lock:
            catalog.restore(self._storage, made)
        return web.Response(status=204)


def _fields(answer: dict[str, Any], mask: str | None) -> dict[str, Any]:
    """The partial answer for the parameter `fields`, by its first level: https://cloud.google.com/apis/docs/system-parameters"""
    if mask is None or mask == "*":
        return answer
    depth, names, name = 0, [], ""
    for letter in mask + ",":
        if letter == "," and depth == 0:
            names.append(name.partition("/")[0].strip())
            name = ""
            continue
        depth += (letter == "(") - (letter == ")")
        name += letter if depth == 0 and letter not in "()" else ""
    return {key: value for key, value in answer.items() if key in names}
