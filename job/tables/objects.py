"""Objects of the kinds that `objects` in the configuration chooses, by their metadata."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, OtherApiVersions, Record

OBJECTS = "objects"
"""In `collections.resource`, the discovery of the kinds."""


class Object(Record, frozen=True, kw_only=True):
    """An object of any kind."""

    table = "objects"
    description = (
        "An object of a kind that `objects` in the configuration chooses, such as a custom resource: its metadata, "
        "and the fields that `objects.columns` names. Nothing else of its specification and its status is decoded, and "
        "no annotations. Kinds with a table of their own have no rows here."
    )
    read_from = "*"
    shared_by = (OBJECTS,)
    clustering = ("project_id", "cluster", "resource", "name")
    primary_key = ("snapshot_id", "resource", "name", "uid")

    resource: Annotated[
        str,
        "The kind's plural and its API group, as in `collections`: `rollouts.argoproj.io`; without a group "
        "`replicationcontrollers`.",
    ]
    kind: Annotated[str, "Kind: `Rollout`."]
    api_group: Annotated[str, "API group: `argoproj.io`; empty for the core group."]
    api_version: Annotated[
        str,
        "apiVersion in which it was read, of those that the server serves the preferred one: `argoproj.io/v1alpha1`.",
    ]
    namespace: Annotated[str | None, "Namespace of the object; NULL if it is in none."] = None
    name: Annotated[str, "Name of the object."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the object was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    generation: Annotated[int | None, "Generation of the specification; NULL for kinds that have none."] = None
    owner_kind: Annotated[str | None, "Kind of the controller, such as another custom resource; NULL without one."] = (
        None
    )
    owner_api_version: Annotated[str | None, "apiVersion of the controller."] = None
    owner_name: Annotated[str | None, "Name of the controller."] = None
    owner_uid: Annotated[str | None, "UID of the controller."] = None
    finalizers: Annotated[tuple[str, ...], "Names of its finalizers, which hold up its deletion."] = ()
    field_managers: Annotated[
        tuple[str, ...],
        "Names of the programs that manage its fields, in alphabetical order: `helm`, `argocd-controller`, "
        "`kubectl-edit`, ... What they manage is not read.",
    ] = ()
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the object."] = ()
    fields: Annotated[
        tuple[KeyValue, ...],
        "Fields that `objects.columns` in the configuration names, which the view also has as columns: path and value, "
        "a text, or a number or a truth value as JSON writes it.",
    ] = ()
