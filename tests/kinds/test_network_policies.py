"""NetworkPolicies: the directions in which they isolate, and whether they deny or admit all."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

NOTHING = {
    f"{verb}_all_{direction}": False for verb in ("denies", "admits") for direction in ("ingress", "egress")
}  # fmt: skip
BARE = {"namespace": "n", "name": "w", "uid": "u", "selects_all_pods": True, **NOTHING}
PEER = {"ipBlock": {"cidr": "10.0.0.0/8"}}


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        (None, {}),
        (dict.fromkeys(("podSelector", "policyTypes", "ingress", "egress")), {}),
        (
            {"policyTypes": ["Ingress"], "ingress": None},
            {"policy_types": ["Ingress"], "ingress_rules": 0, "denies_all_ingress": True},
        ),
        ({"policyTypes": ["Egress"]}, {"policy_types": ["Egress"], "egress_rules": 0, "denies_all_egress": True}),
        (  # rules of a direction that is no type do not count
            {"policyTypes": ["Egress"], "ingress": [{}], "egress": [{}]},
            {"policy_types": ["Egress"], "egress_rules": 1, "admits_all_egress": True},
        ),
        (
            {"policyTypes": ["Ingress"], "ingress": [{"from": [PEER]}, {"ports": [{"port": 80}]}]},
            {"policy_types": ["Ingress"], "ingress_rules": 2},
        ),
        (
            {"policyTypes": ["Ingress"], "ingress": [{"from": [PEER]}, {"from": [], "ports": None}]},
            {"policy_types": ["Ingress"], "ingress_rules": 2, "admits_all_ingress": True},
        ),
        (
            {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]},
            {
                "selects_all_pods": False, "selector": [{"key": "app", "value": "db"}], "policy_types": ["Ingress"],
                "ingress_rules": 0, "denies_all_ingress": True,
            },
        ),
    ],
)  # fmt: skip
def test_a_policy_denies_or_admits_all_by_its_types_and_rules(
    spec: dict[str, Any] | None, columns: dict[str, Any]
) -> None:
    (found,) = rows("networkpolicies", spec=spec)["network_policies"]
    assert found == BARE | columns
