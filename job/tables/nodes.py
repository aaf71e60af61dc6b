"""Nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record, ResourceQuantity, Taint


class Node(Record, frozen=True, kw_only=True):
    """A node."""

    table = "nodes"
    description = "A node: capacity and what is allocatable of it, zone, versions, conditions."
    read_from = "nodes"
    clustering = ("project_id", "cluster", "node_pool", "name")

    name: Annotated[str, "Name of the node."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the node registered."] = None
    deleted_at: Annotated[datetime | None, "When its deletion was asked for, where it is being deleted."] = None
    node_pool: Annotated[str | None, "Node pool (label `cloud.google.com/gke-nodepool`)."] = None
    machine_type: Annotated[str | None, "Machine type (label `node.kubernetes.io/instance-type`)."] = None
    region: Annotated[str | None, "Region (label `topology.kubernetes.io/region`)."] = None
    zone: Annotated[str | None, "Zone (label `topology.kubernetes.io/zone`)."] = None
    spot: Annotated[bool, "A Spot or preemptible VM, by its labels."]
    accelerator: Annotated[str | None, "Accelerator type (label `cloud.google.com/gke-accelerator`)."] = None
    provider_id: Annotated[str | None, "The VM behind the node: `gce://PROJECT/ZONE/NAME`."] = None
    ready: Annotated[bool | None, "The `Ready` condition; NULL where the node has not told or is unknown."] = None
    unschedulable: Annotated[bool, "Cordoned."]
    kubelet_version: Annotated[str | None, "Version of the kubelet."] = None
    container_runtime: Annotated[str | None, "Container runtime and version."] = None
    os_image: Annotated[str | None, "Operating system image."] = None
    operating_system: Annotated[str | None, "`linux` or `windows`."] = None
    kernel_version: Annotated[str | None, "Kernel version."] = None
    architecture: Annotated[str | None, "`amd64` or `arm64`."] = None
    internal_ip: Annotated[str | None, "First internal address."] = None
    external_ip: Annotated[str | None, "First external address."] = None
    pod_cidr: Annotated[str | None, "Range of addresses for its pods."] = None
    cpu_capacity_millicores: Annotated[int | None, "CPU of the node, in thousandths of a core."] = None
    cpu_allocatable_millicores: Annotated[int | None, "CPU that pods may request."] = None
    memory_capacity_bytes: Annotated[int | None, "Memory of the node, in bytes."] = None
    memory_allocatable_bytes: Annotated[int | None, "Memory that pods may request."] = None
    ephemeral_storage_capacity_bytes: Annotated[int | None, "Local storage of the node, in bytes."] = None
    ephemeral_storage_allocatable_bytes: Annotated[int | None, "Local storage that pods may request."] = None
    pods_capacity: Annotated[int | None, "Most pods on the node."] = None
    pods_allocatable: Annotated[int | None, "Pods that may be scheduled to it."] = None
    gpu_capacity: Annotated[int | None, "GPUs of the node (`nvidia.com/gpu`); NULL where it has none to tell of."] = (
        None
    )
    gpu_allocatable: Annotated[int | None, "GPUs that pods may request."] = None
    capacity: Annotated[tuple[ResourceQuantity, ...], "Every capacity, as written."] = ()
    allocatable: Annotated[tuple[ResourceQuantity, ...], "Every allocatable amount, as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Quantities that are not ones (`capacity.cpu`): their columns are NULL, the text is above.",
    ] = ()
    conditions: Annotated[tuple[Condition, ...], "The node's conditions."] = ()
    taints: Annotated[tuple[Taint, ...], "The node's taints."] = ()
    labels: Annotated[tuple[KeyValue, ...], "The node's labels."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
