"""Clusters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class Cluster(Record, frozen=True, kw_only=True):
    """A cluster as the GKE API tells it."""

    table = "clusters"
    description = "A cluster as the GKE API tells it, also where the cluster itself could not be read."

    id: Annotated[str | None, "GKE's own unique id of the cluster: a cluster made anew has another."] = None
    status: Annotated[str | None, "`RUNNING`, `PROVISIONING`, `RECONCILING`, `DEGRADED`, `STOPPING`, `ERROR`."] = None
    created_at: Annotated[datetime | None, "When the cluster was created."] = None
    expires_at: Annotated[datetime | None, "When the cluster deletes itself, for alpha clusters."] = None
    regional: Annotated[bool, "The location is a region, so the control plane is replicated over zones."]
    node_locations: Annotated[tuple[str, ...], "Zones in which nodes may be."] = ()
    autopilot: Annotated[bool, "Autopilot mode."]
    release_channel: Annotated[str | None, "`RAPID`, `REGULAR`, `STABLE`, `EXTENDED`; NULL without a channel."] = None
    control_plane_version: Annotated[str | None, "Version of the control plane (`currentMasterVersion`)."] = None
    node_version: Annotated[str | None, "Version of the nodes, with `*` where they differ (`currentNodeVersion`)."] = (
        None
    )
    initial_version: Annotated[str | None, "Version the cluster was created with."] = None
    node_count: Annotated[int | None, "Nodes, as GKE counts them (`currentNodeCount`); NULL also for none."] = None
    endpoint: Annotated[str | None, "The endpoint field: IP address of the control plane, or the DNS endpoint."] = None
    public_endpoint: Annotated[str | None, "Public IP address of the control plane."] = None
    private_endpoint: Annotated[str | None, "Private IP address of the control plane."] = None
    dns_endpoint: Annotated[str | None, "DNS name of the control plane."] = None
    dns_endpoint_external: Annotated[bool | None, "The DNS endpoint may be used from outside the VPC."] = None
    ip_endpoints_enabled: Annotated[bool | None, "The control plane has IP endpoints at all."] = None
    public_endpoint_enabled: Annotated[bool | None, "The public IP endpoint is on."] = None
    private_nodes: Annotated[bool | None, "Nodes have no public addresses."] = None
    authorized_networks_enabled: Annotated[bool | None, "Only authorized networks reach the IP endpoints."] = None
    authorized_networks: Annotated[tuple[str, ...], "CIDR blocks that do."] = ()
    network: Annotated[
        str | None, "VPC network: `projects/PROJECT/global/networks/NAME`; for some old clusters its name alone."
    ] = None
    subnetwork: Annotated[str | None, "Subnetwork: `projects/PROJECT/regions/REGION/subnetworks/NAME`, likewise."] = (
        None
    )
    cluster_ipv4_cidr: Annotated[str | None, "Range of pod addresses."] = None
    services_ipv4_cidr: Annotated[str | None, "Range of service addresses."] = None
    datapath_provider: Annotated[str | None, "`ADVANCED_DATAPATH` is Dataplane V2."] = None
    stack_type: Annotated[str | None, "`IPV4` or `IPV4_IPV6`."] = None
    network_policy: Annotated[bool | None, "Network policy enforcement (Calico) is on."] = None
    workload_pool: Annotated[str | None, "Workload Identity pool; NULL where Workload Identity is off."] = None
    shielded_nodes: Annotated[bool | None, "Shielded nodes."] = None
    confidential_nodes: Annotated[bool | None, "Confidential nodes."] = None
    binary_authorization: Annotated[str | None, "Binary Authorization's evaluation mode."] = None
    database_encryption: Annotated[str | None, "`ENCRYPTED` where etcd is encrypted with a key of yours."] = None
    security_posture: Annotated[str | None, "Security posture mode."] = None
    vulnerability_scanning: Annotated[str | None, "Vulnerability scanning mode of the security posture."] = None
    legacy_abac: Annotated[bool | None, "Legacy attribute-based access control, which bypasses RBAC, is on."] = None
    client_certificate: Annotated[bool | None, "The cluster still issues a client certificate."] = None
    logging_components: Annotated[tuple[str, ...], "What is sent to Cloud Logging."] = ()
    monitoring_components: Annotated[tuple[str, ...], "What is sent to Cloud Monitoring."] = ()
    managed_prometheus: Annotated[bool | None, "Managed Service for Prometheus collects in the cluster."] = None
    vertical_pod_autoscaling: Annotated[bool | None, "Vertical pod autoscaling is on."] = None
    node_auto_provisioning: Annotated[bool | None, "GKE creates node pools by itself."] = None
    cost_allocation: Annotated[bool | None, "GKE cost allocation is on."] = None
    fleet_project: Annotated[str | None, "Fleet host project."] = None
    fleet_membership: Annotated[str | None, "Fleet membership, as a full resource name."] = None
    conditions: Annotated[tuple[str, ...], "Codes of the conditions that GKE reports: `GCE_STOCKOUT`, ..."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Resource labels of the cluster."] = ()
    self_link: Annotated[str | None, "The cluster's URL in the GKE API."] = None
