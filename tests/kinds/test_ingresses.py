"""Ingresses: their class, who serves them, and what an API server may leave out."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

BARE = {"namespace": "n", "name": "w", "uid": "u", "internal": False}


def row(**item: Any) -> dict[str, Any]:
    """The Ingress's row."""
    (found,) = rows("ingresses", **item)["ingresses"]
    return found


def test_an_ingress_whose_parts_are_null_has_its_row() -> None:
    nothing = dict.fromkeys(("ingressClassName", "defaultBackend", "rules", "tls"))
    for spec in (None, nothing):
        for status in (None, {}, {"loadBalancer": None}, {"loadBalancer": {"ingress": None}}):
            assert row(spec=spec, status=status) == BARE


@pytest.mark.parametrize(
    ("annotation", "name", "found", "internal"),
    [
        (None, None, None, False),
        ("", None, None, False),
        ("gce", None, "gce", False),
        ("gce-internal", None, "gce-internal", True),
        ("gce-internal", "nginx", "gce-internal", True),
        ("gce-regional-external", None, "gce-regional-external", False),
        ("nginx", None, "nginx", None),
        (None, "gce-internal", "gce-internal", None),  # GKE reads the annotation alone
        ("", "nginx", "nginx", None),
    ],
)
def test_an_ingress_is_internal_by_the_annotation_that_gke_reads(
    annotation: str | None, name: str | None, found: str | None, internal: bool | None
) -> None:
    annotations = {} if annotation is None else {"kubernetes.io/ingress.class": annotation}
    columns = row(metadata={"annotations": annotations}, spec={"ingressClassName": name})
    assert (columns.get("ingress_class"), columns.get("internal")) == (found, internal)


def test_paths_without_a_host_and_certificates_without_hosts_are_for_all_hosts() -> None:
    paths = [{"backend": {"service": {"name": "s"}}}, {"backend": {}, "path": "/", "pathType": "Exact"}]
    spec = {"rules": [{"http": {"paths": paths}}, {"http": {"paths": None}}], "tls": [{"secretName": "t"}, {}]}
    assert row(spec=spec) == BARE | {
        "rules": [{"service": "s"}, {"path": "/", "path_type": "Exact"}, {}], "tls": [{"secret_name": "t"}, {}],
    }  # fmt: skip
