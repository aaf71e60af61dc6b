"""Workloads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record, Toleration


class Workload(Record, frozen=True, kw_only=True):
    """A workload."""

    table = "workloads"
    description = (
        "A Deployment, StatefulSet, DaemonSet, Job or CronJob, or a ReplicaSet or Pod that nothing controls. What does "
        "not apply to a kind is NULL."
    )
    read_from = "*"
    clustering = ("project_id", "cluster", "namespace", "name")

    resource: Annotated[str, "The API resource it was read from: `deployments`, ..."]
    kind: Annotated[str, "`Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `CronJob`, `ReplicaSet` or `Pod`."]
    api_version: Annotated[str, "`apps/v1`, `batch/v1` or `v1`."]
    namespace: Annotated[str, "Its namespace."]
    name: Annotated[str, "Its name."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When it was created."] = None
    deleted_at: Annotated[datetime | None, "When its deletion was asked for, where it is being deleted."] = None
    generation: Annotated[int | None, "Generation of the specification."] = None
    observed_generation: Annotated[int | None, "Generation that its controller has acted upon."] = None
    owner_kind: Annotated[str | None, "Kind of what controls it: a CronJob, or a custom resource."] = None
    owner_api_version: Annotated[str | None, "apiVersion of what controls it."] = None
    owner_name: Annotated[str | None, "Name of what controls it."] = None
    owner_uid: Annotated[str | None, "UID of what controls it."] = None
    replicas_wanted: Annotated[
        int | None,
        "Pods wanted: `spec.replicas`, a DaemonSet's `desiredNumberScheduled`, a Job's `parallelism`.",
    ] = None
    replicas: Annotated[
        int | None,
        "Pods there are: `status.replicas`, a DaemonSet's `currentNumberScheduled`. Like all that a controller counts: "
        "NULL until it has acted for the first time, 0 where it then counts none.",
    ] = None
    replicas_ready: Annotated[int | None, "Pods that are ready."] = None
    replicas_available: Annotated[int | None, "Pods ready for at least `minReadySeconds`."] = None
    replicas_updated: Annotated[int | None, "Pods of the newest template."] = None
    replicas_unavailable: Annotated[int | None, "Pods missing from those wanted."] = None
    strategy: Annotated[str | None, "Update strategy: `RollingUpdate`, `Recreate`, `OnDelete`."] = None
    paused: Annotated[bool | None, "The rollout is paused."] = None
    selector: Annotated[tuple[KeyValue, ...], "`matchLabels` of the selector."] = ()
    service_name: Annotated[str | None, "A StatefulSet's governing service."] = None
    completions: Annotated[int | None, "Completions wanted of a Job, or of each Job of a CronJob."] = None
    backoff_limit: Annotated[int | None, "Retries of a Job, or of each Job of a CronJob."] = None
    active: Annotated[int | None, "A Job's running pods, or a CronJob's running Jobs."] = None
    succeeded: Annotated[int | None, "A Job's pods that succeeded."] = None
    failed: Annotated[int | None, "A Job's pods that failed."] = None
    started_at: Annotated[datetime | None, "When a Job was started."] = None
    completed_at: Annotated[datetime | None, "When a Job completed."] = None
    suspended: Annotated[bool | None, "A Job or CronJob is suspended."] = None
    schedule: Annotated[str | None, "A CronJob's schedule."] = None
    time_zone: Annotated[str | None, "Time zone of the schedule; NULL is the controller's, UTC on GKE."] = None
    concurrency_policy: Annotated[str | None, "`Allow`, `Forbid` or `Replace`."] = None
    last_scheduled_at: Annotated[datetime | None, "When a CronJob last started a Job."] = None
    last_succeeded_at: Annotated[datetime | None, "When a CronJob's Job last succeeded."] = None
    service_account: Annotated[str | None, "Service account of its pods."] = None
    automount_service_account_token: Annotated[
        bool | None, "Its pods mount the account's token; NULL: as by default."
    ] = None
    restart_policy: Annotated[str | None, "`Always`, `OnFailure` or `Never`."] = None
    priority_class: Annotated[str | None, "Priority class of its pods."] = None
    runtime_class: Annotated[str | None, "Runtime class of its pods: `gvisor`."] = None
    scheduler_name: Annotated[str | None, "Scheduler of its pods."] = None
    termination_grace_period_seconds: Annotated[int | None, "Seconds from SIGTERM to SIGKILL."] = None
    host_network: Annotated[bool, "Its pods use the node's network."]
    host_pid: Annotated[bool, "Its pods see the node's processes."]
    host_ipc: Annotated[bool, "Its pods share the node's IPC."]
    host_paths: Annotated[tuple[str, ...], "Paths of the node that its pods mount."] = ()
    run_as_non_root: Annotated[bool | None, "Pod security context: `runAsNonRoot`."] = None
    run_as_user: Annotated[int | None, "Pod security context: `runAsUser`."] = None
    seccomp_profile: Annotated[str | None, "Pod security context: type of the seccomp profile."] = None
    node_selector: Annotated[tuple[KeyValue, ...], "Node selector of its pods."] = ()
    tolerations: Annotated[tuple[Toleration, ...], "Tolerations of its pods."] = ()
    conditions: Annotated[tuple[Condition, ...], "Its conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Its labels."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
