"""Which endpoint of a cluster's control plane to use."""

from __future__ import annotations

from typing import NamedTuple

from job.errors import InventoryError
from job.wire import gke

# https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#status
CONNECTABLE = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})


class Endpoint(NamedTuple):
    """Where a cluster's control plane is reached."""

    type: str
    """`public`, `dns` or `private`."""
    host: str
    """Host, or `HOST:PORT`."""


class NoEndpointError(InventoryError):
    """The cluster has no endpoint of the kind that is wanted."""


def choose_endpoint(cluster: gke.Cluster, preference: str = "auto") -> Endpoint:
    """The endpoint through which this process most likely reaches the cluster.

    `auto` takes the first there is of: the public IP address where any network may use it, the DNS endpoint where it is
    open to traffic from outside the VPC, the public IP address though only authorized networks may use it, the private
    IP address (for a process inside the VPC), and last the DNS endpoint all the same.

    Args:
        preference: `auto`, or `public`, `dns` or `private` for that one alone.

    Raises:
        NoEndpointError: there is none of that kind.
    """
    found = list(_endpoints(cluster))
    for endpoint, suits in sorted(found, key=lambda pair: pair[1]):
        if preference in ("auto", endpoint.type) and suits < _NEVER:
            return endpoint
    offered = ", ".join(sorted({endpoint.type for endpoint, suits in found if suits < _NEVER})) or "none"
    wanted = "endpoint" if preference == "auto" else f"{preference} endpoint"
    raise NoEndpointError(f"the cluster has no {wanted} (it offers: {offered})")


_NEVER = 9


def _endpoints(cluster: gke.Cluster) -> list[tuple[Endpoint, int]]:
    """Each endpoint with its rank, the lowest first."""
    config = cluster.control_plane_endpoints_config or gke.ControlPlaneEndpointsConfig()
    ip, dns = config.ip_endpoints_config, config.dns_endpoint_config
    legacy = cluster.private_cluster_config or gke.PrivateClusterConfig()
    authorized = (ip and ip.authorized_networks_config) or cluster.master_authorized_networks_config
    restricted = bool(authorized and authorized.enabled)
    private = (ip and ip.private_endpoint) or legacy.private_endpoint
    public = (ip and ip.public_endpoint) or legacy.public_endpoint
    private_only = bool(legacy.enable_private_endpoint) or bool(
        ip and ip.enabled and ip.enable_public_endpoint is False
    )
    ranked: list[tuple[Endpoint, int]] = []
    main = cluster.endpoint
    if main and dns and main == dns.endpoint:
        main = None
    if ip is None or ip.enabled is not False:
        if private_only:
            private = private or main
        else:
            public = public if (public and main == private) else (main or public)
        if public and not private_only:
            ranked.append((Endpoint("public", public), 2 if restricted else 0))
        if private:
            ranked.append((Endpoint("private", private), 3))
    if dns and dns.endpoint:
        ranked.append((Endpoint("dns", dns.endpoint), 1 if dns.allow_external_traffic else 4))
    return ranked
