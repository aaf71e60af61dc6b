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
