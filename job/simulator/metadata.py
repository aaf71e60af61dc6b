"""The common parts of simulated objects: metadata, conditions, times."""

from __future__ import annotations

import json
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from job.simulator.fleet import NOW, Cluster

Object = dict[str, Any]
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Maker:
    """Makes the metadata of one cluster's objects; the same seed gives the same metadata."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.draw = random.Random(cluster.seed)
        self.version = 1000

    def metadata(
        self,
        name: str,
        namespace: str | None = None,
        *,
        age_days: float | None = None,
        managed: Object | None = None,
        manager: str = "kubectl-client-side-apply",
        api_version: str = "v1",
        **more: Any,
    ) -> Object:
        """Metadata as a real server sends it.

        Args:
            managed: the fields listed in `managedFields`.
            manager: who has written them.
            more: members that only some objects have, such as `labels`; empty ones are omitted.
        """
        self.version += 1
        days = self.draw.uniform(1, 300) if age_days is None else age_days
        created = stamp(NOW - timedelta(days=days))
        members = {
            "name": name,
            "namespace": namespace,
            "uid": str(uuid.UUID(int=self.draw.getrandbits(128), version=4)),
            "resourceVersion": str(self.version),
            "creationTimestamp": created,
            "managedFields": [
                {
                    "manager": manager,
                    "operation": "Update",
                    "apiVersion": api_version,
                    "time": created,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": managed or _MANAGED,
                }
            ],
            **more,
        }
        return {name: members[name] for name in _MEMBERS if members.get(name)}


_MEMBERS = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip
_MANAGED: Object = {"f:metadata": {"f:labels": {".": {}}}, "f:spec": {}}


def managed_fields(value: Any) -> Any:
    """The value in the form of `fieldsV1`: every field name, without its value.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    if isinstance(value, dict):
        return {f"f:{key}": managed_fields(child) for key, child in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **managed_fields(item)} for item in value}
    return {}


def applied(kind: str, name: str, **more: Any) -> dict[str, str]:
    """The annotation that `kubectl apply` adds: the whole object as written, with text that must not leave it."""
    written = {"kind": kind, "metadata": {"name": name, "annotations": {"note": "CANARY-applied-annotation"}}, **more}
    return {_LAST_APPLIED: json.dumps(written, separators=(",", ":")) + "\n"}


def condition(type_: str, status: str, reason: str, message: str = "CANARY-condition-message", **more: Any) -> Object:
    """A condition, with a message that must not reach any row."""
    since = stamp(NOW - timedelta(days=3))
    return {"type": type_, "status": status, **more, "lastTransitionTime": since, "reason": reason, "message": message}


def stamp(time: datetime) -> str:
    """`2026-11-02T09:30:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(*, minutes: float) -> str:
    """The time that many minutes before the fleet's clock."""
    return stamp(NOW - timedelta(minutes=minutes))
