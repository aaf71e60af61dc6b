"""PodDisruptionBudgets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, OtherApiVersions, Record, SelectorExpression


class DisruptionBudget(Record, frozen=True, kw_only=True):
    """A PodDisruptionBudget."""

    table = "disruption_budgets"
    description = (
        "A PodDisruptionBudget: which pods it protects, how many may be evicted now, whether it blocks drains."
    )
    read_from = "poddisruptionbudgets"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the budget."]
    name: Annotated[str, "Name of the budget."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the budget was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    generation: Annotated[int | None, "Version of the specification, counted by the API server."] = None
    observed_generation: Annotated[int | None, "The generation that the controller last acted on."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as a custom resource; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    min_available: Annotated[
        str | None, "How many pods must stay available: a number, or a percentage such as `50%`."
    ] = None
    max_unavailable: Annotated[
        str | None, "How many pods may be unavailable: a number, or a percentage such as `25%`."
    ] = None
    selector: Annotated[tuple[KeyValue, ...], "Labels of the pods that it protects (`matchLabels`)."] = ()
    selector_expressions: Annotated[
        tuple[SelectorExpression, ...], "Further terms of the selector (`matchExpressions`)."
    ] = ()
    selects_all_pods: Annotated[
        bool,
        "Whether the selector is empty and selects all pods of the namespace. Without a selector, none is selected.",
    ]
    unhealthy_pod_eviction_policy: Annotated[
        str | None,
        "`AlwaysAllow`: pods that are not ready may always be evicted. `IfHealthyBudget`, or NULL: only while enough "
        "pods are healthy.",
    ] = None
    expected_pods: Annotated[int | None, "Number of pods that it counts; NULL until its controller has acted."] = None
    current_healthy: Annotated[int | None, "Number of healthy pods; NULL until its controller has acted."] = None
    desired_healthy: Annotated[
        int | None, "Number of pods that must be healthy; NULL until its controller has acted."
    ] = None
    disruptions_allowed: Annotated[
        int | None, "Number of pods that may be evicted now; NULL until its controller has acted."
    ] = None
    disruption_allowed: Annotated[
        bool | None, "Whether the condition `DisruptionAllowed` is true; NULL if it is unknown or absent."
    ] = None
    blocking: Annotated[
        bool | None,
        "Whether the API server refuses to evict its pods now: `disruptions_allowed` is 0. NULL where it does so if it "
        "has any: its controller has not acted on this generation, or counts none (`expected_pods` is 0), which leaves "
        "out pods without a controller. `drain_blockers` shows the pods.",
    ] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the budget."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
