"""Which endpoint of a cluster's control plane to use."""

from __future__ import annotations

from typing import NamedTuple

from job.errors import InventoryError
from job.wire import gke

CONNECTABLE_STATUSES = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})
"""https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#status"""


class ConnectError(InventoryError):
    """A cluster cannot be connected to."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """For the column `reason` of `collections`."""


class Endpoint(NamedTuple):
    """Where a cluster's control plane is reached."""

    type: str
    """`public`, `dns` or `private`."""
    host: str
    """Host, or `HOST:PORT`."""

    @property
    def is_google_frontend(self) -> bool:
        """Whether Google's frontend answers there, before the control plane does.

        https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation#dns-based_endpoint
        """
        return self.type == "dns"


def choose_endpoint(cluster: gke.Cluster, preference: str = "auto") -> Endpoint:
    """The endpoint through which this process most likely reaches the cluster.

    `auto` takes the first that the cluster has of:

    1. the public IP address, where any network may use it
    2. the DNS endpoint, where it accepts traffic from outside the VPC
    3. the public IP address, where only authorized networks may use it
    4. the private IP address, for a process inside the VPC
    5. the DNS endpoint, though it refuses traffic from outside the VPC

    Args:
        preference: `auto`, or `public`, `dns` or `private` for that one alone.

    Raises:
        ConnectError: the cluster has no such endpoint; its reason is `NoEndpoint`.
    """
    offered = sorted(_endpoints(cluster), key=lambda ranked: ranked[1])
    for endpoint, _ in offered:
        if preference in ("auto", endpoint.type):
            return endpoint
    missing = "endpoint" if preference == "auto" else f"{preference} endpoint"
    others = ", ".join(sorted({endpoint.type for endpoint, _ in offered})) or "none"
    raise ConnectError(f"the cluster has no {missing} (it offers: {others})", reason="NoEndpoint")


def offered_endpoints(cluster: gke.Cluster) -> list[Endpoint]:
    """All endpoints of a cluster, in the order in which `auto` prefers them."""
    return [endpoint for endpoint, _ in sorted(_endpoints(cluster), key=lambda ranked: ranked[1])]


def why_chosen(cluster: gke.Cluster, endpoint: Endpoint, preference: str = "auto") -> str:
    """Why `choose_endpoint` gives this endpoint of the cluster, in words."""
    return f"`endpoint` is {preference}" if preference != "auto" else _WHY[dict(_endpoints(cluster))[endpoint]]


_WHY = {  # by rank
    1: "any network may use it",
    2: "it accepts traffic from outside the VPC",
    3: "only authorized networks may use it, and the DNS endpoint refuses traffic from outside the VPC",
    4: "there is no public one, and the DNS endpoint refuses traffic from outside the VPC",
    5: "there is no other, though it refuses traffic from outside the VPC",
}


def _endpoints(cluster: gke.Cluster) -> list[tuple[Endpoint, int]]:
    """Each endpoint with its rank in `choose_endpoint`."""
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
        ranked.append((Endpoint("dns", dns.endpoint), 2 if dns.allow_external_traffic else 5))
    return ranked
