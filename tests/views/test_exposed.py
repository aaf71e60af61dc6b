"""The view `exposed`."""

from __future__ import annotations

from typing import Any

from engines import NOW, Warehouse
from warehouse import Read, node, pod_container, pod_of, run_of

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
        ("load_balancer", "open", "yes", "34.0.0.1", 80, "", "open", "web", 2, "some"),
        ("load_balancer", "waiting", "pending", "", 80, "", "waiting", "api", 1, "yes"),
        ("node_port", "nodes", "depends", "", 30080, "", "nodes", "proxy", 2, "no"),
    ]
    assert warehouse.query(SQL) == sorted(expected, key=repr)
    assert warehouse.query("SELECT DISTINCT read_status, read_age_seconds FROM exposed") == [("ok", 47 * 3600)]
    ranges = "SELECT name, ARRAY_TO_STRING(source_ranges, ' ') FROM exposed WHERE way = 'load_balancer'"
    assert warehouse.query(ranges) == [("open", "1.2.3.0/24"), ("waiting", "")]
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
