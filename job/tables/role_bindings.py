"""RoleBindings and ClusterRoleBindings, by subject."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record


class RoleBinding(Record, frozen=True, kw_only=True):
    """A subject of a RoleBinding or ClusterRoleBinding."""

    table = "role_bindings"
    description = "A subject of a RoleBinding or ClusterRoleBinding: who has which role, and where."
    read_from = "*"
    shared_by = ("rolebindings", "clusterrolebindings")
    clustering = ("project_id", "cluster", "subject_kind", "subject_name")
    primary_key = ("snapshot_id", "resource", "name", "uid", "position")

    resource: Annotated[str, "API resource that the row was read from: `rolebindings` or `clusterrolebindings`."]
    kind: Annotated[str, "`RoleBinding` or `ClusterRoleBinding`."]
    namespace: Annotated[str | None, "Namespace of a RoleBinding; NULL for a ClusterRoleBinding."] = None
    name: Annotated[str, "Name of the binding."]
    uid: Annotated[str, "Kubernetes UID of the binding."]
    created_at: Annotated[datetime | None, "When the binding was created."] = None
    position: Annotated[int, "Index of the subject in the binding, from 0. A binding without subjects has no row."]
    subject_kind: Annotated[str | None, "`User`, `Group` or `ServiceAccount`."] = None
    subject_name: Annotated[
        str | None,
        "Name of the subject. GKE knows people and Google service accounts by their email, as users.",
    ] = None
    subject_namespace: Annotated[str | None, "Namespace of a ServiceAccount."] = None
    role_kind: Annotated[str | None, "`Role` or `ClusterRole`."] = None
    role_name: Annotated[str | None, "Name of the role, which may not exist."] = None
    scope: Annotated[str, "Where the subject has the role: `namespace`, in that of the binding, or `cluster`."]
    labels: Annotated[tuple[KeyValue, ...], "Labels of the binding."] = ()
