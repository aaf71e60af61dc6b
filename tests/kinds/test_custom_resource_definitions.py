"""Definitions of custom resources: their schemas may be huge, and are skipped."""

from __future__ import annotations

import msgspec
import pytest
from kinds.objects import rows

from job.collect.page_items import has_too_many_elements
from job.kinds.custom_resource_definitions import KIND
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope


def test_a_definition_with_a_schema_of_a_megabyte_and_a_half_is_read() -> None:
    """As much as etcd holds: 1.5 MiB."""
    properties = {f"field{number}": {"type": "string", "description": "what it is" * 8} for number in range(11_500)}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"properties": properties}}}
    metadata = {"name": "w", "uid": "u"}
    body = msgspec.json.encode({"metadata": metadata, "spec": {"group": "example.com", "versions": [version]}})
    assert len(body) > 1_400_000
    assert not has_too_many_elements(msgspec.Raw(body))
    (row,) = KIND.rows(msgspec.json.decode(body, type=KIND.item), Scope(Owners()))
    assert msgspec.to_builtins(row)["versions"] == (
        {"name": "v1", "served": True, "storage": True, "deprecated": False},
    )


@pytest.mark.parametrize(("status", "established"), [("True", True), ("False", False), ("Unknown", None)])
def test_a_definition_is_established_by_its_condition(status: str, established: bool | None) -> None:
    conditions = [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": status}]
    (row,) = rows("customresourcedefinitions", status={"conditions": conditions})["custom_resource_definitions"]
    assert row.get("established") is established
