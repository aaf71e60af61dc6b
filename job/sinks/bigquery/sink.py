"""BigQuery: tables and views made to measure, load jobs that happen once, the commit marker last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from job.config import BigQuery
from job.connect.identity import Identity
from job.errors import QueryError
from job.log import log
from job.signals import commit_begins
from job.sinks.bigquery.errors import message, telling
from job.sinks.bigquery.loads import Load, Loads, checksum
from job.sinks.bigquery.overlap import RUN, marks, under_way
from job.sinks.bigquery.tables import Tables, declared, schema_of
from job.sinks.protocol import WEIGHTS, Change, Commit, Result, TaskResult, refuse_loss
from job.sinks.pruning import prunable
from job.spool import Rows
from job.tables import Run, Snapshot
from job.version import USER_AGENT

if TYPE_CHECKING:
    from google.cloud import bigquery

_LAST = (Run.table, Snapshot.table)
"""What is loaded after all else: a run's own row, and then the marker. A run that found no cluster has no marker: then
its own row is one."""

_MOST_RACES = 50  # lost to other tasks: each one means that one of them has made a step


class BigQuerySink:
    """A dataset."""

    def __init__(
        self,
        project: str,
        dataset: str,
        location: str | None,
        identity: Callable[[], Identity],
        *,
        options: BigQuery,
        endpoint: str | None,
        timeout_seconds: float,
        overlap_seconds: float,
    ) -> None:
        self.name = f"{project}.{dataset}"
        self._project = project
        self._location = location
        self._identity = identity
        self._options = options
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._overlap_seconds = overlap_seconds
        self.bytes_billed = 0
        self._opened: bigquery.Client | None = None

    def prepare(self) -> None:
        """Makes everything as it is declared; takes two requests where it is so already."""
        self.apply()

    def ddl(self) -> Sequence[str]:
        return [change.statement for change in declared(self.name, self._location, self._options)]

    def changes(self) -> Sequence[Change]:
        with telling(self._where):
            tables = self._tables
            return [change for step in tables.steps(tables.dataset()) for change in step.changes]

    def apply(self) -> Sequence[Change]:
        """Begun again where another task was faster with one of the tables: then less is left to change."""
        from google.api_core.exceptions import PreconditionFailed

        made: list[Change] = []
        with telling(self._where):
            for races in count(1):
                try:
                    for change in self._make():
                        made.append(change)
                        log.info("schema changed", action=change.action, name=change.name)
                except PreconditionFailed:
                    if races == _MOST_RACES:
                        raise
                else:
                    break
        return made

    def _make(self) -> Iterator[Change]:
        """What is made, once it is."""
        tables = self._tables
        dataset = tables.dataset()
        steps = list(tables.steps(dataset))
        refuse_loss(self._where, [change for step in steps for change in step.changes])
        for step in steps:
            step.make()
            yield from step.changes
        self._location = str((dataset or self._client.get_dataset(self.name)).location)

    @contextmanager
    def begun(self, run_id: str, task_count: int, *, alone: bool) -> Iterator[str | None]:
        """By labels of the table `runs`, which tell the run that began last, and by the jobs of its commits. The first
        task to ask settles the answer, in the labels of a query that reads nothing and costs nothing."""
        with telling(self._where):
            table = self._client.get_table(f"{self.name}.{Run.table}")
            found = self._settled(run_id, under_way(table.labels, run_id, self._overlap_seconds, self.committed))
            if not (found and alone):
                self._mark(table, marks(run_id, task_count))
        yield found or None

    def _settled(self, run_id: str, found: str | None) -> str:
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import QueryJobConfig

        job_id, label = self._job_id(run_id, "begin"), "under_way"
        config = QueryJobConfig(labels={**self._options.labels, label: found or ""})
        try:
            self._client.query("SELECT 1", job_config=config, job_id=job_id, job_retry=None, location=self._location)
        except Conflict:
            return str(self._client.get_job(job_id, location=self._location).labels.get(label, ""))
        return found or ""

    def _mark(self, table: bigquery.Table, labels: dict[str, str]) -> None:
        from google.api_core.exceptions import PreconditionFailed

        if table.labels.get(RUN) != labels.get(RUN):
            table.labels = {**table.labels, **labels}
            with suppress(PreconditionFailed):  # another task of the run has been faster
                self._client.update_table(table, ["labels"])

    def committed(self, run_id: str, task_index: int) -> TaskResult | None:
        with telling(self._where):
            labels = self._loads.committed(self._job_id(run_id, str(task_index), "commit"))
            return None if labels is None else TaskResult(*(labels.get(name) == "true" for name in TaskResult._fields))

    def weights(self, run_id: str) -> dict[str, int]:
        """One query for all tasks: it runs under an id of its own, and its result is kept for a day. Where it would
        bill more than it may, there are none, for any of the tasks."""
        from google.api_core.exceptions import Conflict, GoogleAPICallError

        job_id = self._job_id(run_id, "weights")
        with telling(self._where):
            try:
                job = self._client.query(
                    WEIGHTS, job_config=self._job_config(), job_id=job_id, job_retry=None, location=self._location
                )
                is_ours = True
            except Conflict:
                found: Any = self._client.get_job(job_id, location=self._location)
                job, is_ours = found, False
            try:
                weights = {str(row[0]): int(row[1]) for row in job.result()}
            except GoogleAPICallError as error:
                if (job.error_result or {}).get("reason") != "bytesBilledLimitExceeded":
                    raise
                log.warning("clusters not weighed", detail=message(error))
                return {}
            if is_ours:
                self._count(job)
            return weights

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """One load job for each table, together; then the run's; the one of `snapshots` after all others have
        succeeded."""
        loads, marker = self._loads, next(table for table in reversed(_LAST) if table in rows.files)
        with telling(f"{self._where}: the run was not committed"):
            started = [
                (load, loads.start(load))
                for table in rows.files
                if table not in _LAST
                for load in [self._load(table, rows, commit)]
            ]
            for load, job in started:
                loads.finish(job, load)
            if marker != Run.table:
                load = self._load(Run.table, rows, commit)
                loads.finish(loads.start(load), load)
            load = self._load(marker, rows, commit, marks=True)
            commit_begins()
            return loads.commit(load)

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        pruned = {}
        with telling(self._where):
            for table, where in prunable(before):
                if dry_run:
                    ((count,),) = self._rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")
                    pruned[table] = int(count)
                else:
                    job = self._query(f"DELETE FROM {table} WHERE {where}")
                    pruned[table] = int(job.num_dml_affected_rows or 0)
        return pruned

    def named(self, table: str) -> str:
        return f"`{self.name}.{table}`"

    def query(self, sql: str) -> Result:
        from google.api_core.exceptions import BadRequest, NotFound

        with telling(self._where):
            try:
                found = self._query(sql).result()
            except (BadRequest, NotFound) as error:
                raise QueryError(f"the query failed: {message(error)}") from error
            named = tuple((field.name, _type(field)) for field in found.schema)
            return Result(named, [tuple(row.values()) for row in found])

    @property
    def _where(self) -> str:
        return f"sink bigquery://{self.name}"

    @property
    def _tables(self) -> Tables:
        return Tables(self._client, self.name, self._location, self._options)

    @property
    def _loads(self) -> Loads:
        return Loads(self._client, self._location or "US", self._timeout_seconds)

    @property
    def _client(self) -> bigquery.Client:
        if self._opened is None:
            from google.api_core.client_info import ClientInfo
            from google.api_core.client_options import ClientOptions
            from google.cloud.bigquery import Client

            self._opened = Client(
                project=self._project,
                credentials=self._identity().shared(),
                location=self._location,
                client_info=ClientInfo(user_agent=USER_AGENT),  # type: ignore[no-untyped-call]
                client_options=ClientOptions(api_endpoint=self._endpoint) if self._endpoint else None,
            )
        return self._opened

    def _load(self, table: str, rows: Rows, commit: Commit, *, marks: bool = False) -> Load:
        name = ("commit",) if marks else (str(commit.attempt), table)
        return Load(
            table=f"{self.name}.{table}",
            file=rows.files[table],
            rows=rows.counts[table],
            schema=schema_of(table),
            job_id=self._job_id(commit.run_id, str(commit.task_index), *name),
            content=checksum(rows.files[table]),
            labels={**self._options.labels, **{k: str(v).lower() for k, v in commit.outcome._asdict().items()}},
        )

    def _job_id(self, *name: str) -> str:
        """Letters, digits, _ and - alone (https://cloud.google.com/bigquery/docs/running-jobs); ids are of the whole
        project, so the dataset is in it."""
        dataset = self.name.rpartition(".")[2]
        return re.sub(r"[^A-Za-z0-9_-]", "-", "-".join(("gke-inventory", dataset, *name)))

    def _query(self, sql: str) -> bigquery.QueryJob:
        """The job, ended; one that would bill more than the configuration lets it is refused."""
        job = self._client.query(sql, job_config=self._job_config(), location=self._location)
        job.result()
        self._count(job)
        return job

    def _job_config(self) -> bigquery.QueryJobConfig:
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(default_dataset=self.name, labels=self._options.labels)
        if self._options.maximum_bytes_billed is not None:
            config.maximum_bytes_billed = self._options.maximum_bytes_billed
        return config

    def _count(self, job: bigquery.QueryJob) -> None:
        self.bytes_billed += job.total_bytes_billed or 0
        log.info("query", bytes_billed=job.total_bytes_billed, job_id=job.job_id)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._query(sql).result()]


def _type(field: bigquery.SchemaField) -> str:
    if field.mode == "REPEATED" or field.field_type in ("RECORD", "STRUCT"):
        return "JSON"
    return {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "BIGNUMERIC": "NUMERIC"}.get(
        field.field_type, field.field_type
    )
