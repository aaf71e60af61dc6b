"""Gateways and HTTPRoutes of the simulated clusters that have the Gateway API."""

from __future__ import annotations

from job.simulator.metadata import Maker, Object, applied, condition

GROUP = "gateway.networking.k8s.io"
_VERSION = f"{GROUP}/v1"
_CONTROLLER = "networking.gke.io/gateway"


def gateway_objects(maker: Maker, namespace: str, services: list[Object]) -> dict[str, list[Object]]:
    """The objects, by resource: an external and an internal Gateway, and routes to some of the services."""
    return {
        "gateways": [_external(maker, namespace, len(services)), _internal(maker, namespace)],
        "httproutes": [
            *(_route(maker, namespace, number, service) for number, service in enumerate(services)),
            _unattached(maker, namespace),
        ],
    }


def _external(maker: Maker, namespace: str, routes: int) -> Object:
    https = {
        "name": "https",
        "port": 443,
        "protocol": "HTTPS",
        "hostname": "*.shop.example.com",
        "tls": {
            "mode": "Terminate",
            "certificateRefs": [{"group": "", "kind": "Secret", "name": "CANARY-certificate"}],
        },
    }
    status = {
        "addresses": [{"type": "IPAddress", "value": f"34.117.{maker.draw.randrange(250)}.9"}],
        "conditions": _conditions("Accepted", "Programmed"),
        "listeners": [
            {"name": "https", "attachedRoutes": routes, "supportedKinds": [], "conditions": _conditions("Programmed")}
        ],
    }
    return _made(maker, "Gateway", "external", namespace, _gateway("gke-l7-global-external-managed", https), status)


def _internal(maker: Maker, namespace: str) -> Object:
    """One that no controller has seen: the API server writes the conditions of a new object."""
    pending = [
        {"type": type_, "status": "Unknown", "reason": "Pending", "message": "Waiting for controller",
         "lastTransitionTime": "1970-01-01T00:00:00Z"}
        for type_ in ("Accepted", "Programmed")
    ]  # fmt: skip
    spec = _gateway("gke-l7-rilb", {"name": "http", "port": 80, "protocol": "HTTP"})
    return _made(maker, "Gateway", "internal", namespace, spec, {"conditions": pending})


def _gateway(name: str, listener: Object) -> Object:
    return {"gatewayClassName": name, "listeners": [listener | {"allowedRoutes": {"namespaces": {"from": "All"}}}]}


def _route(maker: Maker, namespace: str, number: int, service: Object) -> Object:
    """A route to a service, every second one beside a canary of it."""
    name, own = service["metadata"]["name"], service["metadata"]["namespace"]
    parent = _parent("external", namespace, "https")
    backends = [_backend(name, 100 if number % 2 == 0 else 90)]
    backends += [_backend(f"{name}-canary", 10)] if number % 2 else []
    spec = {
        "hostnames": [f"{name}.shop.example.com"],
        "parentRefs": [parent],
        "rules": [{"backendRefs": backends, "matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
    }
    refs = ("ResolvedRefs", "False", "BackendNotFound") if number % 2 else ("ResolvedRefs", "True", "ResolvedRefs")
    conditions = [*_conditions("Accepted"), condition(*refs, observedGeneration=1)]
    found = {"controllerName": _CONTROLLER, "parentRef": parent, "conditions": conditions}
    return _made(maker, "HTTPRoute", name, own, spec, {"parents": [found]})


def _unattached(maker: Maker, namespace: str) -> Object:
    spec = {"parentRefs": [_parent("gone", namespace, None)], "rules": []}
    return _made(maker, "HTTPRoute", "unattached", namespace, spec, {"parents": []})


def _parent(name: str, namespace: str, section: str | None) -> Object:
    named = {"group": GROUP, "kind": "Gateway", "name": name, "namespace": namespace}
    return named | ({"sectionName": section} if section else {})


def _backend(name: str, weight: int) -> Object:
    return {"group": "", "kind": "Service", "name": name, "port": 80, "weight": weight}


def _conditions(*types: str) -> list[Object]:
    return [condition(type_, "True", type_, observedGeneration=1) for type_ in types]


def _made(maker: Maker, kind: str, name: str, namespace: str, spec: Object, status: Object) -> Object:
    metadata = maker.metadata(name, namespace, api_version=_VERSION, generation=1, annotations=applied(kind, name))
    return {"metadata": metadata, "spec": spec, "status": status}
