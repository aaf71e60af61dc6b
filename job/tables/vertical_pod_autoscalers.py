"""VerticalPodAutoscalers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Part, Record


class ContainerRecommendation(Part, frozen=True, kw_only=True):
    """What an autoscaler recommends for the containers of one name."""

    container: Annotated[str, "Name of the container."]
    target_cpu_millicores: Annotated[int | None, "Recommended CPU request, within the bounds of `policies`."] = None
    target_memory_bytes: Annotated[int | None, "Recommended memory request, within the bounds of `policies`."] = None
    lower_bound_cpu_millicores: Annotated[
        int | None, "CPU request below which a container is likely to be too slow."
    ] = None
    lower_bound_memory_bytes: Annotated[int | None, "Memory request below which a container likely runs out."] = None
    upper_bound_cpu_millicores: Annotated[int | None, "CPU request above which the rest is likely wasted."] = None
    upper_bound_memory_bytes: Annotated[int | None, "Memory request above which the rest is likely wasted."] = None
    uncapped_target_cpu_millicores: Annotated[int | None, "Recommended CPU request if `policies` had no bounds."] = None
    uncapped_target_memory_bytes: Annotated[int | None, "Recommended memory request if `policies` had no bounds."] = (
        None
    )


class ContainerPolicy(Part, frozen=True, kw_only=True):
    """What an autoscaler may do to the containers of one name."""

    container: Annotated[str | None, "Name of the container; `*` for all that have no policy of their own."] = None
    mode: Annotated[str | None, "`Off` if it leaves them as they are; NULL means `Auto`."] = None
    controlled_resources: Annotated[tuple[str, ...], "Resources that it sets; empty means CPU and memory."]
    controlled_values: Annotated[str | None, "`RequestsOnly`; NULL means `RequestsAndLimits`."] = None
    min_allowed_cpu_millicores: Annotated[int | None, "Minimum CPU that it recommends."] = None
    min_allowed_memory_bytes: Annotated[int | None, "Minimum memory that it recommends."] = None
    max_allowed_cpu_millicores: Annotated[int | None, "Maximum CPU that it recommends."] = None
    max_allowed_memory_bytes: Annotated[int | None, "Maximum memory that it recommends."] = None


class VerticalPodAutoscaler(Record, frozen=True, kw_only=True):
    """A VerticalPodAutoscaler."""

    table = "vertical_pod_autoscalers"
    description = "A VerticalPodAutoscaler: target, mode, bounds and recommended requests of each container."
    read_from = "verticalpodautoscalers"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the autoscaler."]
    name: Annotated[str, "Name of the autoscaler."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the autoscaler was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[str | None, "Kind of the controller; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    target_kind: Annotated[str | None, "Kind of the workload that it is for: `Deployment`, `Rollout`, ..."] = None
    target_api_version: Annotated[str | None, "apiVersion of that workload."] = None
    target_name: Annotated[str | None, "Name of that workload, which is in the same namespace."] = None
    update_mode: Annotated[
        str | None,
        "When it changes pods: `Off` (it only recommends), `Initial` (as they are created), `Recreate`, "
        "`InPlaceOrRecreate` or `Auto`. NULL leaves it to the default.",
    ] = None
    min_replicas: Annotated[
        int | None, "Minimum number of live pods below which it evicts none; NULL leaves it to the default."
    ] = None
    policies: Annotated[tuple[ContainerPolicy, ...], "What it may do to which containers."] = ()
    recommendations: Annotated[
        tuple[ContainerRecommendation, ...], "What it recommends, once for each container; empty until it does."
    ] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values of `policies` and `recommendations` that are no valid quantities, or that 64 bits cannot hold: "
        "`app.target.memory`, ... Their columns are NULL.",
    ] = ()
    recommendation_provided: Annotated[
        bool | None,
        "Whether the condition `RecommendationProvided` is true. NULL if it is unknown or absent.",
    ] = None
    low_confidence: Annotated[
        bool | None,
        "Whether the condition `LowConfidence` is true: it has seen too little. NULL if it is unknown or absent.",
    ] = None
    no_pods_matched: Annotated[
        bool | None,
        "Whether the condition `NoPodsMatched` is true: its target has no pods. NULL if it is unknown or absent.",
    ] = None
    config_unsupported: Annotated[
        bool | None,
        "Whether the condition `ConfigUnsupported` is true: it does nothing. NULL if it is unknown or absent.",
    ] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the autoscaler."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
