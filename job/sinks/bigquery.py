"""BigQuery: tables and views made to measure, load jobs that happen once, the commit marker last."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from job.errors import QueryError, SinkError
from job.identity import Identity
from job.log import log
from job.schema import PARTITIONED_BY, Column, columns
from job.sinks import Result, Rows
from job.tables import TABLES, Snapshot
from job.version import USER_AGENT
from job.views import digest, for_bigquery, views

if TYPE_CHECKING:
    from google.cloud import bigquery

_DIGEST = "gke_inventory_digest"  # the label that says which definition a table or view was made from
_MARKER = Snapshot.table
_MOST_ATTEMPTS = 5
# https://cloud.google.com/bigquery/docs/error-messages: those that say to try again
_TRANSIENT = frozenset({"backendError", "internalError", "rateLimitExceeded", "jobBackendError", "jobInternalError"})


class BigQuerySink:
    """A dataset."""

    def __init__(
        self,
        project: str,
        dataset: str,
        location: str | None,
        identity: Callable[[], Identity],
        *,
        endpoint: str | None,
        timeout_seconds: float,
    ) -> None:
        self.name = f"{project}.{dataset}"
        self._project = project
        self._location = location
        self._identity = identity
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._opened: bigquery.Client | None = None

    def prepare(self) -> None:
        """Creates the dataset, tables and views that are missing, and adds the columns that a table lacks."""
        with _telling(f"sink bigquery://{self.name}"):
            dataset = self._dataset()
            self._location = str(dataset.location)
            there = {item.table_id: item.labels for item in self._client.list_tables(dataset)}
            for table in TABLES:
                if there.get(table, {}).get(_DIGEST) != _table_digest(table):
                    self._make_table(table)
            for view in views():
                if there.get(view.name, {}).get(_DIGEST) != digest(view):
                    self._make_view(view.name, for_bigquery(view, self.name), view.description, digest(view))

    def publish(self, rows: Rows, *, load_id: str) -> None:
        """One load job for each table, together; the one of `snapshots` after all others have succeeded."""
        with _telling(f"sink bigquery://{self.name}: the run was not committed"):
            started = [
                (table, file, self._start(table, file, load_id, attempt=0))
                for table, file in rows.files.items()
                if table != _MARKER
            ]
            for table, file, job in started:
                self._finish(job, table, file, load_id, rows.counts[table])
            if marker := rows.files.get(_MARKER):
                job = self._start(_MARKER, marker, load_id, attempt=0)
                self._finish(job, _MARKER, marker, load_id, rows.counts[_MARKER])

    def named(self, table: str) -> str:
        return f"`{self.name}.{table}`"

    def query(self, sql: str) -> Result:
        from google.api_core.exceptions import BadRequest, NotFound
        from google.cloud.bigquery import QueryJobConfig

        with _telling(f"sink bigquery://{self.name}"):
            try:
                config = QueryJobConfig(default_dataset=self.name)
                found = self._client.query(sql, job_config=config, location=self._location).result()
            except (BadRequest, NotFound) as error:
                raise QueryError(f"the query failed: {_message(error)}") from error
            named = tuple((field.name, _type(field)) for field in found.schema)
            return Result(named, [tuple(row.values()) for row in found])

    @property
    def _client(self) -> bigquery.Client:
        if self._opened is None:
            from google.api_core.client_info import ClientInfo
            from google.api_core.client_options import ClientOptions
            from google.cloud.bigquery import Client

            self._opened = Client(
                project=self._project,
                credentials=self._identity().credentials,
                location=self._location,
                client_info=ClientInfo(user_agent=USER_AGENT),  # type: ignore[no-untyped-call]
                client_options=ClientOptions(api_endpoint=self._endpoint) if self._endpoint else None,
            )
        return self._opened

    def _dataset(self) -> bigquery.Dataset:
        from google.api_core.exceptions import NotFound
        from google.cloud.bigquery import Dataset

        try:
            found = self._client.get_dataset(self.name)
        except NotFound:
            wanted = Dataset(self.name)
            wanted.location = self._location
            wanted.description = "Snapshots of GKE clusters, by gke-inventory. Start with the view `coverage`."
            found = self._client.create_dataset(wanted, exists_ok=True)
        if self._location and str(found.location).lower() != self._location.lower():
            raise SinkError(
                f"sink bigquery://{self.name}: the dataset is in {found.location}, not in {self._location}; "
                f"write ?location={found.location}, or name another dataset"
            )
        return found

    def _make_table(self, table: str) -> None:
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table, TimePartitioning

        wanted = Table(f"{self.name}.{table}", schema=[_field(column) for column in columns(table)])
        wanted.description = TABLES[table].description
        wanted.time_partitioning = TimePartitioning(field=PARTITIONED_BY)
        wanted.clustering_fields = list(TABLES[table].clustering)
        wanted.labels = {_DIGEST: _table_digest(table)}
        try:
            found = self._client.create_table(wanted)
        except Conflict:
            found = self._client.get_table(wanted)
        named = {field.name for field in found.schema}
        missing = [column for column in columns(table) if column.name not in named]
        if not missing and found.labels == wanted.labels:
            return
        # a column that comes later is NULL in the rows that are there
        found.schema = [*found.schema, *(_field(c._replace(mode=_later(c.mode))) for c in missing)]
        found.labels = {**found.labels, **wanted.labels}
        self._client.update_table(found, ["schema", "labels"])

    def _make_view(self, name: str, sql: str, description: str, made_from: str) -> None:
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table

        wanted = Table(f"{self.name}.{name}")
        wanted.view_query = sql
        wanted.description = description
        wanted.labels = {_DIGEST: made_from}
        try:
            self._client.create_table(wanted)
        except Conflict:
            self._client.update_table(wanted, ["view_query", "description", "labels"])

    def _start(self, table: str, file: Path, load_id: str, *, attempt: int) -> bigquery.LoadJob:
        """Submits the load job, or finds the one that was submitted under its id before."""
        from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
        from google.cloud.bigquery import LoadJobConfig
        from requests.exceptions import RequestException

        job_id = _job_id(load_id, table, attempt)
        config = LoadJobConfig(
            schema=[_field(column) for column in columns(table)],
            source_format="NEWLINE_DELIMITED_JSON",
            write_disposition="WRITE_APPEND",
            create_disposition="CREATE_NEVER",
        )
        for tried in range(1, _MOST_ATTEMPTS + 1):
            try:
                with file.open("rb") as source:
                    return self._client.load_table_from_file(
                        source,
                        f"{self.name}.{table}",
                        size=file.stat().st_size,
                        job_id=job_id,
                        location=self._location,
                        job_config=config,
                    )
            except Conflict:
                return self._job(job_id)
            except (GoogleAPICallError, RequestException) as error:
                if isinstance(error, GoogleAPICallError) and not _is_transient(error):
                    raise
                try:  # the answer may have been lost on its way, and the job be there
                    return self._job(job_id)
                except NotFound:
                    if tried == _MOST_ATTEMPTS:
                        raise error from None
                log.warning("load job not accepted", table=table, error=type(error).__name__, attempt=tried)
                time.sleep(min(2.0**tried / 2, 16.0))
        raise AssertionError("unreachable")

    def _job(self, job_id: str) -> bigquery.LoadJob:
        found: Any = self._client.get_job(job_id, location=self._location)
        return found  # type: ignore[no-any-return]

    def _finish(self, job: bigquery.LoadJob, table: str, file: Path, load_id: str, count: int) -> None:
        """Waits for the job; one that failed for BigQuery's own reasons is repeated under a new id."""
        from google.api_core.exceptions import GoogleAPICallError

        for attempt in range(1, _MOST_ATTEMPTS + 1):
            try:
                job.result(timeout=self._timeout_seconds)
                break
            except GoogleAPICallError as error:
                reason = (job.error_result or {}).get("reason")
                if reason not in _TRANSIENT or attempt == _MOST_ATTEMPTS:
                    raise SinkError(
                        f"sink bigquery://{self.name}: load job {job.job_id} of {table} failed: {_message(error)}; "
                        "the run was not committed"
                    ) from error
                log.warning("load job failed", table=table, job_id=job.job_id, reason=reason, attempt=attempt)
            job = self._start(table, file, load_id, attempt=attempt)
        if job.output_rows != count:
            raise SinkError(
                f"sink bigquery://{self.name}: load job {job.job_id} wrote {job.output_rows} of {count} rows "
                f"to {table}; "
                "the run was not committed"
            )


def _field(column: Column) -> bigquery.SchemaField:
    from google.cloud.bigquery import SchemaField

    kind = "RECORD" if column.type == "STRUCT" else column.type
    inner = tuple(_field(field) for field in column.fields)
    return SchemaField(column.name, kind, mode=column.mode, description=column.description, fields=inner)


def _later(mode: str) -> str:
    return "NULLABLE" if mode == "REQUIRED" else mode


def _table_digest(table: str) -> str:
    import hashlib

    return hashlib.sha256(repr(columns(table)).encode()).hexdigest()[:16]


def _job_id(load_id: str, table: str, attempt: int) -> str:
    # https://cloud.google.com/bigquery/docs/running-jobs: letters, digits, _ and -, at most 1,024
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"gke-inventory-{load_id}-{table}-{attempt}")


def _is_transient(error: Any) -> bool:
    reasons = {told.get("reason") for told in error.errors or () if isinstance(told, dict)}
    return bool(reasons & _TRANSIENT) or error.code in (429, 500, 502, 503, 504)


@contextmanager
def _telling(doing: str) -> Iterator[None]:
    """Turns what Google's libraries raise into one sentence about the sink."""
    from concurrent.futures import TimeoutError as FutureTimeoutError

    from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except Forbidden as error:
        advice = "grant roles/bigquery.dataEditor on the dataset and roles/bigquery.jobUser on the project"
        raise SinkError(f"{doing}: {_message(error)}; {advice}") from error
    except NotFound as error:
        raise SinkError(f"{doing}: {_message(error)}; check the project and dataset") from error
    except (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, FutureTimeoutError, OSError) as error:
        raise SinkError(f"{doing}: {_message(error)}") from error


def _message(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300].rstrip(".")


def _type(field: bigquery.SchemaField) -> str:
    if field.mode == "REPEATED" or field.field_type in ("RECORD", "STRUCT"):
        return "JSON"
    return {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "BIGNUMERIC": "NUMERIC"}.get(
        field.field_type, field.field_type
    )
