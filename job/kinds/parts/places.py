"""Where pods run: the columns of a pod that its node decides."""

from __future__ import annotations

from collections.abc import Mapping

from job import tables
from job.kinds.parts.accelerators import TOPOLOGY_LABEL, accelerator_type
from job.kinds.parts.caches import bounded_cache

_SPOT = ("cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible")


class Place:
    """What pods on a node have in common. The nodes of one pool and zone share one, which is equal only to itself."""

    __slots__ = ("accelerator", "accelerator_topology", "row")

    def __init__(self, row: tables.Pod, accelerator: str | None, accelerator_topology: str | None) -> None:
        self.row = row
        """A row with these columns. Each pod sets its own."""
        self.accelerator, self.accelerator_topology = accelerator, accelerator_topology


def place_of(labels: Mapping[str, str], operating_system: str | None) -> Place:
    """The place that a node with these labels is."""
    return _place(
        labels.get("cloud.google.com/gke-nodepool") or None,
        labels.get("topology.kubernetes.io/zone") or None,
        is_spot(labels),
        operating_system or labels.get("kubernetes.io/os") or None,
        accelerator_type(labels),
        labels.get(TOPOLOGY_LABEL) or None,
    )


def place_asked_for(selector: Mapping[str, str] | None) -> Place:
    """The place that a node selector names, for a pod whose node is not known."""
    if not selector:
        return _ANYWHERE
    return _place(
        selector.get("cloud.google.com/gke-nodepool") or None,
        selector.get("topology.kubernetes.io/zone") or None,
        is_spot(selector) or None,
        selector.get("kubernetes.io/os") or None,
        accelerator_type(selector),
        selector.get(TOPOLOGY_LABEL) or None,
    )


def is_spot(labels: Mapping[str, str]) -> bool:
    """Whether the labels are those of Spot or preemptible VMs."""
    return any(labels.get(label) == "true" for label in _SPOT)


@bounded_cache(maxsize=1024)
def _place(
    node_pool: str | None,
    zone: str | None,
    spot: bool | None,
    operating_system: str | None,
    accelerator: str | None,
    topology: str | None,
) -> Place:
    row = tables.Pod(
        namespace="", name="", uid="", containers=0, containers_ready=0, restarts=0, host_network=False, host_pid=False,
        host_ipc=False, workload_kind="", workload_api_version="", workload_name="", workload_uid="",
        workload_resolution="",  # each pod sets its own
        node_pool=node_pool,
        zone=zone,
        spot=spot,
        operating_system=operating_system,
    )  # fmt: skip
    return Place(row, accelerator, topology)


_ANYWHERE = _place(None, None, None, None, None, None)
