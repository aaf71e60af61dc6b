"""Node pools."""

from __future__ import annotations

from typing import Annotated

from job.tables.record import KeyValue, Record, Taint


class NodePool(Record, frozen=True, kw_only=True):
    """A node pool as the GKE API tells it."""

    table = "node_pools"
    description = "A node pool as the GKE API tells it."
    clustering = ("project_id", "cluster", "name")

    name: Annotated[str, "Name of the node pool."]
    status: Annotated[str | None, "`RUNNING`, `PROVISIONING`, `RUNNING_WITH_ERROR`, ..."] = None
    version: Annotated[str | None, "Version of its nodes."] = None
    locations: Annotated[tuple[str, ...], "Zones of its nodes."] = ()
    machine_type: Annotated[str | None, "Compute Engine machine type."] = None
    image_type: Annotated[str | None, "Node image: `COS_CONTAINERD`, ..."] = None
    disk_type: Annotated[str | None, "Boot disk type."] = None
    disk_size_gb: Annotated[int | None, "Boot disk size in GB."] = None
    spot: Annotated[bool, "Spot VMs."]
    preemptible: Annotated[bool, "Preemptible VMs."]
    accelerators: Annotated[tuple[str, ...], "Accelerators of a node, as `COUNTxTYPE`."] = ()
    initial_node_count: Annotated[int | None, "Nodes per zone at creation."] = None
    autoscaling: Annotated[bool, "The cluster autoscaler sizes it."]
    min_node_count: Annotated[int | None, "Least nodes per zone; NULL where the limits are over all zones."] = None
    max_node_count: Annotated[int | None, "Most nodes per zone; NULL likewise."] = None
    total_min_node_count: Annotated[int | None, "Least nodes over all zones; NULL where the limits are per zone."] = (
        None
    )
    total_max_node_count: Annotated[int | None, "Most nodes over all zones; NULL likewise."] = None
    autoprovisioned: Annotated[bool, "Created by node auto-provisioning."]
    max_pods_per_node: Annotated[int | None, "Most pods on a node."] = None
    pod_range: Annotated[str | None, "Secondary range of its pods' addresses."] = None
    auto_upgrade: Annotated[bool | None, "Nodes are upgraded by GKE."] = None
    auto_repair: Annotated[bool | None, "Nodes are repaired by GKE."] = None
    upgrade_strategy: Annotated[str | None, "`SURGE`, `BLUE_GREEN` or `SHORT_LIVED`."] = None
    max_surge: Annotated[int | None, "Nodes added during an upgrade; NULL but for `SURGE`."] = None
    max_unavailable: Annotated[int | None, "Nodes unavailable during an upgrade; NULL likewise."] = None
    service_account: Annotated[str | None, "Service account of its nodes."] = None
    workload_metadata: Annotated[str | None, "`GKE_METADATA` where Workload Identity is in force."] = None
    secure_boot: Annotated[bool | None, "Shielded VM secure boot."] = None
    integrity_monitoring: Annotated[bool | None, "Shielded VM integrity monitoring."] = None
    sandbox: Annotated[str | None, "Sandbox type: `GVISOR`."] = None
    node_labels: Annotated[tuple[KeyValue, ...], "Kubernetes labels of its nodes."] = ()
    taints: Annotated[tuple[Taint, ...], "Taints of its nodes."] = ()
    conditions: Annotated[tuple[str, ...], "Codes of the conditions that GKE reports."] = ()
