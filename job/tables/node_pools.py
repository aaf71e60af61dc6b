"""Node pools."""

from __future__ import annotations

from typing import Annotated

from job.tables.record import KeyValue, Record, Taint


class NodePool(Record, frozen=True, kw_only=True):
    """A node pool of the GKE API."""

    table = "node_pools"
    description = "A node pool, as the GKE API describes it."
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name")

    name: Annotated[str, "Name of the node pool."]
    status: Annotated[str | None, "`RUNNING`, `PROVISIONING`, `RUNNING_WITH_ERROR`, ..."] = None
    version: Annotated[str | None, "Version of the nodes."] = None
    locations: Annotated[tuple[str, ...], "Zones of the nodes."] = ()
    machine_type: Annotated[str | None, "Compute Engine machine type."] = None
    image_type: Annotated[str | None, "Node image type: `COS_CONTAINERD`, ..."] = None
    disk_type: Annotated[str | None, "Boot disk type."] = None
    disk_size_gb: Annotated[int | None, "Boot disk size in GB."] = None
    spot: Annotated[bool, "Whether the nodes are Spot VMs."]
    preemptible: Annotated[bool, "Whether the nodes are preemptible VMs."]
    accelerators: Annotated[
        tuple[str, ...],
        "Accelerators of each node, as `COUNTxTYPE`: `1xnvidia-l4`, `4xtpu-v5-lite-podslice`. Partitioned GPUs end in "
        "the partition: `1xnvidia-tesla-a100/1g.5gb`.",
    ] = ()
    accelerator_count: Annotated[int | None, "Number of accelerators of each node; NULL if it has none."] = None
    accelerator_topology: Annotated[str | None, "Topology of the TPU slice: `2x2`, `4x4x4`, ..."] = None
    initial_node_count: Annotated[int | None, "Number of nodes in each zone at creation."] = None
    autoscaling: Annotated[bool, "Whether the cluster autoscaler resizes the node pool."]
    min_node_count: Annotated[
        int | None, "Minimum number of nodes in each zone; NULL if the limits are for all zones together."
    ] = None
    max_node_count: Annotated[
        int | None, "Maximum number of nodes in each zone; NULL if the limits are for all zones together."
    ] = None
    total_min_node_count: Annotated[
        int | None, "Minimum number of nodes in all zones together; NULL if the limits are for each zone."
    ] = None
    total_max_node_count: Annotated[
        int | None, "Maximum number of nodes in all zones together; NULL if the limits are for each zone."
    ] = None
    autoprovisioned: Annotated[bool, "Whether node auto-provisioning created the node pool."]
    max_pods_per_node: Annotated[int | None, "Maximum number of pods on a node."] = None
    pod_range: Annotated[str | None, "Secondary IP range of the pods."] = None
    auto_upgrade: Annotated[bool | None, "Whether GKE upgrades the nodes automatically."] = None
    auto_repair: Annotated[bool | None, "Whether GKE repairs the nodes automatically."] = None
    upgrade_strategy: Annotated[str | None, "`SURGE`, `BLUE_GREEN` or `SHORT_LIVED`."] = None
    max_surge: Annotated[int | None, "Number of nodes added during a surge upgrade; NULL for other strategies."] = None
    max_unavailable: Annotated[
        int | None, "Number of nodes unavailable during a surge upgrade; NULL for other strategies."
    ] = None
    service_account: Annotated[str | None, "Service account of the nodes."] = None
    workload_metadata: Annotated[str | None, "`GKE_METADATA` if Workload Identity is in effect."] = None
    secure_boot: Annotated[bool | None, "Whether Secure Boot of Shielded VMs is enabled."] = None
    integrity_monitoring: Annotated[bool | None, "Whether integrity monitoring of Shielded VMs is enabled."] = None
    sandbox: Annotated[str | None, "Sandbox type: `GVISOR`."] = None
    node_labels: Annotated[tuple[KeyValue, ...], "Kubernetes labels of the nodes."] = ()
    taints: Annotated[tuple[Taint, ...], "Taints of the nodes."] = ()
    conditions: Annotated[tuple[str, ...], "Codes of the conditions that GKE reports."] = ()
