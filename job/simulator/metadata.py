"""What all simulated objects have: metadata, conditions, times."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from job.simulator.fleet import NOW, Cluster

Object = dict[str, Any]


class Maker:
    """Makes the metadata of one cluster's objects, the same for the same seed."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.draw = random.Random(cluster.seed)
        self.version = 1000

    def metadata(
        self, name: str, namespace: str | None = None, *, age_days: float | None = None, **more: Any
    ) -> Object:
        """Metadata as a real server sends it, `managedFields` included."""
        self.version += 1
        days = self.draw.uniform(1, 300) if age_days is None else age_days
        created = stamp(NOW - timedelta(days=days))
        return {
            "name": name,
            **({"namespace": namespace} if namespace else {}),
            "uid": str(uuid.UUID(int=self.draw.getrandbits(128), version=4)),
            "resourceVersion": str(self.version),
            "creationTimestamp": created,
            **{key: value for key, value in more.items() if value},
            "managedFields": [
                {
                    "manager": "kubectl-client-side-apply",
                    "operation": "Update",
                    "apiVersion": "v1",
                    "time": created,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:labels": {".": {}}}, "f:spec": {}},
                }
            ],
        }


def condition(type_: str, status: str, reason: str, message: str = "CANARY-condition-message") -> Object:
    """A condition, with a message that no row may have."""
    since = stamp(NOW - timedelta(days=3))
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def stamp(time: datetime) -> str:
    """`2026-11-02T09:30:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
