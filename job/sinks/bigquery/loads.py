"""Load jobs, each of which takes effect once, whatever becomes of the answers to our requests.

A job id can be used once in a project, and a failed job keeps it (https://cloud.google.com/bigquery/docs/running-jobs):
so an id says what is loaded, and a number at its end is raised when the job of the number before has failed.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from job.errors import SinkError
from job.log import log
from job.sinks.bigquery.errors import TRANSIENT, is_transient, message

if TYPE_CHECKING:
    from google.cloud import bigquery

_MOST_JOBS = 5  # of one load, one after another has failed
_MOST_NUMBERS = 100  # that failed jobs of all processes may have used up
_MOST_TRIES = 6  # to hand in one job
_LONGEST_WAIT = 16.0  # seconds
_CONTENT = "content"  # the label that says what a job loads


class Load(NamedTuple):
    """What is to be loaded into one table."""

    table: str
    """`project.dataset.table`"""
    file: Path
    rows: int
    """How many the file has."""
    schema: list[bigquery.SchemaField]
    job_id: str
    """Without the number at its end."""
    content: str
    """Tells these rows from any others: `checksum` of the file."""
    labels: dict[str, str]


def checksum(file: Path) -> str:
    """A label's value (lower case, at most 63 characters) that files of other content have not."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:32]


class Loads:
    """Hands in load jobs and waits for them."""

    def __init__(self, client: bigquery.Client, location: str, timeout_seconds: float) -> None:
        self._client, self._location, self._timeout_seconds = client, location, timeout_seconds

    def start(self, load: Load, *, number: int = 0) -> bigquery.LoadJob:
        """Hands the job in, under the first number from `number` on that no other content has taken.

        Raises:
            GoogleAPICallError, RequestException: it is refused, or BigQuery cannot be reached.
        """
        for following in range(number, number + _MOST_NUMBERS):
            job = self._hand_in(load, following)
            if job.labels.get(_CONTENT) == load.content:
                return job
            # of another process that was the same task: its rows are of snapshots that nobody will commit
        raise SinkError(f"{load.table}: other processes have taken the job ids {load.job_id}-{number} and following")

    def finish(self, job: bigquery.LoadJob, load: Load) -> None:
        """Waits for a job from `start`; one that fails for BigQuery's own reasons is repeated under the next number.

        Raises:
            SinkError: it failed.
        """
        for tried in range(1, _MOST_JOBS + 1):
            reason = self._ended(job)
            if reason is None:
                break
            if reason not in TRANSIENT or tried == _MOST_JOBS:
                raise SinkError(f"load job {job.job_id} into {load.table} failed: {reason}: {_why(job)}")
            log.warning("load job failed", table=load.table, job_id=job.job_id, reason=reason, attempt=tried)
            job = self.start(load, number=_number_of(job) + 1)
        _check_count(job, load)

    def commit(self, load: Load) -> bool:
        """Hands in and waits for the one job of its name that may ever succeed, whoever handed it in.

        Returns:
            Whether it was this one; False where another process has committed before.

        Raises:
            SinkError: it failed, or it is not known yet whether it will.
        """
        failed = 0
        for number in range(_MOST_NUMBERS):
            job = self._hand_in(load, number)
            is_ours, reason = bool(job.labels.get(_CONTENT) == load.content), self._ended(job)
            if reason is None:
                if is_ours:
                    _check_count(job, load)
                return is_ours
            failed += is_ours
            log.warning("commit failed", table=load.table, job_id=job.job_id, reason=reason, attempt=failed)
            if is_ours and (reason not in TRANSIENT or failed == _MOST_JOBS):
                break
        raise SinkError(f"load job {job.job_id} into {load.table} failed: {reason}: {_why(job)}")

    def committed(self, job_id: str) -> dict[str, str] | None:
        """The labels of the job of this name that has succeeded; None where none has.

        One that still runs is waited for.
        """
        from google.api_core.exceptions import NotFound

        for number in range(_MOST_NUMBERS):
            try:
                job = self._get(f"{job_id}-{number}")
            except NotFound:
                break
            if self._ended(job) is None:
                return dict(job.labels)
        return None

    def _hand_in(self, load: Load, number: int) -> bigquery.LoadJob:
        """Submits the job, or finds the one that has been submitted under its id before, by whomever."""
        from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
        from google.cloud.bigquery import LoadJobConfig
        from requests.exceptions import RequestException

        job_id = f"{load.job_id}-{number}"
        config = LoadJobConfig(
            schema=load.schema,
            source_format="NEWLINE_DELIMITED_JSON",
            write_disposition="WRITE_APPEND",
            create_disposition="CREATE_NEVER",
            labels={**load.labels, _CONTENT: load.content},
        )
        for tried in range(1, _MOST_TRIES + 1):
            try:
                with load.file.open("rb") as source:
                    size = load.file.stat().st_size
                    return self._client.load_table_from_file(
                        source, load.table, size=size, job_id=job_id, location=self._location, job_config=config
                    )
            except Conflict:
                return self._get(job_id)
            except (GoogleAPICallError, RequestException) as error:
                if isinstance(error, GoogleAPICallError) and not is_transient(error):
                    raise
                try:  # the answer may have been lost on its way, and the job be there
                    return self._get(job_id)
                except NotFound:
                    if tried == _MOST_TRIES:
                        raise error from None
                log.warning("load job not accepted", table=load.table, error=message(error), attempt=tried)
                time.sleep(min(2.0**tried / 4, _LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _get(self, job_id: str) -> bigquery.LoadJob:
        found: Any = self._client.get_job(job_id, location=self._location)
        return found  # type: ignore[no-any-return]

    def _ended(self, job: bigquery.LoadJob) -> str | None:
        """Waits for the job's end; the reason of its failure, None where it has succeeded."""
        from google.api_core.exceptions import GoogleAPICallError

        try:
            job.result(timeout=self._timeout_seconds)
        except FutureTimeoutError as error:
            raise SinkError(
                f"load job {job.job_id} is still {job.state} after {self._timeout_seconds:g} s "
                f"(timeouts.sink_seconds); see how it ends: bq show --location={self._location} -j {job.job_id}"
            ) from error
        except GoogleAPICallError:
            if job.state != "DONE" or not job.error_result:
                raise  # it is the question that failed, not the job
        return str(job.error_result["reason"]) if job.error_result else None


def _number_of(job: bigquery.LoadJob) -> int:
    return int(str(job.job_id).rpartition("-")[2])


def _why(job: bigquery.LoadJob) -> str:
    return " ".join(str((job.error_result or {}).get("message", "")).split())[:300].rstrip(".")


def _check_count(job: bigquery.LoadJob, load: Load) -> None:
    if job.output_rows != load.rows:
        raise SinkError(f"load job {job.job_id} wrote {job.output_rows} of {load.rows} rows into {load.table}")
