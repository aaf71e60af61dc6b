"""Containers of pod templates: what an API server may leave out."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows


def containers(*written: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a Deployment's containers."""
    return rows("deployments", spec={"template": {"spec": {"containers": written}}})["containers"]


def test_a_container_whose_parts_are_null_has_its_row() -> None:
    parts = ("image", "resources", "ports", "env", "livenessProbe", "securityContext", "imagePullPolicy")
    bare = {"name": "c"} | dict.fromkeys(parts)
    nothing = {
        "name": "d",
        "resources": {"requests": None, "limits": None},
        "livenessProbe": {},
        "securityContext": {"capabilities": None},
    }
    expected = {
        "resource": "deployments", "workload_kind": "Deployment", "namespace": "n", "workload_name": "w",
        "workload_uid": "u", "container_type": "regular",
    }  # fmt: skip
    assert containers(bare, nothing) == [
        expected | {"position": 0, "name": "c"},
        expected | {"position": 1, "name": "d"},
    ]


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        (1, 1024, {"cpu_request_millicores": 1000, "memory_request_bytes": 1024}),
        (0.25, 1.5, {"cpu_request_millicores": 250, "memory_request_bytes": 2}),
        (0, 1e3, {"cpu_request_millicores": 0, "memory_request_bytes": 1000}),
        ("", "1 Gi", {"unparsed_quantities": ["requests.cpu", "requests.memory"]}),
        ("1e-3", "9223372036854775808", {"cpu_request_millicores": 1, "unparsed_quantities": ["requests.memory"]}),
    ],
)
def test_quantities_may_be_numbers(cpu: Any, memory: Any, expected: dict[str, Any]) -> None:
    (row,) = containers({"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}})
    columns = ("cpu_request_millicores", "memory_request_bytes", "unparsed_quantities")
    assert {column: row[column] for column in columns if column in row} == expected
