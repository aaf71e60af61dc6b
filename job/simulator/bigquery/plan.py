"""What a query reads, from DuckDB's query plan: the columns of each table, and filters on partitions.

DuckDB pushes filters down through views and subqueries as BigQuery does. So its plan shows which filters would let
BigQuery prune partitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from job.simulator.bigquery import partitions
from job.simulator.bigquery.errors import ApiError, invalid_query
from job.simulator.bigquery.storage import Resource, Storage

_MIN_BILLED = 10 << 20  # bytes, for each table
# optimizers that drop filters which the current rows do not need, or add filters that the query does not have
_OFF = "statistics_propagation,join_filter_pushdown,empty_result_pullup,compressed_materialization"


class Scan(NamedTuple):
    """One scan of a table."""

    table: Resource
    columns: frozenset[str]
    filters: str


def scans(storage: Storage, sql: str) -> list[Scan]:
    """All table scans of a statement in DuckDB's SQL."""
    storage.duckdb.database.execute(f"SET disabled_optimizers = '{_OFF}'")
    try:
        plan = storage.duckdb.database.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()
    finally:
        storage.duckdb.database.execute("RESET disabled_optimizers")
    return [scan for node in json.loads(plan[0][1]) for scan in _scans(storage, node)]


def _scans(storage: Storage, node: dict[str, Any], above: str = "") -> Iterator[Scan]:
    """The scans below a node of the plan.

    Args:
        above: filters on the output of the node, which the scan does not apply itself.
    """
    extra = node.get("extra_info", {})
    if node.get("name", "").strip() == "FILTER":
        above = "\n".join([above, *_as_list(extra.get("Expression"))])
    elif node.get("name", "").strip() != "PROJECTION" and "Table" not in extra:
        above = ""
    if "Table" in extra and (found := _table(storage, str(extra["Table"]))) is not None:
        filters = "\n".join([*_as_list(extra.get("Filters")), above])
        named = {str(name).strip('"').lower() for name in _as_list(extra.get("Projections"))}
        words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", filters.lower())))
        fields = {field["name"].lower() for field in found["schema"]["fields"]}
        yield Scan(found, frozenset(fields & (named | words)), filters)
    for child in node.get("children", ()):
        yield from _scans(storage, child, above)


def _table(storage: Storage, name: str) -> Resource | None:
    """The table for a name in a plan, `memory.main.t7`; None for views of the information schema."""
    return storage.tables.get(storage.duckdb.id_of(name.rpartition(".")[2].strip('"')) or "")


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def check_filters(found: list[Scan]) -> None:
    """Refuses a query without a filter on a table that requires a partition filter.

    Raises:
        ApiError: the filter is missing; the message names the table.
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
    """True if the column, or its day, is compared with a constant, without an OR."""
    name, compared = re.escape(column), r"(?:=|<=?|>=?|IN|IS) ?\(?(?:'|TIMESTAMP|NOT NULL|NULL)"
    pattern = rf'(?i)(?:"?\b{name}"?|CAST\("?{name}"? AS DATE\)) {compared}'
    return any(re.search(pattern, line) and " OR " not in line for line in filters.splitlines())


def bytes_processed(storage: Storage, found: list[Scan]) -> int:
    """The size of all columns that are read: an upper bound, since BigQuery prunes partitions."""
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
    """Bytes rounded up to whole megabytes, at least ten for each table."""
    tables = len({scan.table["id"] for scan in found})
    return max(-(-processed // (1 << 20)) << 20, _MIN_BILLED * tables)


def check_billed(billed: int, maximum: str | None) -> None:
    """Refuses a query that bills more than its `maximumBytesBilled`.

    Raises:
        ApiError: it does; the message has the required number.
    """
    if maximum is not None and billed > int(maximum):
        raise ApiError(
            400,
            "bytesBilledLimitExceeded",
            f"Query exceeded limit for bytes billed: {maximum}. {billed} or higher required.",
        )
