"""Namespaces: what keeps one from being deleted."""

from __future__ import annotations

from kinds.objects import rows


def test_a_namespace_that_cannot_be_deleted_says_why() -> None:
    kept = {
        "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": "CANARY",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    found = rows(
        "namespaces",
        metadata={"deletionTimestamp": "2026-01-01T00:00:00Z", "annotations": {"team": "a", "other": "CANARY"}},
        status={"phase": "Terminating", "conditions": [kept]},
        allow=("team",),
    )
    reason = {
        "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
        "last_transition_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    assert found["namespaces"] == [
        {
            "name": "w", "uid": "u", "deleted_at": "2026-01-01T00:00:00Z", "phase": "Terminating",
            "conditions": [reason], "annotations": [{"key": "team", "value": "a"}],
        }
    ]  # fmt: skip


def test_no_pattern_keeps_an_annotation_that_holds_a_whole_object() -> None:
    kept = {"team": "a", "ports": '{"ingress": true}', "note": "spec: see the wiki"}
    copies = {
        "a.example.com/last-applied-by": "CANARY",
        "kopf.zalando.org/last-handled-configuration": "CANARY",
        "copy-1": '{"spec": {"template": "CANARY"}}',
        "copy-2": "apiVersion: v1\nkind: Pod\nCANARY: 1",
        "copy-3": '{\\"env\\": [{\\"value\\": \\"CANARY\\"}]}',
    }
    metadata = {"annotations": kept | copies}
    (row,) = rows("namespaces", allow=("*",), metadata=metadata)["namespaces"]
    assert {each["key"] for each in row["annotations"]} == {"team", "ports", "note"}
