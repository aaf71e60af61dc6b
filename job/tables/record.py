"""What a table is: a frozen record class whose fields are its columns."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One row without its key. The spool adds the `Key` of the snapshot.

    Each field is annotated with its description. `str` is a REQUIRED column, `str | None` a NULLABLE one and
    `tuple[X, ...]` a REPEATED one. An absent value is None, never 0 or "", and the encoded row omits it.
    """

    table: ClassVar[str]
    description: ClassVar[str]
    read_from: ClassVar[str | None] = None
    """The API resource that the rows are read from. `"*"` if each row says so in its column `resource`. None if every
    snapshot has the rows, whatever could be read."""
    shared_by: ClassVar[tuple[str, ...]] = ()
    """With `"*"`, the resources whose objects have rows; none for those of workloads, which the kinds declare."""
    clustering: ClassVar[tuple[str, ...]] = ("project_id", "cluster")
    primary_key: ClassVar[tuple[str, ...]] = ()
    """The columns whose values no two rows share, declared to BigQuery, which plans queries by it and enforces nothing.

    So it must hold for all rows, also those of attempts that never committed: each attempt has its own `snapshot_id`.
    Names are part of it besides UIDs: a list in order is known to have no name twice, any other no UID twice, and users
    write the UIDs of owners. Rows of `collections` have no key without columns that may be NULL.

    No foreign key holds for all rows: load jobs of a commit run side by side, and `prune` deletes snapshots first, so
    rows may have no snapshot. BigQuery drops a join along a declared key, and with it what hides such rows.
    """


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """The first columns of every table."""

    snapshot_id: Annotated[
        str,
        "The snapshot of the row. A row counts only if `snapshots` has its snapshot (for `runs`: its run).",
    ]
    snapshot_time: Annotated[datetime, "When the run started, the same for all of its rows. The partitioning column."]
    project_id: Annotated[
        str | None,
        "Project of the cluster; `folders/NUMBER` or `organizations/NUMBER` in the row of their list of projects; NULL "
        "in `runs`.",
    ] = None
    location: Annotated[
        str | None, "Region or zone of the cluster; `-` in the row of the list of a project or a folder."
    ] = None
    cluster: Annotated[str | None, "Name of the cluster; NULL in rows about a project or a run."] = None


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A record inside a column."""


class KeyValue(Part, frozen=True, kw_only=True):
    """A label, a selector term or an annotation, in the form of the labels in BigQuery's billing export."""

    key: Annotated[str, "Key."]
    value: Annotated[str, "Value; may be empty."]


class SelectorExpression(Part, frozen=True, kw_only=True):
    """A term of `matchExpressions`. All terms of a selector must hold, and its labels."""

    key: Annotated[str, "Label key."]
    operator: Annotated[str, "`In`, `NotIn`, `Exists` or `DoesNotExist`."]
    values: Annotated[tuple[str, ...], "Values of `In` and `NotIn`."]


class ResourceQuantity(Part, frozen=True, kw_only=True):
    """A quantity of one resource, as the API wrote it."""

    resource: Annotated[str, "Resource name: `cpu`, `memory`, `nvidia.com/gpu`, ..."]
    quantity: Annotated[str, "Quantity as written: `100m`, `1Gi`."]


class Condition(Part, frozen=True, kw_only=True):
    """A status condition. Its message is left out: programs write anything into it."""

    type: Annotated[str, "Condition type: `Ready`, `Available`, `MemoryPressure`, ..."]
    status: Annotated[str, "`True`, `False` or `Unknown`."]
    reason: Annotated[str | None, "Machine-readable reason."] = None
    last_transition_at: Annotated[datetime | None, "When the status last changed."] = None


class Taint(Part, frozen=True, kw_only=True):
    """A taint of a node."""

    key: Annotated[str, "Key of the taint."]
    value: Annotated[str | None, "Value of the taint."] = None
    effect: Annotated[str | None, "`NoSchedule`, `PreferNoSchedule` or `NoExecute`."] = None


class Toleration(Part, frozen=True, kw_only=True):
    """A toleration of a pod."""

    key: Annotated[str | None, "Taint key that is tolerated; NULL with the operator `Exists` tolerates all."] = None
    operator: Annotated[str | None, "`Exists` or `Equal`."] = None
    value: Annotated[str | None, "Taint value that is tolerated."] = None
    effect: Annotated[str | None, "Taint effect that is tolerated; NULL tolerates all effects."] = None
    toleration_seconds: Annotated[int | None, "How long a `NoExecute` taint is tolerated, in seconds."] = None


class PodResourceClaim(Part, frozen=True, kw_only=True):
    """A claim of devices by a pod (dynamic resource allocation)."""

    name: Annotated[str, "Name in the pod, by which its containers ask for it."]
    resource_claim: Annotated[
        str | None, "Name of the ResourceClaim. NULL in a template that has a claim made for each pod."
    ] = None
    resource_claim_template: Annotated[str | None, "Name of the ResourceClaimTemplate; NULL if the claim is named."] = (
        None
    )


class Accelerator(Part, frozen=True, kw_only=True):
    """An amount of one resource that stands for accelerators."""

    resource: Annotated[str, "Resource name: `nvidia.com/gpu`, `nvidia.com/mig-1g.5gb`, `google.com/tpu`, ..."]
    count: Annotated[int, "How many."]


class NodeAccelerator(Part, frozen=True, kw_only=True):
    """The accelerators of one resource that a node has."""

    resource: Annotated[str, "Resource name: `nvidia.com/gpu`, `nvidia.com/mig-1g.5gb`, `google.com/tpu`, ..."]
    capacity: Annotated[int | None, "How many the Node has; NULL if the quantity is not valid."] = None
    allocatable: Annotated[int | None, "How many are available to pods; NULL if the quantity is not valid."] = None


class Port(Part, frozen=True, kw_only=True):
    """A port of a container."""

    name: Annotated[str | None, "Name of the port."] = None
    container_port: Annotated[int, "Port number in the container."]
    protocol: Annotated[str | None, "`TCP`, `UDP` or `SCTP`."] = None
    host_port: Annotated[int | None, "Port number on the node; NULL unless the container uses one."] = None


class OtherApiVersion(Part, frozen=True, kw_only=True):
    """An API version other than the one that an object is read in, in which somebody has written or applied it."""

    api_version: Annotated[str, "The API version: `batch/v1beta1`."]
    source: Annotated[
        str,
        "Where it stands: `managedFields`, or `last-applied` for the `apiVersion` in `kubectl apply`'s annotation, of "
        "which nothing else is kept.",
    ]
    field_manager: Annotated[
        str | None, "Who wrote it, by `managedFields`; NULL for `last-applied`, and for a name with unusual characters."
    ] = None
    operation: Annotated[str | None, "`Apply` or `Update`; NULL for `last-applied`."] = None
    written_at: Annotated[datetime | None, "When that was; NULL for `last-applied`."] = None


OtherApiVersions = Annotated[
    tuple[OtherApiVersion, ...],
    "API versions other than the one that it is read in, in which somebody has written or applied it: the first 20. "
    "Empty if `managedFields` and `kubectl apply`'s annotation name no other.",
]
"""The column `other_api_versions`."""
