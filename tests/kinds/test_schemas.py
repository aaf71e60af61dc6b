"""Every JSON field that is read is one that its API publishes: a misspelt name makes a column that is always NULL."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.cloud import container_v1
from google.rpc import error_details_pb2, status_pb2
from kinds.published import list_of, model_named, of_cluster, of_gke, of_model, problems
from msgspec import inspect

import job
from job.kinds import KINDS, Kind
from job.wire import gke, gke_upgrades, rpc
from job.wire.meta import Int64, ObjectMeta, Page, Wire

OTHERS = {
    "Named": "V1Namespace", "PartialObjectMetadata": "V1Namespace", "PlainMeta": "V1ObjectMeta", "_List": "V1PodList",
    "_Version": "VersionInfo", "WholeObject": "V1Namespace",
}  # fmt: skip
"""Struct -> model, where no kind refers to the struct and its name is not the API's."""
EVERY_VERSION = [one for kind in KINDS for one in (kind, *kind.earlier)]
NOT_KUBERNETES = {"GoogleError", "_Detail", "_Error", "_Envelope", "_Legacy", "_ProxyError"}
"""Errors of the layers in front of an API server. Those of Google are held to its own messages below."""
WITHOUT_SCHEMA = {
    "APIGroupDiscovery", "APIResourceDiscovery", "APIResourceKind", "APIVersionDiscovery", "Document", "GroupName",
    "AppliedAnnotation", "_Applied",
    "AttachedCluster", "Authority", "KubernetesMetadata", "Membership", "MembershipEndpoint", "MembershipName",
    "MembershipState", "MembershipsPage", "ResourceLink",
}  # fmt: skip
"""The aggregated form of discovery, which API servers leave out of their own schema: recorded documents test it;
what `kubectl apply` has stored of an object of any kind; and the GKE Hub API, whose messages no library here has."""


def declared(type_: Any) -> inspect.Type:
    return inspect.type_info(type_)


def page_of(kind: Kind) -> inspect.Type:
    return declared(Page[kind.item])  # type: ignore[name-defined]


@pytest.mark.parametrize("kind", EVERY_VERSION, ids=lambda kind: kind.path)
def test_every_field_of_a_kind_is_published(kind: Kind) -> None:
    assert list(problems(page_of(kind), list_of(kind), kind.resource)) == []


def test_every_field_of_a_gke_cluster_is_published() -> None:
    assert list(problems(declared(gke.Cluster), of_cluster(), "cluster")) == []


@pytest.mark.parametrize(
    ("struct", "messages"),
    [
        (gke_upgrades.UpgradeInfo, (container_v1.ClusterUpgradeInfo, container_v1.NodePoolUpgradeInfo)),
        (gke_upgrades.ServerConfig, (container_v1.ServerConfig,)),
    ],
)
def test_every_field_of_an_answer_about_upgrades_is_published(struct: type[Wire], messages: tuple[Any, ...]) -> None:
    for message in messages:
        assert list(problems(declared(struct), of_gke(message), message.__name__)) == []


def test_every_other_struct_is_compared_with_a_published_schema() -> None:
    """Structs that no kind and no cluster refers to, in whatever module they are."""
    compared = set(structs_in(declared(gke.Cluster)))
    compared |= {*structs_in(declared(gke_upgrades.UpgradeInfo)), *structs_in(declared(gke_upgrades.ServerConfig))}
    for kind in EVERY_VERSION:
        compared |= set(structs_in(page_of(kind)))
    others = {struct for struct in wire_structs() if struct.__name__ not in NOT_KUBERNETES | WITHOUT_SCHEMA} - compared
    assert others
    for struct in others:
        name = struct.__name__
        model = model_named(OTHERS.get(name, ""), f"V1{name}", name)
        if model is not None:
            assert list(problems(declared(struct), of_model(model), name)) == []
            compared |= set(structs_in(declared(struct)))
    assert others <= compared, "name these as the API does, or say in OTHERS which schema they have"


def test_an_error_of_google_has_the_names_of_its_messages() -> None:
    status, info, retry = status_pb2.Status.DESCRIPTOR, error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo
    assert {"message", "details"} <= set(status.fields_by_name)
    assert {"reason", "metadata"} <= set(info.DESCRIPTOR.fields_by_name)
    (delay,) = retry.DESCRIPTOR.fields
    names = {field.encode_name for field in msgspec.structs.fields(rpc._Detail)}
    assert names == {"@type", "reason", "metadata", delay.json_name}
    # `status` and `error` are of the HTTP mapping: https://google.aip.dev/193#http11json-representation
    # and `errors` of the older form: https://cloud.google.com/storage/docs/json_api/v1/status-codes
    names = {field.encode_name for field in msgspec.structs.fields(rpc._Error)}
    assert names == {"message", "status", "details", "errors"}


def structs_in(type_: inspect.Type) -> Iterator[type[Wire]]:
    """All structs that a type refers to, through lists, dicts and unions."""
    match type_:
        case inspect.StructType(cls=cls, fields=fields):
            yield getattr(cls, "__origin__", cls)
            for field in fields:
                yield from structs_in(field.type)
        case (
            inspect.ListType(item_type=inner)
            | inspect.VarTupleType(item_type=inner)
            | inspect.DictType(value_type=inner)
        ):
            yield from structs_in(inner)
        case inspect.UnionType(types=types):
            for arm in types:
                yield from structs_in(arm)


def wire_structs() -> list[type[Wire]]:
    """All structs of all modules of the product."""
    for module in pkgutil.walk_packages(job.__path__, "job."):
        if not module.name.startswith("job.simulator") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [Wire]
    while waiting:
        for struct in waiting.pop().__subclasses__():
            waiting.append(struct)
            if struct.__module__.startswith("job."):
                found.append(struct)
    return found


class ClientIP(Wire, frozen=True):
    timeout_second: Int64 | None = None


class SessionAffinityConfig(Wire, frozen=True):
    client_ip: ClientIP | None = msgspec.field(default=None, name="clientIP")


class Port(Wire, frozen=True):
    port: str | None = None
    protocoll: str | None = None


class ServiceSpec(Wire, frozen=True):
    cluster_ip: str | None = None
    session_affinity_config: SessionAffinityConfig | None = None
    ports: list[Port] | None = None
    selector: list[str] | None = None


class Service(Wire, frozen=True):
    metadata: ObjectMeta
    spec: ServiceSpec | None = None


def test_a_misspelt_field_is_found_through_nested_types() -> None:
    kind = Kind("services", "/api/v1/services", Service, lambda _item, _scope: ())
    assert list(problems(page_of(kind), list_of(kind), "list")) == [
        "list.items[].spec.clusterIp is not a field of V1ServiceSpec: clusterIP is",
        (
            "list.items[].spec.sessionAffinityConfig.clientIP.timeoutSecond is not a field of V1ClientIPConfig: "
            "timeoutSeconds is"
        ),
        "list.items[].spec.ports[].port is integer, not StrType",
        "list.items[].spec.ports[].protocoll is not a field of V1ServicePort: protocol is",
        "list.items[].spec.selector is a map, not ListType",
    ]


class Autoscaling(Wire, frozen=True):
    enable_node_auto_provisioning: bool = False


class Pool(Wire, frozen=True):
    locations: dict[str, str] | None = None
    autoscaling: Autoscaling | None = None


class Cluster(Wire, frozen=True):
    node_pools: list[Pool] | None = None
    resource_labels: dict[str, str] | None = None
    autoscaling: Autoscaling | None = None
    self_links: str | None = None


def test_a_misspelt_field_of_the_gke_api_is_found_through_nested_types() -> None:
    assert list(problems(declared(Cluster), of_cluster(), "cluster")) == [
        "cluster.nodePools[].locations is a list, not DictType",
        (
            "cluster.nodePools[].autoscaling.enableNodeAutoProvisioning is not a field of NodePoolAutoscaling: "
            "autoprovisioned is"
        ),
        (
            "cluster.autoscaling.enableNodeAutoProvisioning is not a field of ClusterAutoscaling: "
            "enableNodeAutoprovisioning is"
        ),
        "cluster.selfLinks is not a field of Cluster: selfLink is",
    ]


class Canary(Wire, frozen=True):
    max_surge: str | int | None = None
    stable_services: str | None = None


class RolloutSpec(Wire, frozen=True):
    replicas: Int64 | None = None
    canary: Canary | None = None


class Rollout(Wire, frozen=True):
    metadata: ObjectMeta
    spec: RolloutSpec | None = None


def test_a_custom_resource_is_compared_with_the_schema_of_its_definition(tmp_path: Path) -> None:
    kind = Kind("rollouts", "/apis/argoproj.io/v1alpha1/rollouts", Rollout, lambda _item, _scope: ())
    with pytest.raises(LookupError, match=r"tests/kinds/schemas/argoproj\.io_v1alpha1_Rollout\.json"):
        list_of(kind, tmp_path)
    canary = {"maxSurge": {"x-kubernetes-int-or-string": True}, "stableService": {"type": "string"}}
    spec = {"replicas": {"type": "integer"}, "canary": {"type": "object", "properties": canary}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    (tmp_path / "argoproj.io_v1alpha1_Rollout.json").write_text(json.dumps(schema))
    assert list(problems(page_of(kind), list_of(kind, tmp_path), "list")) == [
        "list.items[].spec.canary.stableServices is not a field of Rollout.spec.canary: stableService is"
    ]


def test_a_custom_resource_with_the_name_of_a_built_in_kind_is_not_compared_with_that() -> None:
    """Knative has a Service too."""
    kind = Kind("services", "/apis/serving.knative.dev/v1/services", Service, lambda _item, _scope: ())
    with pytest.raises(LookupError, match=r"serving\.knative\.dev/v1 Service"):
        list_of(kind)
