"""Claims, volumes, storage classes and CSI drivers."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

NAMED = {"name": "w", "uid": "u"}


def row(resource: str, table: str, **item: Any) -> dict[str, Any]:
    """The object's row."""
    (found,) = rows(resource, metadata={"namespace": None, **item.pop("metadata", {})}, **item)[table]
    return found


def claim(**item: Any) -> dict[str, Any]:
    return row("persistentvolumeclaims", "volume_claims", **item)


def volume(**item: Any) -> dict[str, Any]:
    return row("persistentvolumes", "volumes", **item)


def test_objects_whose_parts_are_null_have_their_rows() -> None:
    for spec in (
        None,
        {"resources": None, "accessModes": None, "dataSourceRef": None},
        {"resources": {"requests": None}},
    ):
        for status in (None, {"capacity": None, "conditions": None}):
            assert claim(spec=spec, status=status) == NAMED | {"namespace": ""}
    for spec in (
        None,
        {"capacity": None, "claimRef": None, "nodeAffinity": None},
        {"nodeAffinity": {"required": None}},
    ):
        assert volume(spec=spec, status=None) == NAMED
    plain = {"provisioner": "p", "default_class": False, "allow_volume_expansion": False}
    nothing = dict.fromkeys(("parameters", "allowedTopologies", "reclaimPolicy"))
    assert row("storageclasses", "storage_classes", provisioner="p", **nothing) == NAMED | plain
    assert row("csidrivers", "csi_drivers", spec={"volumeLifecycleModes": None}) == NAMED


def test_sizes_are_exact_and_what_does_not_fit_is_kept_as_text() -> None:
    spec = {"resources": {"requests": {"storage": "1.5Gi"}}}
    found = claim(spec=spec, status={"capacity": {"storage": "16Ei"}})
    assert found == NAMED | {
        "namespace": "", "requested_bytes": 1610612736, "requests": [{"resource": "storage", "quantity": "1.5Gi"}],
        "capacity": [{"resource": "storage", "quantity": "16Ei"}], "unparsed_quantities": ["capacity.storage"],
    }  # fmt: skip
    assert volume(spec={"capacity": {"storage": "1e3"}})["capacity_bytes"] == 1000


@pytest.mark.parametrize(
    ("annotation", "name", "found"),
    [(None, "a", "a"), (None, "", ""), (None, None, None), ("b", "a", "b"), ("b", None, "b")],
)
def test_an_old_annotation_names_the_class_before_the_field(
    annotation: str | None, name: str | None, found: str | None
) -> None:
    annotations = {} if annotation is None else {"volume.beta.kubernetes.io/storage-class": annotation}
    for of in (claim, volume):
        item = {"metadata": {"annotations": annotations}, "spec": {"storageClassName": name}}
        assert of(**item).get("storage_class") == (found if of is claim else found or None)


def term(key: str, *values: str, operator: str = "In") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("terms", "labels", "zones", "nodes"),
    [
        ([term("topology.gke.io/zone", "b")], {}, ["b"], []),
        ([term("topology.kubernetes.io/zone", "c", "b")], {}, ["b", "c"], []),
        ([term("topology.gke.io/zone", "b"), term("topology.gke.io/zone", "a")], {}, ["a", "b"], []),
        ([term("topology.gke.io/zone", "b"), term("kubernetes.io/os", "linux")], {}, [], []),  # one of them will do
        ([term("topology.gke.io/zone", "b", operator="NotIn")], {}, [], []),
        ([term("kubernetes.io/hostname", "n1")], {}, [], ["n1"]),
        ([], {"topology.kubernetes.io/zone": "b__c"}, ["b", "c"], []),
        ([], {"failure-domain.beta.kubernetes.io/zone": "b"}, ["b"], []),
        ([{"matchExpressions": None}], {}, [], []),
        ([{}, term("topology.gke.io/zone", "b")], {}, ["b"], []),  # an empty term matches no node
    ],
)
def test_the_zones_of_a_volume_are_those_of_its_affinity_or_label(
    terms: list[dict[str, Any]], labels: dict[str, str], zones: list[str], nodes: list[str]
) -> None:
    spec = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
    found = volume(metadata={"labels": labels}, spec=spec)
    assert (found.get("zones", []), found.get("nodes", [])) == (zones, nodes)


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        ({"local": {"path": "/mnt"}}, {"source": "local"}),
        ({"scaleIO": {}}, {"source": "scaleIO"}),
        ({"gcePersistentDisk": {"pdName": "d"}}, {"source": "gcePersistentDisk", "volume_handle": "d"}),
        ({"csi": {"driver": "p", "volumeHandle": "h"}}, {"source": "csi", "csi_driver": "p", "volume_handle": "h"}),
        ({"fromTheFuture": {}}, {}),
    ],
)
def test_a_volume_has_the_type_of_its_source(spec: dict[str, Any], columns: dict[str, str]) -> None:
    assert volume(spec=spec) == NAMED | columns


@pytest.mark.parametrize(
    ("annotations", "default"),
    [
        ({}, False),
        ({"storageclass.kubernetes.io/is-default-class": "true"}, True),
        ({"storageclass.beta.kubernetes.io/is-default-class": "true"}, True),
        ({"storageclass.kubernetes.io/is-default-class": "True"}, False),  # as the API server compares it
    ],
)
def test_a_class_is_the_default_by_its_annotation(annotations: dict[str, str], default: bool) -> None:
    found = row("storageclasses", "storage_classes", metadata={"annotations": annotations}, provisioner="p")
    assert found["default_class"] is default


def test_a_class_has_the_names_of_its_parameters_alone() -> None:
    parameters = {"type": "CANARY", "csi.storage.k8s.io/provisioner-secret-name": "CANARY"}
    found = row("storageclasses", "storage_classes", provisioner="p", parameters=parameters)
    assert found["parameter_names"] == ["csi.storage.k8s.io/provisioner-secret-name", "type"]
    assert "CANARY" not in str(found)
