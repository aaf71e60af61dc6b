"""What a query reads, by DuckDB's plan of it: the columns of each table, and whether it filters on a partition.

DuckDB pushes filters down through views and subqueries as BigQuery does, so its plan tells which of them would let
BigQuery leave partitions out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from job.simulator.bigquery import partitions
from job.simulator.bigquery.errors import ApiError, invalid_query
from job.simulator.bigquery.storage import Resource, Storage

_LEAST_BILLED = 10 << 20  # bytes, for each table that is read
# those that would take a filter away that these rows do not need, or add one that the query does not have
_OFF = "statistics_propagation,join_filter_pushdown,empty_result_pullup,compressed_materialization"


class Scan(NamedTuple):
    """One reading of a table."""

    table: Resource
    columns: frozenset[str]
    filters: str


def scans(storage: Storage, sql: str) -> list[Scan]:
    """All readings of tables in a statement of DuckDB's."""
    storage.heap.database.execute(f"SET disabled_optimizers = '{_OFF}'")
    try:
        told = storage.heap.database.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()
    finally:
        storage.heap.database.execute("RESET disabled_optimizers")
    return [scan for node in json.loads(told[0][1]) for scan in _scans(storage, node)]


def _scans(storage: Storage, node: dict[str, Any], above: str = "") -> Iterator[Scan]:
    """The scans beneath a node of the plan.

    Args:
        above: the filters on what the node gives, which the scan does not do itself.
    """
    told = node.get("extra_info", {})
    if node.get("name", "").strip() == "FILTER":
        above = "\n".join([above, *_listed(told.get("Expression"))])
    elif node.get("name", "").strip() != "PROJECTION" and "Table" not in told:
        above = ""
    if "Table" in told and (found := _table(storage, str(told["Table"]))) is not None:
        filters = "\n".join([*_listed(told.get("Filters")), above])
        named = {str(name).strip('"').lower() for name in _listed(told.get("Projections"))}
        words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", filters.lower())))
        fields = {field["name"].lower() for field in found["schema"]["fields"]}
        yield Scan(found, frozenset(fields & (named | words)), filters)
    for child in node.get("children", ()):
        yield from _scans(storage, child, above)


def _table(storage: Storage, name: str) -> Resource | None:
    """The table for the name in a plan, `memory.main.t7`; none for a table of the information schema."""
    return storage.tables.get(storage.heap.id_of(name.rpartition(".")[2].strip('"')) or "")


def _listed(told: Any) -> list[str]:
    return told if isinstance(told, list) else [told] if told else []


def check_filters(found: list[Scan]) -> None:
    """Refuses a query that reads a table which needs a filter on its partitions, and has none.

    Raises:
        ApiError: it names the table.
    """
    for scan in found:
        column = partitions.column(scan.table)
        if column is None or not partitions.needs_filter(scan.table):
            continue
        if not _filters_on(column, scan.filters):
            name = scan.table["id"].replace(":", ".")
            raise invalid_query(
                f"Cannot query over table '{name}' without a filter over column(s) '{column}' that can be used for "
                "partition elimination"
            )


def _filters_on(column: str, filters: str) -> bool:
    """Whether the column, or the day of it, is compared with a constant, and no other column would do instead."""
    name, compared = re.escape(column), r"(?:=|<=?|>=?|IN|IS) ?\(?(?:'|TIMESTAMP|NOT NULL|NULL)"
    pattern = rf'(?i)(?:"?\b{name}"?|CAST\("?{name}"? AS DATE\)) {compared}'
    return any(re.search(pattern, line) and " OR " not in line for line in filters.splitlines())


def bytes_processed(storage: Storage, found: list[Scan]) -> int:
    """The size of the columns that are read: the most that BigQuery would read, which leaves partitions out."""
    columns: dict[str, set[str]] = {}
    for scan in found:
        columns.setdefault(scan.table["id"], set()).update(scan.columns)
    total = 0
    for scan in {scan.table["id"]: scan for scan in found}.values():
        names = columns[scan.table["id"]]
        fields = [field for field in scan.table["schema"]["fields"] if field["name"].lower() in names]
        total += storage.size(scan.table, fields)[1]
    return total


def bytes_billed(processed: int, found: list[Scan]) -> int:
    """Whole megabytes, and at least ten for each table."""
    tables = len({scan.table["id"] for scan in found})
    return max(-(-processed // (1 << 20)) << 20, _LEAST_BILLED * tables)


def check_billed(billed: int, most: str | None) -> None:
    """Refuses a query that costs more than its `maximumBytesBilled`.

    Raises:
        ApiError: it says how much that is.
    """
    if most is not None and billed > int(most):
        raise ApiError(
            400,
            "bytesBilledLimitExceeded",
            f"Query exceeded limit for bytes billed: {most}. {billed} or higher required.",
        )
