"""Clusters and node pools, as the GKE API tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from job.kinds.parts.metadata import key_values
from job.tables import Cluster, KeyValue, NodePool, Record, Taint
from job.wire import gke


def cluster_rows(cluster: gke.Cluster) -> Iterator[Record]:
    """The cluster's row and those of its node pools."""
    yield _cluster(cluster)
    for pool in cluster.node_pools or ():
        yield _node_pool(pool)


def is_regional(location: str) -> bool:
    """`europe-west1` is a region, `europe-west1-b` a zone."""
    return location.count("-") == 1


def _cluster(cluster: gke.Cluster) -> Cluster:
    endpoints = cluster.control_plane_endpoints_config or gke.ControlPlaneEndpointsConfig()
    dns = endpoints.dns_endpoint_config or gke.DnsEndpointConfig()
    ip = endpoints.ip_endpoints_config or gke.IpEndpointsConfig()
    legacy = cluster.private_cluster_config
    private = legacy or gke.PrivateClusterConfig()
    network = cluster.network_config or gke.NetworkConfig()
    authorized = ip.authorized_networks_config or cluster.master_authorized_networks_config
    posture = cluster.security_posture_config or gke.SecurityPostureConfig()
    logging = cluster.logging_config or gke.LoggingConfig()
    monitoring = cluster.monitoring_config or gke.MonitoringConfig()
    fleet = cluster.fleet or gke.Fleet()
    auth = cluster.master_auth or gke.MasterAuth()
    binary = cluster.binary_authorization or gke.BinaryAuthorization()
    workload_identity = cluster.workload_identity_config or gke.WorkloadIdentityConfig()
    return Cluster(
        id=cluster.id or None,
        status=_enum(cluster.status),
        created_at=cluster.create_time,
        expires_at=cluster.expire_time,
        regional=is_regional(cluster.location),
        node_locations=tuple(cluster.locations or ()),
        autopilot=cluster.autopilot is not None and cluster.autopilot.enabled,
        release_channel=_enum(cluster.release_channel.channel) if cluster.release_channel else None,
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
        public_endpoint_enabled=ip.enable_public_endpoint,
        private_nodes=_first(network.default_enable_private_nodes, legacy.enable_private_nodes if legacy else None),
        authorized_networks_enabled=authorized.enabled if authorized else None,
        authorized_networks=_cidr_blocks(authorized),
        network=network.network or cluster.network or None,
        subnetwork=network.subnetwork or cluster.subnetwork or None,
        cluster_ipv4_cidr=cluster.cluster_ipv4_cidr or None,
        services_ipv4_cidr=cluster.services_ipv4_cidr or None,
        datapath_provider=_enum(network.datapath_provider),
        stack_type=_enum(cluster.ip_allocation_policy.stack_type) if cluster.ip_allocation_policy else None,
        network_policy=_enabled(cluster.network_policy),
        workload_pool=workload_identity.workload_pool or None,
        shielded_nodes=_enabled(cluster.shielded_nodes),
        confidential_nodes=_enabled(cluster.confidential_nodes),
        binary_authorization=_enum(binary.evaluation_mode),
        database_encryption=_enum(cluster.database_encryption.state) if cluster.database_encryption else None,
        security_posture=_enum(posture.mode),
        vulnerability_scanning=_enum(posture.vulnerability_mode),
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
        fleet_project=fleet.project or None,
        fleet_membership=fleet.membership or None,
        conditions=_codes(cluster.conditions),
        labels=_sorted(cluster.resource_labels),
        self_link=cluster.self_link or None,
    )


def _node_pool(pool: gke.NodePool) -> NodePool:
    config = pool.config or gke.NodeConfig()
    autoscaling = pool.autoscaling or gke.NodePoolAutoscaling()
    management, shielded = pool.management, config.shielded_instance_config
    upgrade = pool.upgrade_settings or gke.UpgradeSettings()
    is_surge = pool.upgrade_settings is not None and _enum(upgrade.strategy) in (None, "SURGE")
    return NodePool(
        name=pool.name,
        status=_enum(pool.status),
        version=pool.version or None,
        locations=tuple(pool.locations or ()),
        machine_type=config.machine_type or None,
        image_type=config.image_type or None,
        disk_type=config.disk_type or None,
        disk_size_gb=config.disk_size_gb,
        spot=config.spot,
        preemptible=config.preemptible,
        accelerators=tuple(f"{a.accelerator_count}x{a.accelerator_type}" for a in config.accelerators or ()),
        initial_node_count=pool.initial_node_count,
        autoscaling=autoscaling.enabled,
        # told per zone or in total: of those that apply, the maximum cannot be 0, and the minimum can
        min_node_count=autoscaling.min_node_count if autoscaling.max_node_count else None,
        max_node_count=autoscaling.max_node_count or None,
        total_min_node_count=autoscaling.total_min_node_count if autoscaling.total_max_node_count else None,
        total_max_node_count=autoscaling.total_max_node_count or None,
        autoprovisioned=autoscaling.autoprovisioned,
        max_pods_per_node=pool.max_pods_constraint.max_pods_per_node if pool.max_pods_constraint else None,
        pod_range=(pool.network_config.pod_range or None) if pool.network_config else None,
        auto_upgrade=management.auto_upgrade if management else None,
        auto_repair=management.auto_repair if management else None,
        upgrade_strategy=_enum(upgrade.strategy),
        max_surge=upgrade.max_surge if is_surge else None,
        max_unavailable=upgrade.max_unavailable if is_surge else None,
        service_account=config.service_account or None,
        workload_metadata=_enum(config.workload_metadata_config.mode) if config.workload_metadata_config else None,
        secure_boot=shielded.enable_secure_boot if shielded else None,
        integrity_monitoring=shielded.enable_integrity_monitoring if shielded else None,
        sandbox=_enum(config.sandbox_config.type) if config.sandbox_config else None,
        node_labels=_sorted(config.labels),
        taints=tuple(Taint(key=t.key, value=t.value or None, effect=_effect(t)) for t in config.taints or ()),
        conditions=_codes(pool.conditions),
    )


def _enum(value: gke.Enum | None) -> str | None:
    """The value's name; None for the zero value, which says that it was not set."""
    if value is None or (text := str(value)).endswith("_UNSPECIFIED") or text in ("UNSPECIFIED", "0"):
        return None
    return text


def _enabled(config: gke.Enabled | None) -> bool | None:
    return None if config is None else config.enabled


def _effect(taint: gke.NodeTaint) -> str | None:
    """In Kubernetes' spelling, as nodes and tolerations have it: `NO_SCHEDULE` -> `NoSchedule`."""
    effect = _enum(taint.effect)
    return None if effect is None else effect.title().replace("_", "")


def _sorted(labels: dict[str, str] | None) -> tuple[KeyValue, ...]:
    """Maps of protocol buffers have no order; rows have one, so that equal clusters have equal rows."""
    return key_values(dict(sorted((labels or {}).items())))


def _cidr_blocks(authorized: gke.AuthorizedNetworks | None) -> tuple[str, ...]:
    blocks = authorized.cidr_blocks or () if authorized else ()
    return tuple(block.cidr_block for block in blocks if block.cidr_block)


def _components(config: gke.ComponentConfig | None) -> tuple[str, ...]:
    return tuple(str(component) for component in (config.enable_components or ())) if config else ()


def _codes(found: Iterable[gke.StatusCondition] | None) -> tuple[str, ...]:
    # `code` is deprecated, but says more: GCE_STOCKOUT where `canonicalCode` is RESOURCE_EXHAUSTED
    return tuple(code for c in found or () if (code := _enum(c.code) or _enum(c.canonical_code)))


def _first(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)
