"""A pod's effective requests and limits: what the scheduler reserves for it, and the most that it may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from job.kinds.parts.containers import ComputeResources, TypedContainer, compute_resources, containers_of
from job.wire.pod_spec import PodSpec, ResourceRequirements


class PodResources(msgspec.Struct, frozen=True, gc=False):
    """The requests or the limits of a whole pod. None means that there is no request or limit."""

    cpu_millicores: int | None
    memory_bytes: int | None


def effective_resources(
    spec: PodSpec, containers: Iterable[TypedContainer] | None = None
) -> tuple[PodResources, PodResources]:
    """Requests and limits of the whole pod, by the scheduler's rules.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers and
    https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/. The pod's own requests and limits
    (`spec.resources`) take precedence over those of its containers.

    Args:
        containers: The pod's containers, if the caller already has them.
    """
    amounts = tuple([(found.container_type, found.resources) for found in containers or containers_of(spec)])
    overhead = compute_resources(ResourceRequirements(requests=spec.overhead)) if spec.overhead else _NO_RESOURCES
    return _effective_resources(amounts, overhead, compute_resources(spec.resources))


_NO_RESOURCES = ComputeResources()


@lru_cache(maxsize=2048)  # the pods of one workload have the same resources
def _effective_resources(
    amounts: tuple[tuple[str, ComputeResources], ...], overhead: ComputeResources, whole_pod: ComputeResources
) -> tuple[PodResources, PodResources]:
    counted = [(kind, each) for kind, each in amounts if kind != "ephemeral"]
    cpu_limits = [(kind, each.cpu_limit_millicores) for kind, each in counted]
    memory_limits = [(kind, each.memory_limit_bytes) for kind, each in counted]
    # a limit without a request is also the request
    cpu = [(kind, _first(each.cpu_request_millicores, each.cpu_limit_millicores)) for kind, each in counted]
    memory = [(kind, _first(each.memory_request_bytes, each.memory_limit_bytes)) for kind, each in counted]
    cpu_overhead, memory_overhead = overhead.cpu_request_millicores, overhead.memory_request_bytes
    return (
        PodResources(
            _request(cpu, cpu_overhead, whole_pod.cpu_request_millicores),
            _request(memory, memory_overhead, whole_pod.memory_request_bytes),
        ),
        PodResources(
            _limit(cpu_limits, cpu_overhead, whole_pod.cpu_limit_millicores),
            _limit(memory_limits, memory_overhead, whole_pod.memory_limit_bytes),
        ),
    )


def _first(amount: int | None, other: int | None) -> int | None:
    return other if amount is None else amount


_Amounts = Sequence[tuple[str, int | None]]
"""Container type and amount, in the order in which the containers start."""


def _request(amounts: _Amounts, overhead: int | None, whole_pod: int | None) -> int | None:
    if whole_pod is None and all(amount is None for _, amount in amounts):
        return overhead
    return _within_int64((_peak(amounts) if whole_pod is None else whole_pod) + (overhead or 0))


def _limit(amounts: _Amounts, overhead: int | None, whole_pod: int | None) -> int | None:
    if whole_pod is None and (not amounts or any(amount is None for type_, amount in amounts if type_ != "init")):
        return None  # one container without a limit makes the whole pod unlimited
    return _within_int64((_peak(amounts) if whole_pod is None else whole_pod) + (overhead or 0))


def _within_int64(amount: int) -> int | None:
    """None for an amount that an INT64 column cannot hold: anybody may write one, and it would fail the whole load."""
    return amount if amount < 2**63 else None


def _peak(amounts: _Amounts) -> int:
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
