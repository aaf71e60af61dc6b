"""What is missing from the warehouse where something cannot be read: tables, and the views that read them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from job.kinds import KINDS
from job.kinds.kind import Kind
from job.tables import LEDGER, OBJECTS, TABLES, Cluster, NodePool, Upgrade, UpgradeInfo, raw
from job.views import views

_STAYS = "are those of the last reading, if there was one; `coverage` says how old they are"
_OF_THE_GKE_API = (Cluster.table, NodePool.table, UpgradeInfo.table, Upgrade.table)
_SHARED = [table for table in TABLES if TABLES[table].read_from == "*" and not TABLES[table].shared_by]


def cost_of_kinds(kinds: Iterable[Kind], where: str) -> list[str]:
    """What a run lacks where it cannot list these kinds.

    Args:
        where: such as `of shop-prod/europe-west1/web`.
    """
    found = list(kinds)
    if {kind.resource for kind in found} >= {kind.resource for kind in KINDS}:
        return cost_of_clusters(where, but=_OF_THE_GKE_API)
    tables = [table for table in TABLES if any(_is_of(table, kind) for kind in found)]
    shared = [kind.name for kind in found if _is_workload(kind)]
    costs = []
    if tables:
        costs.append(f"{_names(tables)}: the rows {where} {_STAYS}")
    if shared:
        costs.append(f"{_names(_SHARED)}: the {', '.join(shared)} rows {where} are missing or old")
        tables += _SHARED
    if questions := _questions(frozenset(tables)):
        costs.append(f"the same holds for the views {_names(questions)}")
    return costs


def tables_of(kind: Kind) -> list[str]:
    """The tables that have rows of a kind."""
    return [table for table in TABLES if _is_of(table, kind)] + (_SHARED if _is_workload(kind) else [])


def _is_of(table: str, kind: Kind) -> bool:
    """Whether all objects of the kind have rows in the table."""
    resource = OBJECTS if kind.object_kind else kind.resource
    return resource in (TABLES[table].read_from, *TABLES[table].shared_by)


def _is_workload(kind: Kind) -> bool:
    """Whether its objects are rows of tables that several kinds share, all of them or those without a controller."""
    return (kind.controls is not None or kind.name == "Pod") and not kind.object_kind


def cost_of_clusters(where: str, *, but: Iterable[str] = ()) -> list[str]:
    """What a run lacks where it cannot read clusters at all.

    Args:
        but: tables that it has nevertheless.
    """
    tables = [table for table in TABLES if table not in (*LEDGER, *but)]
    return [f"{_names(tables)}, and the views that read them: the rows {where} {_STAYS}"]


def cost_of_upgrade_info(where: str) -> list[str]:
    """What a run lacks where the GKE API does not say it of a cluster's upgrades."""
    tables = (UpgradeInfo.table, Upgrade.table)
    return [f"{_names((*tables, *_questions(frozenset(tables))))}: the rows {where} {_STAYS}"]


@cache
def _questions(tables: frozenset[str]) -> list[str]:
    """The views of questions that read one of these tables, directly or not."""
    reached, questions = {name for table in tables for name in (table, raw(table), f"raw_recent_{table}")}, []
    for view in views():  # each after those that it reads
        if view.name not in TABLES and reached & set(view.reads):
            reached.add(view.name)
            if not view.name.endswith("_history"):
                questions.append(view.name)
    return sorted(questions)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
