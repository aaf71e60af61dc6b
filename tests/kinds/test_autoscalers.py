"""HorizontalPodAutoscalers: metrics with their current values, and when one is at its maximum."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

SPEC = {"maxReplicas": 10, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}
BARE = {
    "namespace": "n", "name": "w", "uid": "u", "target_kind": "Deployment", "target_name": "web", "max_replicas": 10,
}  # fmt: skip


def row(**item: Any) -> dict[str, Any]:
    """The autoscaler's row."""
    (found,) = rows("horizontalpodautoscalers", **{"spec": SPEC, **item})["autoscalers"]
    return found


@pytest.mark.parametrize("status", [None, {}, {"desiredReplicas": 0, "currentMetrics": None, "conditions": None}])
def test_an_autoscaler_that_no_controller_has_seen_has_no_counts(status: dict[str, Any] | None) -> None:
    assert row(status=status) == BARE


@pytest.mark.parametrize(
    ("generation", "status", "at_maximum"),
    [
        (None, {"desiredReplicas": 10}, True),
        (None, {"desiredReplicas": 9}, False),
        (None, {"desiredReplicas": 0, "conditions": [{"type": "ScalingActive", "status": "False"}]}, False),
        (2, {"desiredReplicas": 10, "observedGeneration": 1}, None),
        (2, {"desiredReplicas": 12, "observedGeneration": 2}, True),  # the maximum has just been lowered
    ],
)
def test_an_autoscaler_is_at_its_maximum_by_what_it_asks_for(
    generation: int | None, status: dict[str, Any], at_maximum: bool | None
) -> None:
    found = row(metadata={"generation": generation}, status=status)
    assert found.get("at_maximum") is at_maximum


def metric(kind: str, member: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, member: fields}


def test_each_type_of_metric_has_its_current_value() -> None:
    named, of = {"metric": {"name": "hits"}}, {"describedObject": {"kind": "Ingress", "name": "main"}}
    specs = [
        metric("Pods", "pods", **named, target={"type": "AverageValue", "averageValue": "1500m"}),
        metric("Object", "object", **named, **of, target={"type": "Value", "value": "2k"}),
        metric("External", "external", **named, target={"type": "Value", "value": "7"}),
        metric("External", "external", **named, target={"type": "AverageValue", "averageValue": "lots"}),
        {"type": "FromTheFuture", "future": {"name": "x"}},
    ]
    statuses = [
        metric("External", "external", **named, current={"value": "70", "averageValue": "7"}),
        metric("Object", "object", **named, **of, current={"value": "1"}),
        metric("External", "external", **named, current={"averageValue": "1E"}),
        {"type": ""},  # of a metric that could not be read
    ]
    found = row(spec=SPEC | {"metrics": specs}, status={"currentMetrics": statuses})
    assert found["metrics"] == [
        {
            "type": "Pods", "name": "hits", "target_type": "AverageValue", "target_value": "1500m",
            "target_value_thousandths": 1500,
        },
        {
            "type": "Object", "name": "hits", "described_object": "Ingress/main", "target_type": "Value",
            "target_value": "2k", "target_value_thousandths": 2_000_000, "current_value": "1",
            "current_value_thousandths": 1000,
        },
        {
            "type": "External", "name": "hits", "target_type": "Value", "target_value": "7",
            "target_value_thousandths": 7000, "current_value": "70", "current_value_thousandths": 70_000,
        },
        {
            "type": "External", "name": "hits", "target_type": "AverageValue", "target_value": "lots",
            "current_value": "1E",
        },
        {"type": "FromTheFuture", "name": ""},
    ]  # fmt: skip
    assert found["unparsed_quantities"] == ["hits.target_value", "hits.current_value"]


def test_metrics_of_one_name_are_told_apart_by_their_selectors() -> None:
    def depth(queue: str) -> dict[str, Any]:
        return {"name": "depth", "selector": {"matchLabels": {"queue": queue}}}

    metrics = [
        {"type": "External", "external": {"metric": depth(queue), "target": {"type": "Value", "value": "1"}}}
        for queue in "ab"
    ]
    current = [{"type": ""}, {"type": "External", "external": {"metric": depth("b"), "current": {"value": "5"}}}]
    found = row(spec={**SPEC, "metrics": metrics}, status={"currentMetrics": current})["metrics"]
    assert [one.get("current_value") for one in found] == [None, "5"]
