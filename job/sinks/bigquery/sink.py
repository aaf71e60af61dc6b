"""BigQuery: tables and views as declared, load jobs that take effect once, the commit marker last."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from job.config import BigQuery
from job.config_checks import check_endpoint
from job.connect.identity import Identity
from job.errors import SinkError
from job.log import log
from job.signals import Stop
from job.sinks import known
from job.sinks.bigquery import overlap
from job.sinks.bigquery.columns import schema_of
from job.sinks.bigquery.errors import as_query_error, as_sink_error, message, reasons
from job.sinks.bigquery.job_ids import job_id, part
from job.sinks.bigquery.layout import Layout, declared
from job.sinks.bigquery.loads import Load, Loads, checksum
from job.sinks.bigquery.present import PresentViews
from job.sinks.bigquery.queries import Queries
from job.sinks.bigquery.types import answer_type, duckdb_type
from job.sinks.protocol import Answer, Change, Commit, CommittedList, Result, TaskResult, refuse_loss
from job.sinks.pruning import prunable
from job.sinks.statement import check_statement
from job.spool import Rows
from job.tables import Run, raw
from job.views.recent import literal
from job.views.row_columns import RowColumn

if TYPE_CHECKING:
    from google.cloud import bigquery

    from job.sinks.bigquery.client import BoundedClient

_MARKER = Run.table
"""Loaded after all other tables: the task's own row commits them."""
_RESULT, _TIME = ("complete", "acceptable", "stopped"), "snapshot_time"
"""Labels of a commit marker: its `TaskResult`, and the part's time in microseconds since 1970."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EMULATOR = "BIGQUERY_EMULATOR_HOST"
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
        connect_seconds: float = 10.0,
        request_seconds: float = 60.0,
        stop: Stop | None = None,
        columns: tuple[RowColumn, ...] = (),
    ) -> None:
        self.name = f"{project}.{dataset}"
        self._project = project
        self._location = location
        self._identity, self._options, self._columns = identity, options, columns
        self._endpoint = endpoint
        self._timeout_seconds, self._overlap_seconds = timeout_seconds, overlap_seconds
        self._connect_seconds, self._request_seconds = connect_seconds, request_seconds
        self._stop = stop or Stop()
        self.bytes_billed, self.seconds_ahead = 0, 0.0
        self._opened: BoundedClient | None = None

    def prepare(self) -> None:
        """Applies all changes. Takes two requests if there are none."""
        self.apply()

    def ddl(self) -> Sequence[str]:
        return [change.statement for change in declared(self.name, self._location, self._options, self._columns)]

    def changes(self) -> Sequence[Change]:
        with as_sink_error(self._where):
            layout = self._layout
            dataset = layout.dataset()
            made = [change for step in layout.steps(dataset) for change in step.changes]
            return [*made, *layout.billing(dataset)]

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
        layout = self._layout
        dataset = layout.dataset()
        steps = list(layout.steps(dataset))
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

        agreed = ""
        for races in count(1):
            table = self._client.get_table(f"{self.name}.{raw(Run.table)}")
            other = overlap.other_run(table.labels, run_id, self._overlap_seconds, self.committed_result)
            if other or not exclusive:
                agreed = self._agree(run_id, other)
            if other and exclusive:
                return agreed or None
            try:
                table = overlap.mark(self._client, table, self._labels_of(run_id, task_count))
            except PreconditionFailed:
                if races == _MAX_RACES:
                    raise
            else:
                break
        if not exclusive:
            return agreed or other
        if agreed := self._agree(run_id, None):  # another task of this run has found one, which has ended meanwhile
            overlap.unmark(self._client, table)
        elif self.seconds_ahead:  # now that it is known
            overlap.correct(self._client, table, self._labels_of(run_id, task_count))
        return agreed or None

    def _agree(self, run_id: str, other: str | None) -> str:
        agreed, self.seconds_ahead = overlap.agree(self._queries, self._job_id(run_id, "begin"), other or "")
        return agreed

    def _labels_of(self, run_id: str, task_count: int) -> dict[str, str]:
        return overlap.labels_of(run_id, task_count, seconds_ahead=self.seconds_ahead)

    def committed_result(self, run_id: str, task_index: int) -> TaskResult | None:
        parts = self._parts(run_id, task_index)
        if not parts:
            return None
        complete, acceptable, stopped = (parts[-1].get(name) == "true" for name in _RESULT)
        return TaskResult(complete, acceptable, stopped, len(parts) - 1)

    def committed_lists(self, run_id: str, task_index: int) -> Sequence[CommittedList]:
        """One query, of the partitions that the markers name."""
        times = [labels.get(_TIME, "") for labels in self._parts(run_id, task_index)]
        where = "snapshot_time >= TIMESTAMP '2000-01-01'"
        if times and all(time.isdecimal() for time in times):
            moments = (_EPOCH + timedelta(microseconds=int(time)) for time in times)
            where = f"snapshot_time IN ({', '.join(map(literal, moments))})"
        with as_sink_error(self._where):
            sql = known.committed_lists_query(json.dumps(run_id), task_index, where)
            return [CommittedList(*row) for row in self._rows(sql)]

    def cluster_weights(self, run_id: str, *, is_shared: bool = True) -> dict[str, int]:  # noqa: ARG002
        """One query for all tasks: its job has an id of the run, and BigQuery keeps the result for a day.

        Where it would exceed `maximum_bytes_billed`, no task gets any weights.
        """
        return {str(row[0]): int(row[1]) for row in self._of_run(known.CLUSTER_WEIGHTS, run_id, "weights")}

    def upgrade_info_since(self, run_id: str, time: datetime) -> frozenset[str]:
        """One query for all tasks. Where it would exceed `maximum_bytes_billed`, no cluster counts as read."""
        found = self._of_run(known.upgrade_info_query(literal(time)), run_id, "upgrade-info")
        return frozenset(str(row[0]) for row in found)

    def object_kinds(self, run_id: str, others: Sequence[str]) -> dict[str, frozenset[str]]:
        """One query for all tasks. Where it would exceed `maximum_bytes_billed`, none is known."""
        return known.by_cluster(self._of_run(known.object_kinds_query(others), run_id, "object-kinds"))

    def _of_run(self, sql: str, run_id: str, name: str) -> Sequence[Any]:
        """The rows of a query whose job all tasks of the run share; none where it costs too much."""
        from google.api_core.exceptions import GoogleAPICallError

        with as_sink_error(self._where):
            try:
                job, is_ours = self._queries.run_once(sql, self._job_id(run_id, name))
                rows = list(job.result())
            except GoogleAPICallError as error:
                if "bytesBilledLimitExceeded" not in reasons(error):
                    raise
                log.warning("query exceeds maximum_bytes_billed", query=name, detail=message(error))
                return ()
            if is_ours:
                self._count(job)
            return rows

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """One load job for each table, all at once; last, after all others have succeeded, the task's own row."""
        try:
            with as_sink_error("loading rows"):
                marker = self._load_all_but_marker(rows, commit)
        except SinkError as error:
            raise SinkError(f"{self._where}: the run was not committed: {error}") from error
        self._stop.commit_started = True
        is_ours = self._commit(marker)
        if is_ours:
            self.present.show(commit.snapshot_times, commit.run_id, alone=commit.task_count == 1)
        return is_ours

    def settle(self, run_id: str) -> None:
        self.present.settle(run_id)

    def _load_all_but_marker(self, rows: Rows, commit: Commit) -> Load:
        """Returns the load of the marker, which is next."""
        loads = self._loads
        started = [
            (load, loads.start(load))
            for table in rows.files
            if table != _MARKER
            for load in [self._load(table, rows, commit)]
        ]
        for load, job in started:
            loads.finish(job, load)
        return self._load(_MARKER, rows, commit, is_marker=True)

    def _commit(self, marker: Load) -> bool:
        """Loads the marker; False if another process was faster. BigQuery's last word counts, not the error."""
        try:
            with as_sink_error("loading the commit marker"):
                return self._loads.commit(marker)
        except SinkError as error:
            ending = self._loads.ending_of(marker)
            if ending in ("ours", "another's"):
                log.warning("committed in spite of an error", detail=str(error))
                return ending == "ours"
            unknown = "it is not known whether the run was committed (`runs` shows it, and a retry finds out)"
            outcome = unknown if ending == "unknown" else "the run was not committed"
            raise SinkError(f"{self._where}: {outcome}: {error}") from error

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        pruned = {}
        with as_sink_error(self._where):
            self._layout.check_prunable()
            for table, where in prunable(before, self.present.needed_times()):
                if dry_run:
                    ((count,),) = self._rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")
                    pruned[table] = int(count)
                else:
                    pruned[table] = int(self._query(f"DELETE FROM {table} WHERE {where}").num_dml_affected_rows or 0)
        return pruned

    def query(self, sql: str, *, external_access: bool = False) -> Result:
        with self.stream(sql, external_access=external_access) as answer:
            return Result(answer.columns, [row for page in answer.pages for row in page])

    def kept_open(self) -> AbstractContextManager[Self]:
        return nullcontext(self)

    @contextmanager
    def stream(self, sql: str, *, external_access: bool = False) -> Iterator[Answer]:  # noqa: ARG002 (rights decide here)
        check_statement(sql)
        with as_sink_error(self._where), as_query_error():
            found: Any = self._query(sql).result()
        columns = tuple((field.name, answer_type(field)) for field in found.schema)
        yield Answer(columns, self._pages(found), found.total_rows, tuple(map(duckdb_type, found.schema)))

    def _pages(self, found: Any) -> Iterator[list[tuple[Any, ...]]]:
        with as_sink_error(self._where):
            for page in found.pages:
                yield [tuple(row.values()) for row in page]

    def arrow(self, sql: str, *, external_access: bool = False) -> None:
        """None: BigQuery's API answers with rows."""

    def dry_run(self, sql: str) -> int:
        from google.cloud.bigquery import QueryJobConfig

        check_statement(sql)
        config = QueryJobConfig(dry_run=True, use_query_cache=False, default_dataset=self.name)
        with as_sink_error(self._where), as_query_error():
            return int(self._client.query(sql, job_config=config, location=self._location).total_bytes_processed or 0)

    @property
    def present(self) -> PresentViews:
        """What the views of the present show."""
        return PresentViews(self._client, self.name, self._rows, self._options.recent_hours, self._stop)

    @property
    def _where(self) -> str:
        return f"sink bigquery://{self.name}"

    @property
    def _layout(self) -> Layout:
        return Layout(self._client, self.name, self._location, self._options, self._columns)

    @property
    def _loads(self) -> Loads:
        return Loads(self._client, self._location or "US")

    @property
    def _queries(self) -> Queries:
        return Queries(self._client, self._location, self._job_config())

    @property
    def _client(self) -> BoundedClient:
        if self._opened is None:
            from job.connect.plaintext import send_plain_directly
            from job.sinks.bigquery.client import open_client
            from job.sinks.bigquery.retries import BoundedRetry

            for key, address in (
                ("api_endpoints.bigquery", self._endpoint),
                (_EMULATOR, os.environ.get(_EMULATOR)),  # the client reads it by itself
            ):
                if address:
                    check_endpoint(key, address)
            policy = BoundedRetry(
                self._timeout_seconds,
                connect_seconds=self._connect_seconds,
                request_seconds=self._request_seconds,
                stop=self._stop,
            )
            self._opened = open_client(
                self._project, self._location, self._identity(), endpoint=self._endpoint, policy=policy
            )
            send_plain_directly(self._opened._http)
        return self._opened

    def _parts(self, run_id: str, task_index: int) -> list[dict[str, str]]:
        """The labels of the task's markers. A part follows only one that was stopped."""
        found: list[dict[str, str]] = []
        with as_sink_error(self._where):
            while not found or found[-1].get("stopped") == "true":
                marker = self._job_id(run_id, str(task_index), *part(len(found)), "commit")
                labels = self._loads.committed_labels(marker)
                if labels is None:
                    break
                found.append(labels)
        return found

    def _load(self, table: str, rows: Rows, commit: Commit, *, is_marker: bool = False) -> Load:
        result, times = commit.result, commit.snapshot_times
        name = (*part(result.part), *(("commit",) if is_marker else (str(commit.attempt), table)))
        labels = {field: str(getattr(result, field)).lower() for field in _RESULT}
        if len(times) == 1:
            labels[_TIME] = str((times[0] - _EPOCH) // timedelta(microseconds=1))
        return Load(
            table=f"{self.name}.{raw(table)}",
            file=rows.files[table],
            rows=rows.counts[table],
            schema=schema_of(table),
            job_id=self._job_id(commit.run_id, str(commit.task_index), *name),
            content=checksum(rows.files[table]),
            labels={**self._options.labels, **labels},
        )

    def _job_id(self, *name: str) -> str:
        return job_id(self.name.rpartition(".")[2], *name)

    def _query(self, sql: str) -> bigquery.QueryJob:
        """The finished job. BigQuery refuses one that would exceed `maximum_bytes_billed`."""
        job = self._queries.run(sql)
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
