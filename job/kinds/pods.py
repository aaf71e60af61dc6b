"""Pods and their running containers (`v1`).

Most objects of a cluster are pods, so this module is written for speed. Rows are made in portions of at most 14
columns: Python packs more keyword arguments than that into a dict for each call, at many times the cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.accelerators import total
from job.kinds.parts.caches import bounded_cache
from job.kinds.parts.containers import ComputeResources, TypedContainer, containers_of, pod_level_resources
from job.kinds.parts.images import parse_image, running_image
from job.kinds.parts.metadata import allowed_annotations, condition_holds, conditions, controller_of, key_values
from job.kinds.parts.places import Place, place_asked_for
from job.kinds.parts.pod_list import PodList
from job.kinds.parts.pod_resources import effective_resources
from job.kinds.parts.pod_status import printed_status
from job.kinds.parts.pod_volumes import empty_dirs, pod_volumes, unusual_volumes
from job.kinds.parts.scope import Scope
from job.kinds.parts.security import (
    apparmor_of,
    container_security,
    host_ports,
    pod_security,
    probe_hosts,
)
from job.kinds.parts.templates import resource_claim
from job.kinds.parts.workloads import workload_rows
from job.wire.meta import ObjectMeta, OwnerReference, Wire
from job.wire.pod_spec import (
    PodOS,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    SecurityContext,
    TemplateMeta,
    TemplateSpec,
    Volume,
)
from job.wire.pod_status import ContainerState, ContainerStatus, PodStatus


class Pod(Wire, frozen=True):
    metadata: ObjectMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None


_SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_NO_SPEC, _NO_STATUS, _NO_CONTAINER_STATUS = PodSpec(), PodStatus(), ContainerStatus(name="")


def pod_rows(pod: Pod, scope: Scope) -> list[tables.Record]:
    """The pod's row and those of its running containers. A pod that nothing controls is also a workload."""
    containers, owner = containers_of(pod.spec), controller_of(pod.metadata)
    rows: list[tables.Record] = [_pod(pod, containers, owner, scope)]
    if containers:
        rows += _containers(pod, containers)
    if owner is None:
        found = pod.status.conditions if pod.status else None
        fields = {name: getattr(pod.spec, name) for name in PodSpec.__struct_fields__} if pod.spec else {}
        spec = TemplateSpec(**fields) if pod.spec else None
        template = PodTemplateSpec(metadata=TemplateMeta(annotations=pod.metadata.annotations), spec=spec)
        rows += workload_rows(KIND, pod.metadata, template, scope, found)
    return rows


def _pod(pod: Pod, containers: list[TypedContainer], owner: OwnerReference | None, scope: Scope) -> tables.Pod:
    metadata, spec, status = pod.metadata, pod.spec or _NO_SPEC, pod.status or _NO_STATUS
    top, printed = scope.owners.top(metadata), printed_status(metadata, spec, status)
    place = scope.places.get(spec.node_name or "") or place_asked_for(spec.node_selector)
    volumes = unusual_volumes(spec.volumes)
    empty = empty_dirs(volumes)
    row = replace(
        _shared_columns(
            place,
            spec.security_context,
            spec.os,
            spec.automount_service_account_token,
            spec.termination_grace_period_seconds,
            empty,
        ),
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        containers=printed.containers,
        containers_ready=printed.containers_ready,
        restarts=printed.restarts,
        host_network=bool(spec.host_network),
        host_pid=bool(spec.host_pid),
        host_ipc=bool(spec.host_ipc),
        workload_kind=top.kind,
        workload_api_version=top.api_version,
        workload_name=top.name,
        workload_uid=top.uid,
        workload_resolution=top.resolution,
    )
    row = replace(
        row,
        last_restart_at=printed.last_restart_at,
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
    if top.between:
        row = replace(row, middle_owner_uids=top.between)
    if unusual := _unusual_columns(pod, volumes if len(empty) < len(volumes) else (), containers, place):
        row = replace(row, **unusual)
    resources = effective_resources(spec, status, containers)
    return replace(
        row,
        status=printed.status or None,
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


@bounded_cache(maxsize=2048)
def _shared_columns(
    place: Place,
    security: PodSecurityContext | None,
    os: PodOS | None,
    automount_token: bool | None,
    grace_period_seconds: int | None,
    empty_dirs: tuple[str, ...],
) -> tables.Pod:
    """A row with the columns that all pods of a workload on such nodes share."""
    row = replace(
        place.row,
        automount_service_account_token=automount_token,
        termination_grace_period_seconds=grace_period_seconds,
        empty_dir_volumes=empty_dirs,
        **pod_security(security),
    )
    return replace(row, operating_system=os.name) if os is not None and os.name else row


def _unusual_columns(
    pod: Pod, volumes: Sequence[Volume], containers: list[TypedContainer], place: Place
) -> dict[str, Any]:
    """The columns that few pods have."""
    found = pod_volumes(volumes, pod.metadata.name) if volumes else {}
    if pod.spec is not None and pod.spec.resources is not None:
        found["pod_level_resources"] = pod_level_resources(pod.spec.resources)
    if pod.spec is not None and pod.spec.scheduling_gates:
        found["scheduling_gates"] = tuple([gate.name for gate in pod.spec.scheduling_gates])
    if pod.spec is not None and pod.spec.resource_claims:
        statuses = (pod.status.resource_claim_statuses if pod.status else None) or ()
        made = {status.name: status.resource_claim_name for status in statuses}
        claims = [resource_claim(claim, made.get(claim.name)) for claim in pod.spec.resource_claims]
        found["resource_claims"] = tuple(claims)
    annotations = pod.metadata.annotations
    if annotations and _SAFE_TO_EVICT in annotations:
        found["safe_to_evict"] = {"true": True, "false": False}.get(annotations[_SAFE_TO_EVICT])
    accelerated = [container for container in containers if container.accelerators]
    if accelerated:
        found["accelerator_count"] = _most_accelerators(accelerated)
        found["accelerator"] = place.accelerator
        found["accelerator_topology"] = place.accelerator_topology
    return found


def _most_accelerators(containers: list[TypedContainer]) -> int | None:
    """What the scheduler reserves of each resource: an init container gives its own back, and runs beside the sidecars
    that started before it.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
    """
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for one in containers:
        asked = Counter({each.resource: each.count or 0 for each in one.accelerators})
        if one.container_type == "init":
            most |= running + asked
        else:
            running += asked
    return total((running | most).values())


def _containers(pod: Pod, containers: list[TypedContainer]) -> list[tables.PodContainer]:
    status = pod.status or _NO_STATUS
    statuses = {found.name: found for found in status.container_statuses or ()}
    for found in status.ephemeral_container_statuses or ():
        statuses[found.name] = found
    init_statuses = {found.name: found for found in status.init_container_statuses or ()}
    namespace, name, uid = pod.metadata.namespace or "", pod.metadata.name, pod.metadata.uid
    annotations = pod.metadata.annotations
    rows = []
    for container in containers:
        spec, container_type = container.spec, container.container_type
        is_init = container_type in ("init", "sidecar")
        found = (init_statuses if is_init else statuses).get(spec.name, _NO_CONTAINER_STATUS)
        runs = running_image(found.image_id)
        state = found.state
        running = None if state is None or state.terminated is not None else state.running
        row = replace(
            _spec_columns(
                spec.name,
                spec.image or None,
                spec.image_pull_policy or None,
                container.resources,
                spec.security_context,
                host_ports(spec.ports) if spec.ports else (),
                probe_hosts(spec),
                apparmor_of(annotations, spec.name) if annotations else None,
            ),
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
            state=None if running is None else "running",
            started_at=None if running is None else running.started_at,
        )
        if container.accelerators:
            count = total(one.count for one in container.accelerators)
            row = replace(row, accelerators=container.accelerators, accelerator_count=count)
        if running is None and state is not None:
            row = _with_state(row, state)
        if found.last_state is not None:
            row = _with_last_state(row, found.last_state)
        rows.append(row)
    return rows


@bounded_cache(maxsize=2048)
def _spec_columns(
    name: str,
    image: str | None,
    image_pull_policy: str | None,
    resources: ComputeResources,
    security: SecurityContext | None,
    ports: tuple[int, ...],
    hosts: tuple[str, ...],
    apparmor_profile: str | None,
) -> tables.PodContainer:
    """A row with the columns that all pods of a workload share."""
    parts = parse_image(image)
    return replace(
        _security_columns(security, ports, hosts, apparmor_profile),
        name=name,
        image=image,
        image_registry=parts.registry,
        image_repository=parts.repository,
        image_tag=parts.tag,
        image_digest=parts.digest,
        image_pull_policy=image_pull_policy,
        cpu_request_millicores=resources.cpu_request_millicores,
        cpu_limit_millicores=resources.cpu_limit_millicores or None,  # 0 is no limit
        memory_request_bytes=resources.memory_request_bytes,
        memory_limit_bytes=resources.memory_limit_bytes or None,
        unparsed_quantities=resources.unparsed,
    )


@bounded_cache(maxsize=2048)
def _security_columns(
    security: SecurityContext | None, ports: tuple[int, ...], hosts: tuple[str, ...], apparmor_profile: str | None
) -> tables.PodContainer:
    """A row with the columns that containers of many workloads share."""
    row = tables.PodContainer(
        namespace="", pod="", pod_uid="", container_type="", position=0, name="",  # each container sets its own
        host_ports=ports,
        probe_hosts=hosts,
        apparmor_profile=apparmor_profile,
    )  # fmt: skip
    return replace(row, **container_security(security))


def _with_state(row: tables.PodContainer, state: ContainerState) -> tables.PodContainer:
    """The state of a container that does not run. Should there be several, the most informative one counts."""
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


KIND = Kind("pods", "/api/v1/pods", Pod, pod_rows, waits=True, whole_list=PodList)
