"""RoleBindings and ClusterRoleBindings (`rbac.authorization.k8s.io/v1`): a row for each subject."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, ObjectMeta, Wire


class RoleRef(Wire, frozen=True):
    kind: str | None = None
    name: str | None = None


class Subject(Wire, frozen=True):
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class RoleBinding(Wire, frozen=True):
    metadata: ObjectMeta
    role_ref: RoleRef | None = None
    subjects: Elements[Subject] | None = None


class ClusterRoleBinding(Wire, frozen=True):
    metadata: ObjectMeta
    role_ref: RoleRef | None = None
    subjects: Elements[Subject] | None = None


def role_binding_rows(binding: RoleBinding, _: Scope) -> Iterator[tables.Record]:
    """A row for each subject of a RoleBinding."""
    yield from _rows(KIND, binding, "namespace", binding.metadata.namespace)


def cluster_role_binding_rows(binding: ClusterRoleBinding, _: Scope) -> Iterator[tables.Record]:
    """A row for each subject of a ClusterRoleBinding."""
    yield from _rows(CLUSTER_KIND, binding, "cluster", None)


def _rows(
    kind: Kind, binding: RoleBinding | ClusterRoleBinding, scope: str, namespace: str | None
) -> Iterator[tables.Record]:
    metadata, role = binding.metadata, binding.role_ref or RoleRef()
    for position, subject in enumerate(binding.subjects or ()):
        yield tables.RoleBinding(
            resource=kind.resource,
            kind=kind.name,
            namespace=namespace,
            name=metadata.name,
            uid=metadata.uid,
            created_at=metadata.creation_timestamp,
            position=position,
            subject_kind=subject.kind or None,
            subject_name=subject.name or None,
            subject_namespace=subject.namespace or None,
            role_kind=role.kind or None,
            role_name=role.name or None,
            scope=scope,
            labels=key_values(metadata.labels),
        )


_PATH = "/apis/rbac.authorization.k8s.io/v1"
KIND = Kind("rolebindings", f"{_PATH}/rolebindings", RoleBinding, role_binding_rows)
CLUSTER_KIND = Kind(
    "clusterrolebindings", f"{_PATH}/clusterrolebindings", ClusterRoleBinding, cluster_role_binding_rows
)
