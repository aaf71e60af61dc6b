"""The API methods of jobs: loads with their uploads, and queries."""

from __future__ import annotations

import asyncio

from aiohttp import web

from job.simulator.bigquery import discovery, uploads
from job.simulator.bigquery.calls import Call, Handler, body_of, disconnect, page_of_list, page_of_rows
from job.simulator.bigquery.errors import ApiError, invalid, not_implemented, of_job
from job.simulator.bigquery.faults import Fault, Faults
from job.simulator.bigquery.jobs import Job, Jobs
from job.simulator.bigquery.storage import Resource

_QUERY_SECONDS = 10.0  # default time to wait for a query
_INSERT_SECONDS = 2.0  # time to wait for a new job, so that clients need not poll for quick ones


class JobMethods:
    """https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs"""

    def __init__(self, jobs: Jobs, faults: Faults) -> None:
        self._jobs, self._faults = jobs, faults
        self._sessions = uploads.Sessions()
        self._requested: dict[str, Job] = {}
        self.handlers: dict[str, Handler] = {
            "bigquery.jobs.list": self._jobs_list,
            "bigquery.jobs.insert": self._jobs_insert,
            "bigquery.jobs.get": self._jobs_get,
            "bigquery.jobs.cancel": self._jobs_cancel,
            "bigquery.jobs.query": self._jobs_query,
            "bigquery.jobs.getQueryResults": self._jobs_results,
        }

    async def _jobs_insert(self, call: Call) -> Resource | web.StreamResponse:
        return await self._submit(call, call.names["projectId"], call.body, b"")

    async def upload(self, call: Call) -> Resource | web.StreamResponse:
        """Accepts a load job with its file, or starts a resumable upload."""
        request, project = call.request, call.names["projectId"]
        kind = call.query.get("uploadType", "multipart")
        if kind == "resumable":
            body = await body_of(request)
            discovery.check("Job", body)
            session = self._sessions.open(project, body)
            location = f"{request.scheme}://{request.host}{request.path}?uploadType=resumable&upload_id={session}"
            return web.Response(headers={"Location": location, "X-GUploader-UploadID": session})
        if kind != "multipart":
            raise not_implemented(f"uploads of type {kind}")
        if self._take(call, "cut_upload", None):
            await request.content.readexactly((request.content_length or 0) // 2)
            return disconnect(request)
        parts = uploads.multipart(request.headers.get("Content-Type", ""), await request.read())
        return await self._submit(call, project, discovery.check("Job", parts.body), parts.media)

    async def upload_chunk(self, call: Call) -> Resource | web.StreamResponse:
        """Accepts a chunk of a resumable upload."""
        request, session = call.request, self._sessions.get(call.query.get("upload_id", ""))
        body = discovery.check("Job", session.body)
        length = request.content_length or 0
        chunk = uploads.chunk_of(request.headers.get("Content-Range"), length)
        if chunk.start is not None and session.job is None and self._take(call, "cut_upload", body):
            half = length // 2 // uploads.CHUNK * uploads.CHUNK
            uploads.receive(session, chunk._replace(total=None), await request.content.readexactly(half))
            return disconnect(request)
        if session.job is not None:
            return session.job.resource
        if not uploads.receive(session, chunk, await request.read()):
            return web.Response(status=308, reason="Resume Incomplete", headers=session.range)
        return await self._submit(call, session.project, body, bytes(session.media), session)

    async def _submit(
        self, call: Call, project: str, body: Resource, media: bytes, session: uploads.Session | None = None
    ) -> Resource | web.StreamResponse:
        if fault := self._take(call, "status", body):
            raise ApiError(fault.code, fault.reason, fault.message)
        if body.get("configuration", {}).get("dryRun"):
            return await self._dry_run(project, body)
        job = self._jobs.accept(project, body)
        if session is not None:
            session.job = job
        early = self._take(call, "answer_lost_early", body)
        lost = self._take(call, "answer_lost", body)
        slow = early or self._take(call, "slow_job", body)
        self._jobs.start(job, media, slow=slow, fails=self._take(call, "job_fails", body))
        if early:
            return disconnect(call.request)
        await asyncio.sleep(0)  # lets the job start
        await job.wait(_INSERT_SECONDS if slow is None else 0)
        if lost:
            await job.done.wait()
            return disconnect(call.request)
        return job.resource

    async def _dry_run(self, project: str, body: Resource) -> Resource:
        """Runs a query dry. A dry run creates no job: it has no id, and an error is the answer."""
        if "query" not in body["configuration"]:
            raise not_implemented("dry runs of jobs other than queries")
        job = self._jobs.accept(project, {**body, "jobReference": _without_id(body)})
        self._jobs.forget(job)
        self._jobs.start(job)
        await job.done.wait()
        if job.error:
            raise of_job(job.error)
        reference = {key: value for key, value in job.resource["jobReference"].items() if key != "jobId"}
        return {**job.resource, "jobReference": reference, "id": f"{project}:{reference['location']}."}

    def _take(self, call: Call, kind: str, body: Resource | None) -> Fault | None:
        """The fault of this kind that applies to the job; None if there is none."""
        table: str | None = None
        for inner in (body or {}).get("configuration", {}).values():
            if isinstance(inner, dict) and "destinationTable" in inner:
                table = inner["destinationTable"].get("tableId")
        if kind == "status" and table is None:
            return None  # already taken by path
        return self._faults.take(kind, method=call.request.method, path=call.request.path, table=table)

    async def _jobs_list(self, call: Call) -> Resource:
        states = call.request.query.getall("stateFilter", [])
        full = call.query.get("projection") == "full"
        earliest, latest = int(call.query.get("minCreationTime", 0)), int(call.query.get("maxCreationTime", 1 << 62))
        found = []
        for job in self._jobs.all(call.names["projectId"]):
            if states and job.state.lower() not in states:
                continue
            if not earliest <= int(job.resource["statistics"]["creationTime"]) <= latest:
                continue
            keys = ("id", "jobReference", "status", "statistics", "user_email", *(["configuration"] if full else []))
            entry = {key: job.resource[key] for key in keys} | {"kind": "bigquery#job", "state": job.state}
            found.append(entry | ({"errorResult": job.error} if job.error else {}))
        return {"kind": "bigquery#jobList", "etag": "etag", **page_of_list("jobs", found, call)}

    async def _jobs_get(self, call: Call) -> Resource:
        return self._job(call).resource

    async def _jobs_cancel(self, call: Call) -> Resource:
        job = self._job(call)
        job.cancelled.set()
        return {"kind": "bigquery#jobCancelResponse", "job": job.resource}

    async def _jobs_query(self, call: Call) -> Resource | web.StreamResponse:
        body = call.body
        keys = (
            "query", "defaultDataset", "useLegacySql", "queryParameters", "parameterMode", "maximumBytesBilled",
            "useQueryCache",
        )  # fmt: skip
        configuration: Resource = {"query": {key: body[key] for key in keys if key in body}}
        configuration |= {key: body[key] for key in ("labels", "dryRun", "jobTimeoutMs") if key in body}
        reference = {"location": body["location"]} if "location" in body else {}
        job_body, project = {"configuration": configuration, "jobReference": reference}, call.names["projectId"]
        if body.get("dryRun"):
            return _dry_answer(await self._dry_run(project, job_body))
        job = self._requested.get(body.get("requestId", ""))
        if job is None:
            answer = await self._submit(call, project, job_body, b"")
            if isinstance(answer, web.StreamResponse):
                return answer
            made = answer["jobReference"]
            job = self._jobs.get(project, made["jobId"], made["location"])
            if "requestId" in body:
                self._requested[body["requestId"]] = job
        seconds = int(body.get("timeoutMs", _QUERY_SECONDS * 1000)) / 1000
        found = await self._results(call, job, "bigquery#queryResponse", seconds)
        if found["jobComplete"]:
            statistics = job.resource["statistics"]["query"]
            found |= {key: statistics[key] for key in ("statementType", "totalBytesBilled")}
        return {**found, "location": job.resource["jobReference"]["location"]}

    async def _jobs_results(self, call: Call) -> Resource:
        job = self._job(call)
        if "query" not in job.resource["configuration"]:
            raise invalid("Cannot get the results of a job that is not a query")
        seconds = int(call.query.get("timeoutMs", _QUERY_SECONDS * 1000)) / 1000
        return await self._results(call, job, "bigquery#getQueryResultsResponse", seconds)

    async def _results(self, call: Call, job: Job, kind: str, seconds: float) -> Resource:
        answer: Resource = {"kind": kind, "jobReference": job.resource["jobReference"]}
        if not await job.wait(seconds):
            return {**answer, "jobComplete": False}
        if job.error:
            raise of_job(job.error)
        statistics = job.resource["statistics"]["query"]
        answer |= {
            "jobComplete": True,
            "cacheHit": False,
            "totalBytesProcessed": statistics["totalBytesProcessed"],
            "schema": {"fields": job.result.fields},
        }
        if "numDmlAffectedRows" in statistics:
            return answer | {"numDmlAffectedRows": statistics["numDmlAffectedRows"]}
        return answer | page_of_rows(job.result, call)

    def _job(self, call: Call) -> Job:
        return self._jobs.get(call.names["projectId"], call.names["jobId"], call.query.get("location"))


def _dry_answer(dry: Resource) -> Resource:
    query = dry["statistics"]["query"]
    return {
        "kind": "bigquery#queryResponse",
        "jobReference": dry["jobReference"],
        "jobComplete": True,
        "schema": query["schema"],
        "totalBytesProcessed": query["totalBytesProcessed"],
        "cacheHit": False,
    }


def _without_id(body: Resource) -> Resource:
    return {key: value for key, value in body.get("jobReference", {}).items() if key != "jobId"}
