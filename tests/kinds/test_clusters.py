"""Clusters and node pools: what the GKE API leaves out, and what it may say that we do not know."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from google.cloud import container_v1
from google.protobuf.json_format import MessageToDict

from job.kinds.clusters import cluster_rows, is_regional
from job.wire import gke

NAMED = {"name": "c", "location": "europe-west1"}


def rows(cluster: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a cluster, by way of the client library's own message."""
    return of_message(container_v1.Cluster.from_json(json.dumps(NAMED | cluster)))


def of_message(message: container_v1.Cluster) -> dict[str, list[dict[str, Any]]]:
    told = MessageToDict(container_v1.Cluster.pb(message))
    return as_spooled(msgspec.convert(told, gke.Cluster, strict=False))


def as_spooled(cluster: gke.Cluster) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {"clusters": [], "node_pools": []}
    for row in cluster_rows(cluster):
        found[row.table].append(msgspec.json.decode(msgspec.json.encode(row)))
    return found


def a_cluster(**told: Any) -> dict[str, Any]:
    (row,) = rows(told)["clusters"]
    return row


def a_pool(**told: Any) -> dict[str, Any]:
    (row,) = rows({"nodePools": [{"name": "p"} | told]})["node_pools"]
    return row


def test_a_cluster_of_which_nothing_is_told_still_has_its_row() -> None:
    assert rows({"nodePools": [{"name": "p"}]}) == {
        "clusters": [{"regional": True, "autopilot": False}],
        "node_pools": [
            {
                "name": "p", "spot": False, "preemptible": False, "initial_node_count": 0, "autoscaling": False,
                "autoprovisioned": False,
            }
        ],
    }  # fmt: skip


def test_null_reads_as_absent() -> None:
    fields = msgspec.structs.fields(gke.Cluster)
    nulls = {field.encode_name: None for field in fields if not field.required}
    assert as_spooled(msgspec.convert(NAMED | nulls, gke.Cluster)) == rows({})


def test_a_message_without_its_flag_says_that_it_is_off() -> None:
    """Protocol buffers leave out what is false: `WHERE NOT secure_boot` must find these."""
    assert a_cluster(
        legacyAbac={}, networkPolicy={}, shieldedNodes={}, confidentialNodes={}, verticalPodAutoscaling={},
        costManagementConfig={}, masterAuth={"clientCertificateConfig": {}}, autopilot={}, autoscaling={},
        privateClusterConfig={"publicEndpoint": "34.1.1.1"}, masterAuthorizedNetworksConfig={},
        monitoringConfig={"managedPrometheusConfig": {}},
    ) == {
        "regional": True, "autopilot": False, "public_endpoint": "34.1.1.1", "private_nodes": False,
        "authorized_networks_enabled": False, "network_policy": False, "shielded_nodes": False,
        "confidential_nodes": False, "legacy_abac": False, "client_certificate": False, "managed_prometheus": False,
        "vertical_pod_autoscaling": False, "node_auto_provisioning": False, "cost_allocation": False,
    }  # fmt: skip
    pool = a_pool(config={"shieldedInstanceConfig": {}}, management={})
    told = ("secure_boot", "integrity_monitoring", "auto_upgrade", "auto_repair")
    assert {column: pool.get(column) for column in told} == dict.fromkeys(told, False)


def test_a_flag_that_has_absence_of_its_own_is_null_where_it_is_absent() -> None:
    absent = a_cluster(controlPlaneEndpointsConfig={"dnsEndpointConfig": {}, "ipEndpointsConfig": {}}, networkConfig={})
    assert absent == {"regional": True, "autopilot": False}
    off = {
        "dnsEndpointConfig": {"allowExternalTraffic": False},
        "ipEndpointsConfig": {"enabled": False, "enablePublicEndpoint": False},
    }
    told = a_cluster(controlPlaneEndpointsConfig=off, networkConfig={"defaultEnablePrivateNodes": False})
    assert told == absent | {
        "dns_endpoint_external": False, "ip_endpoints_enabled": False, "public_endpoint_enabled": False,
        "private_nodes": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("autoscaling", "expected"),
    [
        ({"enabled": True, "maxNodeCount": 3}, {"min_node_count": 0, "max_node_count": 3}),
        ({"enabled": True, "totalMaxNodeCount": 9}, {"total_min_node_count": 0, "total_max_node_count": 9}),
        ({"enabled": True, "minNodeCount": 1, "maxNodeCount": 3}, {"min_node_count": 1, "max_node_count": 3}),
        ({}, {}),
    ],
)
def test_a_pool_that_may_shrink_to_nothing_says_0(autoscaling: dict[str, Any], expected: dict[str, int]) -> None:
    pool = a_pool(autoscaling=autoscaling)
    assert {
        column: pool[column] for column in pool if column.endswith(("min_node_count", "max_node_count"))
    } == expected


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ({"maxSurge": 1}, {"max_surge": 1, "max_unavailable": 0}),
        (
            {"strategy": "SURGE", "maxUnavailable": 2},
            {"max_surge": 0, "max_unavailable": 2, "upgrade_strategy": "SURGE"},
        ),
        ({"strategy": "BLUE_GREEN", "blueGreenSettings": {}}, {"upgrade_strategy": "BLUE_GREEN"}),
    ],
)  # fmt: skip
def test_surge_is_told_of_pools_that_surge(upgrade: dict[str, Any], expected: dict[str, Any]) -> None:
    pool = a_pool(upgradeSettings=upgrade)
    columns = ("max_surge", "max_unavailable", "upgrade_strategy")
    assert {column: pool[column] for column in columns if column in pool} == expected


def test_a_value_that_is_newer_than_the_client_library_is_its_number() -> None:
    message = container_v1.Cluster.from_json(
        json.dumps(NAMED | {"nodePools": [{"name": "p", "config": {"taints": []}}]})
    )
    message.status = 99
    message.release_channel = container_v1.ReleaseChannel(channel=98)
    message.logging_config = container_v1.LoggingConfig(component_config={"enable_components": [1, 97]})
    message.conditions = [container_v1.StatusCondition(code=96)]
    message.node_pools[0].config.taints = [container_v1.NodeTaint(key="k", effect=95)]
    found = of_message(message)
    (cluster,), (pool,) = found["clusters"], found["node_pools"]
    assert cluster == {
        "status": "99", "regional": True, "autopilot": False, "release_channel": "98",
        "logging_components": ["SYSTEM_COMPONENTS", "97"], "conditions": ["96"],
    }  # fmt: skip
    assert pool["taints"] == [{"key": "k", "effect": "95"}]


def test_a_value_that_says_unspecified_is_null() -> None:
    unset = a_cluster(
        status="STATUS_UNSPECIFIED", releaseChannel={"channel": "UNSPECIFIED"},
        securityPostureConfig={"mode": "MODE_UNSPECIFIED", "vulnerabilityMode": "VULNERABILITY_MODE_UNSPECIFIED"},
        binaryAuthorization={"evaluationMode": "EVALUATION_MODE_UNSPECIFIED"}, databaseEncryption={"state": "UNKNOWN"},
    )  # fmt: skip
    assert unset == {"regional": True, "autopilot": False}


def test_taints_of_pools_are_spelt_as_those_of_nodes() -> None:
    taints = [
        {"key": "k", "value": "v", "effect": effect} for effect in ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE")
    ]
    assert a_pool(config={"taints": taints})["taints"] == [
        {"key": "k", "value": "v", "effect": effect} for effect in ("NoSchedule", "PreferNoSchedule", "NoExecute")
    ]
    assert a_pool(config={"taints": [{"key": "k"}]})["taints"] == [{"key": "k"}]


def test_a_condition_has_the_code_that_says_most() -> None:
    told = a_cluster(
        conditions=[
            {"code": "GCE_QUOTA_EXCEEDED", "canonicalCode": "RESOURCE_EXHAUSTED"},
            {"canonicalCode": "INTERNAL"},
        ]
    )
    assert told["conditions"] == ["GCE_QUOTA_EXCEEDED", "INTERNAL"]


def test_labels_are_in_the_same_order_each_time() -> None:
    names = [f"label-{number:02}" for number in range(30)]
    for given in (names, names[::-1]):
        labels = a_cluster(resourceLabels=dict.fromkeys(given, ""))["labels"]
        assert labels == [{"key": name, "value": ""} for name in names]


def test_old_and_new_fields_of_the_endpoints_tell_the_same() -> None:
    old = a_cluster(
        network="n", subnetwork="s",
        privateClusterConfig={"enablePrivateNodes": True, "privateEndpoint": "10.0.0.2", "publicEndpoint": "34.1.1.1"},
        masterAuthorizedNetworksConfig={
            "enabled": True, "cidrBlocks": [{"cidrBlock": "10.0.0.0/8"}, {"displayName": "?"}],
        },
    )  # fmt: skip
    assert old == {
        "regional": True, "autopilot": False, "network": "n", "subnetwork": "s", "private_nodes": True,
        "private_endpoint": "10.0.0.2", "public_endpoint": "34.1.1.1", "authorized_networks_enabled": True,
        "authorized_networks": ["10.0.0.0/8"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("location", "regional"),
    [("europe-west1", True), ("europe-west1-b", False), ("us-central1", True), ("us-central1-ai1a", False)],
)
def test_regions_are_told_from_zones(location: str, regional: bool) -> None:
    assert is_regional(location) is regional
