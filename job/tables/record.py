"""What a table is: a frozen record class whose fields are its columns."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One row, without its key: the spool puts the `Key` of the snapshot in front of it.

    Each field is annotated with its description. `str` is a REQUIRED column, `str | None` a NULLABLE one and
    `tuple[X, ...]` a REPEATED one. Absent is None and is left out of the encoded row: never 0, never "".
    """

    table: ClassVar[str]
    description: ClassVar[str]
    read_from: ClassVar[str | None] = None
    """The one API resource that rows are read from, `"*"` where the row's own `resource` column says it, None for
    what every snapshot has, whatever could be read."""
    clustering: ClassVar[tuple[str, ...]] = ("project_id", "cluster")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """The columns that open every table."""

    snapshot_id: Annotated[
        str,
        "The snapshot this row belongs to; a row counts only when `snapshots` (for `runs`: its run) has it.",
    ]
    snapshot_time: Annotated[datetime, "When the run began, the same for all of its rows; the partitioning column."]
    project_id: Annotated[str | None, "Project of the cluster; NULL in `runs`."] = None
    location: Annotated[str | None, "Region or zone of the cluster; `-` where a row is about all of a project's."] = (
        None
    )
    cluster: Annotated[str | None, "Name of the cluster; NULL where a row is about a project or a run."] = None


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A record inside a column."""


class KeyValue(Part, frozen=True, kw_only=True):
    """A label, a selector's term or an annotation; a repeated record, as BigQuery's billing export has labels."""

    key: Annotated[str, "The key."]
    value: Annotated[str, "The value; may be empty."]


class ResourceQuantity(Part, frozen=True, kw_only=True):
    """An amount of one resource as the API wrote it."""

    resource: Annotated[str, "Resource name: `cpu`, `memory`, `nvidia.com/gpu`, ..."]
    quantity: Annotated[str, "The quantity as written: `100m`, `1Gi`."]


class Condition(Part, frozen=True, kw_only=True):
    """A status condition; its message is left out, since programs write what they like in it."""

    type: Annotated[str, "Condition type: `Ready`, `Available`, `MemoryPressure`, ..."]
    status: Annotated[str, "`True`, `False` or `Unknown`."]
    reason: Annotated[str | None, "The machine-readable reason."] = None
    last_transition_at: Annotated[datetime | None, "When the status last changed."] = None


class Taint(Part, frozen=True, kw_only=True):
    """A node's taint."""

    key: Annotated[str, "The taint's key."]
    value: Annotated[str | None, "The taint's value."] = None
    effect: Annotated[str | None, "`NoSchedule`, `PreferNoSchedule` or `NoExecute`."] = None


class Toleration(Part, frozen=True, kw_only=True):
    """A pod's toleration."""

    key: Annotated[str | None, "The taint key tolerated; NULL with `Exists` tolerates every taint."] = None
    operator: Annotated[str | None, "`Exists` or `Equal`."] = None
    value: Annotated[str | None, "The taint value tolerated."] = None
    effect: Annotated[str | None, "The effect tolerated; NULL is every effect."] = None
    toleration_seconds: Annotated[int | None, "How long a `NoExecute` taint is tolerated, in seconds."] = None


class Port(Part, frozen=True, kw_only=True):
    """A port that a container declares."""

    name: Annotated[str | None, "The port's name."] = None
    container_port: Annotated[int, "The port in the container."]
    protocol: Annotated[str | None, "`TCP`, `UDP` or `SCTP`."] = None
    host_port: Annotated[int | None, "The port on the node, where one is claimed."] = None
