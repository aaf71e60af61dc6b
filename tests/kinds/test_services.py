"""Services: their addresses, as `kubectl get services` prints them, and what an API server may leave out."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

BARE = {
    "namespace": "n", "name": "w", "uid": "u", "headless": False, "publish_not_ready_addresses": False,
}  # fmt: skip


def row(**item: Any) -> dict[str, Any]:
    """The Service's row."""
    (found,) = rows("services", **item)["services"]
    return found


def test_a_service_whose_parts_are_null_has_its_row() -> None:
    lists = ("ports", "selector", "clusterIPs", "externalIPs", "loadBalancerSourceRanges", "ipFamilies", "clusterIP")
    nothing = dict.fromkeys((*lists, "type", "publishNotReadyAddresses", "loadBalancerClass"))
    for status in (None, {}, {"loadBalancer": None}, {"loadBalancer": {"ingress": None}}):
        assert row(spec=nothing, status=status) == BARE


@pytest.mark.parametrize(
    ("annotations", "internal"),
    [
        ({}, False),
        ({"networking.gke.io/load-balancer-type": "Internal"}, True),
        ({"cloud.google.com/load-balancer-type": "Internal"}, True),
        ({"cloud.google.com/load-balancer-type": "internal"}, True),
        ({"cloud.google.com/load-balancer-type": "External"}, False),
        ({"networking.gke.io/load-balancer-type": "", "cloud.google.com/load-balancer-type": "Internal"}, False),
    ],
)
def test_a_load_balancer_is_internal_by_gkes_annotations_of_which_the_newer_wins(
    annotations: dict[str, str], internal: bool
) -> None:
    found = row(metadata={"annotations": annotations}, spec={"type": "LoadBalancer"})
    assert found == BARE | {"type": "LoadBalancer", "internal": internal}


@pytest.mark.parametrize(
    ("name", "internal"),
    [("internal", True), ("internal-legacy", True), ("external", False), ("external-legacy", False)],
)
def test_the_class_of_a_load_balancer_comes_before_its_annotation(name: str, internal: bool) -> None:
    spec = {"type": "LoadBalancer", "loadBalancerClass": f"networking.gke.io/l4-regional-{name}"}
    other = {"networking.gke.io/load-balancer-type": "" if internal else "Internal"}
    (found,) = rows("services", metadata={"annotations": other}, spec=spec)["services"]
    assert found["internal"] is internal


@pytest.mark.parametrize("type_", ["ClusterIP", "NodePort"])
def test_a_service_without_a_load_balancer_is_neither_internal_nor_external(type_: str) -> None:
    annotations = {"networking.gke.io/load-balancer-type": "Internal"}
    assert row(metadata={"annotations": annotations}, spec={"type": type_}) == BARE | {"type": type_}


def test_the_addresses_of_a_load_balancer_are_those_that_kubectl_prints() -> None:
    ingress = [{"ip": "34.1.1.1", "ipMode": "VIP"}, {"hostname": "lb.example.com"}, {"ip": "", "hostname": ""}]
    spec = {"type": "LoadBalancer", "externalIPs": ["203.0.113.7"], "loadBalancerClass": "example.com/fast"}
    assert row(spec=spec, status={"loadBalancer": {"ingress": ingress}}) == BARE | {
        "type": "LoadBalancer", "external_ips": ["203.0.113.7"],  # not whether it is internal: the class is not GKE's
        "external_addresses": ["34.1.1.1", "lb.example.com", "203.0.113.7"], "load_balancer_class": "example.com/fast",
        "load_balancer_ingress": [{"ip": "34.1.1.1"}, {"hostname": "lb.example.com"}, {}],
    }  # fmt: skip


def test_the_clients_of_a_load_balancer_are_those_of_the_specification_or_else_of_the_annotation() -> None:
    blocks = " 10.1.2.3/8,2001:db8::/32 ,secret, 10.0.0.0/33,10.0.0.0/255.0.0.0,10.0.0.1,fe80::1%secret/64,"
    annotations = {"service.beta.kubernetes.io/load-balancer-source-ranges": blocks}
    found = row(metadata={"annotations": annotations}, spec={"type": "LoadBalancer"})
    assert found["load_balancer_source_ranges"] == ["10.0.0.0/8", "2001:db8::/32", "fe80::/64"]
    specified = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"]}
    found = row(metadata={"annotations": annotations}, spec=specified)
    assert found["load_balancer_source_ranges"] == ["192.0.2.0/24"]


def test_a_service_of_an_old_server_has_its_one_address() -> None:
    """`clusterIPs` came with v1.20."""
    assert row(spec={"clusterIP": "10.0.0.1"}) == BARE | {"cluster_ips": ["10.0.0.1"]}
    assert row(spec={"clusterIP": "None"}) == BARE | {"headless": True}


def test_a_service_names_what_controls_it() -> None:
    owner = {"apiVersion": "serving.knative.dev/v1", "kind": "Route", "name": "r", "uid": "r", "controller": True}
    assert row(metadata={"ownerReferences": [owner]}) == BARE | {
        "owner_api_version": "serving.knative.dev/v1", "owner_kind": "Route", "owner_name": "r", "owner_uid": "r",
    }  # fmt: skip
