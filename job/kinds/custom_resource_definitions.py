"""CustomResourceDefinitions (`apiextensions.k8s.io/v1`), without their schemas: one may have a megabyte."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, condition_holds, key_values
from job.kinds.parts.scope import Scope
from job.wire.meta import Condition, Elements, ObjectMeta, Wire


class CustomResourceDefinitionNames(Wire, frozen=True):
    kind: str | None = None
    plural: str | None = None


class CustomResourceDefinitionVersion(Wire, frozen=True):
    name: str
    served: bool | None = None
    storage: bool | None = None
    deprecated: bool | None = None


class CustomResourceConversion(Wire, frozen=True):
    strategy: str | None = None


class CustomResourceDefinitionSpec(Wire, frozen=True):
    group: str | None = None
    names: CustomResourceDefinitionNames | None = None
    scope: str | None = None
    versions: Elements[CustomResourceDefinitionVersion] | None = None
    conversion: CustomResourceConversion | None = None


class CustomResourceDefinitionStatus(Wire, frozen=True):
    conditions: Elements[Condition] | None = None
    stored_versions: Elements[str] | None = None


class CustomResourceDefinition(Wire, frozen=True):
    metadata: ObjectMeta
    spec: CustomResourceDefinitionSpec | None = None
    status: CustomResourceDefinitionStatus | None = None


def definition_rows(definition: CustomResourceDefinition, scope: Scope) -> Iterator[tables.Record]:
    """The definition's row."""
    metadata, spec = definition.metadata, definition.spec or CustomResourceDefinitionSpec()
    names = spec.names or CustomResourceDefinitionNames()
    status = definition.status or CustomResourceDefinitionStatus()
    yield tables.CustomResourceDefinition(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        api_group=spec.group or None,
        kind=names.kind or None,
        plural=names.plural or None,
        scope=spec.scope or None,
        versions=tuple(_version(version) for version in spec.versions or ()),
        stored_versions=tuple(status.stored_versions or ()),
        conversion_strategy=(spec.conversion and spec.conversion.strategy) or None,
        established=condition_holds(status.conditions, "Established"),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _version(version: CustomResourceDefinitionVersion) -> tables.DefinedVersion:
    return tables.DefinedVersion(
        name=version.name,
        served=bool(version.served),
        storage=bool(version.storage),
        deprecated=bool(version.deprecated),
    )


KIND = Kind(
    "customresourcedefinitions",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    CustomResourceDefinition,
    definition_rows,
)
