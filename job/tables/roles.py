"""Roles and ClusterRoles."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Part, Record


class RoleRule(Part, frozen=True, kw_only=True):
    """A rule of a role: these verbs on these resources, or on these URLs."""

    verbs: Annotated[tuple[str, ...], "`get`, `list`, `create`, ...; `*` means all."]
    api_groups: Annotated[tuple[str, ...], 'API groups of the resources; `""` is the core group, `*` means all.']
    resources: Annotated[tuple[str, ...], "`pods`, `pods/exec`, ...; `*` means all, `*/scale` that of all."]
    resource_names: Annotated[tuple[str, ...], "Names of the only objects that the rule is for; empty for all."]
    non_resource_urls: Annotated[tuple[str, ...], "URLs such as `/metrics`; only ClusterRoles have them."]


class Role(Record, frozen=True, kw_only=True):
    """A Role or ClusterRole."""

    table = "roles"
    description = "A Role or ClusterRole, with its rules."
    read_from = "*"
    shared_by = ("roles", "clusterroles")
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "resource", "name", "uid")

    resource: Annotated[str, "API resource that the row was read from: `roles` or `clusterroles`."]
    kind: Annotated[str, "`Role` or `ClusterRole`."]
    namespace: Annotated[str | None, "Namespace of a Role; NULL for a ClusterRole."] = None
    name: Annotated[str, "Name of the role."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the role was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    aggregates: Annotated[
        tuple[str, ...],
        "Selectors of the ClusterRoles whose rules a controller copies into this one (`aggregationRule`).",
    ] = ()
    rules: Annotated[tuple[RoleRule, ...], "The rules. A subject may do what any of them allows."] = ()
    has_wildcard: Annotated[bool, "Whether a rule has all verbs or all resources (`*`)."]
    labels: Annotated[tuple[KeyValue, ...], "Labels of the role."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
