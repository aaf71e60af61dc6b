"""Ingresses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, OtherApiVersions, Part, Record
from job.tables.services import LoadBalancerIngress


class IngressRule(Part, frozen=True, kw_only=True):
    """A path of a host, and where its traffic goes."""

    host: Annotated[str | None, "Host, which may begin with `*.`; NULL for all hosts."] = None
    path: Annotated[str | None, "Path; NULL for all."] = None
    path_type: Annotated[str | None, "`Exact`, `Prefix` or `ImplementationSpecific`."] = None
    service: Annotated[
        str | None, "Service in the same namespace; NULL for a resource, and for the default backend."
    ] = None
    service_port: Annotated[str | None, "Port of the Service: a number, or its name."] = None
    resource: Annotated[str | None, "Kind and name of what serves the path in place of a Service: `Bucket/assets`."] = (
        None
    )


class IngressTls(Part, frozen=True, kw_only=True):
    """A host with a certificate."""

    host: Annotated[str | None, "Host; NULL for all hosts of the rules."] = None
    secret_name: Annotated[str | None, "Name of the Secret with the certificate, which is not read."] = None


class Ingress(Record, frozen=True, kw_only=True):
    """An Ingress."""

    table = "ingresses"
    description = "An Ingress: class, hosts and paths with their Services, TLS, load balancer."
    read_from = "ingresses"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the Ingress."]
    name: Annotated[str, "Name of the Ingress."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the Ingress was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as a custom resource; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    ingress_class: Annotated[
        str | None,
        "IngressClass: the annotation `kubernetes.io/ingress.class` or, without it, `ingressClassName`; NULL without "
        "either.",
    ] = None
    internal: Annotated[
        bool | None,
        "Whether GKE makes an internal load balancer (annotation `kubernetes.io/ingress.class: gce-internal`); NULL if "
        "another controller serves it: GKE serves those with `gce`, `gce-internal`, `gce-multi-cluster` or "
        "`gce-regional-external` in that annotation, and those with neither the annotation nor `ingressClassName`.",
    ] = None
    load_balancer_ingress: Annotated[
        tuple[LoadBalancerIngress, ...], "Addresses of the load balancer; empty until it exists."
    ] = ()
    rules: Annotated[
        tuple[IngressRule, ...], "Each path of each host. A host without paths gets the default backend."
    ] = ()
    default_service: Annotated[str | None, "Service for what no rule matches."] = None
    default_service_port: Annotated[str | None, "Port of that Service: a number, or its name."] = None
    default_resource: Annotated[str | None, "Kind and name of what serves that in place of a Service."] = None
    tls: Annotated[tuple[IngressTls, ...], "Hosts with a certificate."] = ()
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the Ingress."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
