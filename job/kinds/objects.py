"""Objects of kinds that API servers name in their discovery, by their metadata."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import LAST_APPLIED, found_in
from job.kinds.parts.metadata import key_values, object_columns
from job.kinds.parts.metadata_only import MetadataAlone
from job.kinds.parts.scope import Scope
from job.wire.meta import Elements, Int64, ManagedFieldsEntry, Wire


class AppliedAnnotation(Wire, frozen=True):
    """The one annotation that is read, for its `apiVersion`."""

    last_applied: str | None = msgspec.field(name=LAST_APPLIED, default=None)


class WholeMetadata(MetadataAlone, frozen=True):
    generation: Int64 | None = None
    annotations: AppliedAnnotation | None = None
    managed_fields: Elements[ManagedFieldsEntry] | None = None


class PartialObjectMetadata(Wire, frozen=True):
    metadata: WholeMetadata


def object_rows(
    name: str, kind: str, api_version: str, found: PartialObjectMetadata, _: Scope
) -> Iterator[tables.Record]:
    """The row of an object.

    Args:
        name: the kind's plural and group.
    """
    metadata = found.metadata
    managers = {entry.manager for entry in metadata.managed_fields or () if entry.manager}
    applied = metadata.annotations.last_applied if metadata.annotations else None
    columns = object_columns(metadata) | {"namespace": metadata.namespace or None}
    yield tables.Object(
        **columns,
        resource=name,
        kind=kind,
        api_group=api_version.rpartition("/")[0],
        api_version=api_version,
        generation=metadata.generation,
        finalizers=tuple(metadata.finalizers or ()),
        field_managers=tuple(sorted(managers)),
        other_api_versions=found_in(metadata.managed_fields, applied, api_version),
        labels=key_values(metadata.labels),
    )


def name_of(plural: str, group: str) -> str:
    """What a kind is called in `objects`, in `collections` and in the configuration.

    >>> name_of("rollouts", "argoproj.io"), name_of("replicationcontrollers", "")
    ('rollouts.argoproj.io', 'replicationcontrollers')
    """
    return f"{plural}.{group}" if group else plural


def object_kind(plural: str, group: str, version: str, kind: str) -> Kind:
    """A kind of the discovery.

    Its objects may control pods if a program of somebody else's has defined it, or if it is the one built-in
    controller that has no table: pods then wait for its list.
    """
    name, api_version = name_of(plural, group), f"{group}/{version}" if group else version
    may_control = is_custom(group) or name == "replicationcontrollers"
    return Kind(
        name,
        f"/{'apis' if group else 'api'}/{api_version}/{plural}",
        PartialObjectMetadata,
        partial(object_rows, name, kind, api_version),
        controls=kind if may_control else None,
        metadata_only=True,
        permission="thirdPartyObjects" if is_custom(group) else None,
        object_kind=kind,
    )


def is_custom(group: str) -> bool:
    """Whether custom resources or an aggregated API have the group, and not Kubernetes itself.

    >>> [is_custom(group) for group in ("", "apps", "coordination.k8s.io", "sparkoperator.k8s.io", "argoproj.io")]
    [False, False, False, True, True]
    """
    return group.removesuffix(".k8s.io") not in _OF_KUBERNETES


# https://kubernetes.io/docs/reference/kubernetes-api/, and those that only API servers use among themselves
_OF_KUBERNETES = frozenset(
    {
        "", "admissionregistration", "apiextensions", "apiregistration", "apps", "authentication", "authorization",
        "autoscaling", "batch", "certificates", "coordination", "discovery", "events", "extensions",
        "flowcontrol.apiserver", "internal.apiserver", "networking", "node", "policy", "rbac.authorization",
        "resource", "scheduling", "storage", "storagemigration",
    }
)  # fmt: skip
