"""Deployments: what an API server may leave out, and what it leaves out because it is 0."""

from __future__ import annotations

import pytest
from kinds.objects import workload

COUNTS = (
    "replicas_wanted", "replicas", "replicas_ready", "replicas_available", "replicas_updated", "replicas_unavailable",
)  # fmt: skip


def test_a_deployment_without_ready_pods_says_0_once_its_controller_has_acted() -> None:
    """The worst off must not look like those of which nothing is known."""
    status = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "unavailableReplicas": 3}
    assert workload("deployments", *COUNTS, spec={"replicas": 3}, status=status) == {
        "replicas_wanted": 3, "replicas": 3, "replicas_ready": 0, "replicas_available": 0, "replicas_updated": 3,
        "replicas_unavailable": 3,
    }  # fmt: skip


@pytest.mark.parametrize("status", [{}, None])
def test_a_deployment_whose_controller_has_not_acted_has_no_counts(status: dict[str, int] | None) -> None:
    assert workload("deployments", *COUNTS, spec={"replicas": 3}, status=status) == {"replicas_wanted": 3}


def test_a_paused_deployment_says_so() -> None:
    spec = {"paused": True, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": {"app": "web"}}}
    assert workload("deployments", "paused", "strategy", "selector", spec=spec) == {
        "paused": True, "strategy": "Recreate", "selector": [{"key": "app", "value": "web"}],
    }  # fmt: skip


@pytest.mark.parametrize("spec", [{}, {"paused": None}, {"paused": False}])
def test_a_deployment_that_is_not_paused_says_so(spec: dict[str, bool]) -> None:
    """The API leaves out false: `WHERE NOT paused` must find these."""
    assert workload("deployments", "paused", spec=spec) == {"paused": False}


def test_conditions_may_lack_reason_and_time() -> None:
    conditions = [
        {"type": "Available", "status": "True"},
        {"type": "X", "status": "Unknown", "reason": "", "lastTransitionTime": None},
    ]
    found = workload("deployments", "conditions", status={"conditions": conditions})
    assert found == {"conditions": [{"type": "Available", "status": "True"}, {"type": "X", "status": "Unknown"}]}
