"""CronJobs (`batch/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.scope import Scope
from job.kinds.parts.workloads import counts, workload_rows
from job.wire.meta import Elements, ManagedMeta, Time, Wire, check_years
from job.wire.workloads import JobSpec


class JobTemplateSpec(Wire, frozen=True):
    spec: JobSpec | None = None


class CronJobSpec(Wire, frozen=True):
    schedule: str | None = None
    time_zone: str | None = None
    concurrency_policy: str | None = None
    suspend: bool | None = None
    job_template: JobTemplateSpec | None = None


class ObjectReference(Wire, frozen=True):
    uid: str | None = None


class CronJobStatus(Wire, frozen=True):
    active: Elements[ObjectReference] | None = None
    last_schedule_time: Time | None = None
    last_successful_time: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.last_schedule_time, self.last_successful_time)


class CronJob(Wire, frozen=True):
    metadata: ManagedMeta
    spec: CronJobSpec | None = None
    status: CronJobStatus | None = None


def cronjob_rows(cronjob: CronJob, scope: Scope) -> Iterator[tables.Record]:
    """The CronJob's row and those of its containers."""
    spec, status = cronjob.spec or CronJobSpec(), cronjob.status or CronJobStatus()
    job = (spec.job_template and spec.job_template.spec) or JobSpec()
    yield from workload_rows(
        KIND,
        cronjob.metadata,
        job.template,
        scope,
        None,
        completions=job.completions,
        backoff_limit=job.backoff_limit,
        **counts(
            status.last_schedule_time,
            status.last_successful_time,
            status.active is not None,
            active=len(status.active or ()),
        ),
        suspended=bool(spec.suspend),
        schedule=spec.schedule or None,
        time_zone=spec.time_zone or None,
        concurrency_policy=spec.concurrency_policy or None,
        last_scheduled_at=status.last_schedule_time,
        last_succeeded_at=status.last_successful_time,
    )


KIND = Kind("cronjobs", "/apis/batch/v1/cronjobs", CronJob, cronjob_rows, controls="CronJob")
