"""A pod's effective requests and limits: what the scheduler reserves for it, and the most that it may use.

The rules are those of https://pkg.go.dev/k8s.io/component-helpers/resource: `PodRequests` and `PodLimits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from job.kinds.parts.caches import bounded_cache
from job.kinds.parts.containers import TypedContainer, containers_of
from job.kinds.parts.quantities import NANOS, NANOS_PER_MILLI, nano_units, rounded_up
from job.tables import ResourceQuantity
from job.wire.meta import Quantities, Quantity
from job.wire.pod_spec import PodSpec, ResourceRequirements
from job.wire.pod_status import ContainerStatus, PodStatus


class PodResources(msgspec.Struct, frozen=True, gc=False):
    """The requests and limits of a whole pod. None means that there is none, or that `unparsed` names it."""

    cpu_request_millicores: int | None
    memory_request_bytes: int | None
    cpu_limit_millicores: int | None
    memory_limit_bytes: int | None
    unparsed: tuple[str, ...] = ()
    """Those of which a part is no quantity, or that 64 bits cannot hold: `requests.cpu`, ..."""
    as_written: tuple[ResourceQuantity, ...] = ()
    """The parts of those."""


_Written = Quantity | tuple[Quantity, ...] | None
"""A quantity as written. During a resize there are several, of which the largest counts."""
_Amounts = tuple[_Written, ...]
"""Requests of CPU and memory, then limits of CPU and memory."""

_NAMES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_UNITS = (NANOS_PER_MILLI, NANOS, NANOS_PER_MILLI, NANOS)
_LIMITS = 2  # position of the first limit
_NONE: Quantities = {}
_NOTHING: _Amounts = (None, None, None, None)


def effective_resources(
    spec: PodSpec, status: PodStatus, containers: Iterable[TypedContainer] | None = None
) -> PodResources:
    """Requests and limits of the whole pod: of containers, sidecars, init containers and overhead.

    The pod's own requests and limits (`spec.resources`) take precedence over those of its containers. While a resize
    is pending or in progress, the largest of what is asked for, allocated and in effect counts; a resize that is
    infeasible does not count (https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/).

    Args:
        containers: The pod's containers, if the caller already has them.
    """
    found = containers_of(spec) if containers is None else containers
    amounts = tuple([(each.container_type, _amounts(each.spec.resources)) for each in found])
    whole_pod = _NOTHING if spec.resources is None else _amounts(spec.resources)
    overhead = spec.overhead or _NONE
    if status.resources is not None or status.allocated_resources is not None or _is_resized(found, status):
        is_infeasible = _is_infeasible(status)
        amounts = tuple(_with_status(found, amounts, status, is_infeasible))
        in_status = _in_status(status.resources, status.allocated_resources)
        return _effective(amounts, (overhead.get("cpu"), overhead.get("memory")), whole_pod, in_status, is_infeasible)
    return _effective(amounts, (overhead.get("cpu"), overhead.get("memory")), whole_pod)


def _amounts(resources: ResourceRequirements | None) -> _Amounts:
    if resources is None:
        return _NOTHING
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return requests.get("cpu"), requests.get("memory"), limits.get("cpu"), limits.get("memory")


def _statuses(status: PodStatus) -> Iterator[ContainerStatus]:
    yield from status.container_statuses or ()
    yield from status.init_container_statuses or ()


def _is_resized(containers: Iterable[TypedContainer], status: PodStatus) -> bool:
    """Whether a container's status has other resources than its specification."""
    reported = {
        found.name: found
        for found in _statuses(status)
        if found.resources is not None or found.allocated_resources is not None
    }
    for container in containers if reported else ():
        found, resources = reported.get(container.spec.name), container.spec.resources
        if found is not None and (
            (found.resources is not None and found.resources != resources)
            or (
                found.allocated_resources is not None
                and found.allocated_resources != (resources and resources.requests)
            )
        ):
            return True
    return False


def _is_infeasible(status: PodStatus) -> bool:
    for condition in status.conditions or ():
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return status.resize == "Infeasible"  # until v1.32


def _in_status(resources: ResourceRequirements | None, allocated: Quantities | None) -> _Amounts:
    """What is in effect and allocated, of a container or of a whole pod."""
    allocated = allocated or _NONE
    cpu, memory, cpu_limit, memory_limit = _amounts(resources)
    return _several(cpu, allocated.get("cpu")), _several(memory, allocated.get("memory")), cpu_limit, memory_limit


def _several(*written: _Written) -> _Written:
    return _flat(*written) or None


def _flat(*written: _Written) -> tuple[Quantity, ...]:
    flat = [one for each in written if each is not None for one in (each if isinstance(each, tuple) else (each,))]
    return tuple(dict.fromkeys(flat))


def _with_status(
    containers: Iterable[TypedContainer],
    amounts: tuple[tuple[str, _Amounts], ...],
    status: PodStatus,
    is_infeasible: bool,
) -> Iterator[tuple[str, _Amounts]]:
    reported = {found.name: found for found in _statuses(status)}
    for container, (container_type, asked) in zip(containers, amounts, strict=True):
        found = reported.get(container.spec.name)
        if found is None or (found.resources is None and found.allocated_resources is None):
            yield container_type, asked
            continue
        actual = _in_status(found.resources, found.allocated_resources)
        if not is_infeasible:
            actual = tuple(_several(*pair) for pair in zip(asked, actual, strict=True))
        elif found.resources is None:  # the limits in effect are unknown
            actual = (*actual[:_LIMITS], *asked[_LIMITS:])
        yield container_type, actual


class _UnparsedError(Exception):
    """A part of the sum is no quantity."""


def _nanos(written: _Written) -> int | None:
    if written is None:
        return None
    found = [nano_units(one) for one in _flat(written)]
    amounts = [amount for amount in found if amount is not None]
    if len(amounts) < len(found):
        raise _UnparsedError
    return max(amounts)


@bounded_cache(maxsize=2048)  # the pods of one workload have the same resources
def _effective(
    containers: tuple[tuple[str, _Amounts], ...],
    overhead: tuple[Quantity | None, Quantity | None],
    whole_pod: _Amounts,
    in_status: _Amounts = _NOTHING,
    is_infeasible: bool = False,
) -> PodResources:
    """Sums of exact amounts, each rounded once.

    Args:
        whole_pod: `spec.resources`.
        in_status: `status.resources` and `status.allocatedResources`, which include the overhead.
    """
    counted = [(kind, amounts) for kind, amounts in containers if kind != "ephemeral"]
    sums: list[int | None] = []
    unparsed: list[str] = []
    parts: list[ResourceQuantity] = []
    for position, name in enumerate(_NAMES):
        try:
            exact = _exact(counted, overhead[position % _LIMITS], whole_pod, in_status, position, is_infeasible)
            amount = rounded_up(exact, _UNITS[position])
            is_parsed = exact is None or amount is not None
        except _UnparsedError:
            amount, is_parsed = None, False
        sums.append(amount)
        if not is_parsed:
            unparsed.append(name)
            written = [amounts[position] for _, amounts in counted] + [
                whole_pod[position],
                overhead[position % _LIMITS],
            ]
            parts += [
                ResourceQuantity(resource=name, quantity=str(one)) for one in _flat(*written, in_status[position])
            ]
    cpu_request, memory_request, cpu_limit, memory_limit = sums
    return PodResources(cpu_request, memory_request, cpu_limit, memory_limit, tuple(unparsed), tuple(parts))


def _exact(
    containers: list[tuple[str, _Amounts]],
    overhead: Quantity | None,
    whole_pod: _Amounts,
    in_status: _Amounts,
    position: int,
    is_infeasible: bool,
) -> int | None:
    """The sum in nano-units; None without one."""
    extra = _nanos(overhead) or 0
    asked, actual = _asked(containers, whole_pod, position), _nanos(in_status[position])
    if actual is not None and asked is not None:
        actual = max(actual - extra, 0)
        asked = actual if is_infeasible else max(asked, actual)
    if asked is not None:
        return asked + extra
    return extra if extra and position < _LIMITS else None


def _asked(containers: list[tuple[str, _Amounts]], whole_pod: _Amounts, position: int) -> int | None:
    """The pod's own amount, or that of its containers together; None without one."""
    own = _nanos(whole_pod[position])
    if position >= _LIMITS:
        if own:
            return own
        limits = [(kind, _nanos(amounts[position]) or None) for kind, amounts in containers]  # 0 is no limit
        # one container without a limit makes the whole pod unlimited
        is_limited = limits and all(limit is not None for kind, limit in limits if kind != "init")
        return _peak(limits) if is_limited else None
    if own is not None:
        return own
    # a limit without a request is also the request
    requests = [(kind, _nanos(_first(amounts[position], amounts[position + _LIMITS]))) for kind, amounts in containers]
    if all(request is None for _, request in requests):
        return _nanos(whole_pod[position + _LIMITS])
    return _peak(requests)


def _first(written: _Written, other: _Written) -> _Written:
    return other if written is None else written


def _peak(amounts: list[tuple[str, int | None]]) -> int:
    """The highest sum at any time: an init container runs together with the sidecars before it.

    >>> _peak([("sidecar", 1), ("init", 5), ("regular", 2)])
    6
    """
    running, highest = 0, 0
    for container_type, amount in amounts:
        if container_type == "init":
            highest = max(highest, running + (amount or 0))
        else:
            running += amount or 0
    return max(highest, running)
