"""Objects of kinds that API servers name in their discovery, by their metadata."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.api_versions import LAST_APPLIED, found_in
from job.kinds.parts.metadata import has_object, key_values, object_columns
from job.kinds.parts.metadata_only import MetadataAlone
from job.kinds.parts.scope import Scope
from job.wire.meta import NOT_DECODABLE, Elements, Int64, ManagedFieldsEntry, Wire


class AppliedAnnotation(Wire, frozen=True):
    """The one annotation that is read, for its `apiVersion`."""

    last_applied: str | None = msgspec.field(name=LAST_APPLIED, default=None)


class WholeMetadata(MetadataAlone, frozen=True):
    generation: Int64 | None = None
    annotations: AppliedAnnotation | None = None
    managed_fields: Elements[ManagedFieldsEntry] | None = None


class PartialObjectMetadata(Wire, frozen=True):
    metadata: WholeMetadata


_NULL = msgspec.Raw(b"null")


class WholeObject(PartialObjectMetadata, frozen=True):
    """An object of which columns of the configuration have some fields. The others are skipped, not decoded."""

    spec: msgspec.Raw = _NULL
    status: msgspec.Raw = _NULL


def object_rows(
    name: str, kind: str, api_version: str, paths: tuple[str, ...], found: PartialObjectMetadata, _: Scope
) -> Iterator[tables.Record]:
    """The row of an object.

    Args:
        name: the kind's plural and group.
        paths: of a `WholeObject`, the fields that columns have.
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
        fields=tuple(_fields(found, paths)) if isinstance(found, WholeObject) else (),
    )


def _fields(found: WholeObject, paths: tuple[str, ...]) -> Iterator[tables.KeyValue]:
    """The fields that have a value which is no object, no list and no long text."""
    for path in paths:
        first, *names = path.split(".")
        text = scalar(found.spec if first == "spec" else found.status, names)
        if text is not None:
            yield tables.KeyValue(key=path, value=text)


def scalar(raw: msgspec.Raw, names: list[str]) -> str | None:
    """The value below an object, by the names of fields: a text, or a number or a truth value as JSON writes it.

    None if it is absent, null, an object or a list, and for a text that is long, or has an object or a key in it.

    >>> scalar(msgspec.Raw(b'{"a": {"b": 1.50, "c": [1]}}'), ["a", "b"])
    '1.50'
    >>> scalar(msgspec.Raw(b'{"a": {"b": 1.50, "c": [1]}}'), ["a", "c"])
    """
    try:
        for name in names:
            raw = _MEMBERS.decode(raw).get(name, _NULL)
        written = bytes(raw).decode()
        if written == "null" or written[:1] in ("{", "["):
            return None
        text = _TEXT.decode(raw) if written[:1] == '"' else written
    except NOT_DECODABLE:
        return None
    return None if len(text) > _MAX_LENGTH or has_object(text) else text


_MAX_LENGTH = 1000
_MEMBERS, _TEXT = msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(str)


def name_of(plural: str, group: str) -> str:
    """What a kind is called in `objects`, in `collections` and in the configuration.

    >>> name_of("rollouts", "argoproj.io"), name_of("replicationcontrollers", "")
    ('rollouts.argoproj.io', 'replicationcontrollers')
    """
    return f"{plural}.{group}" if group else plural


def object_kind(plural: str, group: str, version: str, kind: str, paths: tuple[str, ...] = ()) -> Kind:
    """A kind of the discovery.

    Its objects may control pods if a program of somebody else's has defined it, or if it is the one built-in
    controller that has no table: pods then wait for its list.

    Args:
        paths: fields that columns have. Only objects of custom resources are read whole for them.
    """
    name, api_version = name_of(plural, group), f"{group}/{version}" if group else version
    is_whole = bool(paths) and is_custom(group)
    may_control = is_custom(group) or name == "replicationcontrollers"
    return Kind(
        name,
        f"/{'apis' if group else 'api'}/{api_version}/{plural}",
        WholeObject if is_whole else PartialObjectMetadata,
        partial(object_rows, name, kind, api_version, paths),
        controls=kind if may_control else None,
        metadata_only=not is_whole,
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
