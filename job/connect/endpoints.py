"""Which endpoints of a cluster's control plane to try, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from job.config import EndpointType
from job.errors import InventoryError
from job.wire import gke
from job.wire.gke_hub import AttachedCluster

CONNECTABLE_STATUSES = frozenset(
    {"RUNNING", "RECONCILING", "DEGRADED", "READY", "UPDATING", "SERVICE_UPDATING", "CODE_UNSPECIFIED"}
)
"""https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#status, and of a
membership, https://cloud.google.com/kubernetes-engine/fleet-management/docs/reference/rest/v1/MembershipState#code"""


class ConnectError(InventoryError):
    """A cluster cannot be connected to."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """For the column `reason` of `collections`."""


class Endpoint(NamedTuple):
    """Where a cluster's control plane is reached."""

    type: EndpointType
    host: str
    """Host, or `HOST:PORT`."""
    path: str = ""
    """Before the paths of the Kubernetes API."""
    fleet_project: str = ""
    """Of Connect Gateway, whose quota is by fleet: the fleet host project, as the membership names it."""

    @property
    def is_google_frontend(self) -> bool:
        """Whether Google's frontend answers there, before the control plane does, with a certificate of a public CA.

        https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation#dns-based_endpoint
        """
        return self.type in ("dns", "connect_gateway")


def choose_endpoints(
    cluster: gke.Cluster, order: Sequence[EndpointType] = (), gateway: Endpoint | None = None
) -> tuple[Endpoint, ...]:
    """The endpoints through which this process may reach the cluster, in the order in which to try them.

    Without an order, those that the cluster has of:

    1. the public IP address, where any network may use it
    2. the DNS endpoint, where it accepts traffic from outside the VPC
    3. the public IP address, where only authorized networks may use it
    4. the private IP address, for a process inside the VPC
    5. Connect Gateway
    6. the DNS endpoint that refuses traffic from outside the VPC, where there is no other

    Args:
        order: these alone, in this order. An attached cluster has only Connect Gateway, whatever the order.
        gateway: the cluster at Connect Gateway, if it is a member of a fleet.

    Raises:
        ConnectError: the cluster has no such endpoint; its reason is `NoEndpoint`.
    """
    offered = sorted(_endpoints(cluster, gateway), key=lambda ranked: ranked[1])
    if order and not isinstance(cluster, AttachedCluster):
        chosen = [endpoint for kind in dict.fromkeys(order) for endpoint, _ in offered if endpoint.type == kind]
    else:
        chosen = [endpoint for endpoint, rank in offered if rank < _LAST_RESORT or len(offered) == 1]
    if chosen:
        return tuple(chosen)
    missing = f"{' or '.join(order)} endpoint" if order else "endpoint"
    others = ", ".join(sorted({endpoint.type for endpoint, _ in offered})) or "none"
    raise ConnectError(f"the cluster has no {missing} (it offers: {others})", reason="NoEndpoint")


def offered_endpoints(cluster: gke.Cluster, gateway: Endpoint | None = None) -> list[Endpoint]:
    """All endpoints of a cluster, in the order in which they are tried without a configured one."""
    return [endpoint for endpoint, _ in sorted(_endpoints(cluster, gateway), key=lambda ranked: ranked[1])]


def why_chosen(
    cluster: gke.Cluster, endpoint: Endpoint, order: Sequence[EndpointType] = (), gateway: Endpoint | None = None
) -> str:
    """Why `choose_endpoints` gives this endpoint of the cluster, in words."""
    is_ordered = order and not isinstance(cluster, AttachedCluster)
    return f"`endpoints` is {', '.join(order)}" if is_ordered else _WHY[dict(_endpoints(cluster, gateway))[endpoint]]


_WHY = {  # by rank
    1: "any network may use it",
    2: "it accepts traffic from outside the VPC",
    3: "only authorized networks may use it",
    4: "it is inside the VPC",
    5: "the cluster is a member of a fleet",
    6: "there is no other, though it refuses traffic from outside the VPC",
}
_LAST_RESORT = 6


def _endpoints(cluster: gke.Cluster, gateway: Endpoint | None) -> list[tuple[Endpoint, int]]:
    """Each endpoint with its rank in `choose_endpoints`."""
    config = cluster.control_plane_endpoints_config or gke.ControlPlaneEndpointsConfig()
    ip, dns = config.ip_endpoints_config, config.dns_endpoint_config
    legacy = cluster.private_cluster_config or gke.PrivateClusterConfig()
    authorized = (ip and ip.authorized_networks_config) or cluster.master_authorized_networks_config
    is_restricted = bool(authorized and authorized.enabled)
    private = (ip and ip.private_endpoint) or legacy.private_endpoint
    public = (ip and ip.public_endpoint) or legacy.public_endpoint
    is_private_only = bool(legacy.enable_private_endpoint) or bool(
        ip and ip.enabled and ip.enable_public_endpoint is False
    )
    ranked: list[tuple[Endpoint, int]] = []
    main = cluster.endpoint
    if main and dns and main == dns.endpoint:
        main = None
    if ip is None or ip.enabled is not False:
        if is_private_only:
            private = private or main
        else:
            public = public if (public and main == private) else (main or public)
        if public and not is_private_only:
            ranked.append((Endpoint("public", public), 3 if is_restricted else 1))
        if private:
            ranked.append((Endpoint("private", private), 4))
    if dns and dns.endpoint:
        ranked.append((Endpoint("dns", dns.endpoint), 2 if dns.allow_external_traffic else _LAST_RESORT))
    if gateway is not None:
        ranked.append((gateway, 5))
    return ranked
