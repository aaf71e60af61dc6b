"""Fields of custom resources: whatever an object has there costs neither its row nor shows more than a value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from job.kinds.kind import Kind
from job.kinds.objects import object_kind
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope

PATHS = ("spec.a.b", "status.c")
KIND = object_kind("widgets", "example.com", "v1", "Widget", PATHS)


def fields(body: bytes, kind: Kind = KIND) -> dict[str, str]:
    (row,) = kind.rows(msgspec.json.decode(body, type=kind.item), Scope(Owners(), ()))
    return {one.key: one.value for one in row.fields}  # type: ignore[attr-defined]


def an_object(**members: Any) -> bytes:
    return msgspec.json.encode({"metadata": {"name": "w", "uid": "u"}, **members})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"), ("", ""), ("ünï \u2028", "ünï \u2028"), (3, "3"), (1.5, "1.5"), (True, "true"),
        (None, None), ({}, None), ([], None), ({"b": "CANARY"}, None), (["CANARY"], None), ("x" * 1001, None),
        ("x" * 1000, "x" * 1000), ('{"kind": "Secret", "data": {"a": "CANARY"}}', None),
        ("-----BEGIN RSA PRIVATE KEY-----", None), ("apiVersion: v1\nkind: Secret", None),
    ],
)  # fmt: skip
def test_a_field_has_a_value_that_is_no_object_and_no_list(value: Any, text: str | None) -> None:
    expected = {} if text is None else {"spec.a.b": text}
    assert fields(an_object(spec={"a": {"b": value, "other": "CANARY"}, "other": "CANARY"})) == expected


@pytest.mark.parametrize(
    "members",
    [{}, {"spec": None}, {"spec": []}, {"spec": "x"}, {"spec": {}}, {"spec": {"a": None}}, {"spec": {"a": ["b"]}},
     {"spec": {"a": "b"}}, {"spec": {"a": 1}, "status": 2}],
)  # fmt: skip
def test_another_shape_is_no_value_and_costs_no_row(members: dict[str, Any]) -> None:
    assert fields(an_object(**members)) == {}


def test_one_odd_value_costs_no_other() -> None:
    head = b'{"metadata": {"name": "w", "uid": "u"}, '
    assert fields(head + b'"spec": {"a": {"b": {"c": [1, {}]}}}, "status": {"c": 1}}') == {"status.c": "1"}
    assert fields(head + b'"spec": {"a": {"b": 1, "b": 2}}, "status": {"c": 1e999}}') == {
        "spec.a.b": "2", "status.c": "1e999",
    }  # fmt: skip


def test_kinds_of_kubernetes_and_those_without_columns_are_read_by_metadata() -> None:
    for group, paths in (("apps", PATHS), ("", PATHS), ("coordination.k8s.io", PATHS), ("example.com", ())):
        kind = object_kind("things", group, "v1", "Thing", paths)
        assert kind.metadata_only
        assert fields(an_object(spec={"a": {"b": "CANARY"}}), kind) == {}
    assert not KIND.metadata_only
