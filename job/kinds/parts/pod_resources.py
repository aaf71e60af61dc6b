"""What the scheduler reserves for a pod, and what it may use at most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from job.kinds.parts.containers import Asked, Placed, asked, containers_of
from job.wire import core


class Total(msgspec.Struct, frozen=True, gc=False):
    cpu_millicores: int | None
    memory_bytes: int | None


def effective(spec: core.PodSpec, placed: Iterable[Placed] | None = None) -> tuple[Total, Total]:
    """Requests and limits of the whole pod, by the rules of the scheduler.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers and
    https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/; requests and limits of the pod itself
    (`spec.resources`) win over those of its containers.

    Args:
        placed: its containers, where they are at hand.
    """
    counted = tuple([(found.container_type, found.asked) for found in placed or containers_of(spec)])
    overhead = asked(core.ResourceRequirements(requests=spec.overhead)) if spec.overhead else _NOTHING
    return _effective(counted, overhead, asked(spec.resources))


_NOTHING = Asked()


@lru_cache(maxsize=2048)  # the pods of one workload ask for the same
def _effective(counted: tuple[tuple[str, Asked], ...], overhead: Asked, whole: Asked) -> tuple[Total, Total]:
    held = [(kind, each) for kind, each in counted if kind != "ephemeral"]
    most_cpu = [(kind, each.cpu_limit_millicores) for kind, each in held]
    most_memory = [(kind, each.memory_limit_bytes) for kind, each in held]
    # a limit alone is a request too
    cpu = [(kind, _first(each.cpu_request_millicores, each.cpu_limit_millicores)) for kind, each in held]
    memory = [(kind, _first(each.memory_request_bytes, each.memory_limit_bytes)) for kind, each in held]
    more_cpu, more_memory = overhead.cpu_request_millicores, overhead.memory_request_bytes
    return (
        Total(
            _request(cpu, more_cpu, whole.cpu_request_millicores),
            _request(memory, more_memory, whole.memory_request_bytes),
        ),
        Total(
            _limit(most_cpu, more_cpu, whole.cpu_limit_millicores),
            _limit(most_memory, more_memory, whole.memory_limit_bytes),
        ),
    )


def _first(amount: int | None, other: int | None) -> int | None:
    return other if amount is None else amount


_Amounts = Sequence[tuple[str, int | None]]
"""Container type and amount, in the order in which containers are started."""


def _request(amounts: _Amounts, overhead: int | None, whole: int | None) -> int | None:
    if whole is None and all(amount is None for _, amount in amounts):
        return overhead
    return _held((_peak(amounts) if whole is None else whole) + (overhead or 0))


def _limit(amounts: _Amounts, overhead: int | None, whole: int | None) -> int | None:
    if whole is None and (not amounts or any(amount is None for type_, amount in amounts if type_ != "init")):
        return None  # one that may use all it can get makes the pod one
    return _held((_peak(amounts) if whole is None else whole) + (overhead or 0))


def _held(amount: int) -> int | None:
    """None where an INT64 column cannot hold it: any pod may ask for more, and would fail the load of all rows."""
    return amount if amount < 2**63 else None


def _peak(amounts: _Amounts) -> int:
    """The most that is needed at one time: while an init container runs beside the sidecars before it, or later."""
    running, highest = 0, 0
    for container_type, amount in amounts:
        if container_type == "init":
            highest = max(highest, running + (amount or 0))
        else:
            running += amount or 0
    return max(highest, running)
