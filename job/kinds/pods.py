"""Pods and their containers as they run.

Most objects of any cluster are pods, so this is written for speed: records are made in portions of at most 15 columns,
since Python passes more keyword arguments than that in a dict made for the call, at many times the cost.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from job.kinds.parts.containers import Asked, Placed, containers_of
from job.kinds.parts.images import digest_of, parse_image
from job.kinds.parts.metadata import allowed_annotations, condition_holds, conditions, controller_of, key_values
from job.kinds.parts.pod_resources import effective
from job.kinds.parts.pod_status import pod_status
from job.kinds.parts.scope import Scope
from job.kinds.workloads import bare_pod_rows
from job.tables import Pod, PodContainer, Record
from job.wire import core
from job.wire.meta import OwnerReference

_NO_SPEC, _NO_STATUS, _NOT_TOLD = core.PodSpec(), core.PodStatus(), core.ContainerStatus(name="")


def pod_rows(pod: core.Pod, scope: Scope) -> list[Record]:
    """The pod's row, those of its containers as they run and, where nothing controls it, those of a workload."""
    placed, owner = containers_of(pod.spec), controller_of(pod.metadata)
    rows: list[Record] = [_pod(pod, placed, owner, scope)]
    if placed:
        rows += _containers(pod, placed)
    if owner is None:
        rows += bare_pod_rows(pod, scope)
    return rows


def _pod(pod: core.Pod, placed: list[Placed], owner: OwnerReference | None, scope: Scope) -> Pod:
    metadata, spec, status = pod.metadata, pod.spec or _NO_SPEC, pod.status or _NO_STATUS
    top, shown = scope.owners.top(metadata), pod_status(pod)
    row = Pod(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        status=shown.status or None,
        containers=shown.containers,
        containers_ready=shown.containers_ready,
        restarts=shown.restarts,
        last_restart_at=shown.last_restart_at,
        host_network=bool(spec.host_network),
        workload_kind=top.kind,
        workload_api_version=top.api_version,
        workload_name=top.name,
        workload_uid=top.uid,
        workload_resolution=top.resolution,
    )
    row = replace(
        row,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        phase=status.phase or None,
        reason=status.reason or None,
        ready=condition_holds(status.conditions, "Ready"),
        started_at=status.start_time,
        node=spec.node_name or None,
        host_ip=status.host_ip or None,
        pod_ip=status.pod_ip or None,
        qos_class=status.qos_class or None,
        conditions=conditions(status.conditions),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )
    requests, limits = effective(spec, placed)
    return replace(
        row,
        owner_kind=owner.kind if owner else None,
        owner_name=owner.name if owner else None,
        owner_uid=owner.uid if owner else None,
        priority=spec.priority,
        priority_class=spec.priority_class_name or None,
        service_account=spec.service_account_name or None,
        runtime_class=spec.runtime_class_name or None,
        cpu_request_millicores=requests.cpu_millicores,
        memory_request_bytes=requests.memory_bytes,
        cpu_limit_millicores=limits.cpu_millicores,
        memory_limit_bytes=limits.memory_bytes,
    )


def _containers(pod: core.Pod, placed: list[Placed]) -> list[PodContainer]:
    status = pod.status or _NO_STATUS
    told = {found.name: found for found in status.container_statuses or ()}
    for found in status.ephemeral_container_statuses or ():
        told[found.name] = found
    told_init = {found.name: found for found in status.init_container_statuses or ()}
    namespace, name, uid = pod.metadata.namespace or "", pod.metadata.name, pod.metadata.uid
    rows = []
    for container in placed:
        spec, container_type = container.spec, container.container_type
        is_init = container_type in ("init", "sidecar")
        found = (told_init if is_init else told).get(spec.name, _NOT_TOLD)
        row = replace(
            _wanted(spec.name, spec.image or None, container.asked),
            namespace=namespace,
            pod=name,
            pod_uid=uid,
            container_type=container_type,
            position=container.position,
            running_image=found.image or None,
            running_digest=digest_of(found.image_id),
            container_id=found.container_id or None,
            ready=found.ready,
            started=found.started,
            restarts=found.restart_count,
        )
        if found.state is not None:
            row = _with_state(row, found.state)
        if found.last_state is not None:
            row = _with_last_state(row, found.last_state)
        rows.append(row)
    return rows


@lru_cache(maxsize=2048)
def _wanted(name: str, image: str | None, asked: Asked) -> PodContainer:
    """The columns that all pods of a workload share."""
    parts = parse_image(image)
    return PodContainer(
        namespace="", pod="", pod_uid="", container_type="", position=0,  # each container has its own
        name=name,
        image=image,
        image_registry=parts.registry,
        image_repository=parts.repository,
        image_tag=parts.tag,
        image_digest=parts.digest,
        cpu_request_millicores=asked.cpu_request_millicores,
        cpu_limit_millicores=asked.cpu_limit_millicores,
        memory_request_bytes=asked.memory_request_bytes,
        memory_limit_bytes=asked.memory_limit_bytes,
    )  # fmt: skip


def _with_state(row: PodContainer, state: core.ContainerState) -> PodContainer:
    """The state that can tell most counts; there is only one at a time."""
    if state.terminated is not None:
        ended = state.terminated
        return replace(
            row,
            state="terminated",
            state_reason=ended.reason or None,
            exit_code=ended.exit_code,
            signal=ended.signal or None,
            started_at=ended.started_at,
            finished_at=ended.finished_at,
        )
    if state.running is not None:
        return replace(row, state="running", started_at=state.running.started_at)
    if state.waiting is not None:
        return replace(row, state="waiting", state_reason=state.waiting.reason or None)
    return row


def _with_last_state(row: PodContainer, state: core.ContainerState) -> PodContainer:
    if state.terminated is not None:
        ended = state.terminated
        return replace(
            row,
            last_state_reason=ended.reason or None,
            last_exit_code=ended.exit_code,
            last_signal=ended.signal or None,
            last_started_at=ended.started_at,
            last_finished_at=ended.finished_at,
        )
    if state.running is not None:
        return replace(row, last_started_at=state.running.started_at)
    if state.waiting is not None:
        return replace(row, last_state_reason=state.waiting.reason or None)
    return row
