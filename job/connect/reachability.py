"""Which networks this process does not reach, as the clusters of a run, or its projects, find out one by one."""

from __future__ import annotations

import threading
from collections import Counter
from typing import NamedTuple

from job.connect.endpoints import Endpoint
from job.wire import gke

_VAIN_WAITS = 3  # one or two clusters may be down for reasons of their own


class Network(NamedTuple):
    """Where clusters are reached, or not, for the same reason: firewalls and routes are a network's."""

    name: str
    endpoint_type: str


class Reachability:
    """A verdict on each network, which all workers share.

    A network is out of reach once the job has waited for three of its clusters, each for all of `retry_seconds`, and
    none of its clusters has answered. Its other clusters then get one attempt and no wait. Clusters that are being
    waited for keep their time, so that one which comes back within `retry_seconds` is still read, and an answer of any
    cluster ends the verdict. The GKE API is a network too, with projects in place of clusters.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vain: Counter[Network] = Counter()
        self._answered: set[Network] = set()

    def answered(self, network: Network) -> None:
        """A cluster of the network has answered."""
        with self._lock:
            self._answered.add(network)

    def waited_in_vain(self, network: Network) -> None:
        """A cluster of the network could not be connected to for the whole time."""
        with self._lock:
            self._vain[network] += 1

    def is_worth_waiting(self, network: Network) -> bool:
        """Whether to wait for a cluster of the network that cannot be connected to."""
        with self._lock:
            return network in self._answered or self._vain[network] < _VAIN_WAITS


def network_of(cluster: gke.Cluster, endpoint: Endpoint) -> Network:
    """The network of a cluster, by its full name where GKE gives it: short names are unique in a project only."""
    config = cluster.network_config
    return Network((config and config.network) or cluster.self_link or cluster.name, endpoint.type)
