"""Roles: wildcards, and rules that an aggregated role may not have yet."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows


@pytest.mark.parametrize(
    ("rule", "has_wildcard"),
    [
        ({"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}, True),
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*"]}, True),
        ({"verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"]}, False),
        ({"verbs": ["*"], "nonResourceURLs": ["/metrics"]}, False),
        ({"verbs": ["get"], "apiGroups": ["*"], "resources": ["pods"]}, False),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, False),
        ({"verbs": None, "apiGroups": None, "resources": None}, False),
    ],
)
def test_a_wildcard_is_one_of_verbs_or_resources(rule: dict[str, Any], has_wildcard: bool) -> None:
    (row,) = rows("roles", rules=[rule])["roles"]
    assert row["has_wildcard"] is has_wildcard


def test_a_cluster_role_has_no_namespace_and_the_selectors_of_what_it_aggregates() -> None:
    expression = {"key": "tier", "operator": "In", "values": ["a", "b"]}
    selectors = [{"matchLabels": {"x": "1"}, "matchExpressions": [expression]}, {}]
    (row,) = rows("clusterroles", rules=None, aggregationRule={"clusterRoleSelectors": selectors})["roles"]
    assert row == {
        "resource": "clusterroles", "kind": "ClusterRole", "name": "w", "uid": "u", "has_wildcard": False,
        "aggregates": ["x=1,tier in (a,b)", ""],
    }  # fmt: skip
