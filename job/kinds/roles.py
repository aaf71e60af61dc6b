"""Roles and ClusterRoles (`rbac.authorization.k8s.io/v1`), which share a table."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.kinds.parts.selector_text import selector_text
from job.wire.meta import Elements, LabelSelector, ObjectMeta, Wire


class PolicyRule(Wire, frozen=True):
    verbs: Elements[str] | None = None
    api_groups: Elements[str] | None = None
    resources: Elements[str] | None = None
    resource_names: Elements[str] | None = None
    non_resource_urls: Elements[str] | None = field(default=None, name="nonResourceURLs")


class AggregationRule(Wire, frozen=True):
    cluster_role_selectors: Elements[LabelSelector] | None = None


class Role(Wire, frozen=True):
    metadata: ObjectMeta
    rules: Elements[PolicyRule] | None = None


class ClusterRole(Wire, frozen=True):
    metadata: ObjectMeta
    rules: Elements[PolicyRule] | None = None
    aggregation_rule: AggregationRule | None = None


def role_rows(role: Role, scope: Scope) -> Iterator[tables.Record]:
    """The Role's row."""
    yield _row(KIND, role.metadata, role.rules, scope, namespace=role.metadata.namespace)


def cluster_role_rows(role: ClusterRole, scope: Scope) -> Iterator[tables.Record]:
    """The ClusterRole's row."""
    aggregation = role.aggregation_rule
    selectors = (selector_text(each) or "" for each in (aggregation and aggregation.cluster_role_selectors) or ())
    yield _row(CLUSTER_KIND, role.metadata, role.rules, scope, aggregates=tuple(selectors))


def _row(
    kind: Kind,
    metadata: ObjectMeta,
    rules: list[PolicyRule] | None,
    scope: Scope,
    *,
    namespace: str | None = None,
    aggregates: tuple[str, ...] = (),
) -> tables.Role:
    return tables.Role(
        resource=kind.resource,
        kind=kind.name,
        namespace=namespace,
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        aggregates=aggregates,
        rules=tuple(_rule(rule) for rule in rules or ()),
        has_wildcard=any(_has_wildcard(rule) for rule in rules or ()),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _rule(rule: PolicyRule) -> tables.RoleRule:
    return tables.RoleRule(
        verbs=tuple(rule.verbs or ()),
        api_groups=tuple(rule.api_groups or ()),
        resources=tuple(rule.resources or ()),
        resource_names=tuple(rule.resource_names or ()),
        non_resource_urls=tuple(rule.non_resource_urls or ()),
    )


def _has_wildcard(rule: PolicyRule) -> bool:
    resources = rule.resources or ()
    return "*" in resources or (bool(resources) and "*" in (rule.verbs or ()))


_PATH = "/apis/rbac.authorization.k8s.io/v1"
KIND = Kind("roles", f"{_PATH}/roles", Role, role_rows)
CLUSTER_KIND = Kind("clusterroles", f"{_PATH}/clusterroles", ClusterRole, cluster_role_rows)
