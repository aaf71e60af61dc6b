"""Every table as a described, frozen record class: the one declaration of every column."""

from job.tables.admission_policies import AdmissionPolicy
from job.tables.admission_webhooks import AdmissionRule, AdmissionWebhook
from job.tables.api_services import ApiService
from job.tables.clusters import Cluster
from job.tables.collections import Collection, Outcome
from job.tables.config_maps import ConfigMap
from job.tables.containers import Container
from job.tables.custom_resource_definitions import CustomResourceDefinition, DefinedVersion
from job.tables.limit_ranges import LimitRange
from job.tables.namespaces import Namespace
from job.tables.node_pools import NodePool
from job.tables.nodes import Node
from job.tables.pod_containers import PodContainer
from job.tables.pods import Pod
from job.tables.priority_classes import PriorityClass
from job.tables.quotas import Quota, QuotaResource
from job.tables.record import (
    Accelerator,
    Condition,
    Key,
    KeyValue,
    NodeAccelerator,
    Part,
    Port,
    Record,
    ResourceQuantity,
    Taint,
    Toleration,
)
from job.tables.role_bindings import RoleBinding
from job.tables.roles import Role, RoleRule
from job.tables.runs import Run, RunStatus
from job.tables.runtime_classes import RuntimeClass
from job.tables.secrets import Secret
from job.tables.service_accounts import ServiceAccount
from job.tables.services import LoadBalancerIngress, Service, ServicePort
from job.tables.snapshots import Snapshot, SnapshotStatus
from job.tables.workloads import Workload

TABLES: dict[str, type[Record]] = {
    record.table: record
    for record in (
        Run,
        Snapshot,
        Collection,
        Cluster,
        NodePool,
        Node,
        Namespace,
        Workload,
        Container,
        Pod,
        PodContainer,
        Service,
        Quota,
        LimitRange,
        ServiceAccount,
        Role,
        RoleBinding,
        AdmissionWebhook,
        AdmissionPolicy,
        CustomResourceDefinition,
        ApiService,
        PriorityClass,
        RuntimeClass,
        ConfigMap,
        Secret,
    )
}
"""Table name -> record class, in the order of the reference."""

LEDGER = (Run.table, Snapshot.table, Collection.table)
"""What was read and when. All other tables hold objects."""


def raw(table: str) -> str:
    """The name of the table that load jobs append to. The table's own name is that of a view of the rows that count."""
    return f"raw_{table}"


__all__ = [
    "LEDGER",
    "TABLES",
    "Accelerator",
    "AdmissionPolicy",
    "AdmissionRule",
    "AdmissionWebhook",
    "ApiService",
    "Cluster",
    "Collection",
    "Condition",
    "ConfigMap",
    "Container",
    "CustomResourceDefinition",
    "DefinedVersion",
    "Key",
    "KeyValue",
    "LimitRange",
    "LoadBalancerIngress",
    "Namespace",
    "Node",
    "NodeAccelerator",
    "NodePool",
    "Outcome",
    "Part",
    "Pod",
    "PodContainer",
    "Port",
    "PriorityClass",
    "Quota",
    "QuotaResource",
    "Record",
    "ResourceQuantity",
    "Role",
    "RoleBinding",
    "RoleRule",
    "Run",
    "RunStatus",
    "RuntimeClass",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServicePort",
    "Snapshot",
    "SnapshotStatus",
    "Taint",
    "Toleration",
    "Workload",
    "raw",
]
