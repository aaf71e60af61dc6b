"""Workloads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record, Toleration


class Workload(Record, frozen=True, kw_only=True):
    """A workload of any kind."""

    table = "workloads"
    description = (
        "A Deployment, StatefulSet, DaemonSet, Job or CronJob, or a ReplicaSet or Pod without a controller. Columns "
        "that do not apply to a kind are NULL."
    )
    read_from = "*"
    clustering = ("project_id", "cluster", "namespace", "name")

    resource: Annotated[str, "API resource that the workload was read from: `deployments`, ..."]
    kind: Annotated[str, "`Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `CronJob`, `ReplicaSet` or `Pod`."]
    api_version: Annotated[str, "`apps/v1`, `batch/v1` or `v1`."]
    namespace: Annotated[str, "Namespace of the workload."]
    name: Annotated[str, "Name of the workload."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the workload was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    generation: Annotated[int | None, "Generation of the specification."] = None
    observed_generation: Annotated[int | None, "Generation that the controller last acted on."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as `CronJob` or a custom resource."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    replicas_wanted: Annotated[
        int | None,
        "Number of pods wanted: `spec.replicas`, a DaemonSet's `desiredNumberScheduled`, a Job's `parallelism`.",
    ] = None
    replicas: Annotated[
        int | None,
        "Number of pods: `status.replicas`, a DaemonSet's `currentNumberScheduled`. This and the other counts of a "
        "status are NULL until the status shows that the controller has acted: by `observedGeneration`, a condition or "
        "start time of a Job, a time of a CronJob, or a count above 0.",
    ] = None
    replicas_ready: Annotated[int | None, "Number of pods that are ready."] = None
    replicas_available: Annotated[int | None, "Number of pods that have been ready for `minReadySeconds`."] = None
    replicas_updated: Annotated[int | None, "Number of pods of the current template."] = None
    replicas_unavailable: Annotated[int | None, "Number of pods that are wanted but not available."] = None
    strategy: Annotated[str | None, "Update strategy: `RollingUpdate`, `Recreate`, `OnDelete`."] = None
    paused: Annotated[bool | None, "Whether the rollout of a Deployment is paused; NULL for other kinds."] = None
    selector: Annotated[tuple[KeyValue, ...], "`matchLabels` of the selector."] = ()
    service_name: Annotated[str | None, "Governing Service of a StatefulSet."] = None
    completions: Annotated[int | None, "Number of completions that a Job, or each Job of a CronJob, needs."] = None
    backoff_limit: Annotated[int | None, "Number of retries of a Job, or of each Job of a CronJob."] = None
    active: Annotated[int | None, "Number of running pods of a Job, or of running Jobs of a CronJob."] = None
    succeeded: Annotated[int | None, "Number of pods of a Job that succeeded."] = None
    failed: Annotated[int | None, "Number of pods of a Job that failed."] = None
    started_at: Annotated[datetime | None, "When a Job was started."] = None
    completed_at: Annotated[datetime | None, "When a Job completed."] = None
    suspended: Annotated[bool | None, "Whether a Job or CronJob is suspended; NULL for other kinds."] = None
    schedule: Annotated[str | None, "Schedule of a CronJob."] = None
    time_zone: Annotated[str | None, "Time zone of the schedule; NULL for that of the controller, UTC on GKE."] = None
    concurrency_policy: Annotated[str | None, "`Allow`, `Forbid` or `Replace`."] = None
    last_scheduled_at: Annotated[datetime | None, "When a CronJob last started a Job."] = None
    last_succeeded_at: Annotated[datetime | None, "When a Job of a CronJob last succeeded."] = None
    service_account: Annotated[str | None, "Service account of the pods."] = None
    automount_service_account_token: Annotated[
        bool | None, "Whether pods mount the token of the service account; NULL for the default."
    ] = None
    restart_policy: Annotated[str | None, "`Always`, `OnFailure` or `Never`."] = None
    priority_class: Annotated[str | None, "Priority class of the pods."] = None
    runtime_class: Annotated[str | None, "Runtime class of the pods: `gvisor`."] = None
    scheduler_name: Annotated[str | None, "Scheduler of the pods."] = None
    termination_grace_period_seconds: Annotated[int | None, "Seconds from SIGTERM to SIGKILL."] = None
    host_network: Annotated[bool, "Whether pods use the node's network."]
    host_pid: Annotated[bool, "Whether pods see the node's processes."]
    host_ipc: Annotated[bool, "Whether pods share the node's IPC namespace."]
    host_paths: Annotated[tuple[str, ...], "Paths on the node that pods mount."] = ()
    run_as_non_root: Annotated[bool | None, "Pod security context: `runAsNonRoot`."] = None
    run_as_user: Annotated[int | None, "Pod security context: `runAsUser`."] = None
    seccomp_profile: Annotated[str | None, "Pod security context: type of the seccomp profile."] = None
    node_selector: Annotated[tuple[KeyValue, ...], "Node selector of the pods."] = ()
    tolerations: Annotated[tuple[Toleration, ...], "Tolerations of the pods."] = ()
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the workload."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
