"""StorageClasses (`storage.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.kinds.parts.storage import ZONE_KEYS, allowed_values
from job.wire.meta import Elements, ObjectMeta, Wire
from job.wire.node_selector import NodeSelectorRequirement, NodeSelectorTerm


class TopologySelectorLabelRequirement(Wire, frozen=True):
    key: str
    values: Elements[str]


class TopologySelectorTerm(Wire, frozen=True):
    match_label_expressions: Elements[TopologySelectorLabelRequirement] | None = None


class StorageClass(Wire, frozen=True):
    metadata: ObjectMeta
    provisioner: str | None = None
    # values may be secret, so they are never decoded
    parameters: Annotated[dict[str, msgspec.Raw], msgspec.Meta(max_length=10_000)] | None = None
    reclaim_policy: str | None = None
    volume_binding_mode: str | None = None
    allow_volume_expansion: bool | None = None
    allowed_topologies: Elements[TopologySelectorTerm] | None = None


def class_rows(found: StorageClass, scope: Scope) -> Iterator[tables.Record]:
    """The class's row."""
    metadata, annotations = found.metadata, found.metadata.annotations or {}
    yield tables.StorageClass(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        provisioner=found.provisioner or None,
        default_class=any(annotations.get(key) == "true" for key in _DEFAULT),
        reclaim_policy=found.reclaim_policy or None,
        volume_binding_mode=found.volume_binding_mode or None,
        allow_volume_expansion=bool(found.allow_volume_expansion),
        parameter_names=tuple(sorted(found.parameters or ())),
        zones=allowed_values(map(_as_node_selector, found.allowed_topologies or ()), ZONE_KEYS),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


# https://github.com/kubernetes/component-helpers/blob/master/storage/volume/helpers.go
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _as_node_selector(term: TopologySelectorTerm) -> NodeSelectorTerm:
    expressions = term.match_label_expressions or ()
    return NodeSelectorTerm([NodeSelectorRequirement(one.key, "In", one.values) for one in expressions])


KIND = Kind("storageclasses", "/apis/storage.k8s.io/v1/storageclasses", StorageClass, class_rows)
