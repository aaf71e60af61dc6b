"""What the product declares, as lists for tests: a new kind or table breaks no test that is not about it."""

from __future__ import annotations

import pytest

from job.kinds import KINDS, RESOURCES
from job.tables import TABLES, Object, WarningEvent
from job.views import View, views

EVERY_KIND = dict.fromkeys(RESOURCES, True)
"""The setting `kinds` of a run that collects also those that are off by default."""
_FEW = ("gateways", "limitranges", "clusterroles", "validatingwebhookconfigurations", "secrets")
SOME_KINDS = {
    kind.resource: bool(kind.controls or kind.waits or kind.place)
    or kind.resource in ("namespaces", "services", "pods", *_FEW)
    for kind in KINDS
}
"""The setting `kinds` with the large ones and one of each form: a run of each of many faults, or a history, costs
less."""
METADATA_ONLY = frozenset(kind.resource for kind in KINDS if kind.metadata_only)
"""The kinds of which only metadata is requested."""
LEDGER = ("runs", "snapshots", "collections")
"""The tables of what a run did."""
OBJECT_TABLES = tuple(table for table in TABLES if table not in LEDGER)
"""The tables of what a run read."""
UID_TABLES = tuple(
    table
    for table in OBJECT_TABLES
    if "uid" in TABLES[table].__struct_fields__
    and table != Object.table
    and set(TABLES[table].primary_key) <= {"snapshot_id", "resource", "namespace", "name", "uid"}
)
"""Those with one row for each object, of kinds that runs read by default."""
OWN_TABLES = {table: read_from for table in UID_TABLES if (read_from := TABLES[table].read_from) not in (None, "*")}
"""Those with one row for each object of one kind -> its resource."""
FLAT_RESOURCES = frozenset(
    resource
    for table in OBJECT_TABLES
    if "uid" in TABLES[table].__struct_fields__ and table not in UID_TABLES
    for resource in (TABLES[table].shared_by or (TABLES[table].read_from,))
) | {WarningEvent.read_from}
"""The kinds whose objects have a row for each of their elements, and none without any; or one for several objects."""
WORKLOAD_KINDS = tuple(kind.resource for kind in KINDS if kind.controls and kind.resource != "replicasets")
"""The kinds of which each object is a row of `workloads`; only some pods and ReplicaSets are."""

_ONE_OF_EACH = ("clusters", "pods", "roles", "secrets", "upgrade_info")
"""Tables whose views are made from the four templates, in each of the forms that a table has."""


def is_like_another(view: View) -> bool:
    """Whether a template makes the view, and others like it are enough to try what holds for all of them."""
    table = view.name.removesuffix("_history")
    return table in OBJECT_TABLES and table not in _ONE_OF_EACH


EACH_VIEW = [
    pytest.param(view, id=view.name, marks=[pytest.mark.exhaustive] if is_like_another(view) else [])
    for view in views()
]
"""A parameter for each view; of many that a template makes, some run always and the others weekly."""
