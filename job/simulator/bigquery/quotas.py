"""Counts what BigQuery limits: https://cloud.google.com/bigquery/quotas

Counts of a table belong to its name: they continue if it is dropped and created again. Failed jobs count too.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, fields
from typing import Any

from job.simulator.bigquery.clock import Clock
from job.simulator.bigquery.errors import ApiError

_RATE_SECONDS = 10


@dataclass
class Limits:
    """BigQuery's limits; a test can lower them."""

    table_modifications_per_day: int = 1500
    partition_modifications_per_day: int = 30_000
    partitions_per_job: int = 4000
    partitions_per_table: int = 10_000
    load_jobs_per_project_per_day: int = 100_000
    metadata_updates_per_10_seconds: int = 5
    metadata_updates_per_10_seconds_partitioned: int = 50


class Quotas:
    """The counts of the current day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._day = ""
        self._recent: dict[str, deque[float]] = {}
        self.limits = Limits()
        self.modifications: Counter[str] = Counter()
        self.partition_modifications: Counter[str] = Counter()
        self.metadata_updates: Counter[str] = Counter()
        self.load_jobs: Counter[str] = Counter()
        self.query_jobs: Counter[str] = Counter()

    def set_limits(self, changes: dict[str, int]) -> None:
        """Overrides some of the limits.

        Raises:
            ValueError: a limit does not exist.
        """
        names = {field.name for field in fields(Limits)}
        if unknown := set(changes) - names:
            raise ValueError(f"unknown limit {', '.join(sorted(unknown))}; choose from: {', '.join(sorted(names))}")
        self.limits = Limits(**{**asdict(self.limits), **changes})

    def count_job(self, project: str, kind: str) -> None:
        """Counts a job of a project, before it runs.

        Raises:
            ApiError: too many jobs today.
        """
        self._today()
        counts = self.load_jobs if kind == "load" else self.query_jobs
        counts[project] += 1
        if kind == "load" and counts[project] > self.limits.load_jobs_per_project_per_day:
            raise _quota("Your project exceeded quota for imports per project")

    def count_modification(self, table: str, *, partitioned: bool) -> None:
        """Counts a job that writes to a table, before it runs.

        Raises:
            ApiError: too many modifications today.
        """
        self._today()
        self.modifications[table] += 1
        if not partitioned and self.modifications[table] > self.limits.table_modifications_per_day:
            raise _quota("Your table exceeded quota for imports or query appends per table", table)
        self._rate(table, partitioned)

    def count_partitions(self, table: str, changed: int, total: int) -> None:
        """Counts the partitions that a job changed.

        Args:
            total: number of partitions that the table has now.

        Raises:
            ApiError: too many for one job, one day or one table.
        """
        self._today()
        self.partition_modifications[table] += changed
        if changed > self.limits.partitions_per_job:
            message = f"Too many partitions produced by query, allowed {self.limits.partitions_per_job}"
            raise ApiError(400, "invalid", f"{message}, query produces at least {changed} partitions")
        if total > self.limits.partitions_per_table:
            message = f"Too many partitions, allowed {self.limits.partitions_per_table} for a table"
            raise ApiError(403, "quotaExceeded", f"{message}, {table} would have {total}", location=table)
        if self.partition_modifications[table] > self.limits.partition_modifications_per_day:
            raise _quota(
                "Your table exceeded quota for Number of partition modifications to a column partitioned", table
            )

    def count_metadata_update(self, table: str, *, partitioned: bool) -> None:
        """Counts a creation or an update of a table or view.

        Raises:
            ApiError: too many updates in the last seconds.
        """
        self._today()
        self.metadata_updates[table] += 1
        self._rate(table, partitioned)

    def _rate(self, table: str, partitioned: bool) -> None:
        """Checks the rate of metadata updates, which includes jobs that write to the table.

        What is refused does not count: a client that tries again succeeds once the oldest update is 10 seconds old.
        """
        recent, now = self._recent.setdefault(table, deque()), self._clock.now()
        while recent and recent[0] <= now - _RATE_SECONDS:
            recent.popleft()
        limits = self.limits
        maximum = (
            limits.metadata_updates_per_10_seconds_partitioned
            if partitioned
            else limits.metadata_updates_per_10_seconds
        )
        if len(recent) >= maximum:
            message = "Exceeded rate limits: too many table update operations for this table"
            raise ApiError(403, "rateLimitExceeded", message, location=table)
        recent.append(now)

    def counts(self) -> dict[str, Any]:
        """All counts of today, and the limits."""
        self._today()
        names = ("modifications", "partition_modifications", "metadata_updates", "load_jobs", "query_jobs")
        return {name: dict(getattr(self, name)) for name in names} | {"limits": asdict(self.limits)}

    def _today(self) -> None:
        day = self._clock.utc().date().isoformat()
        if day != self._day:
            self._day = day
            for counts in (self.modifications, self.partition_modifications, self.metadata_updates):
                counts.clear()
            self.load_jobs.clear()
            self.query_jobs.clear()


def _quota(message: str, table: str | None = None) -> ApiError:
    text = f"Quota exceeded: {message}. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
    return ApiError(403, "quotaExceeded", text, location=table)
