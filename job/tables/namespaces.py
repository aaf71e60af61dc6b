"""Namespaces."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record


class Namespace(Record, frozen=True, kw_only=True):
    """A Namespace."""

    table = "namespaces"
    description = "A Namespace: phase, labels, and the conditions that block its deletion."
    read_from = "namespaces"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the Namespace."]
    uid: Annotated[str, "Kubernetes UID; that of `kube-system` identifies the cluster."]
    created_at: Annotated[datetime | None, "When the Namespace was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    phase: Annotated[str | None, "`Active` or `Terminating`."] = None
    conditions: Annotated[tuple[Condition, ...], "Status conditions; they say what blocks the deletion."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the Namespace."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
