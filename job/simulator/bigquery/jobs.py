"""Runs jobs. Each is one atomic update, and its id can never be used again, even if the job fails."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import sys
import traceback
from dataclasses import dataclass, field
from typing import NamedTuple

from job.simulator.bigquery.errors import ApiError, duplicate, invalid, not_found, not_implemented
from job.simulator.bigquery.faults import Fault
from job.simulator.bigquery.grants import apply_grant, grant_of
from job.simulator.bigquery.loads import Load, check_load, check_schema_update
from job.simulator.bigquery.parameters import with_parameters
from job.simulator.bigquery.queries import Answer, Queries, Query
from job.simulator.bigquery.quotas import Quotas
from job.simulator.bigquery.results import Result, loadable
from job.simulator.bigquery.storage import Resource, Storage

_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_EMPTY = Result([], [])


@dataclass
class Job:
    """A job, as accepted, running or done."""

    resource: Resource
    result: Result = _EMPTY
    done: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def state(self) -> str:
        return str(self.resource["status"]["state"])

    @property
    def error(self) -> dict[str, str] | None:
        """The error of a failed job; None otherwise."""
        found: dict[str, str] | None = self.resource["status"].get("errorResult")
        return found

    async def wait(self, seconds: float) -> bool:
        """Waits until the job is done, at most this long; returns True if it is done."""
        if seconds > 0 and not self.done.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.done.wait(), seconds)
        return self.done.is_set()


class Jobs:
    """All jobs accepted so far."""

    def __init__(self, storage: Storage, queries: Queries, quotas: Quotas) -> None:
        self._storage, self._engine, self._quotas = storage, queries, quotas
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.queries: list[dict[str, str]] = []
        """Every query answered so far: job id, SQL, engine."""

    def accept(self, project: str, body: Resource) -> Job:
        """Creates a PENDING job, with the id in the body or a new one.

        Raises:
            ApiError: 400, the job is invalid; 409, the id was used before, even by a failed job.
        """
        configuration = body.get("configuration", {})
        kinds = [kind for kind in ("load", "query", "copy", "extract") if kind in configuration]
        if len(kinds) != 1:
            raise invalid("Required parameter is missing: exactly one of load, query, copy or extract")
        if kinds[0] in ("copy", "extract"):
            raise not_implemented(f"{kinds[0]} jobs")
        reference = body.get("jobReference", {})
        if reference.get("projectId", project) != project:
            raise invalid(f"Value {reference['projectId']} in content does not agree with value {project} in the path")
        job_id = reference.get("jobId") or f"job_{secrets.token_urlsafe(18)}"
        if not _ID.fullmatch(job_id):
            raise invalid(f'Invalid job ID "{job_id[:100]}". Use letters, digits, dashes and underscores.')
        inner = configuration[kinds[0]]
        check_schema_update(inner)
        if kinds[0] == "load":
            check_load(inner)
        elif inner.get("useLegacySql", True):
            raise not_implemented("legacy SQL")
        elif not inner.get("query"):
            raise invalid("Required parameter is missing: query")
        location = self._location(project, reference.get("location"), inner)
        name = f"{project}:{location}.{job_id}"
        if name.lower() in self._jobs:
            raise duplicate("Job", name)
        now = self._storage.clock.milliseconds()
        job = Job(
            {
                "kind": "bigquery#job",
                "id": name,
                "etag": f"etag-{job_id}",
                "jobReference": {"projectId": project, "jobId": job_id, "location": location},
                "configuration": {**configuration, "jobType": kinds[0].upper()},
                "status": {"state": "PENDING"},
                "statistics": {"creationTime": now},
                "user_email": "inventory@simulated.iam.gserviceaccount.com",
            }
        )
        self._jobs[name.lower()] = job
        return job

    def start(self, job: Job, media: bytes = b"", *, slow: Fault | None = None, fails: Fault | None = None) -> None:
        """Starts an accepted job in the background.

        Args:
            slow: first keeps the job in the state of this fault.
            fails: rolls the job back at its end, and fails it with the reason of this fault.
        """
        task = asyncio.get_running_loop().create_task(self._run(job, media, slow, fails))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancels all jobs that are not done."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def get(self, project: str, job_id: str, location: str | None) -> Job:
        """The job, if it is in this location.

        Raises:
            ApiError: 404.
        """
        name = f"{project}:{location or 'US'}.{job_id}"
        found = self._jobs.get(name.lower())
        if found is None:
            raise not_found("Job", name)
        return found

    def forget(self, job: Job) -> None:
        """Removes the job, and frees its id."""
        self._jobs.pop(job.resource["id"].lower(), None)

    def all(self, project: str) -> list[Job]:
        """The project's jobs, newest first."""
        return [job for name, job in reversed(self._jobs.items()) if name.startswith(f"{project.lower()}:")]

    def _location(self, project: str, given: str | None, inner: Resource) -> str:
        """The location of the job: the given one, or that of its dataset."""
        name = inner.get("destinationTable") or inner.get("defaultDataset") or {}
        found = self._storage.datasets.get(f"{name.get('projectId', project)}:{name.get('datasetId')}")
        if given is None and found is None and "query" in inner:
            given = self._query_location(project, inner)
        location = given or (str(found["location"]) if found else "US")
        return location.upper() if location.upper() in ("US", "EU") else location.lower()

    def _query_location(self, project: str, inner: Resource) -> str | None:
        try:
            with self._storage.lock, self._engine.checked(_query(project, None, inner, dry=True)) as found:
                return found.location
        except ApiError:
            return None

    async def _run(self, job: Job, media: bytes, slow: Fault | None, fails: Fault | None) -> None:
        statistics, clock = job.resource["statistics"], self._storage.clock
        if slow is not None and slow.state == "PENDING":
            await _pause(job, slow.seconds)
        job.resource["status"] = {"state": "RUNNING"}
        statistics["startTime"] = clock.milliseconds()
        if slow is not None and slow.state == "RUNNING":
            await _pause(job, slow.seconds)
        if job.cancelled.is_set():
            problem = ApiError(400, "stopped", "Job execution was cancelled: User requested cancellation")
            done = _Finished(problem=problem)
        else:
            done = await asyncio.to_thread(self._do, job.resource, media, fails)
        status: Resource = {"state": "DONE"}
        if done.problem is not None:
            status |= {"errorResult": done.problem.proto(), "errors": [done.problem.proto(), *done.problem.details]}
        now = clock.milliseconds()
        statistics |= {"endTime": now, "finalExecutionDurationMs": str(int(now) - int(statistics["startTime"]))}
        statistics |= done.statistics
        job.result = done.result
        job.resource["status"] = status
        job.done.set()

    def _do(self, resource: Resource, media: bytes, fails: Fault | None) -> _Finished:
        """Does the work of a job, in a separate thread; an error rolls everything back."""
        configuration = resource["configuration"]
        with self._storage.lock:
            try:
                with self._storage.transaction():
                    self._storage.expire()
                if "load" in configuration:
                    return self._load(resource, media, fails)
                return self._query(resource, fails)
            except ApiError as error:
                return _Finished(problem=error)
            except Exception as error:  # noqa: BLE001 (a bug of the simulator must also end the job)
                traceback.print_exc(file=sys.stderr)
                message = f"the simulator has a bug: {type(error).__name__}: {error}"
                return _Finished(problem=ApiError(500, "internalError", message))

    def _load(self, resource: Resource, media: bytes, fails: Fault | None) -> _Finished:
        load, reference = resource["configuration"]["load"], resource["jobReference"]
        self._quotas.count_job(reference["projectId"], "load")
        with self._storage.transaction():
            statistics = Load(self._storage, self._quotas, load, reference["location"]).run(media)
            _fail(fails)
        return _Finished({"load": statistics})

    def _query(self, resource: Resource, fails: Fault | None) -> _Finished:
        inner, reference = resource["configuration"]["query"], resource["jobReference"]
        dry = bool(resource["configuration"].get("dryRun"))
        if not dry:
            self._quotas.count_job(reference["projectId"], "query")
        query = _query(reference["projectId"], reference["location"], inner, dry=dry)
        if (grant := grant_of(query.sql, query.project)) is not None:
            if not dry:
                with self._storage.transaction():
                    apply_grant(self._storage, grant)
                    _fail(fails)
            statistics = {
                "statementType": grant.statement,
                "totalBytesProcessed": "0",
                "totalBytesBilled": "0",
                "cacheHit": False,
            }
            return _Finished({"totalBytesProcessed": "0", "query": statistics})
        with self._engine.checked(query) as checked, self._storage.transaction():
            if checked.target is not None and not dry:
                partitioned = "timePartitioning" in checked.target
                self._quotas.count_modification(checked.target["id"], partitioned=partitioned)
            answer = checked.answer()
            if "destinationTable" in inner and not dry:
                load = {"writeDisposition": "WRITE_EMPTY", **inner, "schema": {"fields": answer.result.fields}}
                Load(self._storage, self._quotas, load, reference["location"]).write(loadable(answer.result))
            _fail(fails)
        self.queries.append({"jobId": reference["jobId"], "query": inner["query"], "engine": answer.engine})
        statistics = {"totalBytesProcessed": str(answer.bytes_processed), "query": _statistics(answer, dry=dry)}
        return _Finished(statistics, answer.result)


class _Finished(NamedTuple):
    """The end of a job: its statistics, with a result or a problem."""

    statistics: Resource = {}  # noqa: RUF012 (never changed)
    result: Result = _EMPTY
    problem: ApiError | None = None


def _fail(fault: Fault | None) -> None:
    if fault is not None:
        raise ApiError(fault.code, fault.reason, fault.message)


def _query(project: str, location: str | None, inner: Resource, *, dry: bool) -> Query:
    default = inner.get("defaultDataset")
    return Query(
        with_parameters(inner["query"], inner.get("parameterMode"), inner.get("queryParameters", [])),
        project,
        f"{default.get('projectId', project)}:{default['datasetId']}" if default else None,
        location,
        inner.get("maximumBytesBilled"),
        dry,
    )


def _statistics(answer: Answer, *, dry: bool) -> Resource:
    statistics: Resource = {
        "statementType": answer.kind,
        "totalBytesProcessed": str(answer.bytes_processed),
        "totalBytesBilled": str(answer.bytes_billed),
        "cacheHit": False,
        "referencedTables": [
            table["tableReference"] for table in answer.tables if "tableReference" in table
        ],
    }  # fmt: skip
    if dry:
        statistics["totalBytesProcessedAccuracy"] = "UPPER_BOUND"
        statistics["schema"] = {"fields": answer.result.fields}
    if answer.kind != "SELECT" and not dry:
        statistics["numDmlAffectedRows"] = str(answer.affected)
    return statistics


async def _pause(job: Job, seconds: float) -> None:
    """Waits this long, or until the job is cancelled."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(job.cancelled.wait(), seconds)
