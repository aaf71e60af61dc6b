"""Ingresses (`networking.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.metadata import allowed_annotations, key_values, object_columns
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, Int64, ManagedMeta, Wire

_CLASS = "kubernetes.io/ingress.class"


class ServiceBackendPort(Wire, frozen=True):
    name: str | None = None
    number: Int64 | None = None


class IngressServiceBackend(Wire, frozen=True):
    name: str
    port: ServiceBackendPort | None = None


class TypedLocalObjectReference(Wire, frozen=True):
    kind: str
    name: str


class IngressBackend(Wire, frozen=True):
    service: IngressServiceBackend | None = None
    resource: TypedLocalObjectReference | None = None


class HTTPIngressPath(Wire, frozen=True):
    backend: IngressBackend
    path: str | None = None
    path_type: str | None = None


class HTTPIngressRuleValue(Wire, frozen=True):
    paths: Elements[HTTPIngressPath] | None = None


class IngressRule(Wire, frozen=True):
    host: str | None = None
    http: HTTPIngressRuleValue | None = None


class IngressTLS(Wire, frozen=True):
    hosts: Elements[str] | None = None
    secret_name: str | None = None


class IngressSpec(Wire, frozen=True):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    rules: Elements[IngressRule] | None = None
    tls: Elements[IngressTLS] | None = None


class IngressLoadBalancerIngress(Wire, frozen=True):
    ip: str | None = None
    hostname: str | None = None


class IngressLoadBalancerStatus(Wire, frozen=True):
    ingress: Elements[IngressLoadBalancerIngress] | None = None


class IngressStatus(Wire, frozen=True):
    load_balancer: IngressLoadBalancerStatus | None = None


class Ingress(Wire, frozen=True):
    metadata: ManagedMeta
    spec: IngressSpec | None = None
    status: IngressStatus | None = None


def ingress_rows(ingress: Ingress, scope: Scope) -> Iterator[tables.Record]:
    """The Ingress's row."""
    metadata, spec, status = ingress.metadata, ingress.spec or IngressSpec(), ingress.status or IngressStatus()
    default = spec.default_backend or IngressBackend()
    addresses = (status.load_balancer and status.load_balancer.ingress) or ()
    annotation = (metadata.annotations or {}).get(_CLASS)
    yield tables.Ingress(
        **object_columns(metadata),
        # https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/#IngressSpec
        ingress_class=annotation or spec.ingress_class_name or None,
        internal=_is_internal(annotation or "", spec.ingress_class_name),
        load_balancer_ingress=tuple(
            tables.LoadBalancerIngress(ip=point.ip or None, hostname=point.hostname or None) for point in addresses
        ),
        rules=tuple(part for rule in spec.rules or () for part in _paths(rule)),
        default_service=default.service.name if default.service else None,
        default_service_port=_port(default),
        default_resource=_resource(default),
        tls=tuple(
            tables.IngressTls(host=host, secret_name=one.secret_name or None)
            for one in spec.tls or ()
            for host in one.hosts or (None,)
        ),
        labels=key_values(metadata.labels),
        other_api_versions=other_api_versions(metadata, KIND.api_version),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _is_internal(annotation: str, class_name: str | None) -> bool | None:
    """Whether GKE's controller makes an internal load balancer. It reads the annotation alone.

    https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/utils.go (`IsGCEIngress`)
    """
    if not annotation:
        return False if class_name is None else None
    return _GKE_CLASSES.get(annotation)


_GKE_CLASSES = {"gce": False, "gce-internal": True, "gce-multi-cluster": False, "gce-regional-external": False}


def _paths(rule: IngressRule) -> Iterator[tables.IngressRule]:
    """A rule without paths sends its host's traffic to the default backend."""
    if rule.http is None or not rule.http.paths:
        yield tables.IngressRule(host=rule.host or None)
        return
    for path in rule.http.paths:
        yield tables.IngressRule(
            host=rule.host or None,
            path=path.path or None,
            path_type=path.path_type or None,
            service=path.backend.service.name if path.backend.service else None,
            service_port=_port(path.backend),
            resource=_resource(path.backend),
        )


def _port(backend: IngressBackend) -> str | None:
    port = backend.service.port if backend.service else None
    return (port.name or (str(port.number) if port.number else None)) if port else None


def _resource(backend: IngressBackend) -> str | None:
    return f"{backend.resource.kind}/{backend.resource.name}" if backend.resource else None


KIND = Kind("ingresses", "/apis/networking.k8s.io/v1/ingresses", Ingress, ingress_rows)
