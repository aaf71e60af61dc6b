"""Deployments, ReplicaSets, StatefulSets, DaemonSets (`apps/v1`), Jobs and CronJobs (`batch/v1`)."""

from __future__ import annotations

from job.wire.core import PodTemplateSpec
from job.wire.meta import Condition, Int64, LabelSelector, ObjectMeta, Time, Wire


class Strategy(Wire, frozen=True):
    type: str | None = None


class DeploymentSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    paused: bool | None = None
    strategy: Strategy | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class DeploymentStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    replicas: Int64 | None = None
    ready_replicas: Int64 | None = None
    available_replicas: Int64 | None = None
    updated_replicas: Int64 | None = None
    unavailable_replicas: Int64 | None = None
    conditions: list[Condition] | None = None


class Deployment(Wire, frozen=True):
    metadata: ObjectMeta
    spec: DeploymentSpec | None = None
    status: DeploymentStatus | None = None


class ReplicaSetSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class ReplicaSetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    replicas: Int64 | None = None
    ready_replicas: Int64 | None = None
    available_replicas: Int64 | None = None
    conditions: list[Condition] | None = None


class ReplicaSet(Wire, frozen=True):
    metadata: ObjectMeta
    spec: ReplicaSetSpec | None = None
    status: ReplicaSetStatus | None = None


class StatefulSetSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    service_name: str | None = None
    update_strategy: Strategy | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class StatefulSetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    replicas: Int64 | None = None
    ready_replicas: Int64 | None = None
    available_replicas: Int64 | None = None
    updated_replicas: Int64 | None = None
    conditions: list[Condition] | None = None


class StatefulSet(Wire, frozen=True):
    metadata: ObjectMeta
    spec: StatefulSetSpec | None = None
    status: StatefulSetStatus | None = None


class DaemonSetSpec(Wire, frozen=True):
    update_strategy: Strategy | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class DaemonSetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    desired_number_scheduled: Int64 | None = None
    current_number_scheduled: Int64 | None = None
    number_ready: Int64 | None = None
    number_available: Int64 | None = None
    number_unavailable: Int64 | None = None
    updated_number_scheduled: Int64 | None = None
    conditions: list[Condition] | None = None


class DaemonSet(Wire, frozen=True):
    metadata: ObjectMeta
    spec: DaemonSetSpec | None = None
    status: DaemonSetStatus | None = None


class JobSpec(Wire, frozen=True):
    parallelism: Int64 | None = None
    completions: Int64 | None = None
    backoff_limit: Int64 | None = None
    suspend: bool | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class JobStatus(Wire, frozen=True):
    active: Int64 | None = None
    ready: Int64 | None = None
    succeeded: Int64 | None = None
    failed: Int64 | None = None
    start_time: Time | None = None
    completion_time: Time | None = None
    conditions: list[Condition] | None = None


class Job(Wire, frozen=True):
    metadata: ObjectMeta
    spec: JobSpec | None = None
    status: JobStatus | None = None


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
    active: list[ObjectReference] | None = None
    last_schedule_time: Time | None = None
    last_successful_time: Time | None = None


class CronJob(Wire, frozen=True):
    metadata: ObjectMeta
    spec: CronJobSpec | None = None
    status: CronJobStatus | None = None
