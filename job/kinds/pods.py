"""Pods and their running containers (`v1`).

Most objects of a cluster are pods, so this module is written for speed. Rows are made in portions of at most 15
columns: Python packs more keyword arguments than that into a dict for each call, at many times the cost.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.containers import ComputeResources, TypedContainer, containers_of
from job.kinds.parts.images import parse_image, running_image
from job.kinds.parts.metadata import allowed_annotations, condition_holds, conditions, controller_of, key_values
from job.kinds.parts.pod_resources import effective_resources
from job.kinds.parts.pod_status import printed_status
from job.kinds.parts.scope import Scope
from job.kinds.parts.workloads import workload_rows
from job.wire.meta import ObjectMeta, OwnerReference, Wire
from job.wire.pod_spec import PodSpec, PodTemplateSpec
from job.wire.pod_status import ContainerState, ContainerStatus, PodStatus


class Pod(Wire, frozen=True):
    metadata: ObjectMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None


_NO_SPEC, _NO_STATUS, _NO_CONTAINER_STATUS = PodSpec(), PodStatus(), ContainerStatus(name="")


def pod_rows(pod: Pod, scope: Scope) -> list[tables.Record]:
    """The pod's row and those of its running containers. A pod that nothing controls is also a workload."""
    containers, owner = containers_of(pod.spec), controller_of(pod.metadata)
    rows: list[tables.Record] = [_pod(pod, containers, owner, scope)]
    if containers:
        rows += _containers(pod, containers)
    if owner is None:
        found = pod.status.conditions if pod.status else None
        rows += workload_rows(KIND, pod.metadata, PodTemplateSpec(spec=pod.spec), scope, found)
    return rows


def _pod(pod: Pod, containers: list[TypedContainer], owner: OwnerReference | None, scope: Scope) -> tables.Pod:
    metadata, spec, status = pod.metadata, pod.spec or _NO_SPEC, pod.status or _NO_STATUS
    top, printed = scope.owners.top(metadata), printed_status(metadata, spec, status)
    row = tables.Pod(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        status=printed.status or None,
        containers=printed.containers,
        containers_ready=printed.containers_ready,
        restarts=printed.restarts,
        last_restart_at=printed.last_restart_at,
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
    resources = effective_resources(spec, status, containers)
    return replace(
        row,
        owner_kind=owner.kind if owner else None,
        owner_name=owner.name if owner else None,
        owner_uid=owner.uid if owner else None,
        priority=spec.priority,
        priority_class=spec.priority_class_name or None,
        service_account=spec.service_account_name or None,
        runtime_class=spec.runtime_class_name or None,
        cpu_request_millicores=resources.cpu_request_millicores,
        memory_request_bytes=resources.memory_request_bytes,
        cpu_limit_millicores=resources.cpu_limit_millicores,
        memory_limit_bytes=resources.memory_limit_bytes,
        unparsed_quantities=resources.unparsed,
        unparsed_as_written=resources.as_written,
    )


def _containers(pod: Pod, containers: list[TypedContainer]) -> list[tables.PodContainer]:
    status = pod.status or _NO_STATUS
    statuses = {found.name: found for found in status.container_statuses or ()}
    for found in status.ephemeral_container_statuses or ():
        statuses[found.name] = found
    init_statuses = {found.name: found for found in status.init_container_statuses or ()}
    namespace, name, uid = pod.metadata.namespace or "", pod.metadata.name, pod.metadata.uid
    rows = []
    for container in containers:
        spec, container_type = container.spec, container.container_type
        is_init = container_type in ("init", "sidecar")
        found = (init_statuses if is_init else statuses).get(spec.name, _NO_CONTAINER_STATUS)
        runs = running_image(found.image_id)
        row = replace(
            _spec_columns(spec.name, spec.image or None, container.resources),
            namespace=namespace,
            pod=name,
            pod_uid=uid,
            container_type=container_type,
            position=container.position,
            running_image=found.image or None,
            running_digest=runs.digest,
            running_image_id=runs.id,
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
def _spec_columns(name: str, image: str | None, resources: ComputeResources) -> tables.PodContainer:
    """A row with the columns that all pods of a workload share."""
    parts = parse_image(image)
    return tables.PodContainer(
        namespace="", pod="", pod_uid="", container_type="", position=0,  # each container sets its own
        name=name,
        image=image,
        image_registry=parts.registry,
        image_repository=parts.repository,
        image_tag=parts.tag,
        image_digest=parts.digest,
        cpu_request_millicores=resources.cpu_request_millicores,
        cpu_limit_millicores=resources.cpu_limit_millicores or None,  # 0 is no limit
        memory_request_bytes=resources.memory_request_bytes,
        memory_limit_bytes=resources.memory_limit_bytes or None,
    )  # fmt: skip


def _with_state(row: tables.PodContainer, state: ContainerState) -> tables.PodContainer:
    """A container has one state. Should there be several, the most informative one counts."""
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


def _with_last_state(row: tables.PodContainer, state: ContainerState) -> tables.PodContainer:
    """The end of the run before. A last state of another kind is no end, and says nothing."""
    ended = state.terminated
    if ended is None:
        return row
    return replace(
        row,
        last_state_reason=ended.reason or None,
        last_exit_code=ended.exit_code,
        last_signal=ended.signal or None,
        last_started_at=ended.started_at,
        last_finished_at=ended.finished_at,
    )


KIND = Kind("pods", "/api/v1/pods", Pod, pod_rows, waits=True)
