"""Which endpoint a cluster is reached through."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from job.connect.connect_gateway import GatewayQuota, gateway_endpoint
from job.connect.endpoints import ConnectError, Endpoint, choose_endpoints
from job.connect.identity import Identity
from job.connect.kubernetes import connect
from job.wire import gke

DNS = "gke-1234-5678.europe-west1.gke.goog"


def cluster(**fields: Any) -> gke.Cluster:
    return msgspec.convert({"name": "c", "location": "europe-west1", **fields}, gke.Cluster)


def endpoints(*, dns: bool | None = None, **ip: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"ipEndpointsConfig": ip}
    if dns is not None:
        config["dnsEndpointConfig"] = {"endpoint": DNS, "allowExternalTraffic": dns}
    return {"controlPlaneEndpointsConfig": config}


def legacy(**private: Any) -> dict[str, Any]:
    return {"endpoint": "10.0.0.2", "privateClusterConfig": private}


PUBLIC = {"enabled": True, "enablePublicEndpoint": True, "publicEndpoint": "34.1.1.1", "privateEndpoint": "10.0.0.2"}
PRIVATE = {"enabled": True, "enablePublicEndpoint": False, "privateEndpoint": "10.0.0.2"}
RESTRICTED = PUBLIC | {"authorizedNetworksConfig": {"enabled": True}}


PUBLIC_IP, PRIVATE_IP = Endpoint("public", "34.1.1.1"), Endpoint("private", "10.0.0.2")
FLEET = {"fleet": {"membership": "//gkehub.googleapis.com/projects/12/locations/global/memberships/web"}}
GATEWAY = Endpoint(
    "connect_gateway", "connectgateway.googleapis.com", "/v1/projects/12/locations/global/gkeMemberships/web", "12"
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"endpoint": "34.1.1.1"}, [PUBLIC_IP]),
        ({"endpoint": "127.0.0.1:6443"}, [Endpoint("public", "127.0.0.1:6443")]),
        ({"endpoint": "34.1.1.1", **endpoints(**PUBLIC)}, [PUBLIC_IP, PRIVATE_IP]),
        ({"endpoint": "34.1.1.1", **endpoints(dns=True, **PUBLIC)}, [PUBLIC_IP, Endpoint("dns", DNS), PRIVATE_IP]),
        # a public address for authorized networks alone ranks below a DNS endpoint that everybody may use
        ({"endpoint": "34.1.1.1", **endpoints(dns=True, **RESTRICTED)}, [Endpoint("dns", DNS), PUBLIC_IP, PRIVATE_IP]),
        ({"endpoint": "34.1.1.1", **endpoints(dns=False, **RESTRICTED)}, [PUBLIC_IP, PRIVATE_IP]),
        ({"endpoint": "10.0.0.2", **endpoints(dns=True, **PRIVATE)}, [Endpoint("dns", DNS), PRIVATE_IP]),
        ({"endpoint": "10.0.0.2", **endpoints(dns=False, **PRIVATE)}, [PRIVATE_IP]),
        ({"endpoint": "10.0.0.2", **endpoints(dns=False, **PRIVATE), **FLEET}, [PRIVATE_IP, GATEWAY]),
        ({"endpoint": DNS, **endpoints(dns=True, enabled=False)}, [Endpoint("dns", DNS)]),
        ({"endpoint": DNS, **endpoints(dns=False, enabled=False)}, [Endpoint("dns", DNS)]),
        ({"endpoint": DNS, **endpoints(dns=False, enabled=False), **FLEET}, [GATEWAY]),
        (legacy(enablePrivateEndpoint=True, privateEndpoint="10.0.0.2"), [PRIVATE_IP]),
        (legacy(privateEndpoint="10.0.0.2", publicEndpoint="34.1.1.1"), [PUBLIC_IP, PRIVATE_IP]),
    ],
)  # fmt: skip
def test_endpoints_that_may_answer_are_tried_the_likeliest_first(
    fields: dict[str, Any], expected: list[Endpoint]
) -> None:
    described = cluster(**fields)
    assert choose_endpoints(described, gateway=gateway_endpoint(described)) == tuple(expected)


def test_an_order_allows_those_endpoints_alone() -> None:
    both = cluster(endpoint="34.1.1.1", **endpoints(dns=False, **PUBLIC))
    assert choose_endpoints(both, ["private"]) == (PRIVATE_IP,)
    assert choose_endpoints(both, ["dns", "private", "dns"]) == (Endpoint("dns", DNS), PRIVATE_IP)
    assert choose_endpoints(both, ["connect_gateway", "public"], GATEWAY) == (GATEWAY, PUBLIC_IP)
    private = cluster(endpoint="10.0.0.2", **endpoints(dns=False, **PRIVATE))
    with pytest.raises(ConnectError, match=r"no public or connect_gateway endpoint \(it offers: dns, private\)"):
        choose_endpoints(private, ["public", "connect_gateway"])
    with pytest.raises(ConnectError, match=r"no endpoint \(it offers: none\)"):
        choose_endpoints(cluster())


@pytest.mark.parametrize(
    ("fleet", "domain", "host"),
    [
        ({"membership": "//gkehub.googleapis.com/projects/12/locations/europe-west1/memberships/web"}, "googleapis.com",
         "europe-west1-connectgateway.googleapis.com"),
        ({"membership": "projects/shop-fleet/locations/global/memberships/web"}, "s3nsapis.fr",
         "connectgateway.s3nsapis.fr"),
        ({"membership": FLEET["fleet"]["membership"], "membershipType": "LIGHTWEIGHT"}, "googleapis.com", None),
        ({"membership": "memberships/web?x=1"}, "googleapis.com", None),
        ({"project": "shop-fleet"}, "googleapis.com", None),
    ],
)  # fmt: skip
def test_connect_gateway_has_the_address_of_the_membership(
    fleet: dict[str, Any], domain: str, host: str | None
) -> None:
    found = gateway_endpoint(cluster(fleet=fleet), domain)
    assert (found.host if found else None) == host


def test_connect_gateway_gets_the_requests_of_one_fleet_spaced_by_its_quota() -> None:
    quota = GatewayQuota(task_count=2, requests_a_minute=60)
    waits = [round(quota.seconds_until(GATEWAY)) for _ in range(3)]
    assert waits == [0, 2, 4]
    assert [quota.seconds_until(each) for each in (GATEWAY._replace(fleet_project="13"), PUBLIC_IP, PUBLIC_IP)] == [
        0
    ] * 3


@pytest.mark.parametrize("certificate", [None, "", "not base64!", base64.b64encode(b"\xff").decode()])
def test_a_cluster_without_a_usable_ca_is_refused(certificate: str | None) -> None:
    described = cluster(endpoint="34.1.1.1", masterAuth={"clusterCaCertificate": certificate})
    with pytest.raises(ConnectError, match="CA certificate"):
        connect(described, Endpoint("public", "34.1.1.1"), Identity(None))  # type: ignore[arg-type]


def test_ipv6_addresses_are_bracketed_and_the_dns_endpoint_trusts_the_system_roots() -> None:
    described = cluster(endpoint="34.1.1.1", masterAuth={"clusterCaCertificate": base64.b64encode(b"PEM").decode()})
    identity = Identity(None)  # type: ignore[arg-type]
    with connect(described, Endpoint("dns", DNS), identity) as client:
        assert client.configuration.host == f"https://{DNS}"
        assert client.configuration.ca_cert_data is None
    with connect(described, Endpoint("private", "fd00::1"), identity) as client:
        assert client.configuration.host == "https://[fd00::1]"
        assert client.configuration.ca_cert_data == "PEM"
