"""Nodes (`v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.accelerators import (
    PARTITION_LABEL,
    TOPOLOGY_LABEL,
    accelerator_type,
    node_accelerators,
    total,
)
from job.kinds.parts.metadata import allowed_annotations, condition_holds, conditions, key_values
from job.kinds.parts.places import Place, is_spot, place_of
from job.kinds.parts.quantities import as_written, base_units, milli_units, unparsed
from job.kinds.parts.scope import Scope
from job.wire.meta import Condition, Elements, Int64, ObjectMeta, Quantities, Wire


class Taint(Wire, frozen=True):
    key: str
    value: str | None = None
    effect: str | None = None


class NodeSpec(Wire, frozen=True):
    pod_cidr: str | None = field(default=None, name="podCIDR")
    provider_id: str | None = field(default=None, name="providerID")
    unschedulable: bool | None = None
    taints: Elements[Taint] | None = None


class NodeAddress(Wire, frozen=True):
    type: str
    address: str


class NodeSystemInfo(Wire, frozen=True):
    kubelet_version: str | None = None
    container_runtime_version: str | None = None
    os_image: str | None = None
    operating_system: str | None = None
    kernel_version: str | None = None
    architecture: str | None = None


class ContainerImage(Wire, frozen=True):
    size_bytes: Int64 | None = None


class NodeStatus(Wire, frozen=True):
    capacity: Quantities | None = None
    allocatable: Quantities | None = None
    conditions: Elements[Condition] | None = None
    addresses: Elements[NodeAddress] | None = None
    node_info: NodeSystemInfo | None = None
    images: Elements[ContainerImage] | None = None


class Node(Wire, frozen=True):
    metadata: ObjectMeta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


def node_rows(node: Node, scope: Scope) -> Iterator[tables.Record]:
    """The node's row."""
    metadata, spec, status = node.metadata, node.spec or NodeSpec(), node.status or NodeStatus()
    labels, info = metadata.labels or {}, status.node_info or NodeSystemInfo()
    capacity, allocatable = status.capacity or {}, status.allocatable or {}
    accelerators = node_accelerators(capacity, allocatable)
    yield tables.Node(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        node_pool=labels.get("cloud.google.com/gke-nodepool") or None,
        machine_type=labels.get("node.kubernetes.io/instance-type") or None,
        region=labels.get("topology.kubernetes.io/region") or None,
        zone=labels.get("topology.kubernetes.io/zone") or None,
        spot=is_spot(labels),
        accelerator=accelerator_type(labels),
        accelerator_topology=labels.get(TOPOLOGY_LABEL) or None,
        accelerator_partition=labels.get(PARTITION_LABEL) or None,
        compute_class=labels.get("cloud.google.com/compute-class") or None,
        reservation=labels.get("cloud.google.com/reservation-name") or None,
        boot_disk_type=labels.get("cloud.google.com/gke-boot-disk") or None,
        provider_id=spec.provider_id or None,
        ready=condition_holds(status.conditions, "Ready"),
        unschedulable=bool(spec.unschedulable),
        kubelet_version=info.kubelet_version or None,
        container_runtime=info.container_runtime_version or None,
        os_image=info.os_image or None,
        operating_system=info.operating_system or None,
        kernel_version=info.kernel_version or None,
        architecture=info.architecture or None,
        internal_ip=_address(status, "InternalIP"),
        external_ip=_address(status, "ExternalIP"),
        pod_cidr=spec.pod_cidr or None,
        cpu_capacity_millicores=milli_units(capacity.get("cpu")),
        cpu_allocatable_millicores=milli_units(allocatable.get("cpu")),
        memory_capacity_bytes=base_units(capacity.get("memory")),
        memory_allocatable_bytes=base_units(allocatable.get("memory")),
        ephemeral_storage_capacity_bytes=base_units(capacity.get("ephemeral-storage")),
        ephemeral_storage_allocatable_bytes=base_units(allocatable.get("ephemeral-storage")),
        pods_capacity=base_units(capacity.get("pods")),
        pods_allocatable=base_units(allocatable.get("pods")),
        accelerators=accelerators,
        accelerator_capacity=total(each.capacity for each in accelerators),
        accelerator_allocatable=total(each.allocatable for each in accelerators),
        capacity=as_written(capacity),
        allocatable=as_written(allocatable),
        unparsed_quantities=(*unparsed("capacity", capacity), *unparsed("allocatable", allocatable)),
        images=None if status.images is None else len(status.images),
        images_bytes=None if status.images is None else sum(max(image.size_bytes or 0, 0) for image in status.images),
        conditions=conditions(status.conditions),
        taints=tuple(
            tables.Taint(key=taint.key, value=taint.value or None, effect=taint.effect or None)
            for taint in spec.taints or ()
        ),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _address(status: NodeStatus, type: str) -> str | None:  # noqa: A002 (the API's name)
    return next((address.address for address in status.addresses or () if address.type == type), None) or None


def place(node: Node) -> tuple[str, Place]:
    """The node's name, and what pods on it have in common."""
    info = node.status.node_info if node.status else None
    return node.metadata.name, place_of(node.metadata.labels or {}, info.operating_system if info else None)


KIND = Kind("nodes", "/api/v1/nodes", Node, node_rows, place=place)
