"""Pods and their containers as they run."""

from __future__ import annotations

from collections.abc import Iterator

from job.normalize.containers import containers_of
from job.normalize.images import digest_of, parse_image
from job.normalize.metadata import allowed_annotations, condition_holds, conditions, controller_of, key_values
from job.normalize.pod_resources import effective
from job.normalize.pod_status import pod_status
from job.normalize.quantities import Amounts
from job.normalize.scope import Scope
from job.normalize.workloads import bare_pod_rows
from job.tables import Pod, PodContainer, Record
from job.wire import core


def pod_rows(pod: core.Pod, scope: Scope) -> Iterator[Record]:
    """The pod's row, those of its containers as they run and, where nothing controls it, those of a workload."""
    metadata, spec, status = pod.metadata, pod.spec or core.PodSpec(), pod.status or core.PodStatus()
    owner, top, shown = controller_of(metadata), scope.owners.top(metadata), pod_status(pod)
    requests, limits = effective(spec)
    yield Pod(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        phase=status.phase or None,
        status=shown.status or None,
        reason=status.reason or None,
        ready=condition_holds(status.conditions, "Ready"),
        containers=shown.containers,
        containers_ready=shown.containers_ready,
        restarts=shown.restarts,
        last_restart_at=shown.last_restart_at,
        started_at=status.start_time,
        node=spec.node_name or None,
        host_ip=status.host_ip or None,
        pod_ip=status.pod_ip or None,
        qos_class=status.qos_class or None,
        priority=spec.priority,
        priority_class=spec.priority_class_name or None,
        service_account=spec.service_account_name or None,
        runtime_class=spec.runtime_class_name or None,
        host_network=bool(spec.host_network),
        owner_kind=owner.kind if owner else None,
        owner_name=owner.name if owner else None,
        owner_uid=owner.uid if owner else None,
        workload_kind=top.kind,
        workload_api_version=top.api_version,
        workload_name=top.name,
        workload_uid=top.uid,
        workload_resolution=top.resolution,
        cpu_request_millicores=requests.cpu_millicores,
        memory_request_bytes=requests.memory_bytes,
        cpu_limit_millicores=limits.cpu_millicores,
        memory_limit_bytes=limits.memory_bytes,
        conditions=conditions(status.conditions),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )
    yield from _containers(pod)
    yield from bare_pod_rows(pod, scope)


def _containers(pod: core.Pod) -> Iterator[Record]:
    status = pod.status or core.PodStatus()
    told = {
        (found.name, is_init): found
        for is_init, statuses in (
            (True, status.init_container_statuses),
            (False, status.container_statuses),
            (False, status.ephemeral_container_statuses),
        )
        for found in statuses or ()
    }
    for container_type, position, container in containers_of(pod.spec):
        found = told.get((container.name, container_type in ("init", "sidecar"))) or core.ContainerStatus(name="")
        image = parse_image(container.image)
        resources = container.resources or core.ResourceRequirements()
        requests, limits = Amounts(resources.requests), Amounts(resources.limits)
        name, state = _state(found.state)
        _, last = _state(found.last_state)
        yield PodContainer(
            namespace=pod.metadata.namespace or "",
            pod=pod.metadata.name,
            pod_uid=pod.metadata.uid,
            container_type=container_type,
            position=position,
            name=container.name,
            image=container.image or None,
            image_registry=image.registry,
            image_repository=image.repository,
            image_tag=image.tag,
            image_digest=image.digest,
            running_image=found.image or None,
            running_digest=digest_of(found.image_id),
            container_id=found.container_id or None,
            state=name,
            state_reason=state.reason or None,
            exit_code=state.exit_code,
            signal=state.signal or None,
            started_at=state.started_at,
            finished_at=state.finished_at,
            ready=found.ready,
            started=found.started,
            restarts=found.restart_count,
            last_state_reason=last.reason or None,
            last_exit_code=last.exit_code,
            last_signal=last.signal or None,
            last_started_at=last.started_at,
            last_finished_at=last.finished_at,
            cpu_request_millicores=requests.cpu_millicores,
            cpu_limit_millicores=limits.cpu_millicores,
            memory_request_bytes=requests.memory_bytes,
            memory_limit_bytes=limits.memory_bytes,
        )


def _state(state: core.ContainerState | None) -> tuple[str | None, core.ContainerStateTerminated]:
    """The state's name and what it tells, in the form of the state that can tell most."""
    if state is None:
        return None, core.ContainerStateTerminated()
    if state.terminated is not None:
        return "terminated", state.terminated
    if state.running is not None:
        return "running", core.ContainerStateTerminated(started_at=state.running.started_at)
    if state.waiting is not None:
        return "waiting", core.ContainerStateTerminated(reason=state.waiting.reason)
    return None, core.ContainerStateTerminated()
