"""What the product declares, as lists for tests: a new kind or table breaks no test that is not about it."""

from __future__ import annotations

from job.kinds import KINDS
from job.tables import TABLES

LEDGER = ("runs", "snapshots", "collections")
"""The tables of what a run did."""
OBJECT_TABLES = tuple(table for table in TABLES if table not in LEDGER)
"""The tables of what a run read."""
UID_TABLES = tuple(table for table in OBJECT_TABLES if "uid" in TABLES[table].__struct_fields__)
"""Those with one row for each object."""
OWN_TABLES = tuple(table for table in UID_TABLES if TABLES[table].read_from == table)
"""Those with one row for each object of the kind that they are named for."""
WORKLOAD_KINDS = tuple(kind.resource for kind in KINDS if kind.controls and kind.resource != "replicasets")
"""The kinds of which each object is a row of `workloads`; only some pods and ReplicaSets are."""
