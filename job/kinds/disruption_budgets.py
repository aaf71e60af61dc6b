"""PodDisruptionBudgets (`policy/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.metadata import allowed_annotations, condition_holds, conditions, key_values, object_columns
from job.kinds.parts.scope import Scope
from job.kinds.parts.selectors import pod_selector
from job.kinds.parts.workloads import counts, has_acted
from job.wire.meta import Condition, Elements, Int64, LabelSelector, ManagedMeta, ObjectMeta, Wire


class PodDisruptionBudgetSpec(Wire, frozen=True):
    min_available: str | Int64 | None = None
    max_unavailable: str | Int64 | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None


class PodDisruptionBudgetStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    expected_pods: Int64 | None = None
    current_healthy: Int64 | None = None
    desired_healthy: Int64 | None = None
    disruptions_allowed: Int64 | None = None
    conditions: Elements[Condition] | None = None


class PodDisruptionBudget(Wire, frozen=True):
    metadata: ManagedMeta
    spec: PodDisruptionBudgetSpec | None = None
    status: PodDisruptionBudgetStatus | None = None


def budget_rows(budget: PodDisruptionBudget, scope: Scope) -> Iterator[tables.Record]:
    """The budget's row."""
    metadata, spec = budget.metadata, budget.spec or PodDisruptionBudgetSpec()
    status = budget.status or PodDisruptionBudgetStatus()
    yield tables.DisruptionBudget(
        **object_columns(metadata),
        generation=metadata.generation,
        observed_generation=status.observed_generation,
        min_available=_text(spec.min_available),
        max_unavailable=_text(spec.max_unavailable),
        **pod_selector(spec.selector),
        unhealthy_pod_eviction_policy=spec.unhealthy_pod_eviction_policy or None,
        **counts(
            status.observed_generation,
            expected_pods=status.expected_pods,
            current_healthy=status.current_healthy,
            desired_healthy=status.desired_healthy,
            disruptions_allowed=status.disruptions_allowed,
        ),
        disruption_allowed=condition_holds(status.conditions, "DisruptionAllowed"),
        blocking=_blocks(metadata, status),
        conditions=conditions(status.conditions),
        labels=key_values(metadata.labels),
        other_api_versions=other_api_versions(metadata, KIND.api_version),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _text(amount: str | int | None) -> str | None:
    return None if amount in (None, "") else str(amount)


def _blocks(metadata: ObjectMeta, status: PodDisruptionBudgetStatus) -> bool | None:
    """Whether the eviction of a ready pod that it selects is refused now; None if there may be no such pod.

    The API server refuses where no disruption is allowed, and until the controller has acted on the budget as it is
    now. `expectedPods` leaves out pods without a controller, and plays no part.
    https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/pod/storage/eviction.go (checkAndDecrement)
    """
    if has_acted(metadata.generation, status.observed_generation):
        if status.disruptions_allowed:
            return False
        if status.expected_pods:
            return True
    return None


KIND = Kind("poddisruptionbudgets", "/apis/policy/v1/poddisruptionbudgets", PodDisruptionBudget, budget_rows)
