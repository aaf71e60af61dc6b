"""Load jobs, each of which takes effect once, even if the answers to our requests are lost.

A job id can be used once in a project, and a failed job keeps it (https://cloud.google.com/bigquery/docs/running-jobs).
So an id names what is loaded, and ends with a number that goes up each time a job has failed.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from job.errors import SinkError
from job.sinks.bigquery.errors import is_transient

if TYPE_CHECKING:
    from google.cloud import bigquery

    from job.sinks.bigquery.client import BoundedClient
    from job.sinks.bigquery.retries import BoundedRetry

_MAX_NUMBERS = 100  # that failed jobs of all processes may have used up
_CONTENT = "content"  # the label with the checksum of a job's rows


class Load(NamedTuple):
    """Rows to load into one table."""

    table: str
    """`project.dataset.table`"""
    file: Path
    rows: int
    """How many the file has."""
    schema: list[bigquery.SchemaField]
    job_id: str
    """Without the number at its end."""
    content: str
    """`checksum` of the file: identifies these rows."""
    labels: dict[str, str]


def checksum(file: Path) -> str:
    """A hash of the file's content that can be a label's value (lower case, at most 63 characters)."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:32]


class Loads:
    """Submits load jobs and waits for them."""

    def __init__(self, client: BoundedClient, location: str) -> None:
        self._client, self._location = client, location

    def start(self, load: Load, *, number: int = 0, policy: BoundedRetry | None = None) -> bigquery.LoadJob:
        """Submits the job under the first number from `number` on that no other content has taken.

        Raises:
            GoogleAPICallError, GaveUpError: BigQuery refuses it, or cannot be reached.
        """
        for following in range(number, number + _MAX_NUMBERS):
            job = self._submit(load, following, policy or self._client.policy)
            if job.labels.get(_CONTENT) == load.content:
                return job
            # Another process was the same task: nobody will commit the snapshots of its rows.
        raise SinkError(f"{load.table}: other processes have taken the job ids from {load.job_id}-{number} on")

    def finish(self, job: bigquery.LoadJob, load: Load) -> None:
        """Waits for a job from `start`; one that fails for a transient reason is repeated under the next number.

        Raises:
            SinkError: it failed.
        """

        def attempt(policy: BoundedRetry) -> None:
            nonlocal job
            if job.error_result:
                job = self.start(load, number=_number_of(job) + 1, policy=policy)
            if self._failure(job, policy) is not None:
                raise LoadJobError(job)
            _check_count(job, load)

        self._client.policy.retried(attempt)

    def commit(self, load: Load) -> bool:
        """Submits and waits for the one job of its name that can ever succeed, whichever process submitted it.

        Returns:
            True if it was this one, False if another process has committed before.

        Raises:
            SinkError: it failed, or did not finish in time, so that it may still succeed.
        """
        number = 0

        def attempt(policy: BoundedRetry) -> bool:
            nonlocal number
            while True:
                job = self._submit(load, number, policy)
                is_ours = bool(job.labels.get(_CONTENT) == load.content)
                if self._failure(job, policy) is None:
                    if is_ours:
                        _check_count(job, load)
                    return is_ours
                number += 1
                if is_ours or number == _MAX_NUMBERS:
                    raise LoadJobError(job)

        return self._client.policy.retried(attempt)

    def committed_labels(self, job_id: str) -> dict[str, str] | None:
        """The labels of the job of this name that succeeded, None if none did. Waits for one that still runs."""
        from google.api_core.exceptions import NotFound

        for number in range(_MAX_NUMBERS):
            try:
                job = self._get(f"{job_id}-{number}", self._client.policy)
            except NotFound:
                break
            if self._failure(job, self._client.policy.started()) is None:
                return dict(job.labels)
        return None

    def ending_of(self, load: Load) -> Literal["ours", "another's", "failed", "unknown"]:
        """Which process's job of this name has succeeded, or that none has. Waits for no job.

        `unknown`: one may yet succeed, or BigQuery does not answer.
        """
        from google.api_core.exceptions import NotFound

        for number in range(_MAX_NUMBERS):
            try:
                job = self._get(f"{load.job_id}-{number}", self._client.policy.once())
            except NotFound:
                return "failed"
            except Exception:  # noqa: BLE001 (the error that led here is the one to report)
                return "unknown"
            if job.state != "DONE":
                return "unknown"
            if not job.error_result:
                return "ours" if job.labels.get(_CONTENT) == load.content else "another's"
        return "failed"

    def _submit(self, load: Load, number: int, policy: BoundedRetry) -> bigquery.LoadJob:
        """Submits the job, or finds the one that was submitted under its id before, by whichever process."""
        from google.api_core.exceptions import Conflict, NotFound

        job_id = f"{load.job_id}-{number}"

        def attempt(policy: BoundedRetry) -> bigquery.LoadJob:
            try:
                return self._upload(load, job_id, policy)
            except Conflict:
                return self._get(job_id, policy)
            except Exception as error:
                if not is_transient(error):
                    raise
                with suppress(NotFound):  # the answer may have been lost after the job was created
                    return self._get(job_id, policy)
                raise

        return policy.retried(attempt)

    def _upload(self, load: Load, job_id: str, policy: BoundedRetry) -> bigquery.LoadJob:
        from google.cloud.bigquery import LoadJobConfig

        config = LoadJobConfig(
            schema=load.schema,
            source_format="NEWLINE_DELIMITED_JSON",
            write_disposition="WRITE_APPEND",
            create_disposition="CREATE_NEVER",
            labels={**load.labels, _CONTENT: load.content},
        )
        size = load.file.stat().st_size

        def upload(timeout: tuple[float, float]) -> bigquery.LoadJob:
            with load.file.open("rb") as source:
                return self._client.load_table_from_file(
                    source,
                    load.table,
                    size=size,
                    job_id=job_id,
                    location=self._location,
                    job_config=config,
                    num_retries=0,  # our policy retries
                    timeout=timeout,
                )

        return policy.bounded(upload, seconds=policy.left())

    def _get(self, job_id: str, policy: BoundedRetry) -> bigquery.LoadJob:
        retry: Any = policy
        found: Any = self._client.get_job(job_id, location=self._location, retry=retry)
        return found  # type: ignore[no-any-return]

    def _failure(self, job: bigquery.LoadJob, policy: BoundedRetry) -> str | None:
        """Waits for the job to finish; the reason of its failure, None if it succeeded."""
        from google.api_core.exceptions import GoogleAPICallError

        retry: Any = policy
        try:
            job.result(timeout=policy.left(), retry=retry)
        except FutureTimeoutError as error:
            raise SinkError(
                f"load job {job.job_id} is still {job.state} after {policy.seconds:g} s "
                f"(timeouts.sink_seconds); to see how it ends: bq show --location={self._location} -j {job.job_id}"
            ) from error
        except GoogleAPICallError:
            if job.state != "DONE" or not job.error_result:
                raise  # the request for its state failed, not the job
        return str(job.error_result["reason"]) if job.error_result else None


class LoadJobError(SinkError):
    """A load job failed."""

    def __init__(self, job: bigquery.LoadJob) -> None:
        result = job.error_result or {}
        text = " ".join(str(result.get("message", "")).split())[:300].rstrip(".")
        super().__init__(f"load job {job.job_id} into {job.destination} failed: {result.get('reason')}: {text}")
        self.errors = [result]


def _number_of(job: bigquery.LoadJob) -> int:
    return int(str(job.job_id).rpartition("-")[2])


def _check_count(job: bigquery.LoadJob, load: Load) -> None:
    if job.output_rows != load.rows:
        raise SinkError(f"load job {job.job_id} wrote {job.output_rows} of {load.rows} rows into {load.table}")
