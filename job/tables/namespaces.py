"""Namespaces."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record


class Namespace(Record, frozen=True, kw_only=True):
    """A namespace."""

    table = "namespaces"
    description = "A namespace."
    read_from = "namespaces"
    clustering = ("project_id", "cluster", "name")

    name: Annotated[str, "Name of the namespace."]
    uid: Annotated[str, "Kubernetes UID; that of `kube-system` identifies the cluster."]
    created_at: Annotated[datetime | None, "When it was created."] = None
    deleted_at: Annotated[datetime | None, "When its deletion was asked for, where it is being deleted."] = None
    phase: Annotated[str | None, "`Active` or `Terminating`."] = None
    conditions: Annotated[tuple[Condition, ...], "Conditions; they tell what keeps a namespace from going."] = ()
    labels: Annotated[tuple[KeyValue, ...], "The namespace's labels."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
