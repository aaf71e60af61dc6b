"""Admission policies: what they match and how many expressions they have, never an expression."""

from __future__ import annotations

import json

from kinds.objects import rows


def test_expressions_are_counted_and_left_out() -> None:
    rule = {
        "operations": ["*"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["pods"],
        "resourceNames": ["a"],
    }
    spec = {
        "validations": [
            {"expression": "CANARY", "messageExpression": "CANARY", "reason": "Invalid"},
            {"expression": "x"},
        ],
        "matchConditions": [{"name": "CANARY", "expression": "CANARY"}],
        "variables": [{"name": "CANARY", "expression": "CANARY"}],
        "matchConstraints": {"excludeResourceRules": [rule], "namespaceSelector": {"matchLabels": {"env": "prod"}}},
        "paramKind": {"apiVersion": "rules.example.com/v1", "kind": "Limit"},
        "failurePolicy": "Ignore",
    }
    found = rows("validatingadmissionpolicies", spec=spec)
    assert "CANARY" not in json.dumps(found)
    assert found["admission_policies"] == [
        {
            "name": "w", "uid": "u", "failure_policy": "Ignore", "fail_closed": False, "validations": 2,
            "match_conditions": 1, "namespace_selector": "env=prod", "param_api_version": "rules.example.com/v1",
            "param_kind": "Limit",
            "excluded": [
                {
                    "operations": ["*"], "api_groups": [""], "api_versions": ["v1"], "resources": ["pods"],
                    "resource_names": ["a"],
                }
            ],
        }
    ]  # fmt: skip
