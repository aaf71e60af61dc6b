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
        (
            {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice", "cloud.google.com/gke-tpu-topology": "4x4"},
            {"accelerator": "tpu-v6e-slice", "accelerator_topology": "4x4"},
        ),
        (
            {
                "cloud.google.com/gke-accelerator": "nvidia-tesla-a100",
                "cloud.google.com/gke-gpu-partition-size": "1g.5gb",
            },
            {"accelerator": "nvidia-tesla-a100", "accelerator_partition": "1g.5gb"},
        ),
        ({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}, {"accelerator": "AMD_Instinct_MI300X_OAM"}),
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
        "ephemeral_storage_capacity_bytes": 47093746742, "cpu_allocatable_millicores": 940,
        "accelerators": [{"resource": "nvidia.com/gpu", "capacity": 2}], "accelerator_capacity": 2,
        "capacity": written,
        "allocatable": [{"resource": "cpu", "quantity": "940m"}, {"resource": "memory", "quantity": "?"}],
        "unparsed_quantities": ["allocatable.memory"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        ({"google.com/tpu": "4"}, {"google.com/tpu": 4}),
        (
            {"nvidia.com/mig-1g.5gb": "7", "nvidia.com/mig-2g.10gb": 3, "nvidia.com/gpu": "0"},
            {"nvidia.com/mig-1g.5gb": 7, "nvidia.com/mig-2g.10gb": 3},
        ),
        ({"amd.com/gpu": "8"}, {"amd.com/gpu": 8}),
        ({"habana.ai/gaudi": "8", "habana.ai/other": "lots"}, {"habana.ai/gaudi": 8, "habana.ai/other": None}),
        ({"gpu.intel.com/i915": "2", "gpu.intel.com/i915_monitoring": "1", "gpu.intel.com/memory.max": "8G"},
         {"gpu.intel.com/i915": 2}),
        ({"hugepages-2Mi": "0", "example.com/gpu-license": "5", "networking.gke.io.networks/net": "8"}, {}),
    ],
)  # fmt: skip
def test_accelerators_of_any_maker_are_counted(capacity: dict[str, Any], expected: dict[str, int | None]) -> None:
    found = row(status={"capacity": capacity, "allocatable": capacity})
    one = [
        {"resource": name} | ({} if count is None else {"capacity": count, "allocatable": count})
        for name, count in expected.items()
    ]
    assert found.get("accelerators", []) == one
    count = sum(count or 0 for count in expected.values()) or None
    assert (found.get("accelerator_capacity"), found.get("accelerator_allocatable")) == (count, count)


def test_addresses_are_the_first_of_their_type() -> None:
    addresses = [("Hostname", "h"), ("ExternalIP", "34.0.0.1"), ("InternalIP", "10.0.0.1"), ("InternalIP", "fd00::1")]
    found = [{"type": type_, "address": address} for type_, address in addresses]
    assert row(status={"addresses": found}) == BARE | {"internal_ip": "10.0.0.1", "external_ip": "34.0.0.1"}


def test_taints_may_lack_value_and_effect() -> None:
    taints = [{"key": "k", "effect": "NoSchedule"}, {"key": "k", "value": "", "effect": None}]
    found = row(spec={"unschedulable": True, "taints": taints})
    assert found == BARE | {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule"}, {"key": "k"}]}
