"""Query jobs: submitted once, repeated if they fail for a transient reason, and cancelled if nobody waits any more."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.cloud import bigquery

    from job.sinks.bigquery.client import BoundedClient
    from job.sinks.bigquery.retries import BoundedRetry

_CANCEL_SECONDS = 0.5  # Ctrl-C ends a command within a second


class Queries:
    """Runs queries with the same options."""

    def __init__(self, client: BoundedClient, location: str | None, config: bigquery.QueryJobConfig) -> None:
        self._client, self._location, self._config = client, location, config

    def run(self, sql: str) -> bigquery.QueryJob:
        """The finished job of a query. It is cancelled if nobody waits for it any more, so that it costs nothing more.

        Raises:
            GoogleAPICallError: BigQuery refuses the query, or it failed.
            GaveUpError: it did not finish in time, or failed again and again.
        """
        from job.sinks.bigquery.retries import GaveUpError

        job: bigquery.QueryJob | None = None
        job_id = ""

        def attempt(policy: BoundedRetry) -> bigquery.QueryJob:
            nonlocal job, job_id
            if job is None or job.error_result:
                job_id = f"gke-inventory-query-{uuid.uuid4()}"
                job, _ = self.submit(sql, job_id, policy)
            _wait(job, policy)
            return job

        try:
            return self._client.policy.retried(attempt)
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, GaveUpError):
                self._cancel(job_id, self._location if job is None else job.location)
            raise

    def run_once(self, sql: str, job_id: str) -> tuple[bigquery.QueryJob, bool]:
        """The finished job under an id that several processes use for one query, and whether this one submitted it.

        The id ends with a number, which goes up each time that the job fails for a transient reason.
        """
        number = 0
        job: bigquery.QueryJob | None = None
        is_ours = False

        def attempt(policy: BoundedRetry) -> tuple[bigquery.QueryJob, bool]:
            nonlocal job, number, is_ours
            if job is not None and job.error_result:
                job, number = None, number + 1
            if job is None:
                job, is_ours = self.submit(sql, f"{job_id}-{number}", policy)
            _wait(job, policy)
            return job, is_ours

        return self._client.policy.retried(attempt)

    def submit(
        self, sql: str, job_id: str, policy: BoundedRetry | None = None, *, labels: Mapping[str, str] | None = None
    ) -> tuple[bigquery.QueryJob, bool]:
        """Submits a query under an id, or finds the job that was submitted under it; whether it was submitted now.

        Args:
            labels: of the job, besides those of every job.
        """
        from google.api_core.exceptions import Conflict

        retry: Any = policy or self._client.policy
        config = deepcopy(self._config)
        config.labels = {**self._config.labels, **(labels or {})}
        try:
            return self._client.query(
                sql, job_config=config, job_id=job_id, job_retry=None, location=self._location, retry=retry
            ), True
        except Conflict:  # perhaps with ourselves, after the answer to the first try was lost
            found: Any = self._client.get_job(job_id, location=self._location, retry=retry)
            return found, False

    def _cancel(self, job_id: str, location: str | None) -> None:
        with suppress(Exception):
            self._client.cancel_job(job_id, location=location, retry=None, timeout=_CANCEL_SECONDS)  # type: ignore[arg-type]


def _wait(job: bigquery.QueryJob, policy: BoundedRetry) -> None:
    """Waits once for a job to finish, and raises any error: the response to a request for the results of a failed job
    looks like an error of that request, which a retry would not help."""
    single_try: Any = policy.once()
    job.result(retry=single_try, timeout=policy.left(), job_retry=None)
