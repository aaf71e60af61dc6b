"""Services (`v1`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_network

from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values, object_columns
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, Int64, ObjectMeta, Texts, Wire


class ServicePort(Wire, frozen=True):
    port: Int64
    name: str | None = None
    protocol: str | None = None
    app_protocol: str | None = None
    target_port: str | Int64 | None = None
    node_port: Int64 | None = None


class ServiceSpec(Wire, frozen=True):
    ports: Elements[ServicePort] | None = None
    selector: Texts | None = None
    cluster_ip: str | None = field(default=None, name="clusterIP")
    cluster_ips: Elements[str] | None = field(default=None, name="clusterIPs")
    type: str | None = None
    external_ips: Elements[str] | None = field(default=None, name="externalIPs")
    session_affinity: str | None = None
    load_balancer_source_ranges: Elements[str] | None = None
    external_name: str | None = None
    external_traffic_policy: str | None = None
    publish_not_ready_addresses: bool | None = None
    ip_families: Elements[str] | None = None
    ip_family_policy: str | None = None
    load_balancer_class: str | None = None
    internal_traffic_policy: str | None = None


class LoadBalancerIngress(Wire, frozen=True):
    ip: str | None = None
    hostname: str | None = None


class LoadBalancerStatus(Wire, frozen=True):
    ingress: Elements[LoadBalancerIngress] | None = None


class ServiceStatus(Wire, frozen=True):
    load_balancer: LoadBalancerStatus | None = None


class Service(Wire, frozen=True):
    metadata: ObjectMeta
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None


def service_rows(service: Service, scope: Scope) -> Iterator[tables.Record]:
    """The Service's row."""
    metadata, spec, status = service.metadata, service.spec or ServiceSpec(), service.status or ServiceStatus()
    ingress = (status.load_balancer and status.load_balancer.ingress) or ()
    cluster_ips = spec.cluster_ips or ([spec.cluster_ip] if spec.cluster_ip else [])
    yield tables.Service(
        **object_columns(metadata),
        type=spec.type or None,
        headless="None" in cluster_ips,
        cluster_ips=tuple(ip for ip in cluster_ips if ip not in ("", "None")),
        external_addresses=_external_addresses(spec, ingress),
        external_ips=tuple(spec.external_ips or ()),
        external_name=spec.external_name or None,
        load_balancer_ingress=tuple(
            tables.LoadBalancerIngress(ip=point.ip or None, hostname=point.hostname or None) for point in ingress
        ),
        load_balancer_class=spec.load_balancer_class or None,
        load_balancer_source_ranges=tuple(spec.load_balancer_source_ranges or _annotated_ranges(metadata)),
        internal=_is_internal(metadata, spec.load_balancer_class) if spec.type == "LoadBalancer" else None,
        ports=tuple(_port(port) for port in spec.ports or ()),
        selector=key_values(spec.selector),
        publish_not_ready_addresses=bool(spec.publish_not_ready_addresses),
        session_affinity=spec.session_affinity or None,
        external_traffic_policy=spec.external_traffic_policy or None,
        internal_traffic_policy=spec.internal_traffic_policy or None,
        ip_families=tuple(spec.ip_families or ()),
        ip_family_policy=spec.ip_family_policy or None,
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _external_addresses(spec: ServiceSpec, ingress: Iterable[LoadBalancerIngress]) -> tuple[str, ...]:
    """As `getServiceExternalIP` of kubectl prints them."""
    if spec.type == "ExternalName":
        return (spec.external_name,) if spec.external_name else ()
    points = [point.ip or point.hostname for point in ingress] if spec.type == "LoadBalancer" else []
    return tuple(address for address in (*points, *(spec.external_ips or ())) if address)


def _annotated_ranges(metadata: ObjectMeta) -> Iterator[str]:
    """The CIDR blocks of the annotation that counts where the specification has none. Other text is left out.

    https://github.com/kubernetes/cloud-provider/blob/master/service/helpers/helper.go (`GetLoadBalancerSourceRanges`)
    """
    annotated = (metadata.annotations or {}).get("service.beta.kubernetes.io/load-balancer-source-ranges", "")
    for text in annotated.split(","):
        address, _, length = text.strip().partition("/")
        if length.isdecimal():
            with suppress(ValueError):
                yield str(ip_network(f"{address}/{length}", strict=False))


def _is_internal(metadata: ObjectMeta, load_balancer_class: str | None) -> bool | None:
    """Whether the class or else an annotation asks GKE for an internal load balancer, by the rules of its controllers.

    None for a class of another controller: GKE's ignore the Service.

    https://github.com/kubernetes/cloud-provider-gcp/blob/master/providers/gce/gce_annotations.go
    https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/common/service.go (`HasLoadBalancerClass`)
    """
    if load_balancer_class:
        return _GKE_CLASSES.get(load_balancer_class)
    annotations = metadata.annotations or {}
    for name in ("networking.gke.io/load-balancer-type", "cloud.google.com/load-balancer-type"):
        if name in annotations:
            return annotations[name] in ("Internal", "internal")
    return False


_GKE_CLASSES = {
    "networking.gke.io/l4-regional-internal": True,
    "networking.gke.io/l4-regional-internal-legacy": True,
    "networking.gke.io/l4-regional-external": False,
    "networking.gke.io/l4-regional-external-legacy": False,
}


def _port(port: ServicePort) -> tables.ServicePort:
    return tables.ServicePort(
        name=port.name or None,
        port=port.port,
        target_port=str(port.target_port) if port.target_port else None,
        node_port=port.node_port or None,
        protocol=port.protocol or None,
        app_protocol=port.app_protocol or None,
    )


KIND = Kind("services", "/api/v1/services", Service, service_rows)
