"""ConfigMaps and Secrets: their metadata, without annotations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kinds.objects import KIND, rows

OWNER = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "e", "uid": "e", "controller": True}


@pytest.mark.parametrize(("resource", "table"), [("configmaps", "config_maps"), ("secrets", "secrets")])
def test_neither_data_nor_annotations_become_columns(resource: str, table: str) -> None:
    metadata: dict[str, Any] = {"annotations": {"note": "CANARY"}, "ownerReferences": [OWNER], "finalizers": ["a", "b"]}
    data = {"data": {"key": "CANARY"}, "binaryData": {"key": "CANARY"}, "stringData": {"key": "CANARY"}}
    found = rows(resource, allow=("*",), metadata=metadata, **data)
    assert "CANARY" not in json.dumps(found)
    assert found[table] == [
        {
            "namespace": "n", "name": "w", "uid": "u", "finalizers": 2, "owner_kind": "ExternalSecret",
            "owner_api_version": "external-secrets.io/v1", "owner_name": "e", "owner_uid": "e",
        }
    ]  # fmt: skip
    assert set(KIND[resource].item.__struct_fields__) == {"metadata"}
    assert "annotations" not in KIND[resource].item.__annotations__
