"""Every table as a described, frozen record class: the one declaration of every column."""

from job.tables.admission_policies import AdmissionPolicy
from job.tables.admission_webhooks import AdmissionRule, AdmissionWebhook
from job.tables.api_services import ApiService
from job.tables.autoscalers import Autoscaler, AutoscalerMetric
from job.tables.clusters import Cluster, MaintenanceExclusion
from job.tables.collections import Collection, Outcome
from job.tables.config_maps import ConfigMap
from job.tables.containers import Container, Probe
from job.tables.csi_drivers import CSIDriver
from job.tables.custom_resource_definitions import CustomResourceDefinition, DefinedVersion
from job.tables.disruption_budgets import DisruptionBudget
from job.tables.gateways import Gateway, GatewayAddress, GatewayListener
from job.tables.http_routes import HttpRoute, RouteBackend, RouteParent
from job.tables.ingresses import Ingress, IngressRule, IngressTls
from job.tables.limit_ranges import LimitRange
from job.tables.namespaces import Namespace
from job.tables.network_policies import NetworkPolicy
from job.tables.node_pools import NodePool
from job.tables.nodes import Node
from job.tables.objects import OBJECTS, Object
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
    PodResourceClaim,
    Port,
    Record,
    ResourceQuantity,
    SelectorExpression,
    Taint,
    Toleration,
)
from job.tables.resource_claims import AllocatedDevice, ClaimConsumer, DeviceRequest, ResourceClaim
from job.tables.role_bindings import RoleBinding
from job.tables.roles import Role, RoleRule
from job.tables.runs import Run, RunStatus
from job.tables.runtime_classes import RuntimeClass
from job.tables.secrets import Secret
from job.tables.service_accounts import ServiceAccount
from job.tables.services import LoadBalancerIngress, Service, ServicePort
from job.tables.snapshots import Snapshot, SnapshotStatus
from job.tables.storage_classes import StorageClass
from job.tables.upgrade_info import UPGRADE_INFO, UpgradeInfo
from job.tables.upgrades import Upgrade
from job.tables.vertical_pod_autoscalers import ContainerPolicy, ContainerRecommendation, VerticalPodAutoscaler
from job.tables.volume_claims import VolumeClaim
from job.tables.volumes import Volume
from job.tables.warning_events import WarningEvent
from job.tables.workloads import AffinityTerm, MountedVolume, Workload

TABLES: dict[str, type[Record]] = {
    record.table: record
    for record in (
        Run,
        Snapshot,
        Collection,
        Cluster,
        NodePool,
        UpgradeInfo,
        Upgrade,
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
        Object,
        Ingress,
        Gateway,
        HttpRoute,
        NetworkPolicy,
        Autoscaler,
        VerticalPodAutoscaler,
        DisruptionBudget,
        VolumeClaim,
        Volume,
        StorageClass,
        CSIDriver,
        ResourceClaim,
        WarningEvent,
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
    "OBJECTS",
    "TABLES",
    "UPGRADE_INFO",
    "Accelerator",
    "AdmissionPolicy",
    "AdmissionRule",
    "AdmissionWebhook",
    "AffinityTerm",
    "AllocatedDevice",
    "ApiService",
    "Autoscaler",
    "AutoscalerMetric",
    "CSIDriver",
    "ClaimConsumer",
    "Cluster",
    "Collection",
    "Condition",
    "ConfigMap",
    "Container",
    "ContainerPolicy",
    "ContainerRecommendation",
    "CustomResourceDefinition",
    "DefinedVersion",
    "DeviceRequest",
    "DisruptionBudget",
    "Gateway",
    "GatewayAddress",
    "GatewayListener",
    "HttpRoute",
    "Ingress",
    "IngressRule",
    "IngressTls",
    "Key",
    "KeyValue",
    "LimitRange",
    "LoadBalancerIngress",
    "MaintenanceExclusion",
    "MountedVolume",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "NodeAccelerator",
    "NodePool",
    "Object",
    "Outcome",
    "Part",
    "Pod",
    "PodContainer",
    "PodResourceClaim",
    "Port",
    "PriorityClass",
    "Probe",
    "Quota",
    "QuotaResource",
    "Record",
    "ResourceClaim",
    "ResourceQuantity",
    "Role",
    "RoleBinding",
    "RoleRule",
    "RouteBackend",
    "RouteParent",
    "Run",
    "RunStatus",
    "RuntimeClass",
    "Secret",
    "SelectorExpression",
    "Service",
    "ServiceAccount",
    "ServicePort",
    "Snapshot",
    "SnapshotStatus",
    "StorageClass",
    "Taint",
    "Toleration",
    "Upgrade",
    "UpgradeInfo",
    "VerticalPodAutoscaler",
    "Volume",
    "VolumeClaim",
    "WarningEvent",
    "Workload",
    "raw",
]
