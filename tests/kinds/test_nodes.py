"""Nodes: what an API server may leave out."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

BARE = {"name": "w", "uid": "u", "spot": False, "unschedulable": False}


def row(**item: Any) -> dict[str, Any]:
    """The node's row."""
    (found,) = rows("nodes", **item)["nodes"]
    return found


def test_a_node_whose_parts_are_null_has_its_row() -> None:
    status = dict.fromkeys(("capacity", "allocatable", "conditions", "addresses", "nodeInfo"))
    spec = dict.fromkeys(("podCIDR", "providerID", "unschedulable", "taints"))
    assert row(metadata={"labels": None, "annotations": None}, spec=spec, status=status) == BARE


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], None),
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False", "reason": None}], False),
        ([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}], None),
        ([{"type": "DiskPressure", "status": "True"}], None),
    ],
)
def test_a_node_of_unknown_condition_is_neither_ready_nor_unready(conditions: list[Any], ready: bool | None) -> None:
    assert row(status={"conditions": conditions}).get("ready") is ready


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"cloud.google.com/gke-spot": "true"}, {"spot": True}),
        ({"cloud.google.com/gke-preemptible": "true"}, {"spot": True}),
        ({"cloud.google.com/gke-spot": "false"}, {"spot": False}),
        (
            {"cloud.google.com/gke-nodepool": "gpu", "cloud.google.com/gke-accelerator": "nvidia-l4"},
            {"node_pool": "gpu", "accelerator": "nvidia-l4"},
        ),
        ({"cloud.google.com/gke-nodepool": "", "topology.kubernetes.io/zone": ""}, {}),
    ],
)
def test_labels_that_gke_sets_have_their_columns(labels: dict[str, str], expected: dict[str, Any]) -> None:
    written = [{"key": key, "value": value} for key, value in labels.items()]
    assert row(metadata={"labels": labels}) == BARE | expected | {"labels": written}


def test_quantities_may_be_numbers_and_are_exact() -> None:
    capacity = {"cpu": 3.92, "memory": 1e9, "ephemeral-storage": 47093746742, "pods": 110, "nvidia.com/gpu": 2}
    found = row(status={"capacity": capacity, "allocatable": {"cpu": "940m", "memory": "?"}})
    written = [{"resource": key, "quantity": str(value)} for key, value in capacity.items()]
    assert found == BARE | {
        "cpu_capacity_millicores": 3920, "memory_capacity_bytes": 1_000_000_000, "pods_capacity": 110,
        "ephemeral_storage_capacity_bytes": 47093746742, "gpu_capacity": 2, "cpu_allocatable_millicores": 940,
        "capacity": written,
        "allocatable": [{"resource": "cpu", "quantity": "940m"}, {"resource": "memory", "quantity": "?"}],
        "unparsed_quantities": ["allocatable.memory"],
    }  # fmt: skip


def test_addresses_are_the_first_of_their_type() -> None:
    addresses = [("Hostname", "h"), ("ExternalIP", "34.0.0.1"), ("InternalIP", "10.0.0.1"), ("InternalIP", "fd00::1")]
    found = [{"type": type_, "address": address} for type_, address in addresses]
    assert row(status={"addresses": found}) == BARE | {"internal_ip": "10.0.0.1", "external_ip": "34.0.0.1"}


def test_taints_may_lack_value_and_effect() -> None:
    taints = [{"key": "k", "effect": "NoSchedule"}, {"key": "k", "value": "", "effect": None}]
    found = row(spec={"unschedulable": True, "taints": taints})
    assert found == BARE | {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule"}, {"key": "k"}]}
