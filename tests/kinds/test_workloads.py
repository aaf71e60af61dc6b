"""What all kinds of workloads share."""

from __future__ import annotations

import pytest
from declared import WORKLOAD_KINDS
from kinds.objects import rows


@pytest.mark.parametrize("resource", [*WORKLOAD_KINDS, "replicasets"])
def test_a_template_whose_lists_are_null_has_no_containers(resource: str) -> None:
    lists = ("containers", "initContainers", "ephemeralContainers", "volumes", "tolerations", "nodeSelector")
    template = {"spec": dict.fromkeys(lists) | {"securityContext": None}}
    spec = {"template": template, "selector": {"matchLabels": None}, "strategy": None, "updateStrategy": None}
    spec["jobTemplate"] = {"spec": dict(spec)}
    found = rows(resource, spec=spec, metadata={"labels": None, "annotations": None, "ownerReferences": None})
    assert set(found) == {"workloads"}


OWN, OTHER = {"matchLabels": {"app": "w"}}, {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["w"]}]}
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


def test_a_template_spreads_over_the_keys_whose_selector_selects_its_own_pods() -> None:
    constraints = [
        {"topologyKey": ZONE, "labelSelector": OWN},
        {"topologyKey": "rack", "labelSelector": OTHER},
        {"topologyKey": "row"},  # without a selector it selects no pods
    ]
    exists = {"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "x", "operator": "DoesNotExist"}]}
    anti = {
        "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": HOST, "labelSelector": exists}],
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "pool", "labelSelector": OWN}},
            {"weight": 1, "podAffinityTerm": {"topologyKey": "disk", "labelSelector": OTHER}},
        ],
    }
    spec = {"affinity": {"podAntiAffinity": anti}, "topologySpreadConstraints": constraints}
    template = {"metadata": {"labels": {"app": "w"}}, "spec": spec}
    (found,) = rows("deployments", spec={"template": template})["workloads"]
    assert found["spread_topology_keys"] == [HOST, "pool", ZONE]


def test_affinity_whose_parts_are_null_spreads_nothing() -> None:
    for affinity in (None, {}, {"podAntiAffinity": None}, {"podAntiAffinity": {}}):
        template = {"spec": {"affinity": affinity, "topologySpreadConstraints": None}}
        (found,) = rows("deployments", spec={"template": template})["workloads"]
        assert "spread_topology_keys" not in found
