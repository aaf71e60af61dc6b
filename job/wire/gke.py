"""A cluster of the GKE API (`google.container.v1.Cluster`), in the JSON form of its REST API.

`masterAuth` may contain the cluster's client key. Only the CA certificate is read, and whether a client certificate
exists.

Protocol buffers omit a plain field that is false or 0, so such a field has that default here. `| None` is for fields
that can be absent: messages, texts, enums and fields declared `optional`.
"""

from __future__ import annotations

from job.wire.meta import Int64, Time, Wire, check_years

Enum = str | int
"""The value's name. Its number, if the client library is older than the value."""


class MasterAuth(Wire, frozen=True):
    cluster_ca_certificate: str | None = None
    client_certificate_config: IssueClientCertificate | None = None


class IssueClientCertificate(Wire, frozen=True):
    issue_client_certificate: bool = False


class Enabled(Wire, frozen=True):
    enabled: bool = False


class CidrBlock(Wire, frozen=True):
    cidr_block: str | None = None


class AuthorizedNetworks(Wire, frozen=True):
    enabled: bool = False
    cidr_blocks: list[CidrBlock] | None = None
    gcp_public_cidrs_access_enabled: bool | None = None


class DnsEndpointConfig(Wire, frozen=True):
    endpoint: str | None = None
    allow_external_traffic: bool | None = None


class IpEndpointsConfig(Wire, frozen=True):
    enabled: bool | None = None
    enable_public_endpoint: bool | None = None
    public_endpoint: str | None = None
    private_endpoint: str | None = None
    authorized_networks_config: AuthorizedNetworks | None = None


class ControlPlaneEndpointsConfig(Wire, frozen=True):
    dns_endpoint_config: DnsEndpointConfig | None = None
    ip_endpoints_config: IpEndpointsConfig | None = None


class PrivateClusterConfig(Wire, frozen=True):
    enable_private_nodes: bool = False
    enable_private_endpoint: bool = False
    private_endpoint: str | None = None
    public_endpoint: str | None = None


class NetworkConfig(Wire, frozen=True):
    network: str | None = None
    subnetwork: str | None = None
    datapath_provider: Enum | None = None
    default_enable_private_nodes: bool | None = None


class IpAllocationPolicy(Wire, frozen=True):
    stack_type: Enum | None = None


class WorkloadIdentityConfig(Wire, frozen=True):
    workload_pool: str | None = None


class BinaryAuthorization(Wire, frozen=True):
    enabled: bool = False
    evaluation_mode: Enum | None = None


class DatabaseEncryption(Wire, frozen=True):
    state: Enum | None = None


class SecurityPostureConfig(Wire, frozen=True):
    mode: Enum | None = None
    vulnerability_mode: Enum | None = None


class ComponentConfig(Wire, frozen=True):
    enable_components: list[Enum] | None = None


class LoggingConfig(Wire, frozen=True):
    component_config: ComponentConfig | None = None


class MonitoringConfig(Wire, frozen=True):
    component_config: ComponentConfig | None = None
    managed_prometheus_config: Enabled | None = None


class ClusterAutoscaling(Wire, frozen=True):
    enable_node_autoprovisioning: bool = False


class ReleaseChannel(Wire, frozen=True):
    channel: Enum | None = None


class Fleet(Wire, frozen=True):
    project: str | None = None
    membership: str | None = None
    membership_type: Enum | None = None


class StatusCondition(Wire, frozen=True):
    code: Enum | None = None
    canonical_code: Enum | None = None


class AcceleratorConfig(Wire, frozen=True):
    accelerator_count: Int64 = 0
    accelerator_type: str | None = None
    gpu_partition_size: str | None = None


class PlacementPolicy(Wire, frozen=True):
    tpu_topology: str | None = None


class NodeTaint(Wire, frozen=True):
    key: str
    value: str | None = None
    effect: Enum | None = None


class ShieldedInstanceConfig(Wire, frozen=True):
    enable_secure_boot: bool = False
    enable_integrity_monitoring: bool = False


class SandboxConfig(Wire, frozen=True):
    type: Enum | None = None


class WorkloadMetadataConfig(Wire, frozen=True):
    mode: Enum | None = None


class BootDisk(Wire, frozen=True):
    disk_type: str | None = None
    size_gb: Int64 | None = None


class NodeConfig(Wire, frozen=True):
    machine_type: str | None = None
    image_type: str | None = None
    disk_type: str | None = None
    disk_size_gb: Int64 | None = None
    boot_disk: BootDisk | None = None
    spot: bool = False
    preemptible: bool = False
    service_account: str | None = None
    accelerators: list[AcceleratorConfig] | None = None
    labels: dict[str, str] | None = None
    taints: list[NodeTaint] | None = None
    workload_metadata_config: WorkloadMetadataConfig | None = None
    shielded_instance_config: ShieldedInstanceConfig | None = None
    sandbox_config: SandboxConfig | None = None


class NodePoolAutoscaling(Wire, frozen=True):
    enabled: bool = False
    min_node_count: Int64 = 0
    max_node_count: Int64 = 0
    total_min_node_count: Int64 = 0
    total_max_node_count: Int64 = 0
    autoprovisioned: bool = False


class NodeManagement(Wire, frozen=True):
    auto_upgrade: bool = False
    auto_repair: bool = False


class UpgradeSettings(Wire, frozen=True):
    strategy: Enum | None = None
    max_surge: Int64 = 0
    max_unavailable: Int64 = 0


class MaxPodsConstraint(Wire, frozen=True):
    max_pods_per_node: Int64 | None = None


class DailyMaintenanceWindow(Wire, frozen=True):
    start_time: str | None = None
    duration: str | None = None


class MaintenanceExclusionOptions(Wire, frozen=True):
    scope: Enum | None = None
    end_time_behavior: Enum | None = None


class TimeWindow(Wire, frozen=True):
    start_time: Time | None = None
    end_time: Time | None = None
    maintenance_exclusion_options: MaintenanceExclusionOptions | None = None

    def __post_init__(self) -> None:
        check_years(self.start_time, self.end_time)


class RecurringTimeWindow(Wire, frozen=True):
    window: TimeWindow | None = None
    recurrence: str | None = None


class TimeOfDay(Wire, frozen=True):
    hours: Int64 = 0
    minutes: Int64 = 0


class RecurringMaintenanceWindow(Wire, frozen=True):
    window_start_time: TimeOfDay | None = None
    window_duration: str | None = None
    recurrence: str | None = None


class MaintenanceWindow(Wire, frozen=True):
    daily_maintenance_window: DailyMaintenanceWindow | None = None
    recurring_window: RecurringTimeWindow | None = None
    recurring_maintenance_window: RecurringMaintenanceWindow | None = None
    maintenance_exclusions: dict[str, TimeWindow] | None = None


class MaintenancePolicy(Wire, frozen=True):
    window: MaintenanceWindow | None = None


class NodeNetworkConfig(Wire, frozen=True):
    pod_range: str | None = None


class NodePool(Wire, frozen=True):
    name: str
    status: Enum | None = None
    version: str | None = None
    locations: list[str] | None = None
    config: NodeConfig | None = None
    initial_node_count: Int64 = 0
    autoscaling: NodePoolAutoscaling | None = None
    management: NodeManagement | None = None
    max_pods_constraint: MaxPodsConstraint | None = None
    network_config: NodeNetworkConfig | None = None
    upgrade_settings: UpgradeSettings | None = None
    placement_policy: PlacementPolicy | None = None
    conditions: list[StatusCondition] | None = None


class Cluster(Wire, frozen=True):
    name: str
    location: str
    id: str | None = None
    self_link: str | None = None
    status: Enum | None = None
    status_message: str | None = None
    create_time: Time | None = None
    expire_time: Time | None = None
    locations: list[str] | None = None
    endpoint: str | None = None
    master_auth: MasterAuth | None = None
    autopilot: Enabled | None = None
    release_channel: ReleaseChannel | None = None
    current_master_version: str | None = None
    current_node_version: str | None = None
    initial_cluster_version: str | None = None
    current_node_count: Int64 | None = None
    node_pools: list[NodePool] | None = None
    network: str | None = None
    subnetwork: str | None = None
    network_config: NetworkConfig | None = None
    cluster_ipv4_cidr: str | None = None
    services_ipv4_cidr: str | None = None
    ip_allocation_policy: IpAllocationPolicy | None = None
    private_cluster_config: PrivateClusterConfig | None = None
    control_plane_endpoints_config: ControlPlaneEndpointsConfig | None = None
    master_authorized_networks_config: AuthorizedNetworks | None = None
    network_policy: Enabled | None = None
    workload_identity_config: WorkloadIdentityConfig | None = None
    shielded_nodes: Enabled | None = None
    confidential_nodes: Enabled | None = None
    binary_authorization: BinaryAuthorization | None = None
    database_encryption: DatabaseEncryption | None = None
    security_posture_config: SecurityPostureConfig | None = None
    legacy_abac: Enabled | None = None
    logging_config: LoggingConfig | None = None
    monitoring_config: MonitoringConfig | None = None
    vertical_pod_autoscaling: Enabled | None = None
    autoscaling: ClusterAutoscaling | None = None
    cost_management_config: Enabled | None = None
    maintenance_policy: MaintenancePolicy | None = None
    fleet: Fleet | None = None
    conditions: list[StatusCondition] | None = None
    resource_labels: dict[str, str] | None = None

    def __post_init__(self) -> None:
        check_years(self.create_time, self.expire_time)
