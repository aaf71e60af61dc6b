"""CustomResourceDefinitions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Part, Record


class DefinedVersion(Part, frozen=True, kw_only=True):
    """A version of a custom resource."""

    name: Annotated[str, "`v1`, `v1beta1`, ..."]
    served: Annotated[bool, "Whether the API server serves the version."]
    storage: Annotated[bool, "Whether objects are stored in this version when they are written."]
    deprecated: Annotated[bool, "Whether the API server warns of the version."]


class CustomResourceDefinition(Record, frozen=True, kw_only=True):
    """A CustomResourceDefinition."""

    table = "custom_resource_definitions"
    description = "A CustomResourceDefinition: its names, its versions and in which of them objects are stored."
    read_from = "customresourcedefinitions"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name: `rollouts.argoproj.io`."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the definition was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    api_group: Annotated[str | None, "API group: `argoproj.io`."] = None
    kind: Annotated[str | None, "Kind: `Rollout`."] = None
    plural: Annotated[str | None, "Plural name in URLs: `rollouts`."] = None
    scope: Annotated[str | None, "`Namespaced` or `Cluster`."] = None
    versions: Annotated[tuple[DefinedVersion, ...], "Its versions, without their schemas."] = ()
    stored_versions: Annotated[
        tuple[str, ...],
        "Versions in which objects may be stored, now or since before. None of them may be removed from `versions`.",
    ] = ()
    conversion_strategy: Annotated[
        str | None, "How objects become another version: `None` changes only `apiVersion`, `Webhook` asks a webhook."
    ] = None
    established: Annotated[bool | None, "Whether the API server accepts such objects; NULL if it does not say."] = None
    labels: Annotated[tuple[KeyValue, ...], "Labels of the definition."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
