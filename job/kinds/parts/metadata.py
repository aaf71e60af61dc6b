"""Columns from the metadata and the conditions of any Kubernetes object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from job.kinds.parts.caches import bounded_cache
from job.tables import Condition, KeyValue
from job.wire import meta


def key_values(mapping: Mapping[str, str] | None) -> tuple[KeyValue, ...]:
    """Labels or selector terms, in the server's order.

    >>> key_values({"app": "web"})
    (KeyValue(key='app', value='web'),)
    """
    return tuple([KeyValue(key=key, value=value) for key, value in mapping.items()]) if mapping else ()


def allowed_annotations(metadata: meta.ObjectMeta, allow: tuple[str, ...]) -> tuple[KeyValue, ...]:
    """The annotations whose key matches one of the patterns.

    >>> metadata = meta.ObjectMeta(name="web", uid="1", annotations={"team.example.com/owner": "shop", "note": "x"})
    >>> allowed_annotations(metadata, ("team.example.com/*",))
    (KeyValue(key='team.example.com/owner', value='shop'),)
    >>> copy = meta.ObjectMeta(name="web", uid="1", annotations={"a.example.com/copy": '{"spec": {"replicas": 1}}'})
    >>> allowed_annotations(copy, ("*",))
    ()
    """
    if not allow or not metadata.annotations:
        return ()
    return tuple(
        KeyValue(key=key, value=value)
        for key, value in metadata.annotations.items()
        if is_allowed(key, allow) and not has_object(value)
    )


def has_object(text: str) -> bool:
    """Whether a text has a whole object in it, or a private key."""
    return _EMBEDDED.search(text) is not None


# Whole objects and command lines may contain secrets: no pattern of the configuration allows these annotations.
_NEVER_KEPT = (
    "last-applied",
    "last-handled",
    "kubernetes.io/change-cause",
    "cattle.io/applied",
    "kapp.k14s.io/original",
)
_EMBEDDED = re.compile(
    r"""["'](?:apiVersion|spec|containers|env|data|stringData)\\{0,4}["']\s{0,4}:"""
    r"|^apiVersion: |PRIVATE KEY",
    re.MULTILINE,
)
"""In an object that is the value, as JSON or as YAML."""


@bounded_cache(maxsize=4096)
def is_allowed(key: str, allow: tuple[str, ...]) -> bool:
    """Whether an annotation is kept."""
    return not any(name in key for name in _NEVER_KEPT) and any(fnmatchcase(key, pattern) for pattern in allow)


def conditions(found: Iterable[meta.Condition] | None) -> tuple[Condition, ...]:
    """The conditions, without their messages."""
    return (
        tuple(
            [
                Condition(
                    type=condition.type,
                    status=condition.status,
                    reason=condition.reason or None,
                    last_transition_at=condition.last_transition_time,
                )
                for condition in found
            ]
        )
        if found
        else ()
    )


def condition_holds(found: Iterable[meta.Condition] | None, type: str) -> bool | None:  # noqa: A002 (the API's name)
    """Whether the condition is `True`. None if it is absent or `Unknown`.

    >>> condition_holds([meta.Condition(type="Ready", status="True")], "Ready")
    True
    """
    for condition in found or ():
        if condition.type == type:
            return _HOLDS.get(condition.status)
    return None


def reason_of(found: Iterable[meta.Condition] | None, type: str) -> str | None:  # noqa: A002 (the API's name)
    """The condition's reason; None if it is absent or has none.

    >>> reason_of([meta.Condition(type="Ready", status="False", reason="KubeletNotReady")], "Ready")
    'KubeletNotReady'
    """
    return next((condition.reason or None for condition in found or () if condition.type == type), None)


_HOLDS = {"True": True, "False": False}


def object_columns(metadata: meta.PlainMeta) -> dict[str, Any]:
    """The columns that name an object in a namespace, say since when it exists, and what controls it."""
    owner = controller_of(metadata)
    return {
        "namespace": metadata.namespace or "",
        "name": metadata.name,
        "uid": metadata.uid,
        "created_at": metadata.creation_timestamp,
        "deleted_at": metadata.deletion_timestamp,
        "owner_kind": owner.kind if owner else None,
        "owner_api_version": owner.api_version if owner else None,
        "owner_name": owner.name if owner else None,
        "owner_uid": owner.uid if owner else None,
    }


def controller_of(metadata: meta.PlainMeta) -> meta.OwnerReference | None:
    """The owner that controls the object, of which there is at most one."""
    for owner in metadata.owner_references or ():
        if owner.controller:
            return owner
    return None
