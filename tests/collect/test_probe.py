"""Which rules of RBAC let the identity list a kind: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/"""

from __future__ import annotations

from typing import Any

import pytest

from job.collect.probe import ResourceRule
from job.kinds import KINDS

PODS, DEPLOYMENTS = (next(kind for kind in KINDS if kind.resource == name) for name in ("pods", "deployments"))


def rule(**members: Any) -> ResourceRule:
    granted = {"verbs": ["get", "list"], "api_groups": [""], "resources": ["pods"]}
    return ResourceRule(**granted | members)


@pytest.mark.parametrize(
    ("members", "lists_pods", "lists_deployments"),
    [
        ({}, True, False),
        ({"verbs": ["*"], "api_groups": ["*"], "resources": ["*"]}, True, True),
        ({"api_groups": ["", "apps"], "resources": ["pods", "deployments"]}, True, True),
        ({"api_groups": ["apps"]}, False, False),
        ({"verbs": ["get", "watch"]}, False, False),
        ({"resources": ["pods/log"]}, False, False),
        ({"resource_names": ["one"]}, False, False),
        ({"verbs": None}, False, False),
        ({"resources": None}, False, False),
    ],
)
def test_a_rule_lets_list_what_it_names_in_whole(
    members: dict[str, Any], lists_pods: bool, lists_deployments: bool
) -> None:
    found = rule(**members)
    assert (found.lets_list(PODS), found.lets_list(DEPLOYMENTS)) == (lists_pods, lists_deployments)
