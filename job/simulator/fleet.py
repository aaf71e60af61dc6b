"""Projects and their clusters; the same seed gives the same fleet."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from job.simulator.hierarchy import Hierarchy, usual_hierarchy
from job.simulator.resources import DRA, GATEWAY_API, VPA

PROJECTS = ("shop-prod", "shop-staging", "data-platform")
DENIED_PROJECT = "acquired-company"
PARTIAL_PROJECT = "data-platform"
MISSING_ZONES = ("us-east1-d",)
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)  # the fleet's own clock: a seed gives the same objects on any day

_REGIONS = ("europe-west1", "us-central1", "asia-southeast1", "us-east1")
_NAMES = ("web", "payments", "search", "batch", "ml", "edge", "internal", "reports", "gateway", "events")
VERSIONS = ("1.31.13-gke.1230000", "1.32.9-gke.1108000", "1.33.5-gke.1080000", "1.34.1-gke.2037000")
_PODS_PER_NODE = 6  # few enough that their requests fit
_MACHINES = ("e2-standard-4", "n2-standard-8", "c3-standard-4", "t2a-standard-4", "g2-standard-8")


@dataclass(frozen=True)
class NodePool:
    """A node pool, sized by the number of pods of its cluster."""

    name: str
    machine_type: str
    nodes: int
    version: str
    spot: bool = False
    gpu: bool = False
    tpu: bool = False


@dataclass
class Cluster:
    """The settings of a cluster; `Store` makes its objects on first use."""

    project: str
    location: str
    name: str
    number: int
    seed: str
    pods: int
    version: str
    node_pools: tuple[NodePool, ...]
    endpoint: str = "public"
    """`public`, `private` or `dns`."""
    addresses: dict[str, str] | None = None
    """In place of that, the address of each endpoint that GKE describes: `public`, `private`, `dns`."""
    membership: str = ""
    """Its name in the fleet, through which Connect Gateway reaches it."""
    attached: str = ""
    """If GKE does not run it, the type of its membership's endpoint, such as `multiCloudCluster`; or `kubernetes`. Its
    `name` is then `membership:` and that of the membership."""
    autopilot: bool = False
    unusual: bool = False
    """Whether it has the objects that few clusters have."""
    status: str = "RUNNING"
    gateway_api: bool = False
    """Whether the Gateway API is installed."""
    vertical_pod_autoscaling: bool = False
    """Whether VerticalPodAutoscalers are installed."""
    resource_claims: bool = False
    """Whether its server has dynamic resource allocation."""
    forbidden: frozenset[str] = frozenset()
    """Resources that the identity may not list; `*` means all."""
    permissions: frozenset[str] | None = None
    """The identity's IAM permissions, which then are all that it has; None leaves its rights to RBAC."""
    created_at: datetime = NOW - timedelta(days=400)
    port: int = 0
    """Port of its API server; 0 until it listens."""
    ca_pem: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return f"{self.project}/{self.location}/{self.name}"

    @property
    def absent_groups(self) -> frozenset[str]:
        """API groups that its server does not serve."""
        absent = {
            GATEWAY_API: not self.gateway_api,
            VPA: not self.vertical_pod_autoscaling,
            DRA: not self.resource_claims,
        }
        return frozenset(group for group, is_absent in absent.items() if is_absent)

    @property
    def regional(self) -> bool:
        return self.location.count("-") == 1

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(f"{self.location}-{letter}" for letter in "bcd") if self.regional else (self.location,)

    @property
    def id(self) -> str:
        return random.Random(f"{self.seed}/id").randbytes(32).hex()


@dataclass
class Fleet:
    """All projects and clusters."""

    projects: tuple[str, ...]
    clusters: list[Cluster]
    denied: frozenset[str] = frozenset()
    missing_zones: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hierarchy: Hierarchy = field(default_factory=Hierarchy)
    """Of Resource Manager; without one, the usual one."""

    def __post_init__(self) -> None:
        if not self.hierarchy.projects:
            self.hierarchy = usual_hierarchy(self.projects)
        self._first, self._next_number = self.clusters[:1], len(self.clusters)

    def of(self, project: str) -> list[Cluster]:
        """The clusters of the project that GKE runs."""
        return [cluster for cluster in self.clusters if cluster.project == project and not cluster.attached]

    def members(self, project: str) -> list[Cluster]:
        """The clusters of the project's fleet, those of GKE among them."""
        of_project = [cluster for cluster in self.clusters if cluster.project == project]
        return [cluster for cluster in of_project if cluster.attached or cluster.membership]

    def add(self, path: str, attached: str = "") -> Cluster:
        """Adds a cluster at `project/location/name`, a copy of the first one with a new id and new objects.

        Args:
            attached: if GKE does not run it, the type of its membership's endpoint.
        """
        project, location, name = path.split("/")
        number, self._next_number = self._next_number, self._next_number + 1
        (first,) = self._first
        seed = f"{first.seed}/{path}/{number}"
        added = replace(
            first,
            project=project,
            location=location,
            name=name,
            number=number,
            seed=seed,
            port=0,
            ca_pem=b"",
            attached=attached,
            status="READY" if attached else first.status,
        )
        self.clusters.append(added)
        return added


def make_fleet(*, clusters: int, pods: int, seed: int, special: bool = True) -> Fleet:
    """Makes a fleet.

    Args:
        clusters: number of clusters.
        pods: approximate number of pods of each cluster.
        special: adds the problems of a real fleet: a project without permission, a project with missing zones,
            clusters behind private and DNS endpoints, a cluster with unusual objects, one that cannot be read, one with
            some kinds forbidden, and one still being created. Without it, every cluster can be read through its public
            endpoint.
    """
    draw = random.Random(f"fleet/{seed}")
    members = [_cluster(number, pods, seed, draw) for number in range(clusters)]
    if not special:
        return Fleet(PROJECTS, members)
    for number, cluster in enumerate(members):
        trouble = number % 10
        cluster.autopilot = trouble == 3
        cluster.unusual = trouble == 0
        cluster.endpoint = {1: "dns", 4: "private"}.get(trouble, "public")
        if trouble == 2:
            cluster.forbidden = frozenset({"nodes", "cronjobs"})
        elif trouble == 8 or (number == clusters - 1 and 5 <= clusters <= 8):
            cluster.forbidden = frozenset({"*"})
        elif trouble == 9:
            cluster.status = "PROVISIONING"
    return Fleet((*PROJECTS, DENIED_PROJECT), members, frozenset({DENIED_PROJECT}), {PARTIAL_PROJECT: MISSING_ZONES})


def _cluster(number: int, pods: int, seed: int, draw: random.Random) -> Cluster:
    region = draw.choice(_REGIONS)
    minor = draw.randrange(len(VERSIONS))
    size = max(int(pods * draw.uniform(0.6, 1.4)), 1)
    name = f"{_NAMES[number % len(_NAMES)]}-{number // len(_NAMES) + 1}"
    pools = [_pool("default-pool", size, minor, draw)]
    if draw.random() < 0.5:
        pools.append(_pool("spot-pool", size // 4, minor, draw, spot=True))
    if draw.random() < 0.25:
        pools.append(_pool("gpu-pool", _PODS_PER_NODE, minor, draw, gpu=True))
    if number % 3 == 0:
        pools.append(NodePool("tpu-pool", "ct5lp-hightpu-4t", 1, VERSIONS[minor], tpu=True))
    return Cluster(
        project=PROJECTS[number % len(PROJECTS)],
        location=region if draw.random() < 0.6 else f"{region}-b",
        name=name,
        number=number,
        seed=f"{seed}/{number}",
        pods=size,
        version=VERSIONS[minor],
        node_pools=tuple(pools),
        gateway_api=number % 3 == 1,
        vertical_pod_autoscaling=number % 2 == 0,
        resource_claims=number % 3 == 0,
        created_at=NOW - timedelta(days=draw.randrange(5, 1500), seconds=draw.randrange(86400)),
    )


def _pool(name: str, pods: int, minor: int, draw: random.Random, *, spot: bool = False, gpu: bool = False) -> NodePool:
    behind = draw.choice((0, 0, 0, 1, 1, 2, 3))  # https://kubernetes.io/releases/version-skew-policy/#kubelet
    version = VERSIONS[max(minor - behind, 0)]
    machine = "g2-standard-8" if gpu else draw.choice(_MACHINES[:4])
    return NodePool(name, machine, max(pods // _PODS_PER_NODE, 1), version, spot, gpu)
