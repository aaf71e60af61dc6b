"""The views `capacity` and `versions`."""

from __future__ import annotations

from engines import Warehouse
from warehouse import Read, gke_cluster, node, node_pool, pod, run_of

DAY = 86400
GIB = 1 << 30

NODES = [
    node("n1", cpu_allocatable_millicores=4000, memory_allocatable_bytes=8 * GIB, pods_allocatable=110),
    node("n2", cpu_allocatable_millicores=4000, memory_allocatable_bytes=8 * GIB, pods_allocatable=110),
    node("s1", "spot", cpu_allocatable_millicores=2000, memory_allocatable_bytes=4 * GIB, pods_allocatable=32),
]
PODS = [
    pod("a1", node="n1", cpu_request_millicores=500, memory_request_bytes=GIB, memory_limit_bytes=2 * GIB),
    pod("a2", node="s1", cpu_request_millicores=250, cpu_limit_millicores=1000),
    pod("b1", namespace="b", node="n2"),
    pod("b2", namespace="b", phase="Pending", cpu_request_millicores=8000),
    pod("b3", namespace="b", node="lost", cpu_request_millicores=100),
    pod("done", namespace="c", node="n1", phase="Succeeded", cpu_request_millicores=4000),
    pod("dead", namespace="b", node="n1", phase="Failed", memory_request_bytes=GIB),
]
ALLOCATABLE = "nodes, cpu_allocatable_millicores, memory_allocatable_bytes, pods_allocatable"
REQUESTED = (
    "pods, pods_unscheduled, cpu_request_millicores, memory_request_bytes, cpu_limit_millicores, memory_limit_bytes, "
    "pods_without_cpu_limit, pods_without_memory_limit"
)
BY_CLUSTER = f"SELECT {ALLOCATABLE}, {REQUESTED} FROM capacity_by_cluster"
BY_NODE_POOL = f"SELECT node_pool, {ALLOCATABLE}, {REQUESTED} FROM capacity_by_node_pool"
BY_NAMESPACE = f"SELECT namespace, {REQUESTED} FROM capacity_by_namespace"


def test_capacity_sums_requests_beside_allocatable_resources(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", pods=PODS, more={"nodes": NODES})))
    assert warehouse.query(BY_CLUSTER) == [(3, 10000, 20 * GIB, 252, 5, 1, 8850, GIB, 1000, 2 * GIB, 4, 4)]
    assert warehouse.query(BY_NAMESPACE) == [
        ("b", 3, 1, 8100, 0, None, None, 3, 3),
        ("default", 2, 0, 750, GIB, 1000, 2 * GIB, 1, 1),
    ]
    assert warehouse.query(BY_NODE_POOL) == [
        ("pool", 2, 8000, 16 * GIB, 220, 2, 0, 500, GIB, None, 2 * GIB, 2, 1),
        ("spot", 1, 2000, 4 * GIB, 32, 1, 0, 250, 0, 1000, None, 0, 1),
        (None, 0, None, None, None, 2, 1, 8100, 0, None, None, 2, 2),
    ]
    assert warehouse.query("SELECT cpu_requested, memory_requested FROM capacity_by_cluster") == [(0.885, 0.05)]
    assert warehouse.query("SELECT node_pool, cpu_requested, memory_requested FROM capacity_by_node_pool") == [
        ("pool", 0.0625, 0.0625),
        ("spot", 0.125, 0.0),
        (None, None, None),
    ]


def test_no_amount_is_too_large_for_a_sum(warehouse: Warehouse) -> None:
    """Two pods that anybody may make, and nodes that say anything."""
    largest = 2**63 - 1
    amounts = {
        "cpu_request_millicores": largest, "memory_request_bytes": largest, "cpu_limit_millicores": largest,
        "memory_limit_bytes": largest,
    }  # fmt: skip
    names = ("cpu_allocatable_millicores", "memory_allocatable_bytes", "pods_allocatable")
    nodes = [node(name, **dict.fromkeys(names, largest)) for name in ("n1", "n2")]
    read = Read("a", pods=[pod("a", **amounts), pod("b", **amounts), pod("c", **amounts)], more={"nodes": nodes})
    warehouse.publish(run_of(1, read, Read("b", pods=PODS, more={"nodes": NODES})))
    columns = (*names, *amounts)
    for view in ("capacity_by_cluster", "capacity_by_node_pool"):
        found = warehouse.query(f"SELECT {', '.join(columns)} FROM {view} WHERE cluster = 'a' AND nodes IS NOT NULL")
        sums = [tuple(sum(value or 0 for value in column) for column in zip(*found, strict=True))]
        assert sums == [(*[2 * largest] * 3, *[3 * largest] * 4)]
    by_namespace = f"SELECT {', '.join(amounts)} FROM capacity_by_namespace WHERE cluster = 'a'"
    assert warehouse.query(by_namespace) == [tuple([3 * largest] * 4)]
    assert len(warehouse.query("SELECT * FROM capacity_by_node_pool WHERE cluster = 'b'")) == 3


def test_an_amount_that_fits_no_column_is_said_and_not_missing(warehouse: Warehouse) -> None:
    pods = [
        pod("a", cpu_request_millicores=100),
        pod("b", unparsed_quantities=("requests.cpu", "limits.memory")),
        pod("c", unparsed_quantities=("limits.cpu",), memory_limit_bytes=GIB),
    ]
    warehouse.publish(run_of(1, Read("a", pods=pods, more={"nodes": NODES})))
    columns = "cpu_request_millicores, pods_without_cpu_limit, pods_without_memory_limit, pods_unparsed"
    assert warehouse.query(f"SELECT {columns} FROM capacity_by_cluster") == [(100, 2, 1, 2)]


def test_a_node_pool_without_pods_has_no_requests(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", pods=[], more={"nodes": NODES[2:]})))
    sums = (1, 2000, 4 * GIB, 32, 0, 0, 0, 0, None, None, 0, 0)
    assert warehouse.query(BY_CLUSTER) == [sums]
    assert warehouse.query(BY_NODE_POOL) == [("spot", *sums)]
    assert warehouse.query("SELECT cpu_requested FROM capacity_by_node_pool") == [(0.0,)]


def test_sums_of_resources_that_were_never_read_are_null_and_not_zero(warehouse: Warehouse) -> None:
    warehouse.publish(
        run_of(
            1,
            Read("no-nodes", pods=PODS[:1], more={"nodes": "forbidden"}),
            Read("no-pods", pods="forbidden", more={"nodes": NODES[2:]}),
            Read("nothing", "unreachable", "unreachable", more={"nodes": "unreachable"}),
        )
    )
    columns = "nodes, cpu_allocatable_millicores, pods, cpu_request_millicores, pods_without_cpu_limit, cpu_requested"
    assert warehouse.query(f"SELECT cluster, {columns} FROM capacity_by_cluster") == [
        ("no-nodes", None, None, 1, 500, 1, None),
        ("no-pods", 1, 2000, None, None, None, None),
        ("nothing", None, None, None, None, None, None),
    ]
    assert warehouse.query("SELECT cluster, nodes_read_status, pods_read_status FROM capacity_by_cluster") == [
        ("no-nodes", "never_read", "ok"),
        ("no-pods", "ok", "never_read"),
        ("nothing", "never_read", "never_read"),
    ]
    assert warehouse.query("SELECT cluster, node_pool, nodes, pods FROM capacity_by_node_pool") == [
        ("no-nodes", None, None, 1),
        ("no-pods", "spot", 1, None),
    ]


def test_capacity_has_the_ages_of_nodes_and_pods(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(0, Read("a", pods=PODS[:1], more={"nodes": NODES[:1]})))
    warehouse.publish(run_of(24, Read("a", pods=PODS[:2], more={"nodes": "timed_out"})))
    ages = "nodes_read_age_seconds, nodes_read_status, pods_read_age_seconds, pods_read_status, pods"
    assert warehouse.query(f"SELECT {ages} FROM capacity_by_cluster") == [(2 * DAY, "stale", DAY, "ok", 2)]
    pools = "SELECT node_pool, nodes, pods FROM capacity_by_node_pool"
    assert warehouse.query(pools) == [("pool", 1, 1), (None, 0, 1)]


def test_versions_hold_kubelets_to_the_skew_policy(warehouse: Warehouse) -> None:
    expected = [
        ("1.33.5-gke.1080000", "v1.33.5-gke.1080000", 0, True),
        ("1.33.5-gke.1080000", "v1.33.1-gke.1", 0, True),
        ("1.34.1-gke.2037000", "v1.31.13-gke.1230000", 3, True),
        ("1.34.1-gke.2037000", "v1.30.14-gke.1", 4, False),
        ("1.33.5-gke.1080000", "v1.34.0-gke.1", -1, False),
        ("1.33.5", "v2.0.1", None, False),
        (None, "v1.33.5", None, None),
        ("1.33.5", None, None, None),
        ("1.33.5", "odd", None, None),
        ("1.27.16", "v1.24.17", 3, False),  # before 1.25, a kubelet may be two behind
    ]
    read = [
        Read(f"c{number}", more={"nodes": [node("n", kubelet_version=kubelet)]}, gke=[gke_cluster(control_plane)])
        for number, (control_plane, kubelet, *_) in enumerate(expected)
    ]
    warehouse.publish(run_of(1, *read))
    sql = "SELECT cluster, control_plane_version, kubelet_version, minor_versions_behind, kubelet_skew_ok FROM versions"
    assert warehouse.query(sql) == [(f"c{number}", *row) for number, row in enumerate(expected)]


def test_versions_are_counted_by_pool_and_kubelet(warehouse: Warehouse) -> None:
    nodes = [
        node("n1", kubelet_version="v1.33.5"), node("n2", kubelet_version="v1.33.5"),
        node("n3", kubelet_version="v1.32.9"), node("x", None, kubelet_version="v1.33.5"),
    ]  # fmt: skip
    gke = [gke_cluster("1.33.5"), node_pool("pool", "1.33.5"), node_pool("empty", "1.31.13")]
    warehouse.publish(run_of(1, Read("a", more={"nodes": nodes}, gke=gke), Read("b", gke=[gke_cluster("1.34.1")])))
    sql = "SELECT cluster, release_channel, node_pool, kubelet_version, nodes, minor_versions_behind FROM versions"
    assert warehouse.query(sql) == [
        ("a", "REGULAR", "empty", "1.31.13", None, 2),
        ("a", "REGULAR", "pool", "v1.32.9", 1, 1),
        ("a", "REGULAR", "pool", "v1.33.5", 2, 0),
        ("a", "REGULAR", None, "v1.33.5", 1, 0),
        ("b", "REGULAR", None, None, None, None),
    ]


def test_versions_of_unreadable_nodes_are_carried_forward_or_those_of_their_pool(warehouse: Warehouse) -> None:
    gke = [gke_cluster("1.34.1"), node_pool("pool", "1.33.5")]
    warehouse.publish(run_of(0, Read("a", more={"nodes": "forbidden"}, gke=gke)))
    sql = "SELECT node_pool, kubelet_version, nodes, read_age_seconds, read_status FROM versions"
    assert warehouse.query(sql) == [("pool", "1.33.5", None, 2 * DAY, "ok")]
    nodes = [node("n1", kubelet_version="v1.32.9")]
    warehouse.publish(run_of(12, Read("a", more={"nodes": nodes}, gke=gke)))
    warehouse.publish(run_of(24, Read("a", more={"nodes": "forbidden"}, gke=gke)))
    assert warehouse.query(sql) == [("pool", "v1.32.9", 1, 3 * DAY // 2, "stale")]
