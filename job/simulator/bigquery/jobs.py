"""Jobs: load jobs and query jobs, each one atomic update, each under an id that is never used again."""

from __future__ import annotations

import gzip
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import duckdb
from sqlglot import exp

from job.simulator.bigquery.errors import ApiError, duplicate, invalid, not_found
from job.simulator.bigquery.results import field_of
from job.simulator.bigquery.schema import Field, check_schema, evolved, mode_of, row
from job.simulator.bigquery.sql import parse, translate
from job.simulator.bigquery.storage import Resource, Storage


@dataclass
class Job:
    """A job, done or failed: nothing here takes time but what is told to."""

    resource: Resource
    fields: list[Field] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class Jobs:
    """All jobs that were ever accepted."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs: dict[str, Job] = {}

    def reserve(self, project: str, body: Resource) -> Job:
        """A job under the id that the body names, else a new one.

        Raises:
            ApiError: 409, the id has been used, whatever became of that job.
        """
        told = body.get("jobReference", {})
        job_id = told.get("jobId") or f"job_{secrets.token_urlsafe(18)}"
        location = told.get("location") or self._location_of(project, body["configuration"])
        name = f"{project}:{location}.{job_id}"
        if name in self._jobs:
            raise duplicate("Job", name)
        now = str(int(time.time() * 1000))
        reference = {"projectId": project, "jobId": job_id, "location": location}
        job = Job(
            {
                "kind": "bigquery#job",
                "id": name,
                "jobReference": reference,
                "configuration": body["configuration"],
                "status": {"state": "RUNNING"},
                "statistics": {"creationTime": now, "startTime": now},
                "user_email": "inventory@simulated.iam.gserviceaccount.com",
            }
        )
        self._jobs[name] = job
        return job

    def get(self, project: str, job_id: str, location: str | None) -> Job:
        """The job; asked for in another location, there is none."""
        name = f"{project}:{location or 'US'}.{job_id}"
        found = self._jobs.get(name)
        if found is None:
            raise not_found("Job", name)
        return found

    def all(self, project: str) -> list[Resource]:
        """The project's jobs, newest first."""
        return [job.resource for name, job in reversed(self._jobs.items()) if name.startswith(f"{project}:")]

    def run(self, job: Job, media: bytes | None, *, fail: bool = False) -> None:
        """Runs the job to its end; a failure is the job's own, and leaves nothing behind.

        Args:
            fail: it fails after all its work, for a reason of BigQuery's own.
        """
        configuration = job.resource["configuration"]
        with self._storage.lock:
            try:
                self._do(job, configuration, media or b"", fail=fail)
            except ApiError as error:
                job.resource["status"] = {"errorResult": error.proto(), "errors": [error.proto()]}
        job.resource["status"]["state"] = "DONE"
        job.resource["statistics"]["endTime"] = str(int(time.time() * 1000))

    def _do(self, job: Job, configuration: Resource, media: bytes, *, fail: bool) -> None:
        if fail:
            told = "Error encountered during execution. Retrying may solve the problem."
            raise ApiError(500, "backendError", told)
        if "load" in configuration:
            self._load(job, configuration["load"], media)
        elif "query" in configuration:
            self._query(job, configuration["query"], dry=bool(configuration.get("dryRun")))
        else:
            raise invalid("Job configuration must contain load or query")

    def _location_of(self, project: str, configuration: Resource) -> str:
        inner = configuration.get("load") or configuration.get("query") or {}
        told = inner.get("destinationTable") or inner.get("defaultDataset") or {}
        found = self._storage.datasets.get(f"{told.get('projectId', project)}:{told.get('datasetId')}")
        return str(found["location"]) if found else "US"

    def _load(self, job: Job, load: Resource, media: bytes) -> None:
        if load.get("sourceFormat") != "NEWLINE_DELIMITED_JSON":
            raise invalid(f"The simulator loads NEWLINE_DELIMITED_JSON alone, not {load.get('sourceFormat', 'CSV')}")
        told = load["destinationTable"]
        dataset = self._storage.dataset(told["projectId"], told["datasetId"])
        if dataset["location"].lower() != job.resource["jobReference"]["location"].lower():
            raise not_found(
                "Dataset", f"{dataset['id']} was not found in location {job.resource['jobReference']['location']}"
            )
        table = self._destination(load, told)
        rows = list(self._rows(load, table, media))
        disposition = load.get("writeDisposition", "WRITE_APPEND")
        if disposition == "WRITE_EMPTY" and self._storage.described(table)["numRows"] != "0":
            raise duplicate("Table", table["id"])
        self._storage.insert(table, rows, truncate=disposition.startswith("WRITE_TRUNCATE"))
        job.resource["statistics"]["load"] = {
            "inputFiles": "1",
            "inputFileBytes": str(len(media)),
            "outputRows": str(len(rows)),
            "outputBytes": str(sum(len(json.dumps(one)) for one in rows)),
            "badRecords": "0",
        }

    def _destination(self, load: Resource, told: Resource) -> Resource:
        """The table, with the job's schema where that is let grow."""
        given = load.get("schema", {}).get("fields")
        try:
            table = self._storage.table(told["projectId"], told["datasetId"], told["tableId"])
        except ApiError:
            if load.get("createDisposition") == "CREATE_NEVER" or given is None:
                raise
            body = {"tableReference": dict(told), "schema": {"fields": given}}
            for key in ("timePartitioning", "clustering"):
                body |= {key: load[key]} if key in load else {}
            return self._storage.create_table(told["projectId"], told["datasetId"], body, view=None)
        if given is None:
            return table
        there = table["schema"]["fields"]
        wanted, options = check_schema(given), load.get("schemaUpdateOptions", [])
        names = {one["name"].lower() for one in there}
        added = [one for one in wanted if one["name"].lower() not in names]
        if added and "ALLOW_FIELD_ADDITION" not in options:
            raise invalid(
                f"Provided Schema does not match Table {table['id']}. Cannot add fields (field: {added[0]['name']})"
            )
        kept = {one["name"].lower(): one for one in wanted}
        merged = [kept.get(one["name"].lower(), one) | {"mode": mode_of(one)} for one in there] + added
        self._storage.grow(table, evolved(there, merged))
        return table

    def _rows(self, load: Resource, table: Resource, media: bytes) -> list[dict[str, Any]]:
        if media[:2] == b"\x1f\x8b":
            try:
                media = gzip.decompress(media)
            except (OSError, EOFError) as error:
                raise invalid(f"Error while reading data, error message: {error}") from error
        unknown = bool(load.get("ignoreUnknownValues"))
        rows = []
        for number, line in enumerate(filter(None, media.split(b"\n")), start=1):
            try:
                values = json.loads(line)
            except ValueError as error:
                raise invalid(
                    f"Error while reading data, error message: JSON parsing error in row {number}: {error}"
                ) from error
            rows.append(row(values, table["schema"]["fields"], number=number, ignore_unknown=unknown))
        return rows

    def _query(self, job: Job, query: Resource, *, dry: bool) -> None:
        if query.get("useLegacySql", True):
            raise invalid("Legacy SQL is not supported here", reason="invalidQuery")
        tree = parse(query["query"])
        default = query.get("defaultDataset", {})
        project = job.resource["jobReference"]["projectId"]
        dataset = f"{default.get('projectId', project)}:{default['datasetId']}" if default else None
        sql = translate(tree, self._storage, project, dataset, job.resource["jobReference"]["location"])
        try:
            cursor = self._storage.database.execute(f"EXPLAIN {sql}" if dry else sql)
            job.fields = [field_of(name, kind) for name, kind, *_ in cursor.description or ()]
            job.rows = [] if dry else cursor.fetchall()
        except duckdb.Error as error:
            raise invalid(str(error).splitlines()[0], reason="invalidQuery", location="query") from error
        statement = "SELECT" if isinstance(tree, exp.Query) else tree.key.upper()
        told: Resource = {
            "statementType": statement,
            "totalBytesProcessed": "0",
            "totalBytesBilled": "0",
            "cacheHit": False,
        }
        if statement != "SELECT":
            told["numDmlAffectedRows"] = str(job.rows[0][0] if job.rows and isinstance(job.rows[0][0], int) else 0)
            job.fields, job.rows = [], []
        told["schema"] = {"fields": job.fields}
        job.resource["statistics"]["query"] = told
        job.resource["statistics"]["totalBytesProcessed"] = "0"


def view_of(storage: Storage, project: str, sql: str, location: str) -> tuple[str, list[Field]]:
    """A view's query in DuckDB's SQL, and its schema."""
    translated = translate(parse(sql), storage, project, None, location)
    try:
        cursor = storage.database.execute(f"SELECT * FROM ({translated}) AS view_ LIMIT 0")
    except duckdb.Error as error:
        raise invalid(str(error).splitlines()[0], reason="invalidQuery", location="query") from error
    return translated, [field_of(name, kind) for name, kind, *_ in cursor.description or ()]
