"""From an object's JSON to its rows as the spool writes them."""

from __future__ import annotations

from typing import Any

import msgspec

from job.kinds import KINDS, Kind
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.tables import Record

KIND = {kind.resource: kind for kind in KINDS}
METADATA = {"name": "w", "namespace": "n", "uid": "u"}

Rows = dict[str, list[dict[str, Any]]]
"""Table -> its rows."""


def records(kind: Kind, item: dict[str, Any], *, allow: tuple[str, ...] = ()) -> list[Record]:
    """The records of an object, by way of the JSON that an API server would send."""
    decoded = msgspec.json.decode(msgspec.json.encode(item), type=kind.item)
    return list(kind.rows(decoded, Scope(Owners(), allow)))


def as_spooled(found: list[Record]) -> Rows:
    """The rows without the columns that are absent."""
    tables: Rows = {}
    for row in found:
        tables.setdefault(row.table, []).append(msgspec.json.decode(msgspec.json.encode(row)))
    return tables


def rows(resource: str, *, allow: tuple[str, ...] = (), **item: Any) -> Rows:
    """The rows of an object; `metadata` adds to a name, a namespace and a uid."""
    metadata = METADATA | item.pop("metadata", {})
    return as_spooled(records(KIND[resource], {"metadata": metadata, **item}, allow=allow))


def workload(resource: str, *columns: str, **item: Any) -> dict[str, Any]:
    """Those of the columns of the workload's row that are not NULL."""
    (row,) = rows(resource, **item)["workloads"]
    return {column: row[column] for column in columns if column in row}
