"""The view `exposed`."""

from __future__ import annotations

from typing import Any

import msgspec
from engines import NOW, Warehouse
from warehouse import Read, gke_cluster, node, pod_container, pod_of, run_of

from job.tables import (
    Gateway,
    GatewayAddress,
    GatewayListener,
    HttpRoute,
    Ingress,
    IngressRule,
    KeyValue,
    LoadBalancerIngress,
    NetworkPolicy,
    RouteBackend,
    RouteParent,
    SelectorExpression,
    Service,
    ServicePort,
)


def labels(**values: str) -> tuple[KeyValue, ...]:
    return tuple(KeyValue(key=key, value=value) for key, value in values.items())


def service(name: str, *, app: str = "", node_port: int | None = None, **more: Any) -> Service:
    """A Service in the namespace `default`, which selects pods by their label `app`."""
    defaults = {"headless": False, "publish_not_ready_addresses": False, "type": "ClusterIP"}
    ports = (ServicePort(port=80, node_port=node_port),)
    selector = labels(app=app) if app else ()
    return Service(
        namespace="default", name=name, uid=f"uid-{name}", ports=ports, selector=selector, **defaults | more
    )  # fmt: skip


def balanced(name: str, ip: str | None, **more: Any) -> Service:
    points = (LoadBalancerIngress(ip=ip),) if ip else ()
    more = {"type": "LoadBalancer", "internal": False, "load_balancer_ingress": points} | more
    return service(name, **more)


def policy(name: str, *types: str, **more: Any) -> NetworkPolicy:
    defaults = {"selects_all_pods": False, "denies_all_ingress": True, "admits_all_ingress": False,
                "denies_all_egress": False, "admits_all_egress": False}  # fmt: skip
    return NetworkPolicy(namespace="default", name=name, uid=f"uid-{name}", policy_types=types, **defaults | more)


def ingress(name: str, service_of: dict[str | None, str], *, default: str | None = None, **more: Any) -> Ingress:
    rules = tuple(IngressRule(host=host, service=behind) for host, behind in service_of.items())
    return Ingress(namespace="default", name=name, uid=f"uid-{name}", rules=rules, default_service=default, **more)


def gateway(name: str, gateway_class: str, address: str | None) -> Gateway:
    listeners = tuple(
        GatewayListener(name=listener, port=port, protocol="HTTPS", hostname=host)
        for listener, port, host in (("web", 443, "*.shop"), ("plain", 80, None))
    )
    addresses = (GatewayAddress(type="IPAddress", value=address),) if address else ()
    return Gateway(
        namespace="edge", name=name, uid=f"uid-{name}", gateway_class=gateway_class, listeners=listeners,
        addresses=addresses,
    )  # fmt: skip


def route(
    name: str, of: str, *behind: str, hosts: tuple[str, ...] = (), section: str | None = None, **more: Any
) -> HttpRoute:
    parent = RouteParent(kind="Gateway", namespace="edge", name=of, section_name=section, **{"accepted": True} | more)
    backends = [RouteBackend(rule=0, kind="Service", name=each) for each in behind]
    unused = RouteBackend(rule=0, kind="Service", name="unused", weight=0)
    return HttpRoute(
        namespace="default", name=name, uid=f"uid-{name}", hostnames=hosts, parents=(parent,),
        backends=(*backends, unused),
    )  # fmt: skip


PODS = [
    pod_of("web", "web-1", labels=labels(app="web", tier="front"), node="n1"),
    pod_of("web", "web-2", labels=labels(app="web"), node="n2"),
    pod_of("web", "ended", labels=labels(app="web"), phase="Succeeded"),
    pod_of("web", "elsewhere", labels=labels(app="web"), namespace="elsewhere"),
    pod_of("api", "api-1", labels=labels(app="api"), node="n1"),
    pod_of("proxy", "proxy-1", kind="DaemonSet", labels=labels(app="proxy"), node="n1", host_network=True),
    pod_of("proxy", "proxy-2", kind="DaemonSet", labels=labels(app="proxy"), node="n2", host_network=True),
]
CONTAINERS = [
    pod_container("proxy-1", "x", host_ports=(8443,)),
    pod_container("proxy-2", "x", host_ports=(8443,)),
    pod_container("web-1", "x"),
]
SERVICES = [
    balanced("open", "34.0.0.1", app="web", load_balancer_source_ranges=("1.2.3.0/24",)),
    balanced("waiting", None, app="api"),
    balanced("within", "10.0.0.1", app="web", internal=True),
    balanced("foreign", "100.64.0.1", app="api", internal=None, load_balancer_class="tailscale"),
    service("named", app="web", external_ips=("198.51.100.1",)),
    service("plain", app="web"),
    service("plain-api", app="api"),
    service("manual"),
    service("nodes", app="proxy", type="NodePort", node_port=30080),
]
TERM = (SelectorExpression(key="tier", operator="In", values=("front",)),)
POLICIES = [
    policy("front", "Ingress", selector=labels(app="web"), selector_expressions=TERM),
    policy("api", "Ingress", "Egress", selector=labels(app="api")),
    policy("out", "Egress", selects_all_pods=True),
    policy("proxies", "Ingress", selector=labels(app="proxy")),
]
INGRESSES = [
    ingress("shop", {"a.shop": "plain", "b.shop": "plain", None: "plain-api"}, internal=False, load_balancer_ingress=(
        LoadBalancerIngress(ip="35.0.0.1"),
    )),
    ingress("late", {}, default="manual", internal=False),
    ingress("nginx", {"c.shop": "gone"}, ingress_class="nginx"),
    ingress("inner", {"d.shop": "plain"}, internal=True),
]  # fmt: skip
GATEWAYS = [
    gateway("out", "gke-l7-global-external-managed", "34.117.0.1"),
    gateway("in", "gke-l7-rilb", "10.0.0.9"),
    gateway("mesh", "istio", None),
]
ROUTES = [
    route("shop", "out", "plain", section="web"),
    route("api", "out", "plain-api", hosts=("api.shop", "api2.shop")),
    route("refused", "out", "plain", accepted=False),
    route("inner", "in", "plain"),
    route("mesh", "mesh", "plain-api", section="plain"),
]
NODES = [node("n1", external_ip="35.9.9.9"), node("n2")]
EVERYTHING = {
    "services": SERVICES, "networkpolicies": POLICIES, "ingresses": INGRESSES, "gateways": GATEWAYS,
    "httproutes": ROUTES, "nodes": NODES,
}  # fmt: skip
SQL = (
    "SELECT way, name, reachable, ARRAY_TO_STRING(addresses, ' '), port, ARRAY_TO_STRING(hosts, ' '), service, "
    "workload_name, pods, network_policy FROM exposed"
)


def test_each_way_in_is_shown_with_the_workload_behind_it(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", pods=[*PODS, *CONTAINERS], more=EVERYTHING)))
    gateway_of = ("gateway", "out", "yes", "34.117.0.1")
    shop = ("ingress", "shop", "yes", "35.0.0.1", None)
    apis = "api.shop api2.shop"
    expected = [
        ("external_ip", "named", "depends", "198.51.100.1", 80, "", "named", "web", 2, "some"),
        (*gateway_of, 443, "*.shop", "plain", "web", 2, "some"),
        (*gateway_of, 443, apis, "plain-api", "api", 1, "yes"),
        (*gateway_of, 80, apis, "plain-api", "api", 1, "yes"),
        ("gateway", "mesh", "depends", "", 80, "", "plain-api", "api", 1, "yes"),
        ("host_port", "proxy", "depends", "", 8443, "", None, "proxy", 1, "no"),
        ("ingress", "late", "pending", "", None, "", "manual", None, 0, None),
        ("ingress", "nginx", "depends", "", None, "c.shop", "gone", None, 0, None),
        (*shop, "", "plain-api", "api", 1, "yes"),
        (*shop, "a.shop b.shop", "plain", "web", 2, "some"),
        ("load_balancer", "foreign", "depends", "100.64.0.1", 80, "", "foreign", "api", 1, "yes"),
        ("load_balancer", "open", "yes", "34.0.0.1", 80, "", "open", "web", 2, "some"),
        ("load_balancer", "waiting", "pending", "", 80, "", "waiting", "api", 1, "yes"),
        ("node_port", "nodes", "depends", "", 30080, "", "nodes", "proxy", 2, "no"),
    ]
    assert warehouse.query(SQL) == sorted(expected, key=repr)
    assert warehouse.query("SELECT DISTINCT read_status, read_age_seconds FROM exposed") == [("ok", 47 * 3600)]
    ranges = "SELECT name, ARRAY_TO_STRING(source_ranges, ' ') FROM exposed WHERE way = 'load_balancer'"
    assert warehouse.query(ranges) == [("foreign", ""), ("open", "1.2.3.0/24"), ("waiting", "")]
    shown = warehouse.query("SELECT * FROM exposed")
    assert warehouse.query(f"SELECT * FROM exposed_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown


def test_what_was_not_read_is_not_known(warehouse: Warehouse) -> None:
    services = [each for each in SERVICES if each.name in ("open", "nodes")]
    unread = {"nodes": "forbidden", "networkpolicies": "off"}
    warehouse.publish(
        run_of(
            1,
            Read("a", pods=[*PODS, *CONTAINERS], more={"services": services, **unread}),
            Read("b", pods="forbidden", more={"services": services, **unread}),
        )
    )
    assert warehouse.query(SQL.replace("SELECT way", "SELECT cluster, way")) == [
        ("a", "host_port", "proxy", "not_known", "", 8443, "", None, "proxy", 2, "not_known"),
        ("a", "load_balancer", "open", "yes", "34.0.0.1", 80, "", "open", "web", 2, "not_known"),
        ("a", "node_port", "nodes", "not_known", "", 30080, "", "nodes", "proxy", 2, "not_known"),
        ("b", "load_balancer", "open", "yes", "34.0.0.1", 80, "", "open", None, None, None),
        ("b", "node_port", "nodes", "not_known", "", 30080, "", "nodes", None, None, None),
    ]
    kept = {"services": services, "nodes": NODES}
    warehouse.publish(run_of(2, Read("a", pods="forbidden", more=kept), listed=["a"]))
    found = warehouse.query("SELECT way, pods, read_status, read_age_seconds FROM exposed")
    assert found == [
        ("host_port", 1, "stale", 47 * 3600),
        ("load_balancer", 2, "stale", 47 * 3600),
        ("node_port", 2, "stale", 47 * 3600),
    ]


def test_a_route_is_at_the_listeners_of_its_port_that_serve_its_hosts(warehouse: Warehouse) -> None:
    listeners = tuple(
        GatewayListener(name=name, port=port, protocol=protocol, hostname=host)
        for name, port, protocol, host in (
            ("a", 443, "HTTPS", "a.example.com"),
            ("b", 8443, "HTTPS", "b.example.com"),
            ("any", 80, "HTTP", "*.example.com"),
            ("other", 8080, "HTTP", None),
            ("tcp", 9000, "TCP", None),
        )
    )
    made = msgspec.structs.replace(gateway("g", "gke-l7-gxlb", "34.1.1.1"), listeners=listeners)
    routes = [
        route("one", "g", "one", hosts=("a.example.com", "a.shop")),
        route("wild", "g", "wild", hosts=("*.example.com",)),
        route("deep", "g", "deep", hosts=("*.x.example.com", "example.com")),
        route("port", "g", "port", port=443),
        route("none", "g", "none", hosts=("elsewhere",), section="any"),
    ]
    warehouse.publish(run_of(1, Read("a", more={"gateways": [made], "httproutes": routes, "services": []})))
    assert warehouse.query("SELECT service, port, ARRAY_TO_STRING(hosts, ' ') FROM exposed") == [
        ("deep", 80, "*.x.example.com"),
        ("deep", 8080, "*.x.example.com example.com"),
        ("one", 443, "a.example.com"),
        ("one", 80, "a.example.com"),
        ("one", 8080, "a.example.com a.shop"),
        ("port", 443, "a.example.com"),
        ("wild", 443, "a.example.com"),
        ("wild", 80, "*.example.com"),
        ("wild", 8080, "*.example.com"),
        ("wild", 8443, "b.example.com"),
    ]


def test_the_pods_of_a_service_of_the_fleet_are_not_known(warehouse: Warehouse) -> None:
    backends = tuple(RouteBackend(rule=0, kind=kind, name="open") for kind in ("ServiceImport", "Service", "Other"))
    made = msgspec.structs.replace(route("r", "g", section="web"), backends=backends)
    more = {**EVERYTHING, "gateways": [gateway("g", "gke-l7-gxlb-mc", "34.1.1.1")], "httproutes": [made]}
    warehouse.publish(run_of(1, Read("a", pods=PODS, more=more)))
    sql = "SELECT service_kind, service, workload_name, pods, network_policy FROM exposed WHERE way = 'gateway'"
    assert warehouse.query(sql) == [("Service", "open", "web", 2, "some"), ("ServiceImport", "open", None, None, None)]


def test_a_policy_that_the_cluster_does_not_enforce_isolates_nothing(warehouse: Warehouse) -> None:
    def read(cluster: str, policies: list[NetworkPolicy] | str = POLICIES, **more: Any) -> Read:
        found = {"services": [service_of for service_of in SERVICES if service_of.name in ("open", "waiting")]}
        gke = [msgspec.structs.replace(gke_cluster("1.31"), **more)] if more else []
        return Read(cluster, pods=PODS, gke=gke, more={**found, "networkpolicies": policies})

    legacy = {"datapath_provider": "LEGACY_DATAPATH"}
    warehouse.publish(
        run_of(
            1,
            read("add-on", network_policy=True, **legacy),
            read("dataplane-v2", datapath_provider="ADVANCED_DATAPATH"),
            read("neither", network_policy=False, **legacy),
            read("no-policies", [], network_policy=False, **legacy),
            read("not-known"),
            read("unread", "forbidden", network_policy=None, **legacy),
        )
    )
    assert warehouse.query("SELECT cluster, workload_name, network_policy FROM exposed") == [
        ("add-on", "api", "yes"),
        ("add-on", "web", "some"),
        ("dataplane-v2", "api", "yes"),
        ("dataplane-v2", "web", "some"),
        ("neither", "api", "not_enforced"),
        ("neither", "web", "not_enforced"),
        ("no-policies", "api", "no"),
        ("no-policies", "web", "no"),
        ("not-known", "api", "yes"),
        ("not-known", "web", "some"),
        ("unread", "api", "not_enforced"),
        ("unread", "web", "not_enforced"),
    ]


def test_services_that_were_not_read_leave_the_pods_behind_an_ingress_not_known(warehouse: Warehouse) -> None:
    found = {"ingresses": INGRESSES[:1], "services": "forbidden"}
    warehouse.publish(run_of(1, Read("a", pods=PODS, more=found)))
    sql = "SELECT service, workload_name, pods, network_policy FROM exposed"
    assert warehouse.query(sql) == [("plain", None, None, None), ("plain-api", None, None, None)]


def test_the_oldest_reading_behind_a_way_is_that_of_the_row(warehouse: Warehouse) -> None:
    """Though no pod is behind any Service. Each cluster is named after the kind that the second run cannot read."""
    pods = [pod_of("p", "p-1", node="n1"), pod_container("p-1", "x", host_ports=(80,))]
    all_ways = {"external_ip", "gateway", "host_port", "ingress", "load_balancer", "node_port"}
    stale = {
        "httproutes": {"gateway"},
        "networkpolicies": all_ways,
        "nodes": {"node_port", "host_port"},
        "pods": all_ways,
        "services": all_ways - {"host_port"},
    }
    kinds: dict[str, Any] = {**EVERYTHING, "pods": pods}
    warehouse.publish(run_of(1, *(Read(kind, more=kinds) for kind in stale)))
    warehouse.publish(run_of(2, *(Read(kind, more={**kinds, kind: "forbidden"}) for kind in stale)))
    assert warehouse.query("SELECT DISTINCT cluster, way, read_status, read_age_seconds FROM exposed") == [
        (kind, way, *(("stale", 47 * 3600) if way in stale[kind] else ("ok", 46 * 3600)))
        for kind in stale
        for way in sorted(all_ways)
    ]


def test_nodes_that_may_have_an_external_address_are_not_known(warehouse: Warehouse) -> None:
    services = [service("np", node_port=30000)]
    pods = [pod_of("p", "p-1", node="new"), pod_container("p-1", "x", host_ports=(80,))]

    def read(cluster: str, nodes: list[Any] | str, partial: tuple[str, ...] = ()) -> Read:
        return Read(cluster, pods=pods, more={"services": services, "nodes": nodes}, partial=partial)

    old, new = node("old", external_ip="35.9.9.9"), node("new")
    warehouse.publish(
        run_of(1, read("open", [old]), read("closed", [node("old")]), read("part", []), read("whole", []))
    )
    warehouse.publish(
        run_of(
            2, read("open", "forbidden"), read("closed", "forbidden"), read("part", [new], ("nodes",)),
            read("whole", [new]),
        )
    )  # fmt: skip
    assert warehouse.query("SELECT cluster, way, reachable, read_status FROM exposed") == [
        ("closed", "host_port", "not_known", "stale"),
        ("closed", "node_port", "not_known", "stale"),
        ("open", "host_port", "not_known", "stale"),
        ("open", "node_port", "depends", "stale"),
        ("part", "node_port", "not_known", "partial"),
    ]
