"""VerticalPodAutoscalers (`autoscaling.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, condition_holds, conditions, key_values, object_columns
from job.kinds.parts.quantities import base_units, milli_units, unparsed
from job.kinds.parts.scope import Scope
from job.wire.meta import Condition, Elements, Int64, ObjectMeta, Quantities, Quantity, Wire


class TargetReference(Wire, frozen=True):
    kind: str
    name: str
    api_version: str | None = None


class PodUpdatePolicy(Wire, frozen=True):
    update_mode: str | None = None
    min_replicas: Int64 | None = None


class ContainerResourcePolicy(Wire, frozen=True):
    container_name: str | None = None
    mode: str | None = None
    controlled_resources: Elements[str] | None = None
    controlled_values: str | None = None
    min_allowed: Quantities | None = None
    max_allowed: Quantities | None = None


class PodResourcePolicy(Wire, frozen=True):
    container_policies: Elements[ContainerResourcePolicy] | None = None


class VerticalPodAutoscalerSpec(Wire, frozen=True):
    target_ref: TargetReference | None = None
    update_policy: PodUpdatePolicy | None = None
    resource_policy: PodResourcePolicy | None = None


class RecommendedContainerResources(Wire, frozen=True):
    container_name: str | None = None
    target: Quantities | None = None
    lower_bound: Quantities | None = None
    upper_bound: Quantities | None = None
    uncapped_target: Quantities | None = None


class RecommendedPodResources(Wire, frozen=True):
    container_recommendations: Elements[RecommendedContainerResources] | None = None


class VerticalPodAutoscalerStatus(Wire, frozen=True):
    recommendation: RecommendedPodResources | None = None
    conditions: Elements[Condition] | None = None


class VerticalPodAutoscaler(Wire, frozen=True):
    metadata: ObjectMeta
    spec: VerticalPodAutoscalerSpec | None = None
    status: VerticalPodAutoscalerStatus | None = None


def autoscaler_rows(autoscaler: VerticalPodAutoscaler, scope: Scope) -> Iterator[tables.Record]:
    """The autoscaler's row."""
    metadata, spec = autoscaler.metadata, autoscaler.spec or VerticalPodAutoscalerSpec()
    status = autoscaler.status or VerticalPodAutoscalerStatus()
    target, update, found = spec.target_ref, spec.update_policy or PodUpdatePolicy(), status.conditions
    policies = (spec.resource_policy.container_policies if spec.resource_policy else None) or ()
    recommended = (status.recommendation.container_recommendations if status.recommendation else None) or ()
    yield tables.VerticalPodAutoscaler(
        **object_columns(metadata),
        target_kind=target.kind if target else None,
        target_api_version=(target.api_version or None) if target else None,
        target_name=target.name if target else None,
        update_mode=update.update_mode or None,
        min_replicas=update.min_replicas,
        policies=tuple(
            tables.ContainerPolicy(
                container=policy.container_name or None,
                mode=policy.mode or None,
                controlled_resources=tuple(policy.controlled_resources or ()),
                controlled_values=policy.controlled_values or None,
                **_amounts(_bounds(policy)),
            )
            for policy in policies
        ),
        recommendations=tuple(
            tables.ContainerRecommendation(container=each.container_name or "", **_amounts(_values(each)))
            for each in recommended
        ),
        unparsed_quantities=(
            *(name for policy in policies for name in _unparsed(policy.container_name, _bounds(policy))),
            *(name for each in recommended for name in _unparsed(each.container_name, _values(each))),
        ),
        recommendation_provided=condition_holds(found, "RecommendationProvided"),
        low_confidence=condition_holds(found, "LowConfidence"),
        no_pods_matched=condition_holds(found, "NoPodsMatched"),
        config_unsupported=condition_holds(found, "ConfigUnsupported"),
        conditions=conditions(found),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


_Amounts = Mapping[str, Mapping[str, Quantity] | None]
"""The beginning of a column's name -> amounts of resources."""


def _bounds(policy: ContainerResourcePolicy) -> _Amounts:
    return {"min_allowed": policy.min_allowed, "max_allowed": policy.max_allowed}


def _values(recommended: RecommendedContainerResources) -> _Amounts:
    return {
        "target": recommended.target,
        "lower_bound": recommended.lower_bound,
        "upper_bound": recommended.upper_bound,
        "uncapped_target": recommended.uncapped_target,
    }


def _amounts(of: _Amounts) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for column, amounts in of.items():
        found[f"{column}_cpu_millicores"] = milli_units((amounts or {}).get("cpu"))
        found[f"{column}_memory_bytes"] = base_units((amounts or {}).get("memory"))
    return found


def _unparsed(container: str | None, of: _Amounts) -> Iterator[str]:
    for column, amounts in of.items():
        kept = {name: amounts[name] for name in ("cpu", "memory") if name in amounts} if amounts else None
        yield from (f"{container or ''}.{name}" for name in unparsed(column, kept))


KIND = Kind(
    "verticalpodautoscalers",
    "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers",
    VerticalPodAutoscaler,
    autoscaler_rows,
    permission="thirdPartyObjects",
    optional=True,
)
