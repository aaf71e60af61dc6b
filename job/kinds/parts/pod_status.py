"""A pod's READY, STATUS and RESTARTS as `kubectl get pods` prints them.

The rules are those of `printPod` in https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/printers/internalversion/printers.go
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from job.kinds.parts.metadata import condition_holds
from job.wire.meta import ObjectMeta
from job.wire.pod_spec import PodSpec
from job.wire.pod_status import ContainerState, ContainerStateTerminated, ContainerStatus, PodStatus


class PrintedStatus(msgspec.Struct, frozen=True, gc=False):
    """A pod's line in `kubectl get pods`."""

    status: str
    containers: int
    containers_ready: int
    restarts: int
    last_restart_at: datetime | None


def printed_status(metadata: ObjectMeta, spec: PodSpec, status: PodStatus) -> PrintedStatus:
    """What kubectl prints for the pod."""
    return _of_healthy_pod(metadata, spec, status) or _of_any_pod(metadata, spec, status)


def _of_healthy_pod(metadata: ObjectMeta, spec: PodSpec, status: PodStatus) -> PrintedStatus | None:
    """The same as `_of_any_pod`, much faster, for most pods: no init containers, and all containers ready."""
    if status.phase != "Running" or status.reason:
        return None
    if spec.init_containers or status.init_container_statuses or metadata.deletion_timestamp is not None:
        return None
    regular = status.container_statuses or ()
    restarts, last_restart_at = 0, None
    for container in regular:
        state, last = container.state, container.last_state
        if not container.ready or state is None or state.running is None or state.waiting or state.terminated:
            return None
        restarts += container.restart_count or 0
        if last is not None and last.terminated is not None:
            last_restart_at = _last_restart(regular)
    for condition in status.conditions or ():
        if condition.reason == "SchedulingGated":
            return None
    return PrintedStatus("Running", len(spec.containers or ()), len(regular), restarts, last_restart_at)


def _of_any_pod(metadata: ObjectMeta, spec: PodSpec, status: PodStatus) -> PrintedStatus:
    sidecars = {c.name for c in spec.init_containers or () if c.restart_policy == "Always"}
    printed = status.reason or status.phase or ""
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.reason == "SchedulingGated":
            printed = "SchedulingGated"
    init = status.init_container_statuses or []
    regular = status.container_statuses or []
    running_sidecars = [c for c in init if c.name in sidecars]
    ready = sum(1 for c in running_sidecars if c.started and c.ready)
    initializing = _initializing(init, sidecars, len(spec.init_containers or ()))
    if initializing is not None:  # this status also applies after initialization, when a sidecar fails
        printed, position = initializing
    if initializing is not None and not condition_holds(status.conditions, "Initialized"):
        counted = list(init[: position + 1])
    else:
        counted = [*running_sidecars, *regular]
        ready += sum(1 for c in regular if c.ready and c.state and c.state.running)
        printed = _of_containers(printed, regular, status)
    if metadata.deletion_timestamp is not None:
        if status.reason == "NodeLost":
            printed = "Unknown"
        elif status.phase not in ("Succeeded", "Failed"):
            printed = "Terminating"
    return PrintedStatus(
        status=printed,
        containers=len(spec.containers or ()) + len(sidecars),
        containers_ready=ready,
        restarts=sum(c.restart_count or 0 for c in counted),
        last_restart_at=_last_restart(counted),
    )


def _initializing(statuses: Iterable[ContainerStatus], sidecars: set[str], total: int) -> tuple[str, int] | None:
    """`Init:...` and the position of the first unfinished init container; None if all have finished."""
    for position, container in enumerate(statuses):
        state = container.state or ContainerState()
        if state.terminated is not None and state.terminated.exit_code == 0:
            continue
        if container.name in sidecars and container.started:
            continue
        if state.terminated is not None:
            return f"Init:{_ending(state.terminated)}", position
        if state.waiting is not None and state.waiting.reason not in (None, "", "PodInitializing"):
            return f"Init:{state.waiting.reason}", position
        return f"Init:{position}/{total}", position
    return None


def _of_containers(printed: str, statuses: Iterable[ContainerStatus], status: PodStatus) -> str:
    """The first waiting or terminated container sets the status. `Completed` gives way to one that runs or failed."""
    has_running, failure = False, None
    for container in reversed(list(statuses)):
        state = container.state or ContainerState()
        if state.waiting is not None and state.waiting.reason:
            printed = state.waiting.reason
        elif state.terminated is not None:
            printed = _ending(state.terminated)
            failure = printed if state.terminated.exit_code else failure
        elif container.ready and state.running is not None:
            has_running = True
    if printed != "Completed":
        return printed
    if has_running and condition_holds(status.conditions, "Ready"):
        return "Running"
    return failure or ("NotReady" if has_running else printed)


def _ending(terminated: ContainerStateTerminated) -> str:
    if terminated.reason:
        return terminated.reason
    return f"Signal:{terminated.signal}" if terminated.signal else f"ExitCode:{terminated.exit_code or 0}"


def _last_restart(statuses: Iterable[ContainerStatus]) -> datetime | None:
    ended = (c.last_state.terminated.finished_at for c in statuses if c.last_state and c.last_state.terminated)
    return max((at for at in ended if at is not None), default=None)
