"""BigQuery: tables and views as declared, load jobs that take effect once, the commit marker last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from job.config import BigQuery
from job.connect.identity import Identity
from job.errors import QueryError, SinkError
from job.log import log
from job.signals import Stop
from job.sinks.bigquery import overlap
from job.sinks.bigquery.columns import schema_of
from job.sinks.bigquery.errors import as_sink_error, message
from job.sinks.bigquery.loads import Load, Loads, checksum
from job.sinks.bigquery.tables import Tables, declared
from job.sinks.protocol import CLUSTER_WEIGHTS, Change, Commit, Result, TaskResult, refuse_loss
from job.sinks.pruning import prunable
from job.spool import Rows
from job.tables import Run, Snapshot
from job.version import USER_AGENT

if TYPE_CHECKING:
    from google.cloud import bigquery

_LAST = (Run.table, Snapshot.table)
"""Loaded after all other tables: a run's own row, and then the commit marker. A run that found no cluster has no rows
for `snapshots`: then its own row is the marker."""
_MAX_RACES = 50  # lost to other tasks; for each, one of them has made a step


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
        stop: Stop | None = None,
    ) -> None:
        self.name = f"{project}.{dataset}"
        self._project = project
        self._location = location
        self._identity = identity
        self._options = options
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._overlap_seconds = overlap_seconds
        self._stop = stop or Stop()
        self.bytes_billed = 0
        self._opened: bigquery.Client | None = None

    def prepare(self) -> None:
        """Applies all changes. Takes two requests if there are none."""
        self.apply()

    def ddl(self) -> Sequence[str]:
        return [change.statement for change in declared(self.name, self._location, self._options)]

    def changes(self) -> Sequence[Change]:
        with as_sink_error(self._where):
            tables = self._tables
            return [change for step in tables.steps(tables.dataset()) for change in step.changes]

    def apply(self) -> Sequence[Change]:
        """Starts over when another task has changed one of the tables meanwhile: then less is left to change."""
        from google.api_core.exceptions import PreconditionFailed

        made: list[Change] = []
        with as_sink_error(self._where):
            for races in count(1):
                try:
                    for change in self._make():
                        made.append(change)
                        log.info("schema changed", action=change.action, name=change.name)
                except PreconditionFailed:
                    if races == _MAX_RACES:
                        raise
                else:
                    break
        return made

    def _make(self) -> Iterator[Change]:
        """Makes all changes; yields each one after it is made."""
        tables = self._tables
        dataset = tables.dataset()
        steps = list(tables.steps(dataset))
        refuse_loss(self._where, [change for step in steps for change in step.changes])
        for step in steps:
            step.make()
            yield from step.changes
        self._location = str((dataset or self._client.get_dataset(self.name)).location)

    @contextmanager
    def running(self, run_id: str, task_count: int, *, exclusive: bool) -> Iterator[str | None]:
        """By labels of the table `runs`, which name the run that started last, and by the jobs of its commits."""
        with as_sink_error(self._where):
            other = self._begin(run_id, task_count, exclusive=exclusive)
        yield other

    def _begin(self, run_id: str, task_count: int, *, exclusive: bool) -> str | None:
        """Marks the run, unless it is exclusive and another is under way; returns that one's id.

        Labels that somebody changes meanwhile, such as a run that starts at the same time, are read and decided upon
        again.
        """
        from google.api_core.exceptions import PreconditionFailed

        job_id, agreed = self._job_id(run_id, "begin"), ""

        def agree(other: str | None) -> str:
            return overlap.agree(self._client, job_id, self._location, self._options.labels, other or "")

        for races in count(1):
            table = self._client.get_table(f"{self.name}.{Run.table}")
            other = overlap.other_run(table.labels, run_id, self._overlap_seconds, self.committed_result)
            if other or not exclusive:
                agreed = agree(other)
            if other and exclusive:
                return agreed or None
            try:
                table = overlap.mark(self._client, table, overlap.labels_of(run_id, task_count))
            except PreconditionFailed:
                if races == _MAX_RACES:
                    raise
            else:
                break
        if not exclusive:
            return agreed or other
        if agreed := agree(None):  # another task of this run has found one, which has ended meanwhile
            overlap.unmark(self._client, table)
        return agreed or None

    def committed_result(self, run_id: str, task_index: int) -> TaskResult | None:
        with as_sink_error(self._where):
            labels = self._loads.committed_labels(self._job_id(run_id, str(task_index), "commit"))
            return None if labels is None else TaskResult(*(labels.get(name) == "true" for name in TaskResult._fields))

    def cluster_weights(self, run_id: str) -> dict[str, int]:
        """One query for all tasks: its job has an id of the run, and BigQuery keeps the result for a day.

        Where it would exceed `maximum_bytes_billed`, no task gets any weights.
        """
        from google.api_core.exceptions import Conflict, GoogleAPICallError

        job_id = self._job_id(run_id, "weights")
        with as_sink_error(self._where):
            try:
                job = self._client.query(
                    CLUSTER_WEIGHTS,
                    job_config=self._job_config(),
                    job_id=job_id,
                    job_retry=None,
                    location=self._location,
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
        """One load job for each table, all at once; then the run's own row; last, after all others have succeeded,
        `snapshots`."""
        try:
            with as_sink_error("loading rows"):
                marker = self._load_all_but_marker(rows, commit)
        except SinkError as error:
            raise SinkError(f"{self._where}: the run was not committed: {error}") from error
        self._stop.commit_started = True
        try:
            with as_sink_error("loading the commit marker"):
                return self._loads.commit(marker)
        except SinkError as error:
            raise SinkError(f"{self._where}: {self._whether_committed(marker)}: {error}") from error

    def _load_all_but_marker(self, rows: Rows, commit: Commit) -> Load:
        """Returns the load of the marker, which is next."""
        loads, marker = self._loads, next(table for table in reversed(_LAST) if table in rows.files)
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
        return self._load(marker, rows, commit, is_marker=True)

    def _whether_committed(self, marker: Load) -> str:
        is_committed = self._loads.has_succeeded(marker.job_id)
        if is_committed is None:
            return (
                "it is not known whether the run was committed (`committed_runs` shows it, and a retry of the task "
                "finds out)"
            )
        return "the run was committed" if is_committed else "the run was not committed"

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        pruned = {}
        with as_sink_error(self._where):
            self._tables.check_prunable()
            for table, where in prunable(before):
                if dry_run:
                    ((count,),) = self._rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")
                    pruned[table] = int(count)
                else:
                    job = self._query(f"DELETE FROM {table} WHERE {where}")
                    pruned[table] = int(job.num_dml_affected_rows or 0)
        return pruned

    def quoted(self, name: str) -> str:
        return f"`{self.name}.{name}`"

    def query(self, sql: str, *, external_access: bool = False) -> Result:  # noqa: ARG002 (rights decide here)
        from google.api_core.exceptions import BadRequest, NotFound

        with as_sink_error(self._where):
            try:
                found = self._query(sql).result()
            except (BadRequest, NotFound) as error:
                raise QueryError(f"the query failed: {message(error)}") from error
            columns = tuple((field.name, _type(field)) for field in found.schema)
            return Result(columns, [tuple(row.values()) for row in found])

    @property
    def _where(self) -> str:
        return f"sink bigquery://{self.name}"

    @property
    def _tables(self) -> Tables:
        return Tables(self._client, self.name, self._location, self._options)

    @property
    def _loads(self) -> Loads:
        return Loads(self._client, self._location or "US", self._timeout_seconds, self._stop)

    @property
    def _client(self) -> bigquery.Client:
        if self._opened is None:
            from google.api_core.client_info import ClientInfo
            from google.api_core.client_options import ClientOptions
            from google.cloud.bigquery import Client

            identity = self._identity()
            self._opened = Client(
                project=self._project,
                credentials=identity.shared(),
                location=self._location,
                client_info=ClientInfo(user_agent=USER_AGENT),  # type: ignore[no-untyped-call]
                client_options=ClientOptions(api_endpoint=self._endpoint, universe_domain=identity.universe_domain),
            )
        return self._opened

    def _load(self, table: str, rows: Rows, commit: Commit, *, is_marker: bool = False) -> Load:
        name = ("commit",) if is_marker else (str(commit.attempt), table)
        return Load(
            table=f"{self.name}.{table}",
            file=rows.files[table],
            rows=rows.counts[table],
            schema=schema_of(table),
            job_id=self._job_id(commit.run_id, str(commit.task_index), *name),
            content=checksum(rows.files[table]),
            labels={**self._options.labels, **{k: str(v).lower() for k, v in commit.result._asdict().items()}},
        )

    def _job_id(self, *name: str) -> str:
        """Only letters, digits, _ and - are allowed (https://cloud.google.com/bigquery/docs/running-jobs). Ids are
        unique in the whole project, so this one has the dataset in it."""
        dataset = self.name.rpartition(".")[2]
        return re.sub(r"[^A-Za-z0-9_-]", "-", "-".join(("gke-inventory", dataset, *name)))

    def _query(self, sql: str) -> bigquery.QueryJob:
        """The finished job. BigQuery refuses one that would exceed `maximum_bytes_billed`."""
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
