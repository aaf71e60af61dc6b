"""Services."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Part, Record


class ServicePort(Part, frozen=True, kw_only=True):
    """A port of a Service."""

    name: Annotated[str | None, "The port's name."] = None
    port: Annotated[int, "The port of the Service."]
    target_port: Annotated[str | None, "The port of the pods: a number, or the name of a container port."] = None
    node_port: Annotated[int | None, "The port on every node."] = None
    protocol: Annotated[str | None, "`TCP`, `UDP` or `SCTP`."] = None
    app_protocol: Annotated[str | None, "Application protocol, such as `https` or `kubernetes.io/h2c`."] = None


class LoadBalancerIngress(Part, frozen=True, kw_only=True):
    """An address of a load balancer."""

    ip: Annotated[str | None, "IP address."] = None
    hostname: Annotated[str | None, "DNS name."] = None


class Service(Record, frozen=True, kw_only=True):
    """A Service."""

    table = "services"
    description = "A Service: type, addresses, ports, selector, load balancer."
    read_from = "services"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the Service."]
    name: Annotated[str, "Name of the Service."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the Service was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as a custom resource; NULL without one."] = None
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    type: Annotated[str | None, "`ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`."] = None
    headless: Annotated[bool, "Whether the Service is headless: DNS returns its pods' addresses (`clusterIP: None`)."]
    cluster_ips: Annotated[tuple[str, ...], "Addresses inside the cluster; empty for a headless Service."] = ()
    external_addresses: Annotated[
        tuple[str, ...],
        "EXTERNAL-IP of `kubectl get services`: load balancer addresses and `external_ips`, or `external_name`.",
    ] = ()
    external_ips: Annotated[
        tuple[str, ...], "Other addresses at which nodes accept traffic for the Service (`externalIPs`)."
    ] = ()
    external_name: Annotated[str | None, "DNS name that an `ExternalName` Service stands for."] = None
    load_balancer_ingress: Annotated[
        tuple[LoadBalancerIngress, ...], "Addresses of the load balancer; empty until it exists."
    ] = ()
    load_balancer_class: Annotated[str | None, "Load balancer class; NULL for the cluster's default."] = None
    load_balancer_source_ranges: Annotated[
        tuple[str, ...],
        "CIDR blocks of clients that may use the load balancer, by `loadBalancerSourceRanges` or, without them, the "
        "annotation `service.beta.kubernetes.io/load-balancer-source-ranges`; empty for all.",
    ] = ()
    internal: Annotated[
        bool | None,
        "Whether the load balancer is internal to the VPC network, by `load_balancer_class` or, without one, the "
        "annotation `networking.gke.io/load-balancer-type` or `cloud.google.com/load-balancer-type`; NULL if the class "
        "is not GKE's, and unless the type is `LoadBalancer`.",
    ] = None
    ports: Annotated[tuple[ServicePort, ...], "Ports of the Service."] = ()
    selector: Annotated[tuple[KeyValue, ...], "Labels of the pods that receive the traffic; empty without one."] = ()
    publish_not_ready_addresses: Annotated[bool, "Whether DNS also returns pods that are not ready."]
    session_affinity: Annotated[str | None, "`ClientIP` or `None`."] = None
    external_traffic_policy: Annotated[
        str | None, "`Cluster`, or `Local` for only the pods of the node that receives external traffic."
    ] = None
    internal_traffic_policy: Annotated[
        str | None, "`Cluster`, or `Local` for only the pods of the node that the client is on."
    ] = None
    ip_families: Annotated[tuple[str, ...], "`IPv4`, `IPv6` or both, in the order of `cluster_ips`."] = ()
    ip_family_policy: Annotated[str | None, "`SingleStack`, `PreferDualStack` or `RequireDualStack`."] = None
    labels: Annotated[tuple[KeyValue, ...], "Labels of the Service."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
