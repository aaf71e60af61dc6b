"""Jobs (`batch/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.scope import Scope
from job.kinds.parts.selectors import label_selector
from job.kinds.parts.workloads import counts, workload_rows
from job.wire.meta import Condition, Elements, Int64, ManagedMeta, Time, Wire, check_years
from job.wire.workloads import JobSpec


class JobStatus(Wire, frozen=True):
    active: Int64 | None = None
    ready: Int64 | None = None
    succeeded: Int64 | None = None
    failed: Int64 | None = None
    start_time: Time | None = None
    completion_time: Time | None = None
    conditions: Elements[Condition] | None = None

    def __post_init__(self) -> None:
        check_years(self.start_time, self.completion_time)


class Job(Wire, frozen=True):
    metadata: ManagedMeta
    spec: JobSpec | None = None
    status: JobStatus | None = None


def job_rows(job: Job, scope: Scope) -> Iterator[tables.Record]:
    """The Job's row and those of its containers."""
    spec, status = job.spec or JobSpec(), job.status or JobStatus()
    yield from workload_rows(
        KIND,
        job.metadata,
        spec.template,
        scope,
        status.conditions,
        replicas_wanted=spec.parallelism,
        **label_selector(spec.selector),
        completions=spec.completions,
        backoff_limit=spec.backoff_limit,
        **counts(
            status.start_time,
            status.conditions,  # a Job that is suspended from its beginning has a condition alone
            status.ready is not None,
            replicas_ready=status.ready,
            active=status.active,
            succeeded=status.succeeded,
            failed=status.failed,
        ),
        started_at=status.start_time,
        completed_at=status.completion_time,
        suspended=bool(spec.suspend),
    )


KIND = Kind("jobs", "/apis/batch/v1/jobs", Job, job_rows, controls="Job")
