"""A fleet's memberships, in the JSON form of the GKE Hub API.

https://cloud.google.com/kubernetes-engine/fleet-management/docs/reference/rest/v1/projects.locations.memberships
"""

from __future__ import annotations

import msgspec

from job.wire import gke
from job.wire.meta import Int64, NonEmpty, Time, Wire, check_years

PREFIX = "membership:"
"""Before the membership's name in the name of its cluster: no GKE cluster has a colon in its name, so that both may
have the same one in one location."""


class ResourceLink(Wire, frozen=True):
    resource_link: str | None = None


class KubernetesMetadata(Wire, frozen=True):
    kubernetes_api_server_version: str | None = None
    node_count: Int64 | None = None


class MembershipEndpoint(Wire, frozen=True):
    gke_cluster: ResourceLink | None = None
    on_prem_cluster: ResourceLink | None = None
    multi_cloud_cluster: ResourceLink | None = None
    edge_cluster: ResourceLink | None = None
    appliance_cluster: ResourceLink | None = None
    kubernetes_metadata: KubernetesMetadata | None = None


class MembershipState(Wire, frozen=True):
    code: str | None = None


class Authority(Wire, frozen=True):
    workload_identity_pool: str | None = None


class Membership(Wire, frozen=True):
    name: NonEmpty
    endpoint: MembershipEndpoint | None = None
    state: MembershipState | None = None
    authority: Authority | None = None
    labels: dict[str, str] | None = None
    unique_id: str | None = None
    create_time: Time | None = None
    last_connection_time: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.create_time, self.last_connection_time)


class MembershipName(Wire, frozen=True):
    """What of a membership says whose it is, where the rest of it cannot be decoded."""

    name: NonEmpty
    endpoint: dict[str, msgspec.Raw] | None = None


class MembershipsPage(Wire, frozen=True):
    """The response of `projects.locations.memberships.list`."""

    resources: list[msgspec.Raw] | None = None
    next_page_token: str | None = None
    unreachable: list[str] | None = None


class AttachedCluster(gke.Cluster, frozen=True):
    """A member of a fleet that GKE does not run, with what its membership says in place of the GKE API."""

    cluster_type: str | None = None
    last_connection_time: Time | None = None
