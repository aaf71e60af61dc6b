"""Nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, NodeAccelerator, Record, ResourceQuantity, Taint


class Node(Record, frozen=True, kw_only=True):
    """A Node."""

    table = "nodes"
    description = "A Node: capacity and allocatable resources, zone, versions, conditions."
    read_from = "nodes"
    clustering = ("project_id", "cluster", "node_pool", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the Node."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the Node was registered."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    node_pool: Annotated[str | None, "Node pool (label `cloud.google.com/gke-nodepool`)."] = None
    machine_type: Annotated[str | None, "Machine type (label `node.kubernetes.io/instance-type`)."] = None
    region: Annotated[str | None, "Region (label `topology.kubernetes.io/region`)."] = None
    zone: Annotated[str | None, "Zone (label `topology.kubernetes.io/zone`)."] = None
    spot: Annotated[bool, "Whether it is a Spot or preemptible VM, by its labels."]
    accelerator: Annotated[
        str | None,
        "Accelerator type: the label `cloud.google.com/gke-accelerator` or `cloud.google.com/gke-tpu-accelerator`; "
        "else the label in which the tools of NVIDIA, AMD, Habana or Intel name the product.",
    ] = None
    accelerator_topology: Annotated[
        str | None, "Topology of a TPU slice (label `cloud.google.com/gke-tpu-topology`): `2x2`, `4x4x4`, ..."
    ] = None
    accelerator_partition: Annotated[
        str | None, "Partition of each GPU (label `cloud.google.com/gke-gpu-partition-size`): `1g.5gb`, ..."
    ] = None
    compute_class: Annotated[str | None, "Compute class (label `cloud.google.com/compute-class`)."] = None
    reservation: Annotated[
        str | None, "Reservation of Compute Engine that it uses (label `cloud.google.com/reservation-name`)."
    ] = None
    boot_disk_type: Annotated[
        str | None, "Type of the boot disk (label `cloud.google.com/gke-boot-disk`): `pd-balanced`, ..."
    ] = None
    provider_id: Annotated[str | None, "VM of the Node: `gce://PROJECT/ZONE/NAME`."] = None
    ready: Annotated[bool | None, "Whether the condition `Ready` is true; NULL if it is unknown or absent."] = None
    unschedulable: Annotated[bool, "Whether the Node is cordoned."]
    kubelet_version: Annotated[str | None, "Version of the kubelet."] = None
    container_runtime: Annotated[str | None, "Container runtime and its version."] = None
    os_image: Annotated[str | None, "Operating system image."] = None
    operating_system: Annotated[str | None, "`linux` or `windows`."] = None
    kernel_version: Annotated[str | None, "Kernel version."] = None
    architecture: Annotated[str | None, "`amd64` or `arm64`."] = None
    internal_ip: Annotated[str | None, "First internal IP address."] = None
    external_ip: Annotated[str | None, "First external IP address."] = None
    pod_cidr: Annotated[str | None, "IP range of the pods on the Node."] = None
    cpu_capacity_millicores: Annotated[int | None, "CPU capacity, in thousandths of a core."] = None
    cpu_allocatable_millicores: Annotated[int | None, "CPU available to pods, in thousandths of a core."] = None
    memory_capacity_bytes: Annotated[int | None, "Memory capacity, in bytes."] = None
    memory_allocatable_bytes: Annotated[int | None, "Memory available to pods, in bytes."] = None
    ephemeral_storage_capacity_bytes: Annotated[int | None, "Ephemeral storage capacity, in bytes."] = None
    ephemeral_storage_allocatable_bytes: Annotated[int | None, "Ephemeral storage available to pods, in bytes."] = None
    pods_capacity: Annotated[int | None, "Maximum number of pods."] = None
    pods_allocatable: Annotated[int | None, "Maximum number of pods that can be scheduled."] = None
    accelerators: Annotated[
        tuple[NodeAccelerator, ...], "GPUs, TPUs and other accelerators, partitions of them included, by resource."
    ] = ()
    accelerator_capacity: Annotated[
        int | None, "Number of accelerators, the sum over `accelerators`; NULL if the Node reports none."
    ] = None
    accelerator_allocatable: Annotated[int | None, "Number of accelerators available to pods."] = None
    capacity: Annotated[tuple[ResourceQuantity, ...], "Capacity of every resource, as written."] = ()
    allocatable: Annotated[tuple[ResourceQuantity, ...], "Amount of every resource available to pods, as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values that are no valid quantities, or that 64 bits cannot hold: `capacity.cpu`, ... Their own columns are "
        "NULL; `capacity` and `allocatable` have the text.",
    ] = ()
    images: Annotated[
        int | None,
        "Number of container images on the Node that the kubelet reports: the 50 largest, unless it is configured "
        "otherwise. NULL if it reports none.",
    ] = None
    images_bytes: Annotated[
        int | None, "Size of those images together, in bytes; layers that they share count twice."
    ] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    taints: Annotated[tuple[Taint, ...], "Taints of the Node."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the Node."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
