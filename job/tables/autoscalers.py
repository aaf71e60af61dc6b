"""HorizontalPodAutoscalers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, OtherApiVersions, Part, Record


class AutoscalerMetric(Part, frozen=True, kw_only=True):
    """A metric by which an autoscaler scales."""

    type: Annotated[str, "`Resource`, `ContainerResource`, `Pods`, `Object` or `External`."]
    name: Annotated[str, "Name of the metric, or the resource: `cpu`, `memory`, ..."]
    container: Annotated[str | None, "Container that is measured, for `ContainerResource`."] = None
    described_object: Annotated[str | None, "Object that is measured, for `Object`: `Ingress/main`."] = None
    target_type: Annotated[str | None, "`Utilization`, `Value` or `AverageValue`."] = None
    target_utilization_percent: Annotated[int | None, "Target in percent of the pods' requests."] = None
    current_utilization_percent: Annotated[int | None, "Current value in percent of the pods' requests."] = None
    target_value: Annotated[
        str | None, "Target as written, in all or for each pod by `target_type`: `30`, `500Mi`."
    ] = None
    current_value: Annotated[str | None, "Current value as written, in all or for each pod."] = None
    target_value_thousandths: Annotated[int | None, "The target in thousandths, rounded up."] = None
    current_value_thousandths: Annotated[int | None, "The current value in thousandths, rounded up."] = None


class Autoscaler(Record, frozen=True, kw_only=True):
    """A HorizontalPodAutoscaler."""

    table = "autoscalers"
    description = "A HorizontalPodAutoscaler: target, bounds, metrics with current values, whether it can scale."
    read_from = "horizontalpodautoscalers"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the autoscaler."]
    name: Annotated[str, "Name of the autoscaler."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the autoscaler was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as `ScaledObject`; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    target_kind: Annotated[str | None, "Kind of the workload that it scales: `Deployment`, `Rollout`, ..."] = None
    target_api_version: Annotated[str | None, "apiVersion of that workload."] = None
    target_name: Annotated[str | None, "Name of that workload, which is in the same namespace."] = None
    min_replicas: Annotated[int | None, "Minimum number of replicas."] = None
    max_replicas: Annotated[int | None, "Maximum number of replicas."] = None
    current_replicas: Annotated[
        int | None, "Number of replicas when its controller last looked; NULL until it has acted."
    ] = None
    desired_replicas: Annotated[
        int | None, "Number of replicas that the autoscaler last asked for; NULL until its controller has acted."
    ] = None
    at_maximum: Annotated[
        bool | None,
        "Whether `desired_replicas` has reached `max_replicas`: more load gets no more pods. NULL until its controller "
        "has acted on this generation.",
    ] = None
    last_scaled_at: Annotated[datetime | None, "When it last changed the number of replicas."] = None
    metrics: Annotated[tuple[AutoscalerMetric, ...], "Metrics by which it scales."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values of `metrics` that are no valid quantities, or that 64 bits cannot hold in thousandths: "
        "`queue_depth.target_value`, ... Their columns in thousandths are NULL.",
    ] = ()
    able_to_scale: Annotated[
        bool | None,
        "Whether the condition `AbleToScale` is true: it can read and change the workload's scale. NULL if it is "
        "unknown or absent.",
    ] = None
    able_to_scale_reason: Annotated[str | None, "Reason of that condition, such as `FailedGetScale`."] = None
    scaling_active: Annotated[
        bool | None,
        "Whether the condition `ScalingActive` is true: it can compute a number of replicas from its metrics. NULL if "
        "it is unknown or absent.",
    ] = None
    scaling_active_reason: Annotated[str | None, "Reason of that condition, such as `FailedGetResourceMetric`."] = None
    scaling_limited: Annotated[
        bool | None,
        "Whether the condition `ScalingLimited` is true: the number is bounded by the minimum, the maximum or the rate "
        "of scaling. NULL if it is unknown or absent.",
    ] = None
    scaling_limited_reason: Annotated[str | None, "Reason of that condition, such as `TooManyReplicas`."] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the autoscaler."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
