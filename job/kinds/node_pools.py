"""Node pools, from the GKE API."""

from __future__ import annotations

import re

from job import tables
from job.kinds.parts.accelerators import total
from job.kinds.parts.gke import condition_codes, enum_name, sorted_labels
from job.wire import gke


def node_pool_row(pool: gke.NodePool) -> tables.NodePool:
    """The node pool's row."""
    config = pool.config or gke.NodeConfig()
    disk = config.boot_disk or gke.BootDisk()  # newer than the two fields of its own name
    autoscaling = pool.autoscaling or gke.NodePoolAutoscaling()
    management, shielded = pool.management, config.shielded_instance_config
    upgrade = pool.upgrade_settings or gke.UpgradeSettings()
    accelerators = _accelerators(config)
    is_surge = pool.upgrade_settings is not None and enum_name(upgrade.strategy) in (None, "SURGE")
    return tables.NodePool(
        name=pool.name,
        status=enum_name(pool.status),
        version=pool.version or None,
        locations=tuple(pool.locations or ()),
        machine_type=config.machine_type or None,
        image_type=config.image_type or None,
        disk_type=disk.disk_type or config.disk_type or None,
        disk_size_gb=disk.size_gb or config.disk_size_gb,
        spot=config.spot,
        preemptible=config.preemptible,
        accelerators=tuple(f"{count}x{type_}" for count, type_ in accelerators),
        accelerator_count=total(count for count, _ in accelerators),
        accelerator_topology=(pool.placement_policy.tpu_topology or None) if pool.placement_policy else None,
        initial_node_count=pool.initial_node_count,
        autoscaling=autoscaling.enabled,
        # The limits are per zone or in total. Those that apply have a maximum above 0; their minimum may be 0.
        min_node_count=autoscaling.min_node_count if autoscaling.max_node_count else None,
        max_node_count=autoscaling.max_node_count or None,
        total_min_node_count=autoscaling.total_min_node_count if autoscaling.total_max_node_count else None,
        total_max_node_count=autoscaling.total_max_node_count or None,
        autoprovisioned=autoscaling.autoprovisioned,
        max_pods_per_node=pool.max_pods_constraint.max_pods_per_node if pool.max_pods_constraint else None,
        pod_range=(pool.network_config.pod_range or None) if pool.network_config else None,
        auto_upgrade=management.auto_upgrade if management else None,
        auto_repair=management.auto_repair if management else None,
        upgrade_strategy=enum_name(upgrade.strategy),
        max_surge=upgrade.max_surge if is_surge else None,
        max_unavailable=upgrade.max_unavailable if is_surge else None,
        service_account=config.service_account or None,
        workload_metadata=enum_name(config.workload_metadata_config.mode) if config.workload_metadata_config else None,
        secure_boot=shielded.enable_secure_boot if shielded else None,
        integrity_monitoring=shielded.enable_integrity_monitoring if shielded else None,
        sandbox=enum_name(config.sandbox_config.type) if config.sandbox_config else None,
        node_labels=sorted_labels(config.labels),
        taints=tuple(tables.Taint(key=t.key, value=t.value or None, effect=_effect(t)) for t in config.taints or ()),
        conditions=condition_codes(pool.conditions),
    )


def _effect(taint: gke.NodeTaint) -> str | None:
    """The effect in Kubernetes' spelling: `NO_SCHEDULE` -> `NoSchedule`."""
    effect = enum_name(taint.effect)
    return None if effect is None else effect.title().replace("_", "")


def _accelerators(config: gke.NodeConfig) -> list[tuple[int, str]]:
    """Number and type of the accelerators of each node. Those of TPUs are in the name of the machine type alone."""
    if match := _TPU.fullmatch(config.machine_type or ""):
        generation, chips = match.groups()
        return [(int(chips), _TPU_TYPES.get(generation, f"tpu-{generation}"))]
    return [
        (each.accelerator_count, "/".join(filter(None, (str(each.accelerator_type), each.gpu_partition_size))))
        for each in config.accelerators or ()
    ]


# https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus#availability: `ct5lp-hightpu-4t` has four chips.
_TPU = re.compile(r"(ct\w+|tpu\w+)-(?:hightpu|standard|ultra)-(\d{1,4})t", re.ASCII)
_TPU_TYPES = {
    "ct3": "tpu-v3-device",
    "ct3p": "tpu-v3-slice",
    "ct4p": "tpu-v4-podslice",
    "ct5l": "tpu-v5-lite-device",
    "ct5lp": "tpu-v5-lite-podslice",
    "ct5p": "tpu-v5p-slice",
    "ct6e": "tpu-v6e-slice",
    "tpu7x": "tpu7x",
}
"""Series of the machine type -> the label `cloud.google.com/gke-tpu-accelerator` of its nodes."""
