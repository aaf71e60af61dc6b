"""ReplicaSets: those that nothing controls are workloads."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows, workload

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"}


@pytest.mark.parametrize("controller", [{}, {"controller": None}, {"controller": False}])
def test_an_owner_that_does_not_control_is_no_owner(controller: dict[str, Any]) -> None:
    found = rows("replicasets", metadata={"ownerReferences": [OWNER | controller]})
    assert [row.get("owner_kind") for row in found["workloads"]] == [None]


def test_a_replicaset_that_something_controls_has_no_rows() -> None:
    assert rows("replicasets", metadata={"ownerReferences": [OWNER | {"controller": True}]}) == {}


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
