"""Clusters: what the GKE API leaves out, and what it may say that we do not know."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from google.cloud import container_v1
from kinds.gke import NAMED, a_cluster, a_pool, of_message, rows
from kinds.objects import as_spooled

from job.kinds.clusters import cluster_rows, is_regional
from job.wire import gke


def test_a_cluster_without_any_optional_field_has_its_row() -> None:
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
    assert as_spooled(list(cluster_rows(msgspec.convert(NAMED | nulls, gke.Cluster)))) == rows({})


def test_a_message_without_its_flag_says_that_it_is_off() -> None:
    """Protocol buffers omit fields that are false: `WHERE NOT secure_boot` must find these."""
    assert a_cluster(
        legacyAbac={}, networkPolicy={}, shieldedNodes={}, confidentialNodes={}, verticalPodAutoscaling={},
        costManagementConfig={}, masterAuth={"clientCertificateConfig": {}}, autopilot={}, autoscaling={},
        privateClusterConfig={"publicEndpoint": "34.1.1.1"}, masterAuthorizedNetworksConfig={},
        monitoringConfig={"managedPrometheusConfig": {}},
    ) == {
        "regional": True, "autopilot": False, "public_endpoint": "34.1.1.1", "private_nodes": False,
        "public_endpoint_enabled": True, "authorized_networks_enabled": False, "network_policy": False,
        "shielded_nodes": False, "confidential_nodes": False, "legacy_abac": False, "client_certificate": False,
        "managed_prometheus": False, "vertical_pod_autoscaling": False, "node_auto_provisioning": False,
        "cost_allocation": False,
    }  # fmt: skip
    pool = a_pool(config={"shieldedInstanceConfig": {}}, management={})
    found = ("secure_boot", "integrity_monitoring", "auto_upgrade", "auto_repair")
    assert {column: pool.get(column) for column in found} == dict.fromkeys(found, False)


def test_a_flag_that_has_absence_of_its_own_is_null_where_it_is_absent() -> None:
    absent = a_cluster(controlPlaneEndpointsConfig={"dnsEndpointConfig": {}, "ipEndpointsConfig": {}}, networkConfig={})
    assert absent == {"regional": True, "autopilot": False}
    off = {
        "dnsEndpointConfig": {"allowExternalTraffic": False},
        "ipEndpointsConfig": {"enabled": False, "enablePublicEndpoint": False},
    }
    found = a_cluster(controlPlaneEndpointsConfig=off, networkConfig={"defaultEnablePrivateNodes": False})
    assert found == absent | {
        "dns_endpoint_external": False, "ip_endpoints_enabled": False, "public_endpoint_enabled": False,
        "private_nodes": False,
    }  # fmt: skip


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
        databaseEncryption={"state": "UNKNOWN"},
    )  # fmt: skip
    assert unset == {"regional": True, "autopilot": False}


def test_a_condition_has_the_code_that_says_most() -> None:
    found = a_cluster(
        conditions=[
            {"code": "GCE_QUOTA_EXCEEDED", "canonicalCode": "RESOURCE_EXHAUSTED"},
            {"canonicalCode": "INTERNAL"},
        ]
    )
    assert found["conditions"] == ["GCE_QUOTA_EXCEEDED", "INTERNAL"]


def test_labels_are_in_the_same_order_each_time() -> None:
    names = [f"label-{number:02}" for number in range(30)]
    for given in (names, names[::-1]):
        labels = a_cluster(resourceLabels=dict.fromkeys(given, ""))["labels"]
        assert labels == [{"key": name, "value": ""} for name in names]


def test_old_and_new_fields_of_the_endpoints_have_the_same_columns() -> None:
    old = a_cluster(
        network="n", subnetwork="s",
        privateClusterConfig={"enablePrivateNodes": True, "privateEndpoint": "10.0.0.2", "publicEndpoint": "34.1.1.1"},
        masterAuthorizedNetworksConfig={
            "enabled": True, "cidrBlocks": [{"cidrBlock": "10.0.0.0/8"}, {"displayName": "?"}],
        },
    )  # fmt: skip
    assert old == {
        "regional": True, "autopilot": False, "network": "n", "subnetwork": "s", "private_nodes": True,
        "private_endpoint": "10.0.0.2", "public_endpoint": "34.1.1.1", "public_endpoint_enabled": True,
        "authorized_networks_enabled": True,
        "authorized_networks": ["10.0.0.0/8"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("private", "ip", "enabled"),
    [
        ({"enablePrivateEndpoint": True, "privateEndpoint": "10.0.0.2"}, None, False),
        ({"enablePrivateEndpoint": True}, {}, False),
        ({"enablePrivateEndpoint": False}, {}, True),
        ({"enablePrivateNodes": True}, None, True),
        ({"enablePrivateEndpoint": True}, {"enablePublicEndpoint": True}, True),
        ({}, {"enablePublicEndpoint": False}, False),
        (None, {"enabled": False}, False),
        (None, {"enabled": True}, None),
        (None, None, None),
    ],
)
def test_the_newer_field_of_the_public_endpoint_precedes_the_older(
    private: dict[str, Any] | None, ip: dict[str, Any] | None, enabled: bool | None
) -> None:
    fields: dict[str, Any] = {} if private is None else {"privateClusterConfig": private}
    if ip is not None:
        fields["controlPlaneEndpointsConfig"] = {"ipEndpointsConfig": ip}
    assert a_cluster(**fields).get("public_endpoint_enabled") is enabled


@pytest.mark.parametrize(
    ("config", "mode"),
    [
        ({"enabled": True}, "PROJECT_SINGLETON_POLICY_ENFORCE"),
        ({"enabled": True, "evaluationMode": "EVALUATION_MODE_UNSPECIFIED"}, "PROJECT_SINGLETON_POLICY_ENFORCE"),
        ({"enabled": True, "evaluationMode": "DISABLED"}, "DISABLED"),
        ({"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"}, "PROJECT_SINGLETON_POLICY_ENFORCE"),
        ({"enabled": False}, "DISABLED"),
        ({}, "DISABLED"),
    ],
)
def test_binary_authorization_has_the_mode_that_its_older_field_means(config: dict[str, Any], mode: str) -> None:
    assert a_cluster(binaryAuthorization=config)["binary_authorization"] == mode


def test_access_from_google_cloud_is_read_from_both_fields_of_authorized_networks() -> None:
    open_to_google = {"enabled": True, "gcpPublicCidrsAccessEnabled": True}
    column = "gcp_public_cidrs_access_enabled"
    assert a_cluster(masterAuthorizedNetworksConfig=open_to_google)[column] is True
    newer = {"ipEndpointsConfig": {"authorizedNetworksConfig": open_to_google}}
    assert a_cluster(controlPlaneEndpointsConfig=newer)[column] is True
    closed = {"enabled": True, "gcpPublicCidrsAccessEnabled": False}
    assert a_cluster(controlPlaneEndpointsConfig=newer, masterAuthorizedNetworksConfig=closed)[column] is True
    assert a_cluster(masterAuthorizedNetworksConfig=closed)[column] is False
    assert column not in a_cluster(masterAuthorizedNetworksConfig={"enabled": True})


@pytest.mark.parametrize(
    ("location", "regional"),
    [
        ("europe-west1", True), ("europe-west1-b", False), ("us-central1", True), ("us-central1-ai1a", False),
        ("u-france-east1", True), ("u-france-east1-a", False), ("u-germany-northeast1", True),
    ],
)  # fmt: skip
def test_a_region_is_not_a_zone(location: str, regional: bool) -> None:
    assert is_regional(location) is regional
