"""Node pools: limits, upgrades and taints."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.gke import a_pool


@pytest.mark.parametrize(
    ("autoscaling", "expected"),
    [
        ({"enabled": True, "maxNodeCount": 3}, {"min_node_count": 0, "max_node_count": 3}),
        ({"enabled": True, "totalMaxNodeCount": 9}, {"total_min_node_count": 0, "total_max_node_count": 9}),
        ({"enabled": True, "minNodeCount": 1, "maxNodeCount": 3}, {"min_node_count": 1, "max_node_count": 3}),
        ({}, {}),
    ],
)
def test_a_pool_that_may_shrink_to_nothing_says_0(autoscaling: dict[str, Any], expected: dict[str, int]) -> None:
    pool = a_pool(autoscaling=autoscaling)
    assert {
        column: pool[column] for column in pool if column.endswith(("min_node_count", "max_node_count"))
    } == expected


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ({"maxSurge": 1}, {"max_surge": 1, "max_unavailable": 0}),
        (
            {"strategy": "SURGE", "maxUnavailable": 2},
            {"max_surge": 0, "max_unavailable": 2, "upgrade_strategy": "SURGE"},
        ),
        ({"strategy": "BLUE_GREEN", "blueGreenSettings": {}}, {"upgrade_strategy": "BLUE_GREEN"}),
    ],
)  # fmt: skip
def test_only_surge_upgrades_have_surge_limits(upgrade: dict[str, Any], expected: dict[str, Any]) -> None:
    pool = a_pool(upgradeSettings=upgrade)
    columns = ("max_surge", "max_unavailable", "upgrade_strategy")
    assert {column: pool[column] for column in columns if column in pool} == expected


def test_taints_are_spelled_as_on_nodes() -> None:
    taints = [
        {"key": "k", "value": "v", "effect": effect} for effect in ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE")
    ]
    assert a_pool(config={"taints": taints})["taints"] == [
        {"key": "k", "value": "v", "effect": effect} for effect in ("NoSchedule", "PreferNoSchedule", "NoExecute")
    ]
    assert a_pool(config={"taints": [{"key": "k"}]})["taints"] == [{"key": "k"}]


def test_a_boot_disk_is_read_from_its_newer_and_its_older_fields() -> None:
    def disk(**config: Any) -> dict[str, Any]:
        pool = a_pool(config=config)
        return {column: pool.get(column) for column in ("disk_type", "disk_size_gb")}

    older = {"diskType": "pd-balanced", "diskSizeGb": 100}
    newer = {"bootDisk": {"diskType": "hyperdisk-balanced", "sizeGb": "200"}}
    assert disk(**older) == {"disk_type": "pd-balanced", "disk_size_gb": 100}
    assert disk(**newer) == disk(**older, **newer) == {"disk_type": "hyperdisk-balanced", "disk_size_gb": 200}
    assert disk(**older, bootDisk={}) == disk(**older)


@pytest.mark.parametrize(
    ("config", "accelerators", "count"),
    [
        ({"machineType": "ct5lp-hightpu-4t"}, ["4xtpu-v5-lite-podslice"], 4),
        ({"machineType": "ct4p-hightpu-4t"}, ["4xtpu-v4-podslice"], 4),
        ({"machineType": "ct6e-standard-8t"}, ["8xtpu-v6e-slice"], 8),
        ({"machineType": "tpu7x-standard-4t"}, ["4xtpu7x"], 4),
        ({"machineType": "ct9z-hightpu-2t"}, ["2xtpu-ct9z"], 2),
        ({"machineType": "e2-standard-4"}, None, None),
        ({"machineType": "c3-standard-4t"}, None, None),
        (
            {"accelerators": [{"acceleratorCount": "2", "acceleratorType": "nvidia-l4"}]},
            ["2xnvidia-l4"],
            2,
        ),
        (
            {
                "accelerators": [
                    {"acceleratorCount": "1", "acceleratorType": "nvidia-a100-80gb", "gpuPartitionSize": "1g.10gb"}
                ]
            },
            ["1xnvidia-a100-80gb/1g.10gb"],
            1,
        ),
    ],
)
def test_accelerators_are_gpus_or_the_tpus_of_the_machine_type(
    config: dict[str, Any], accelerators: list[str] | None, count: int | None
) -> None:
    pool = a_pool(config=config, placementPolicy={"tpuTopology": "2x2"})
    assert (pool.get("accelerators"), pool.get("accelerator_count")) == (accelerators, count)
    assert pool["accelerator_topology"] == "2x2"
