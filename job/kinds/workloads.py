"""Workloads of every kind, and the containers of their pod templates.

Records are made in portions, here as in `pods.py`: that module says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from job.kinds.parts.containers import container_rows
from job.kinds.parts.metadata import allowed_annotations, conditions, controller_of, key_values
from job.kinds.parts.scope import Scope
from job.tables import KeyValue, Record, Toleration, Workload
from job.wire import core, workloads
from job.wire.meta import Condition, LabelSelector, ObjectMeta


def deployment_rows(deployment: workloads.Deployment, scope: Scope) -> Iterator[Record]:
    """The Deployment's row and those of its containers."""
    spec, status = deployment.spec or workloads.DeploymentSpec(), deployment.status or workloads.DeploymentStatus()
    yield from _rows(
        ("deployments", "Deployment", "apps/v1"),
        deployment.metadata,
        spec.template,
        scope,
        status.conditions,
        observed_generation=status.observed_generation,
        replicas_wanted=spec.replicas,
        **_counts(
            status.observed_generation,
            replicas=status.replicas,
            replicas_ready=status.ready_replicas,
            replicas_available=status.available_replicas,
            replicas_updated=status.updated_replicas,
            replicas_unavailable=status.unavailable_replicas,
        ),
        strategy=spec.strategy.type if spec.strategy else None,
        paused=spec.paused,
        selector=_selector(spec.selector),
    )


def replicaset_rows(replicaset: workloads.ReplicaSet, scope: Scope) -> Iterator[Record]:
    """The rows of a ReplicaSet that nothing controls; none for one that a Deployment, say, controls."""
    if controller_of(replicaset.metadata) is not None:
        return
    spec, status = replicaset.spec or workloads.ReplicaSetSpec(), replicaset.status or workloads.ReplicaSetStatus()
    yield from _rows(
        ("replicasets", "ReplicaSet", "apps/v1"),
        replicaset.metadata,
        spec.template,
        scope,
        status.conditions,
        observed_generation=status.observed_generation,
        replicas_wanted=spec.replicas,
        **_counts(
            status.observed_generation,
            replicas=status.replicas,
            replicas_ready=status.ready_replicas,
            replicas_available=status.available_replicas,
        ),
        selector=_selector(spec.selector),
    )


def statefulset_rows(statefulset: workloads.StatefulSet, scope: Scope) -> Iterator[Record]:
    """The StatefulSet's row and those of its containers."""
    spec, status = statefulset.spec or workloads.StatefulSetSpec(), statefulset.status or workloads.StatefulSetStatus()
    yield from _rows(
        ("statefulsets", "StatefulSet", "apps/v1"),
        statefulset.metadata,
        spec.template,
        scope,
        status.conditions,
        observed_generation=status.observed_generation,
        replicas_wanted=spec.replicas,
        **_counts(
            status.observed_generation,
            replicas=status.replicas,
            replicas_ready=status.ready_replicas,
            replicas_available=status.available_replicas,
            replicas_updated=status.updated_replicas,
        ),
        strategy=spec.update_strategy.type if spec.update_strategy else None,
        selector=_selector(spec.selector),
        service_name=spec.service_name or None,
    )


def daemonset_rows(daemonset: workloads.DaemonSet, scope: Scope) -> Iterator[Record]:
    """The DaemonSet's row and those of its containers."""
    spec, status = daemonset.spec or workloads.DaemonSetSpec(), daemonset.status or workloads.DaemonSetStatus()
    yield from _rows(
        ("daemonsets", "DaemonSet", "apps/v1"),
        daemonset.metadata,
        spec.template,
        scope,
        status.conditions,
        observed_generation=status.observed_generation,
        **_counts(
            status.observed_generation,
            replicas_wanted=status.desired_number_scheduled,
            replicas=status.current_number_scheduled,
            replicas_ready=status.number_ready,
            replicas_available=status.number_available,
            replicas_updated=status.updated_number_scheduled,
            replicas_unavailable=status.number_unavailable,
        ),
        strategy=spec.update_strategy.type if spec.update_strategy else None,
        selector=_selector(spec.selector),
    )


def job_rows(job: workloads.Job, scope: Scope) -> Iterator[Record]:
    """The Job's row and those of its containers."""
    spec, status = job.spec or workloads.JobSpec(), job.status or workloads.JobStatus()
    yield from _rows(
        ("jobs", "Job", "batch/v1"),
        job.metadata,
        spec.template,
        scope,
        status.conditions,
        replicas_wanted=spec.parallelism,
        selector=_selector(spec.selector),
        completions=spec.completions,
        backoff_limit=spec.backoff_limit,
        **_counts(
            status.start_time,
            replicas_ready=status.ready,
            active=status.active,
            succeeded=status.succeeded,
            failed=status.failed,
        ),
        started_at=status.start_time,
        completed_at=status.completion_time,
        suspended=spec.suspend,
    )


def cronjob_rows(cronjob: workloads.CronJob, scope: Scope) -> Iterator[Record]:
    """The CronJob's row and those of its containers."""
    spec, status = cronjob.spec or workloads.CronJobSpec(), cronjob.status or workloads.CronJobStatus()
    job = (spec.job_template and spec.job_template.spec) or workloads.JobSpec()
    yield from _rows(
        ("cronjobs", "CronJob", "batch/v1"),
        cronjob.metadata,
        job.template,
        scope,
        None,
        completions=job.completions,
        backoff_limit=job.backoff_limit,
        **_counts(status.last_schedule_time, active=None if status.active is None else len(status.active)),
        suspended=spec.suspend,
        schedule=spec.schedule or None,
        time_zone=spec.time_zone or None,
        concurrency_policy=spec.concurrency_policy or None,
        last_scheduled_at=status.last_schedule_time,
        last_succeeded_at=status.last_successful_time,
    )


def bare_pod_rows(pod: core.Pod, scope: Scope) -> Iterator[Record]:
    """The rows of a Pod that nothing controls, as the workload that it is; none for any other."""
    if controller_of(pod.metadata) is None:
        found = pod.status.conditions if pod.status else None
        yield from _rows(("pods", "Pod", "v1"), pod.metadata, core.PodTemplateSpec(spec=pod.spec), scope, found)


def _rows(
    named: tuple[str, str, str],
    metadata: ObjectMeta,
    template: core.PodTemplateSpec | None,
    scope: Scope,
    found: list[Condition] | None,
    **columns: Any,  # those that only some kinds fill; `Workload` refuses any that it does not have
) -> Iterator[Record]:
    resource, kind, api_version = named
    pod = (template and template.spec) or core.PodSpec()
    namespace = metadata.namespace or ""
    row = Workload(
        resource=resource,
        kind=kind,
        api_version=api_version,
        namespace=namespace,
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        generation=metadata.generation,
        host_network=bool(pod.host_network),
        host_pid=bool(pod.host_pid),
        host_ipc=bool(pod.host_ipc),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )
    row = replace(_with_pod(row, pod), conditions=conditions(found), **columns)
    owner = controller_of(metadata)
    if owner is not None:
        row = replace(
            row,
            owner_kind=owner.kind,
            owner_api_version=owner.api_version,
            owner_name=owner.name,
            owner_uid=owner.uid,
        )
    yield row
    yield from container_rows(
        pod, resource=resource, kind=kind, namespace=namespace, name=metadata.name, uid=metadata.uid
    )


def _with_pod(row: Workload, pod: core.PodSpec) -> Workload:
    security = pod.security_context or core.PodSecurityContext()
    return replace(
        row,
        service_account=pod.service_account_name or None,
        automount_service_account_token=pod.automount_service_account_token,
        restart_policy=pod.restart_policy or None,
        priority_class=pod.priority_class_name or None,
        runtime_class=pod.runtime_class_name or None,
        scheduler_name=pod.scheduler_name or None,
        termination_grace_period_seconds=pod.termination_grace_period_seconds,
        host_paths=tuple([volume.host_path.path for volume in pod.volumes or () if volume.host_path]),
        run_as_non_root=security.run_as_non_root,
        run_as_user=security.run_as_user,
        seccomp_profile=security.seccomp_profile.type if security.seccomp_profile else None,
        node_selector=key_values(pod.node_selector),
        tolerations=tuple([_toleration(toleration) for toleration in pod.tolerations or ()]),
    )


def _toleration(toleration: core.Toleration) -> Toleration:
    return Toleration(
        key=toleration.key or None,
        operator=toleration.operator or None,
        value=toleration.value or None,
        effect=toleration.effect or None,
        toleration_seconds=toleration.toleration_seconds,
    )


def _counts(acted: object, **counts: int | None) -> dict[str, int | None]:
    """The API leaves out counts of 0: what is absent is 0 once the controller has left a sign of having acted."""
    return counts if acted is None else {column: count or 0 for column, count in counts.items()}


def _selector(selector: LabelSelector | None) -> tuple[KeyValue, ...]:
    return key_values(selector.match_labels if selector else None)
