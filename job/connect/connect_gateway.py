"""Connect Gateway: a cluster that is a member of a fleet, through Google's API, from any network."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from time import monotonic
from urllib.parse import urlsplit

from job.connect.endpoints import Endpoint
from job.wire import gke
from job.wire.gke_hub import AttachedCluster

REQUESTS_A_MINUTE = 2400
"""Of one fleet host project: https://cloud.google.com/kubernetes-engine/enterprise/multicluster-management/gateway"""
_MEMBERSHIP = re.compile(r"(?://gkehub\.[\w.-]+/)?projects/([\w.:-]+)/locations/([\w-]+)/memberships/([\w-]+)")


def gateway_endpoint(
    cluster: gke.Cluster, domain: str = "googleapis.com", address: str | None = None
) -> Endpoint | None:
    """The cluster at Connect Gateway; None if it is no member of a fleet, or a lightweight one, which has no gateway.

    https://cloud.google.com/kubernetes-engine/enterprise/multicluster-management/gateway/using#fetch

    Args:
        domain: of the universe.
        address: `https://HOST:PORT` in place of Google's.
    """
    fleet = cluster.fleet or gke.Fleet()
    found = _MEMBERSHIP.fullmatch(fleet.membership or "")
    if found is None or str(fleet.membership_type) == "LIGHTWEIGHT":
        return None
    project, location, name = found.groups()
    regional = "" if location == "global" else f"{location}-"
    host = urlsplit(address).netloc if address else f"{regional}connectgateway.{domain}"
    kind = "memberships" if isinstance(cluster, AttachedCluster) else "gkeMemberships"
    path = f"/v1/projects/{project}/locations/{location}/{kind}/{name}"
    return Endpoint("connect_gateway", host, path, fleet_project=project)


class GatewayQuota:
    """Spaces the requests to Connect Gateway, so that a run stays within the quota of each fleet host project.

    Args:
        task_count: how many tasks share the quota.
        requests_a_minute: of one fleet.
    """

    def __init__(self, task_count: int = 1, requests_a_minute: float = REQUESTS_A_MINUTE) -> None:
        self._seconds = 60 * task_count / requests_a_minute
        self._next: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def seconds_until(self, endpoint: Endpoint) -> float:
        """How long the next request has to wait, which is counted; 0 for other endpoints."""
        if endpoint.type != "connect_gateway":
            return 0.0
        with self._lock:
            now = monotonic()
            at = max(self._next[endpoint.fleet_project], now)
            self._next[endpoint.fleet_project] = at + self._seconds
            return at - now
