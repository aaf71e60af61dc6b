"""PodDisruptionBudgets: what they select, and when they block a drain."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

BARE = {"namespace": "n", "name": "w", "uid": "u", "selects_all_pods": False}


def row(**item: Any) -> dict[str, Any]:
    """The budget's row."""
    (found,) = rows("poddisruptionbudgets", **item)["disruption_budgets"]
    return found


def test_a_budget_whose_parts_are_null_has_its_row() -> None:
    nothing = dict.fromkeys(("minAvailable", "maxUnavailable", "selector", "unhealthyPodEvictionPolicy"))
    for spec in (None, nothing):
        for status in (None, {}, {"conditions": None}):
            assert row(spec=spec, status=status) == BARE


@pytest.mark.parametrize(
    ("generation", "status", "blocking"),
    [
        (1, {"disruptionsAllowed": 0, "expectedPods": 3}, None),  # no controller has seen it
        (2, {"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 3}, None),
        (1, {"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 3}, True),
        (1, {"observedGeneration": 1, "disruptionsAllowed": 1, "expectedPods": 3}, False),
        (
            1,
            {"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 0},
            None,
        ),  # or pods without a controller
        (None, {"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 1}, True),
    ],
)
def test_a_budget_blocks_if_it_has_pods_and_allows_no_disruption(
    generation: int | None, status: dict[str, int], blocking: bool | None
) -> None:
    found = row(metadata={"generation": generation}, status=status)
    assert found.get("blocking") is blocking


def test_counts_of_a_budget_that_no_controller_has_seen_are_null() -> None:
    zeros = dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0)
    assert row(status=zeros) == BARE
    assert row(status=zeros | {"observedGeneration": 1}) == BARE | {
        "observed_generation": 1, "expected_pods": 0, "current_healthy": 0, "desired_healthy": 0,
        "disruptions_allowed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("selector", "columns"),
    [
        ({}, {"selects_all_pods": True}),
        ({"matchLabels": {}, "matchExpressions": []}, {"selects_all_pods": True}),
        ({"matchLabels": {"app": ""}}, {"selector": [{"key": "app", "value": ""}]}),
        (
            {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            {"selector_expressions": [{"key": "app", "operator": "Exists", "values": []}]},
        ),
        (
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a", "b"]}]},
            {"selector_expressions": [{"key": "app", "operator": "NotIn", "values": ["a", "b"]}]},
        ),
    ],
)
def test_an_empty_selector_selects_all_pods_and_none_selects_no_pod(
    selector: dict[str, Any], columns: dict[str, Any]
) -> None:
    assert row(spec={"selector": selector}) == BARE | columns


@pytest.mark.parametrize(("amount", "text"), [(1, "1"), (0, "0"), ("50%", "50%"), ("", None)])
def test_an_amount_is_kept_as_it_is_written(amount: int | str, text: str | None) -> None:
    assert row(spec={"maxUnavailable": amount}).get("max_unavailable") == text
