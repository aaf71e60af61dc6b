"""Nodes and namespaces: what an API server may leave out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from job.kinds import KINDS
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope

KIND = {kind.resource: kind for kind in KINDS}
BARE = {"name": "a", "uid": "u", "spot": False, "unschedulable": False}


def row(resource: str, *, allow: tuple[str, ...] = (), **item: Any) -> dict[str, Any]:
    kind = KIND[resource]
    metadata = {"name": "a", "uid": "u"} | item.pop("metadata", {})
    decoded = msgspec.json.decode(msgspec.json.encode({"metadata": metadata, **item}), type=kind.item)
    (found,) = kind.rows(decoded, Scope(Owners(), allow))
    return msgspec.json.decode(msgspec.json.encode(found))


def test_a_node_whose_parts_are_null_has_its_row() -> None:
    status = dict.fromkeys(("capacity", "allocatable", "conditions", "addresses", "nodeInfo"))
    spec = dict.fromkeys(("podCIDR", "providerID", "unschedulable", "taints"))
    assert row("nodes", metadata={"labels": None, "annotations": None}, spec=spec, status=status) == BARE


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], None),
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False", "reason": None}], False),
        ([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}], None),
        ([{"type": "DiskPressure", "status": "True"}], None),
    ],
)
def test_a_node_that_does_not_tell_is_neither_ready_nor_unready(conditions: list[Any], ready: bool | None) -> None:
    assert row("nodes", status={"conditions": conditions}).get("ready") is ready


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"cloud.google.com/gke-spot": "true"}, {"spot": True}),
        ({"cloud.google.com/gke-preemptible": "true"}, {"spot": True}),
        ({"cloud.google.com/gke-spot": "false"}, {"spot": False}),
        (
            {"cloud.google.com/gke-nodepool": "gpu", "cloud.google.com/gke-accelerator": "nvidia-l4"},
            {"node_pool": "gpu", "accelerator": "nvidia-l4"},
        ),
        ({"cloud.google.com/gke-nodepool": "", "topology.kubernetes.io/zone": ""}, {}),
    ],
)
def test_labels_that_gke_sets_have_their_columns(labels: dict[str, str], expected: dict[str, Any]) -> None:
    written = [{"key": key, "value": value} for key, value in labels.items()]
    assert row("nodes", metadata={"labels": labels}) == BARE | expected | {"labels": written}


def test_quantities_may_be_numbers_and_are_exact() -> None:
    capacity = {"cpu": 3.92, "memory": 1e9, "ephemeral-storage": 47093746742, "pods": 110, "nvidia.com/gpu": 2}
    found = row("nodes", status={"capacity": capacity, "allocatable": {"cpu": "940m", "memory": "?"}})
    written = [{"resource": key, "quantity": str(value)} for key, value in capacity.items()]
    assert found == BARE | {
        "cpu_capacity_millicores": 3920, "memory_capacity_bytes": 1_000_000_000, "pods_capacity": 110,
        "ephemeral_storage_capacity_bytes": 47093746742, "gpu_capacity": 2, "cpu_allocatable_millicores": 940,
        "capacity": written,
        "allocatable": [{"resource": "cpu", "quantity": "940m"}, {"resource": "memory", "quantity": "?"}],
        "unparsed_quantities": ["allocatable.memory"],
    }  # fmt: skip


def test_addresses_are_the_first_of_their_type() -> None:
    addresses = [("Hostname", "h"), ("ExternalIP", "34.0.0.1"), ("InternalIP", "10.0.0.1"), ("InternalIP", "fd00::1")]
    told = [{"type": type_, "address": address} for type_, address in addresses]
    assert row("nodes", status={"addresses": told}) == BARE | {"internal_ip": "10.0.0.1", "external_ip": "34.0.0.1"}


def test_taints_may_lack_value_and_effect() -> None:
    taints = [{"key": "k", "effect": "NoSchedule"}, {"key": "k", "value": "", "effect": None}]
    found = row("nodes", spec={"unschedulable": True, "taints": taints})
    assert found == BARE | {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule"}, {"key": "k"}]}


def test_a_namespace_that_cannot_go_tells_what_keeps_it() -> None:
    kept = {
        "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": "CANARY",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    found = row(
        "namespaces",
        metadata={"deletionTimestamp": "2026-01-01T00:00:00Z", "annotations": {"team": "a", "other": "CANARY"}},
        status={"phase": "Terminating", "conditions": [kept]},
        allow=("team",),
    )
    assert found == {
        "name": "a", "uid": "u", "deleted_at": "2026-01-01T00:00:00Z", "phase": "Terminating",
        "conditions": [
            {
                "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
                "last_transition_at": "2026-01-01T00:00:00Z",
            }
        ],
        "annotations": [{"key": "team", "value": "a"}],
    }  # fmt: skip
