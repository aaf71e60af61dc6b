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
