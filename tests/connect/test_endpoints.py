"""Which endpoint a cluster is reached through."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from job.connect.endpoints import ConnectError, Endpoint, choose_endpoint
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


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"endpoint": "34.1.1.1"}, Endpoint("public", "34.1.1.1")),
        ({"endpoint": "127.0.0.1:6443"}, Endpoint("public", "127.0.0.1:6443")),
        ({"endpoint": "34.1.1.1", **endpoints(**PUBLIC)}, Endpoint("public", "34.1.1.1")),
        ({"endpoint": "34.1.1.1", **endpoints(dns=True, **PUBLIC)}, Endpoint("public", "34.1.1.1")),
        # a public address for authorized networks alone ranks below a DNS endpoint that everybody may use
        ({"endpoint": "34.1.1.1", **endpoints(dns=True, **RESTRICTED)}, Endpoint("dns", DNS)),
        ({"endpoint": "34.1.1.1", **endpoints(dns=False, **RESTRICTED)}, Endpoint("public", "34.1.1.1")),
        ({"endpoint": "10.0.0.2", **endpoints(dns=True, **PRIVATE)}, Endpoint("dns", DNS)),
        ({"endpoint": "10.0.0.2", **endpoints(dns=False, **PRIVATE)}, Endpoint("private", "10.0.0.2")),
        ({"endpoint": DNS, **endpoints(dns=True, enabled=False)}, Endpoint("dns", DNS)),
        ({"endpoint": DNS, **endpoints(dns=False, enabled=False)}, Endpoint("dns", DNS)),
        (
            legacy(enablePrivateEndpoint=True, privateEndpoint="10.0.0.2"),
            Endpoint("private", "10.0.0.2"),
        ),
        (
            legacy(privateEndpoint="10.0.0.2", publicEndpoint="34.1.1.1"),
            Endpoint("public", "34.1.1.1"),
        ),
    ],
)  # fmt: skip
def test_auto_chooses_the_endpoint_most_likely_to_answer(fields: dict[str, Any], expected: Endpoint) -> None:
    assert choose_endpoint(cluster(**fields)) == expected


def test_a_preference_allows_that_endpoint_alone() -> None:
    both = cluster(endpoint="34.1.1.1", **endpoints(dns=False, **PUBLIC))
    assert choose_endpoint(both, "private") == Endpoint("private", "10.0.0.2")
    assert choose_endpoint(both, "dns") == Endpoint("dns", DNS)
    with pytest.raises(ConnectError, match=r"no public endpoint \(it offers: dns, private\)"):
        choose_endpoint(cluster(endpoint="10.0.0.2", **endpoints(dns=False, **PRIVATE)), "public")
    with pytest.raises(ConnectError, match=r"no endpoint \(it offers: none\)"):
        choose_endpoint(cluster())


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
