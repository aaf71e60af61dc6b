"""What the scheduler reserves for a pod, and what it may use at most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from job.normalize.containers import Placed, containers_of
from job.normalize.quantities import Amounts
from job.wire import core


class Total(NamedTuple):
    cpu_millicores: int | None
    memory_bytes: int | None


def effective(spec: core.PodSpec) -> tuple[Total, Total]:
    """Requests and limits of the whole pod, by the rules of the scheduler.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers and
    https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/; requests and limits of the pod itself
    (`spec.resources`) win over those of its containers.
    """
    placed = [container for container in containers_of(spec) if container.container_type != "ephemeral"]
    overhead, whole = Amounts(spec.overhead), spec.resources or core.ResourceRequirements()
    wanted, allowed = Amounts(whole.requests), Amounts(whole.limits)
    return (
        Total(
            _request(placed, overhead.cpu_millicores, wanted.cpu_millicores, "cpu_millicores"),
            _request(placed, overhead.memory_bytes, wanted.memory_bytes, "memory_bytes"),
        ),
        Total(
            _limit(placed, overhead.cpu_millicores, allowed.cpu_millicores, "cpu_millicores"),
            _limit(placed, overhead.memory_bytes, allowed.memory_bytes, "memory_bytes"),
        ),
    )


def _request(placed: list[Placed], overhead: int | None, whole: int | None, column: str) -> int | None:
    amounts = [(container.container_type, _requested(container.spec, column)) for container in placed]
    if whole is None and all(amount is None for _, amount in amounts):
        return overhead
    return _held((_peak(amounts) if whole is None else whole) + (overhead or 0))


def _limit(placed: list[Placed], overhead: int | None, whole: int | None, column: str) -> int | None:
    amounts = [(container.container_type, _limited(container.spec, column)) for container in placed]
    if whole is None and (not amounts or any(amount is None for type_, amount in amounts if type_ != "init")):
        return None  # one that may use all it can get makes the pod one
    return _held((_peak(amounts) if whole is None else whole) + (overhead or 0))


def _held(amount: int) -> int | None:
    """None where an INT64 column cannot hold it: any pod may ask for more, and would fail the load of all rows."""
    return amount if amount < 2**63 else None


def _peak(amounts: Iterable[tuple[str, int | None]]) -> int:
    """The most that is needed at one time: while an init container runs beside the sidecars before it, or later."""
    running, highest = 0, 0
    for container_type, amount in amounts:
        if container_type == "init":
            highest = max(highest, running + (amount or 0))
        else:
            running += amount or 0
    return max(highest, running)


def _requested(container: core.Container, column: str) -> int | None:
    resources = container.resources or core.ResourceRequirements()
    amount: int | None = getattr(Amounts(resources.requests), column)
    return _limited(container, column) if amount is None else amount  # a limit alone is a request too


def _limited(container: core.Container, column: str) -> int | None:
    resources = container.resources or core.ResourceRequirements()
    amount: int | None = getattr(Amounts(resources.limits), column)
    return amount
