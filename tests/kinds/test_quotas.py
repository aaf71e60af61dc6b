"""Quotas: amounts, shares, and scopes as selectors."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows


@pytest.mark.parametrize(
    ("hard", "used", "expected"),
    [
        ("0", "0", {"hard_amount": 0.0, "used": "0", "used_amount": 0.0}),
        ("4", "5", {"hard_amount": 4.0, "used": "5", "used_amount": 5.0, "share_used": 1.25}),
        ("lots", "1", {"used": "1", "used_amount": 1.0}),
        (3, 1.5, {"hard": "3", "hard_amount": 3.0, "used": "1.5", "used_amount": 1.5, "share_used": 0.5}),
        ("3", None, {"hard_amount": 3.0}),
    ],
)
def test_a_share_needs_two_amounts_and_a_limit_above_zero(hard: Any, used: Any, expected: dict[str, Any]) -> None:
    (row,) = rows("resourcequotas", spec={"hard": {"pods": hard}}, status={"used": {"pods": used}} if used else {})[
        "quotas"
    ]
    assert row["resources"] == [{"resource": "pods", "hard": hard} | expected]


def test_a_scope_that_selects_is_text_beside_those_that_are_named() -> None:
    terms = [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["high", "low"]},
        {"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"},
    ]
    spec = {"scopes": ["BestEffort"], "scopeSelector": {"matchExpressions": terms}}
    (row,) = rows("resourcequotas", spec=spec)["quotas"]
    assert row["scopes"] == ["BestEffort", "PriorityClass in (high,low)", "CrossNamespacePodAffinity"]
