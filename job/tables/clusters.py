"""Clusters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Part, Record


class MaintenanceExclusion(Part, frozen=True, kw_only=True):
    """A time in which GKE does not upgrade the cluster."""

    name: Annotated[str, "Its name."]
    scope: Annotated[str, "`NO_UPGRADES`, `NO_MINOR_UPGRADES` or `NO_MINOR_OR_NODE_UPGRADES`."]
    start_at: Annotated[datetime | None, "When it starts."] = None
    end_at: Annotated[datetime | None, "When it ends."] = None
    until_end_of_support: Annotated[bool, "Whether it lasts until the end of support of the cluster's minor version."]


class Cluster(Record, frozen=True, kw_only=True):
    """A cluster of the GKE API, or an attached one."""

    table = "clusters"
    description = (
        "A cluster, as the GKE API describes it, even if its API server could not be read; with `attached_clusters`, "
        "also one that GKE does not run, as its membership in a fleet describes it."
    )
    primary_key = ("snapshot_id",)

    id: Annotated[
        str | None,
        "Unique id of the cluster in GKE; a recreated cluster has a new id. Of an attached cluster, `uniqueId` of its "
        "membership.",
    ] = None
    cluster_type: Annotated[
        str | None,
        "Of an attached cluster, the type of its membership's endpoint: `multiCloudCluster`, `onPremCluster`, "
        "`edgeCluster`, `applianceCluster`; `kubernetes` if it names none of these. Its `cluster` is "
        "`membership:NAME`, and what only GKE knows is NULL, empty or false. NULL for a cluster of GKE.",
    ] = None
    status: Annotated[
        str | None,
        "`RUNNING`, `PROVISIONING`, `RECONCILING`, `DEGRADED`, `STOPPING`, `ERROR`. Of an attached cluster, the state "
        "of its membership: `READY`, `CREATING`, `UPDATING`, `SERVICE_UPDATING`, `DELETING`, `CODE_UNSPECIFIED`.",
    ] = None
    created_at: Annotated[datetime | None, "When the cluster was created, or an attached one's membership."] = None
    expires_at: Annotated[datetime | None, "When the cluster is deleted automatically; for alpha clusters."] = None
    regional: Annotated[bool, "Whether the location is a region, with control plane replicas in several zones."]
    node_locations: Annotated[tuple[str, ...], "Zones of the nodes."] = ()
    autopilot: Annotated[bool, "Whether the cluster is in Autopilot mode."]
    release_channel: Annotated[str | None, "`RAPID`, `REGULAR`, `STABLE`, `EXTENDED`; NULL without a channel."] = None
    control_plane_version: Annotated[
        str | None,
        "Version of the control plane (`currentMasterVersion`), or of an attached cluster's API server, as its "
        "membership has it (`kubernetesApiServerVersion`).",
    ] = None
    node_version: Annotated[
        str | None, "Version of the nodes (`currentNodeVersion`), with `*` if they have different versions."
    ] = None
    initial_version: Annotated[str | None, "Version at creation."] = None
    node_count: Annotated[int | None, "Number of nodes (`currentNodeCount`); NULL if GKE reports none."] = None
    endpoint: Annotated[str | None, "IP address or DNS name of the control plane (`endpoint`)."] = None
    public_endpoint: Annotated[str | None, "Public IP address of the control plane."] = None
    private_endpoint: Annotated[str | None, "Private IP address of the control plane."] = None
    dns_endpoint: Annotated[str | None, "DNS name of the control plane."] = None
    dns_endpoint_external: Annotated[bool | None, "Whether the DNS endpoint accepts traffic from outside the VPC."] = (
        None
    )
    ip_endpoints_enabled: Annotated[bool | None, "Whether the control plane has IP endpoints."] = None
    public_endpoint_enabled: Annotated[bool | None, "Whether the public IP endpoint is enabled."] = None
    private_nodes: Annotated[bool | None, "Whether nodes have no public IP addresses."] = None
    authorized_networks_enabled: Annotated[
        bool | None, "Whether only authorized networks can reach the IP endpoints."
    ] = None
    authorized_networks: Annotated[tuple[str, ...], "CIDR blocks of the authorized networks."] = ()
    gcp_public_cidrs_access_enabled: Annotated[
        bool | None, "Whether public IP addresses of Google Cloud reach the IP endpoints, besides authorized networks."
    ] = None
    network: Annotated[
        str | None, "VPC network: `projects/PROJECT/global/networks/NAME`, or only its name for some old clusters."
    ] = None
    subnetwork: Annotated[
        str | None, "Subnetwork: `projects/PROJECT/regions/REGION/subnetworks/NAME`, or only its name."
    ] = None
    cluster_ipv4_cidr: Annotated[str | None, "IPv4 range of the pods."] = None
    services_ipv4_cidr: Annotated[str | None, "IPv4 range of the Services."] = None
    datapath_provider: Annotated[str | None, "`LEGACY_DATAPATH` or `ADVANCED_DATAPATH` (Dataplane V2)."] = None
    stack_type: Annotated[str | None, "`IPV4` or `IPV4_IPV6`."] = None
    network_policy: Annotated[bool | None, "Whether network policy enforcement (Calico) is enabled."] = None
    workload_pool: Annotated[str | None, "Workload Identity pool; NULL if Workload Identity is disabled."] = None
    shielded_nodes: Annotated[bool | None, "Whether Shielded GKE Nodes are enabled."] = None
    confidential_nodes: Annotated[bool | None, "Whether Confidential GKE Nodes are enabled."] = None
    binary_authorization: Annotated[str | None, "Evaluation mode of Binary Authorization: `DISABLED`, ..."] = None
    database_encryption: Annotated[str | None, "`ENCRYPTED` if a key of yours encrypts Secrets in etcd."] = None
    security_posture: Annotated[str | None, "Mode of the security posture."] = None
    vulnerability_scanning: Annotated[str | None, "Mode of vulnerability scanning."] = None
    legacy_abac: Annotated[
        bool | None, "Whether legacy attribute-based access control, which bypasses RBAC, is enabled."
    ] = None
    client_certificate: Annotated[bool | None, "Whether the cluster issues a client certificate."] = None
    logging_components: Annotated[tuple[str, ...], "Components that send logs to Cloud Logging."] = ()
    monitoring_components: Annotated[tuple[str, ...], "Components that send metrics to Cloud Monitoring."] = ()
    managed_prometheus: Annotated[bool | None, "Whether Managed Service for Prometheus is enabled."] = None
    vertical_pod_autoscaling: Annotated[bool | None, "Whether vertical pod autoscaling is enabled."] = None
    node_auto_provisioning: Annotated[bool | None, "Whether GKE creates node pools automatically."] = None
    cost_allocation: Annotated[bool | None, "Whether GKE cost allocation is enabled."] = None
    maintenance_recurrence: Annotated[
        str | None,
        "When the maintenance window recurs, as an RRULE of RFC 5545: `FREQ=WEEKLY;BYDAY=SA`, or `FREQ=DAILY` for a "
        "daily window. NULL if the cluster has no window, so that GKE may upgrade it at any time.",
    ] = None
    maintenance_start_time: Annotated[str | None, "When the window starts on such a day: `HH:MM`, UTC."] = None
    maintenance_seconds: Annotated[int | None, "How long the window is."] = None
    maintenance_exclusions: Annotated[
        tuple[MaintenanceExclusion, ...], "When GKE does not upgrade it, by name; past ones too, while GKE keeps them."
    ] = ()
    fleet_project: Annotated[str | None, "Fleet host project."] = None
    fleet_membership: Annotated[str | None, "Full resource name of the fleet membership."] = None
    last_connection_at: Annotated[
        datetime | None,
        "Of an attached cluster, when its agent, through which Connect Gateway reaches it, was last seen connected "
        "(`lastConnectionTime`).",
    ] = None
    conditions: Annotated[tuple[str, ...], "Codes of the conditions that GKE reports: `GCE_STOCKOUT`, ..."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Resource labels of the cluster."] = ()
    self_link: Annotated[str | None, "URL of the cluster in the GKE API."] = None
    project_number: Annotated[
        str | None,
        "Number of the project, if it was found in a folder or organization. NULL if only `projects` names it: then "
        "Resource Manager is not asked.",
    ] = None
    project_labels: Annotated[
        tuple[KeyValue, ...], "Labels of the project, if it was found in a folder or organization."
    ] = ()
    ancestors: Annotated[
        tuple[str, ...],
        "`organizations/NUMBER` and `folders/NUMBER` above the project, if it was found there: from the configured one "
        "down to the project's parent.",
    ] = ()
