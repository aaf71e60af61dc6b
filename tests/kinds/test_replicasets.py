"""ReplicaSets: those that no Deployment controls are workloads."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows, workload

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"}


@pytest.mark.parametrize("controller", [{}, {"controller": None}, {"controller": False}])
def test_an_owner_that_does_not_control_is_no_owner(controller: dict[str, Any]) -> None:
    found = rows("replicasets", metadata={"ownerReferences": [OWNER | controller]})
    assert [row.get("owner_kind") for row in found["workloads"]] == [None]


@pytest.mark.parametrize(
    ("kind", "api_version", "wanted", "there", "has_row"),
    [
        ("Deployment", "apps/v1", 2, 2, False),
        ("Rollout", "argoproj.io/v1alpha1", 2, 0, True),  # a quota may refuse its Pods
        ("Rollout", "argoproj.io/v1alpha1", 0, 1, True),
        ("Rollout", "argoproj.io/v1alpha1", 0, 0, False),  # one of the older ones
        ("Deployment", "example.com/v1", 2, 2, True),
    ],
)
def test_a_controlled_replicaset_is_a_workload_while_it_wants_pods_unless_a_deployment_has_its_template(
    kind: str, api_version: str, wanted: int, there: int, has_row: bool
) -> None:
    owner = {"apiVersion": api_version, "kind": kind, "name": "c", "uid": "c", "controller": True}
    found = rows(
        "replicasets", metadata={"ownerReferences": [owner]}, spec={"replicas": wanted}, status={"replicas": there}
    )
    assert [row["owner_kind"] for row in found.get("workloads", [])] == [kind] * has_row


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            {"observedGeneration": 1, "replicas": 3},
            {"replicas_wanted": 3, "replicas": 3, "replicas_ready": 0, "replicas_available": 0},
        ),
        ({"replicas": 0}, {"replicas_wanted": 3}),  # as the API server creates it
    ],
)
def test_counts_are_0_once_the_controller_has_acted(status: dict[str, int], expected: dict[str, int]) -> None:
    columns = ("replicas_wanted", "replicas", "replicas_ready", "replicas_available")
    assert workload("replicasets", *columns, spec={"replicas": 3}, status=status) == expected
