"""The kinds that are collected, a module each: the JSON fields that are read, and the function that makes rows of them.

`clusters` and `node_pools` are no Kubernetes kinds: they come from the GKE API, with the list of clusters.
"""

from __future__ import annotations

from job.kinds import (
    cronjobs,
    daemonsets,
    deployments,
    jobs,
    limit_ranges,
    namespaces,
    nodes,
    pods,
    quotas,
    replicasets,
    services,
    statefulsets,
)
from job.kinds.kind import Kind

KINDS = (
    namespaces.KIND,
    nodes.KIND,
    services.KIND,
    quotas.KIND,
    limit_ranges.KIND,
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
