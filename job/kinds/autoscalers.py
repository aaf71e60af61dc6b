"""HorizontalPodAutoscalers (`autoscaling/v2`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.metadata import (
    allowed_annotations,
    condition_holds,
    conditions,
    key_values,
    object_columns,
    reason_of,
)
from job.kinds.parts.quantities import milli_units
from job.kinds.parts.scope import Scope
from job.kinds.parts.selector_text import selector_text
from job.kinds.parts.workloads import counts
from job.wire.meta import (
    Condition,
    Elements,
    Int64,
    LabelSelector,
    ManagedMeta,
    ObjectMeta,
    Quantity,
    Time,
    Wire,
    check_years,
)


class CrossVersionObjectReference(Wire, frozen=True):
    kind: str
    name: str
    api_version: str | None = None


class MetricTarget(Wire, frozen=True):
    type: str
    average_utilization: Int64 | None = None
    average_value: Quantity | None = None
    value: Quantity | None = None


class MetricValueStatus(Wire, frozen=True):
    average_utilization: Int64 | None = None
    average_value: Quantity | None = None
    value: Quantity | None = None


class MetricIdentifier(Wire, frozen=True):
    name: str
    selector: LabelSelector | None = None


class ResourceMetricSource(Wire, frozen=True):
    name: str
    target: MetricTarget


class ContainerResourceMetricSource(Wire, frozen=True):
    name: str
    container: str
    target: MetricTarget


class PodsMetricSource(Wire, frozen=True):
    metric: MetricIdentifier
    target: MetricTarget


class ObjectMetricSource(Wire, frozen=True):
    described_object: CrossVersionObjectReference
    metric: MetricIdentifier
    target: MetricTarget


class ExternalMetricSource(Wire, frozen=True):
    metric: MetricIdentifier
    target: MetricTarget


class MetricSpec(Wire, frozen=True):
    type: str
    resource: ResourceMetricSource | None = None
    container_resource: ContainerResourceMetricSource | None = None
    pods: PodsMetricSource | None = None
    object: ObjectMetricSource | None = None
    external: ExternalMetricSource | None = None


class ResourceMetricStatus(Wire, frozen=True):
    name: str
    current: MetricValueStatus


class ContainerResourceMetricStatus(Wire, frozen=True):
    name: str
    container: str
    current: MetricValueStatus


class PodsMetricStatus(Wire, frozen=True):
    metric: MetricIdentifier
    current: MetricValueStatus


class ObjectMetricStatus(Wire, frozen=True):
    described_object: CrossVersionObjectReference
    metric: MetricIdentifier
    current: MetricValueStatus


class ExternalMetricStatus(Wire, frozen=True):
    metric: MetricIdentifier
    current: MetricValueStatus


class MetricStatus(Wire, frozen=True):
    type: str
    resource: ResourceMetricStatus | None = None
    container_resource: ContainerResourceMetricStatus | None = None
    pods: PodsMetricStatus | None = None
    object: ObjectMetricStatus | None = None
    external: ExternalMetricStatus | None = None


class HorizontalPodAutoscalerSpec(Wire, frozen=True):
    scale_target_ref: CrossVersionObjectReference | None = None
    min_replicas: Int64 | None = None
    max_replicas: Int64 | None = None
    metrics: Elements[MetricSpec] | None = None


class HorizontalPodAutoscalerStatus(Wire, frozen=True):
    observed_generation: Int64 | None = None
    last_scale_time: Time | None = None
    current_replicas: Int64 | None = None
    desired_replicas: Int64 | None = None
    current_metrics: Elements[MetricStatus] | None = None
    conditions: Elements[Condition] | None = None

    def __post_init__(self) -> None:
        check_years(self.last_scale_time)


class HorizontalPodAutoscaler(Wire, frozen=True):
    metadata: ManagedMeta
    spec: HorizontalPodAutoscalerSpec | None = None
    status: HorizontalPodAutoscalerStatus | None = None


def autoscaler_rows(autoscaler: HorizontalPodAutoscaler, scope: Scope) -> Iterator[tables.Record]:
    """The autoscaler's row."""
    metadata, spec = autoscaler.metadata, autoscaler.spec or HorizontalPodAutoscalerSpec()
    target = spec.scale_target_ref
    status = autoscaler.status or HorizontalPodAutoscalerStatus()
    found = status.conditions
    metrics = tuple(_metrics(spec, status))
    yield tables.Autoscaler(
        **object_columns(metadata),
        target_kind=target.kind if target else None,
        target_api_version=(target.api_version or None) if target else None,
        target_name=target.name if target else None,
        min_replicas=spec.min_replicas,
        max_replicas=spec.max_replicas,
        # API servers write a desired 0 into the status of a new object, and controllers write conditions first
        **counts(
            status.observed_generation,
            status.last_scale_time,
            found,
            current_replicas=status.current_replicas,
            desired_replicas=status.desired_replicas,
        ),
        at_maximum=_at_maximum(metadata, spec, status),
        last_scaled_at=status.last_scale_time,
        metrics=metrics,
        unparsed_quantities=tuple(_unparsed(metrics)),
        able_to_scale=condition_holds(found, "AbleToScale"),
        able_to_scale_reason=reason_of(found, "AbleToScale"),
        scaling_active=condition_holds(found, "ScalingActive"),
        scaling_active_reason=reason_of(found, "ScalingActive"),
        scaling_limited=condition_holds(found, "ScalingLimited"),
        scaling_limited_reason=reason_of(found, "ScalingLimited"),
        conditions=conditions(found),
        labels=key_values(metadata.labels),
        other_api_versions=other_api_versions(metadata, KIND.api_version),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _at_maximum(
    metadata: ObjectMeta, spec: HorizontalPodAutoscalerSpec, status: HorizontalPodAutoscalerStatus
) -> bool | None:
    observed = status.observed_generation
    if spec.max_replicas is None or (observed is not None and observed < (metadata.generation or 0)):
        return None
    if not (observed or status.conditions or status.last_scale_time or status.desired_replicas):
        return None
    return (status.desired_replicas or 0) >= spec.max_replicas


class _Measured(NamedTuple):
    """What a metric is of."""

    type: str
    name: str
    container: str | None = None
    described_object: str | None = None


def _metrics(
    spec: HorizontalPodAutoscalerSpec, status: HorizontalPodAutoscalerStatus
) -> Iterator[tables.AutoscalerMetric]:
    """Each metric with its current value. Values of metrics that nothing tells apart come in the metrics' order."""
    current: dict[tuple[_Measured, str | None], list[MetricValueStatus]] = {}
    for reported in status.current_metrics or ():
        measured, source = _source(reported)
        if source is not None:
            current.setdefault((measured, _selector(source)), []).append(source.current)
    for metric in spec.metrics or ():
        measured, source = _source(metric)
        target: MetricTarget = source.target if source is not None else MetricTarget("")
        values = current.get((measured, _selector(source)))
        now = values.pop(0) if values else MetricValueStatus()
        wanted, found = (
            (target.value, now.value) if target.type == "Value" else (target.average_value, now.average_value)
        )
        yield tables.AutoscalerMetric(
            **measured._asdict(),
            target_type=target.type or None,
            target_utilization_percent=target.average_utilization,
            current_utilization_percent=now.average_utilization,
            target_value=_text(wanted),
            current_value=_text(found),
            target_value_thousandths=milli_units(wanted),
            current_value_thousandths=milli_units(found),
        )


def _source(metric: MetricSpec | MetricStatus) -> tuple[_Measured, Any]:
    """What is measured, and the member of the metric that says more; None where its type has none that we know."""
    if (resource := metric.resource) is not None:
        return _Measured(metric.type, resource.name), resource
    if (container := metric.container_resource) is not None:
        return _Measured(metric.type, container.name, container.container), container
    if (described := metric.object) is not None:
        of = described.described_object
        return _Measured(metric.type, described.metric.name, None, f"{of.kind}/{of.name}"), described
    other = metric.pods if metric.pods is not None else metric.external
    return _Measured(metric.type, other.metric.name if other is not None else ""), other


def _selector(source: Any) -> str | None:
    """That of the metric's series, which tells External, Object and Pods metrics of one name apart."""
    return selector_text(source.metric.selector) if hasattr(source, "metric") else None


def _text(quantity: Quantity | None) -> str | None:
    return None if quantity is None else str(quantity)


def _unparsed(metrics: Iterable[tables.AutoscalerMetric]) -> Iterator[str]:
    for metric in metrics:
        for column in ("target_value", "current_value"):
            if getattr(metric, column) is not None and getattr(metric, f"{column}_thousandths") is None:
                yield f"{metric.name}.{column}"


KIND = Kind(
    "horizontalpodautoscalers",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    HorizontalPodAutoscaler,
    autoscaler_rows,
)
