"""Clusters, from the GKE API, and attached ones, from their memberships."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.node_pools import node_pool_row
from job.kinds.parts.gke import condition_codes, enum_name, sorted_labels
from job.kinds.parts.maintenance import exclusions_of, window_of
from job.wire import gke
from job.wire.gke_hub import AttachedCluster
from job.wire.projects import FoundProject


def cluster_rows(cluster: gke.Cluster, found: FoundProject | None = None) -> Iterator[tables.Record]:
    """The cluster's row and those of its node pools.

    Args:
        found: its project, if it was found in a folder.
    """
    yield _cluster(cluster, found)
    for pool in cluster.node_pools or ():
        yield node_pool_row(pool)


def is_regional(location: str) -> bool:
    """Whether a location is a region, not a zone: a region's name ends with a digit, a zone's with a letter.

    Other universes put a prefix before both.

    >>> is_regional("europe-west1"), is_regional("europe-west1-b"), is_regional("u-france-east1")
    (True, False, True)
    """
    return location[-1:].isdigit()


def _cluster(cluster: gke.Cluster, found: FoundProject | None) -> tables.Cluster:
    endpoints = cluster.control_plane_endpoints_config or gke.ControlPlaneEndpointsConfig()
    dns = endpoints.dns_endpoint_config or gke.DnsEndpointConfig()
    ip = endpoints.ip_endpoints_config or gke.IpEndpointsConfig()
    legacy = cluster.private_cluster_config
    private = legacy or gke.PrivateClusterConfig()
    network = cluster.network_config or gke.NetworkConfig()
    legacy_authorized = cluster.master_authorized_networks_config
    authorized = ip.authorized_networks_config or legacy_authorized
    posture = cluster.security_posture_config or gke.SecurityPostureConfig()
    logging = cluster.logging_config or gke.LoggingConfig()
    monitoring = cluster.monitoring_config or gke.MonitoringConfig()
    fleet = cluster.fleet or gke.Fleet()
    auth = cluster.master_auth or gke.MasterAuth()
    workload_identity = cluster.workload_identity_config or gke.WorkloadIdentityConfig()
    maintenance = window_of(cluster.maintenance_policy)
    attached = cluster if isinstance(cluster, AttachedCluster) else None
    return tables.Cluster(
        id=cluster.id or None,
        cluster_type=attached.cluster_type if attached else None,
        status=enum_name(cluster.status),
        created_at=cluster.create_time,
        expires_at=cluster.expire_time,
        regional=attached is None and is_regional(cluster.location),
        node_locations=tuple(cluster.locations or ()),
        autopilot=cluster.autopilot is not None and cluster.autopilot.enabled,
        release_channel=enum_name(cluster.release_channel.channel) if cluster.release_channel else None,
        control_plane_version=cluster.current_master_version or None,
        node_version=cluster.current_node_version or None,
        initial_version=cluster.initial_cluster_version or None,
        node_count=cluster.current_node_count,
        endpoint=cluster.endpoint or None,
        public_endpoint=ip.public_endpoint or private.public_endpoint or None,
        private_endpoint=ip.private_endpoint or private.private_endpoint or None,
        dns_endpoint=dns.endpoint or None,
        dns_endpoint_external=dns.allow_external_traffic,
        ip_endpoints_enabled=ip.enabled,
        public_endpoint_enabled=_has_public_endpoint(ip, legacy),
        private_nodes=_first(network.default_enable_private_nodes, legacy.enable_private_nodes if legacy else None),
        authorized_networks_enabled=authorized.enabled if authorized else None,
        authorized_networks=_cidr_blocks(authorized),
        gcp_public_cidrs_access_enabled=_first(
            authorized.gcp_public_cidrs_access_enabled if authorized else None,
            legacy_authorized.gcp_public_cidrs_access_enabled if legacy_authorized else None,
        ),
        network=network.network or cluster.network or None,
        subnetwork=network.subnetwork or cluster.subnetwork or None,
        cluster_ipv4_cidr=cluster.cluster_ipv4_cidr or None,
        services_ipv4_cidr=cluster.services_ipv4_cidr or None,
        datapath_provider=enum_name(network.datapath_provider),
        stack_type=enum_name(cluster.ip_allocation_policy.stack_type) if cluster.ip_allocation_policy else None,
        network_policy=_enabled(cluster.network_policy),
        workload_pool=workload_identity.workload_pool or None,
        shielded_nodes=_enabled(cluster.shielded_nodes),
        confidential_nodes=_enabled(cluster.confidential_nodes),
        binary_authorization=_evaluation_mode(cluster.binary_authorization),
        database_encryption=enum_name(cluster.database_encryption.state) if cluster.database_encryption else None,
        security_posture=enum_name(posture.mode),
        vulnerability_scanning=enum_name(posture.vulnerability_mode),
        legacy_abac=_enabled(cluster.legacy_abac),
        client_certificate=(
            auth.client_certificate_config.issue_client_certificate if auth.client_certificate_config else None
        ),
        logging_components=_components(logging.component_config),
        monitoring_components=_components(monitoring.component_config),
        managed_prometheus=_enabled(monitoring.managed_prometheus_config),
        vertical_pod_autoscaling=_enabled(cluster.vertical_pod_autoscaling),
        node_auto_provisioning=cluster.autoscaling.enable_node_autoprovisioning if cluster.autoscaling else None,
        cost_allocation=_enabled(cluster.cost_management_config),
        maintenance_recurrence=maintenance.recurrence,
        maintenance_start_time=maintenance.start_time,
        maintenance_seconds=maintenance.seconds,
        maintenance_exclusions=exclusions_of(cluster.maintenance_policy),
        fleet_project=fleet.project or None,
        fleet_membership=fleet.membership or None,
        last_connection_at=attached.last_connection_time if attached else None,
        conditions=condition_codes(cluster.conditions),
        labels=sorted_labels(cluster.resource_labels),
        self_link=cluster.self_link or None,
        project_number=found.number if found else None,
        project_labels=sorted_labels(found.labels) if found else (),
        ancestors=found.ancestors if found else (),
    )


def _has_public_endpoint(ip: gke.IpEndpointsConfig, legacy: gke.PrivateClusterConfig | None) -> bool | None:
    """By the newer field or, where GKE leaves it out, by the older one, which says the opposite."""
    if ip.enable_public_endpoint is not None:
        return ip.enable_public_endpoint
    if ip.enabled is False:
        return False
    return None if legacy is None else not legacy.enable_private_endpoint


def _evaluation_mode(config: gke.BinaryAuthorization | None) -> str | None:
    """The mode, or what the older field `enabled` means.

    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#binaryauthorization
    """
    if config is None:
        return None
    return enum_name(config.evaluation_mode) or ("PROJECT_SINGLETON_POLICY_ENFORCE" if config.enabled else "DISABLED")


def _enabled(config: gke.Enabled | None) -> bool | None:
    return None if config is None else config.enabled


def _cidr_blocks(authorized: gke.AuthorizedNetworks | None) -> tuple[str, ...]:
    blocks = authorized.cidr_blocks or () if authorized else ()
    return tuple(block.cidr_block for block in blocks if block.cidr_block)


def _components(config: gke.ComponentConfig | None) -> tuple[str, ...]:
    return tuple(str(component) for component in (config.enable_components or ())) if config else ()


def _first(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)
