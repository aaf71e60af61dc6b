"""The REST API: https://cloud.google.com/bigquery/docs/reference/rest"""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from job.simulator.bigquery import discovery
from job.simulator.bigquery.errors import ApiError, invalid
from job.simulator.bigquery.faults import Fault, Faults
from job.simulator.bigquery.jobs import Job, Jobs, view_of
from job.simulator.bigquery.results import cells
from job.simulator.bigquery.storage import Resource, Storage, table_name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_UPLOAD = "/upload/bigquery/v2/projects/{project}/jobs"


class Api:
    """The routes, over one storage."""

    def __init__(self, authorized: Callable[[str | None], bool]) -> None:
        self._authorized = authorized
        self._storage = Storage()
        self._jobs = Jobs(self._storage)
        self._faults = Faults()
        self._sessions: dict[str, tuple[str, Resource, bytearray]] = {}
        self._log: list[dict[str, Any]] = []

    def application(self) -> web.Application:
        """The application; `/_control/` is ours, all else is BigQuery's."""
        app = web.Application(middlewares=[self._middleware], client_max_size=1 << 30)
        add = app.router.add_route
        for prefix in ("/bigquery/v2", ""):
            project, dataset = f"{prefix}/projects/{{project}}", f"{prefix}/projects/{{project}}/datasets/{{dataset}}"
            table = f"{dataset}/tables/{{table}}"
            add("GET", f"{prefix}/projects", self._list_projects)
            add("GET", f"{project}/datasets", self._list_datasets)
            add("POST", f"{project}/datasets", self._insert_dataset)
            add("GET", dataset, self._get_dataset)
            add("PATCH", dataset, self._patch_dataset)
            add("PUT", dataset, self._patch_dataset)
            add("DELETE", dataset, self._delete_dataset)
            add("GET", f"{dataset}/tables", self._list_tables)
            add("POST", f"{dataset}/tables", self._insert_table)
            add("GET", table, self._get_table)
            add("PATCH", table, self._patch_table)
            add("PUT", table, self._patch_table)
            add("DELETE", table, self._delete_table)
            add("GET", f"{table}/data", self._list_rows)
            add("GET", f"{project}/jobs", self._list_jobs)
            add("POST", f"{project}/jobs", self._insert_job)
            add("GET", f"{project}/jobs/{{job}}", self._get_job)
            add("GET", f"{project}/queries/{{job}}", self._get_results)
            add("POST", f"{project}/queries", self._query)
        add("POST", _UPLOAD, self._upload)
        add("PUT", _UPLOAD, self._upload_chunk)
        add("GET", "/discovery/v1/apis/bigquery/v2/rest", self._discovery)
        add("GET", "/$discovery/rest", self._discovery)
        add("POST", "/_control/faults", self._post_faults)
        add("DELETE", "/_control/faults", self._delete_faults)
        add("GET", "/_control/requests", self._get_requests)
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        if path.startswith("/_control/") or "discovery" in path:
            return await handler(request)
        self._log.append({"method": request.method, "path": path, "query": dict(request.query)})
        if not self._authorized(request.headers.get("Authorization")):
            return ApiError(401, "authError", "Request had invalid authentication credentials.").response()
        fault = self._faults.take(("status", "delay"), method=request.method, path=path)
        if fault and fault.kind == "status":
            return ApiError(fault.code, fault.reason, "injected by the simulator").response()
        if fault:
            await asyncio.sleep(fault.seconds)
        try:
            return await handler(request)
        except ApiError as error:
            return error.response()
        except web.HTTPNotFound:
            return ApiError(404, "notFound", f"Not found: {path}").response()

    # datasets

    async def _list_projects(self, request: web.Request) -> web.Response:  # noqa: ARG002
        names = sorted({name.partition(":")[0] for name in self._storage.datasets})
        told = [{"id": name, "projectReference": {"projectId": name}, "friendlyName": name} for name in names]
        return web.json_response({"kind": "bigquery#projectList", "projects": told, "totalItems": len(told)})

    async def _list_datasets(self, request: web.Request) -> web.Response:
        project = request.match_info["project"]
        keys = ("kind", "id", "datasetReference", "location", "labels")
        found = [
            {key: dataset[key] for key in keys if key in dataset}
            for name, dataset in self._storage.datasets.items()
            if name.startswith(f"{project}:")
        ]
        return web.json_response({"kind": "bigquery#datasetList", "datasets": found})

    async def _insert_dataset(self, request: web.Request) -> web.Response:
        body = discovery.check("Dataset", await request.json())
        return web.json_response(self._storage.create_dataset(request.match_info["project"], body))

    async def _get_dataset(self, request: web.Request) -> web.Response:
        return web.json_response(self._storage.dataset(request.match_info["project"], request.match_info["dataset"]))

    async def _patch_dataset(self, request: web.Request) -> web.Response:
        found = self._storage.dataset(request.match_info["project"], request.match_info["dataset"])
        found |= discovery.check("Dataset", await request.json())
        return web.json_response(found)

    async def _delete_dataset(self, request: web.Request) -> web.Response:
        contents = request.query.get("deleteContents") == "true"
        self._storage.delete_dataset(request.match_info["project"], request.match_info["dataset"], contents=contents)
        return web.Response(status=204)

    # tables

    async def _list_tables(self, request: web.Request) -> web.Response:
        dataset = self._storage.dataset(request.match_info["project"], request.match_info["dataset"])
        keys = (
            "kind",
            "id",
            "tableReference",
            "type",
            "labels",
            "timePartitioning",
            "clustering",
            "creationTime",
            "view",
        )
        found = [
            {key: table[key] for key in keys if key in table}
            for name, table in sorted(self._storage.tables.items())
            if name.startswith(f"{dataset['id']}.")
        ]
        return web.json_response({"kind": "bigquery#tableList", "tables": found, "totalItems": len(found)})

    async def _insert_table(self, request: web.Request) -> web.Response:
        body = discovery.check("Table", await request.json())
        project, dataset = request.match_info["project"], request.match_info["dataset"]
        with self._storage.lock:
            view = self._view(project, dataset, body)
            return web.json_response(self._storage.create_table(project, dataset, body, view=view))

    async def _get_table(self, request: web.Request) -> web.Response:
        with self._storage.lock:
            return web.json_response(self._storage.described(self._table(request)))

    async def _patch_table(self, request: web.Request) -> web.Response:
        body = discovery.check("Table", await request.json())
        with self._storage.lock:
            found = self._table(request)
            view = self._view(request.match_info["project"], request.match_info["dataset"], body)
            return web.json_response(self._storage.update_table(found, body, view=view))

    async def _delete_table(self, request: web.Request) -> web.Response:
        with self._storage.lock:
            self._storage.delete_table(self._table(request))
        return web.Response(status=204)

    async def _list_rows(self, request: web.Request) -> web.Response:
        with self._storage.lock:
            found = self._table(request)
            rows = self._storage.database.execute(f"SELECT * FROM {table_name(found['id'])}").fetchall()
        return self._page(request, Job({}, found["schema"]["fields"], rows), "bigquery#tableDataList")

    def _table(self, request: web.Request) -> Resource:
        told = request.match_info
        return self._storage.table(told["project"], told["dataset"], told["table"])

    def _view(self, project: str, dataset: str, body: Resource) -> Any:
        if "view" not in body:
            return None
        if body["view"].get("useLegacySql", True):
            raise invalid("Legacy SQL is not supported here", reason="invalidQuery")
        location = self._storage.dataset(project, dataset)["location"]
        return view_of(self._storage, project, body["view"]["query"], location)

    # jobs

    async def _insert_job(self, request: web.Request) -> web.Response:
        body = discovery.check("Job", await request.json())
        return web.json_response(await self._run(request, request.match_info["project"], body, None))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        project = request.match_info["project"]
        if request.query.get("uploadType") == "resumable":
            session = secrets.token_urlsafe(12)
            self._sessions[session] = (project, discovery.check("Job", await request.json()), bytearray())
            location = f"{request.scheme}://{request.host}{request.path}?uploadType=resumable&upload_id={session}"
            return web.Response(headers={"Location": location})
        metadata, media = _multipart(request.headers["Content-Type"], await request.read())
        return await self._finish_upload(request, project, discovery.check("Job", json.loads(metadata)), media)

    async def _upload_chunk(self, request: web.Request) -> web.StreamResponse:
        """https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable"""
        found = self._sessions.get(request.query.get("upload_id", ""))
        if found is None:
            raise ApiError(404, "notFound", "Not found: upload session")
        project, body, media = found
        told = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", request.headers.get("Content-Range", ""))
        if told is None:
            raise invalid("Invalid Content-Range")
        start, _, total = told.groups()
        if start is not None:
            if int(start) != len(media):
                raise invalid(f"Expected byte {len(media)}")
            media += await request.read()
        if total == "*" or len(media) < int(total):
            headers = {"Range": f"bytes=0-{len(media) - 1}"} if media else {}
            return web.Response(status=308, headers=headers)
        return await self._finish_upload(request, project, body, bytes(media))

    async def _finish_upload(
        self, request: web.Request, project: str, body: Resource, media: bytes
    ) -> web.StreamResponse:
        if self._take(request, body, "cut_upload"):
            return _cut(request)
        lost = self._take(request, body, "answer_lost")
        answer = await self._run(request, project, body, media)
        return _cut(request) if lost else web.json_response(answer)

    async def _run(self, request: web.Request, project: str, body: Resource, media: bytes | None) -> Resource:
        job = self._jobs.reserve(project, body)
        fails = self._take(request, body, "job_fails") is not None
        await asyncio.to_thread(self._jobs.run, job, media, fail=fails)
        return job.resource

    def _take(self, request: web.Request, body: Resource, kind: str) -> Fault | None:
        table = body["configuration"].get("load", {}).get("destinationTable", {}).get("tableId", "")
        return self._faults.take((kind,), method=request.method, path=request.path, table=table)

    async def _list_jobs(self, request: web.Request) -> web.Response:
        found = [{**job, "state": job["status"]["state"]} for job in self._jobs.all(request.match_info["project"])]
        return web.json_response({"kind": "bigquery#jobList", "jobs": found})

    async def _get_job(self, request: web.Request) -> web.Response:
        return web.json_response(self._job(request).resource)

    async def _query(self, request: web.Request) -> web.Response:
        body = discovery.check("QueryRequest", await request.json())
        keys = ("query", "defaultDataset", "useLegacySql")
        configuration: Resource = {"query": {key: body[key] for key in keys if key in body}}
        if body.get("dryRun"):
            configuration["dryRun"] = True
        reference = {"location": body["location"]} if "location" in body else {}
        job = self._jobs.reserve(
            request.match_info["project"], {"configuration": configuration, "jobReference": reference}
        )
        await asyncio.to_thread(self._jobs.run, job, None)
        return self._results(request, job, body)

    async def _get_results(self, request: web.Request) -> web.Response:
        return self._results(request, self._job(request), {})

    def _results(self, request: web.Request, job: Job, body: Resource) -> web.Response:
        if error := job.resource["status"].get("errorResult"):
            code = 404 if error["reason"] == "notFound" else 400
            raise ApiError(code, error["reason"], error["message"])
        extra = {"jobReference": job.resource["jobReference"], "jobComplete": True, "cacheHit": False}
        extra |= {"totalBytesProcessed": "0", "schema": {"fields": job.fields}}
        return self._page(request, job, "bigquery#getQueryResultsResponse", extra, body)

    def _page(
        self, request: web.Request, job: Job, kind: str, extra: Resource | None = None, body: Resource | None = None
    ) -> web.Response:
        query = request.query
        start = int(query.get("pageToken") or query.get("startIndex") or 0)
        given = query.get("maxResults", (body or {}).get("maxResults"))
        end = len(job.rows) if given is None else min(start + int(given), len(job.rows))
        options = (body or {}).get("formatOptions", {})
        as_int64 = query.get("formatOptions.useInt64Timestamp", str(options.get("useInt64Timestamp"))).lower() == "true"
        told: Resource = {"kind": kind, "totalRows": str(len(job.rows)), **(extra or {})}
        told["rows"] = [cells(row, job.fields, int64_timestamps=as_int64) for row in job.rows[start:end]]
        if end < len(job.rows):
            told["pageToken"] = str(end)
        return web.json_response(told)

    def _job(self, request: web.Request) -> Job:
        told = request.match_info
        return self._jobs.get(told["project"], told["job"], request.query.get("location"))

    # ours

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(discovery.served(f"{request.scheme}://{request.host}"))

    async def _post_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.all += [Fault(**told) for told in await request.json()]
        except (TypeError, ValueError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)

    async def _delete_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002
        self._faults.all.clear()
        return web.Response(status=204)

    async def _get_requests(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self._log)


def _multipart(content_type: str, body: bytes) -> tuple[bytes, bytes]:
    """The two parts of a multipart/related upload."""
    head = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = list(parsed.iter_parts())
    if len(parts) != 2:
        raise invalid("A multipart upload has two parts")
    return bytes(parts[0].get_payload(decode=True)), _media(content_type, body)


def _media(content_type: str, body: bytes) -> bytes:
    """The second part as it is: mail's parser would mend the line ends of binary data."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    boundary = b"--" + (found[1] if found else "").encode()
    part = body.split(boundary)[2]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
