"""The kinds that are collected, a module each: the JSON fields that are read, and the function that makes rows of them.

`clusters` and `node_pools` are no Kubernetes kinds: they come from the GKE API, with the list of clusters. So does
`upgrade_info`, with requests of its own.
"""

from __future__ import annotations

from job.kinds import (
    admission_policies,
    admission_webhooks,
    api_services,
    autoscalers,
    config_maps,
    cronjobs,
    csi_drivers,
    custom_resource_definitions,
    daemonsets,
    deployments,
    disruption_budgets,
    gateways,
    http_routes,
    ingresses,
    jobs,
    limit_ranges,
    namespaces,
    network_policies,
    nodes,
    pods,
    priority_classes,
    quotas,
    replicasets,
    role_bindings,
    roles,
    runtime_classes,
    secrets,
    service_accounts,
    services,
    statefulsets,
    storage_classes,
    volume_claims,
    volumes,
)
from job.kinds.kind import Kind

KINDS = (
    namespaces.KIND,
    nodes.KIND,
    services.KIND,
    quotas.KIND,
    limit_ranges.KIND,
    service_accounts.KIND,
    roles.KIND,
    roles.CLUSTER_KIND,
    role_bindings.KIND,
    role_bindings.CLUSTER_KIND,
    admission_webhooks.KIND,
    admission_webhooks.MUTATING_KIND,
    admission_policies.KIND,
    custom_resource_definitions.KIND,
    api_services.KIND,
    priority_classes.KIND,
    runtime_classes.KIND,
    config_maps.KIND,
    secrets.KIND,
    ingresses.KIND,
    gateways.KIND,
    http_routes.KIND,
    network_policies.KIND,
    autoscalers.KIND,
    disruption_budgets.KIND,
    volume_claims.KIND,
    volumes.KIND,
    storage_classes.KIND,
    csi_drivers.KIND,
    deployments.KIND,
    statefulsets.KIND,
    daemonsets.KIND,
    cronjobs.KIND,
    jobs.KIND,
    replicasets.KIND,
    pods.KIND,
)
RESOURCES = tuple(kind.resource for kind in KINDS)

__all__ = ["KINDS", "RESOURCES", "Kind"]
