"""Every table as a described, frozen record class: the one declaration of every column."""

from job.tables.gke import Cluster, NodePool
from job.tables.ledger import Collection, Outcome, Run, RunStatus, Snapshot, SnapshotStatus
from job.tables.nodes import Namespace, Node
from job.tables.pods import Pod, PodContainer
from job.tables.record import (
    Condition,
    Key,
    KeyValue,
    Part,
    Port,
    Record,
    ResourceQuantity,
    Taint,
    Toleration,
)
from job.tables.workloads import Container, Workload

TABLES: dict[str, type[Record]] = {
    record.table: record
    for record in (
        Run, Snapshot, Collection, Cluster, NodePool, Node, Namespace, Workload, Container, Pod, PodContainer,
    )
}  # fmt: skip
"""Table name -> record class, in the order in which the reference lists them."""

__all__ = [
    "TABLES",
    "Cluster",
    "Collection",
    "Condition",
    "Container",
    "Key",
    "KeyValue",
    "Namespace",
    "Node",
    "NodePool",
    "Outcome",
    "Part",
    "Pod",
    "PodContainer",
    "Port",
    "Record",
    "ResourceQuantity",
    "Run",
    "RunStatus",
    "Snapshot",
    "SnapshotStatus",
    "Taint",
    "Toleration",
    "Workload",
]
