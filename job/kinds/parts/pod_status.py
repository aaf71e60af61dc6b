"""A pod's READY, STATUS and RESTARTS as `kubectl get pods` prints them.

The rules are those of `printPod` in https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/printers/internalversion/printers.go
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from job.kinds.parts.metadata import condition_holds
from job.wire import core


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """What kubectl shows of a pod."""

    status: str
    containers: int
    containers_ready: int
    restarts: int
    last_restart_at: datetime | None


def pod_status(pod: core.Pod) -> PodStatus:
    """The pod's line in `kubectl get pods`."""
    return _of_a_pod_that_runs_well(pod) or _of_any_pod(pod)


def _of_a_pod_that_runs_well(pod: core.Pod) -> PodStatus | None:
    """The same in a fraction of the time for what most pods are: without init containers, all containers ready."""
    spec, status = pod.spec, pod.status
    if spec is None or status is None or status.phase != "Running" or status.reason:
        return None
    if spec.init_containers or status.init_container_statuses or pod.metadata.deletion_timestamp is not None:
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
    return PodStatus("Running", len(spec.containers or ()), len(regular), restarts, last_restart_at)


def _of_any_pod(pod: core.Pod) -> PodStatus:
    spec, status = pod.spec or core.PodSpec(), pod.status or core.PodStatus()
    sidecars = {c.name for c in spec.init_containers or () if c.restart_policy == "Always"}
    shown = status.reason or status.phase or ""
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.reason == "SchedulingGated":
            shown = "SchedulingGated"
    init = status.init_container_statuses or []
    regular = status.container_statuses or []
    running_sidecars = [c for c in init if c.name in sidecars]
    ready = sum(1 for c in running_sidecars if c.started and c.ready)
    initializing = _initializing(init, sidecars, len(spec.init_containers or ()))
    if initializing is not None:  # it stays so after initialization where a sidecar fails and all others run
        shown, position = initializing
    if initializing is not None and not condition_holds(status.conditions, "Initialized"):
        counted = list(init[: position + 1])
    else:
        counted = [*running_sidecars, *regular]
        ready += sum(1 for c in regular if c.ready and c.state and c.state.running)
        shown = _of_containers(shown, regular, status)
    if pod.metadata.deletion_timestamp is not None:
        if status.reason == "NodeLost":
            shown = "Unknown"
        elif status.phase not in ("Succeeded", "Failed"):
            shown = "Terminating"
    return PodStatus(
        status=shown,
        containers=len(spec.containers or ()) + len(sidecars),
        containers_ready=ready,
        restarts=sum(c.restart_count or 0 for c in counted),
        last_restart_at=_last_restart(counted),
    )


def _initializing(statuses: Iterable[core.ContainerStatus], sidecars: set[str], total: int) -> tuple[str, int] | None:
    """`Init:...` and the place of the init container that keeps the pod from going on; None where none does."""
    for position, container in enumerate(statuses):
        state = container.state or core.ContainerState()
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


def _of_containers(shown: str, statuses: Iterable[core.ContainerStatus], status: core.PodStatus) -> str:
    """The first container that waits or has ended names the status, unless another runs on or has failed."""
    has_running, failure = False, None
    for container in reversed(list(statuses)):
        state = container.state or core.ContainerState()
        if state.waiting is not None and state.waiting.reason:
            shown = state.waiting.reason
        elif state.terminated is not None:
            shown = _ending(state.terminated)
            failure = shown if state.terminated.exit_code else failure
        elif container.ready and state.running is not None:
            has_running = True
    if shown != "Completed":
        return shown
    if has_running and condition_holds(status.conditions, "Ready"):
        return "Running"
    return failure or ("NotReady" if has_running else shown)


def _ending(terminated: core.ContainerStateTerminated) -> str:
    if terminated.reason:
        return terminated.reason
    return f"Signal:{terminated.signal}" if terminated.signal else f"ExitCode:{terminated.exit_code or 0}"


def _last_restart(statuses: Iterable[core.ContainerStatus]) -> datetime | None:
    ended = (c.last_state.terminated.finished_at for c in statuses if c.last_state and c.last_state.terminated)
    return max((at for at in ended if at is not None), default=None)
