"""What a query reads and bills: the columns of each table, from DuckDB's query plan, and the partitions.

`pruning` finds the filters by which partitions are excluded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from job.simulator.bigquery import partitions, relations
from job.simulator.bigquery.errors import ApiError, invalid_query
from job.simulator.bigquery.predicates import Predicate, matcher
from job.simulator.bigquery.schema import Field
from job.simulator.bigquery.storage import Resource, Storage

_MIN_BILLED = 10 << 20  # bytes, for each table
# optimizers that drop filters which the current rows do not need, or add filters that the query does not have
_OFF = "statistics_propagation,join_filter_pushdown,empty_result_pullup,compressed_materialization"


class Scan(NamedTuple):
    """One scan of a table."""

    table: str
    """`project:dataset.table`."""
    columns: frozenset[str]


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
        yield Scan(found["id"], frozenset(fields & (named | words)))
    for child in node.get("children", ()):
        yield from _scans(storage, child, above)


def _table(storage: Storage, name: str) -> Resource | None:
    """The table for a name in a plan, `memory.main.t7`; None for views of the information schema."""
    return storage.tables.get(storage.duckdb.id_of(name.rpartition(".")[2].strip('"')) or "")


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def check_filters(storage: Storage, filtered: Iterable[relations.Scan]) -> None:
    """Refuses a query without a filter on a table that requires a partition filter.

    Raises:
        ApiError: the filter is missing; the message names the table.
    """
    for scan in filtered:
        table = storage.tables[scan.table]
        if partitions.needs_filter(table) and not scan.filters:
            name = scan.table.replace(":", ".")
            raise invalid_query(
                f"Cannot query over table '{name}' without a filter over column(s) '{partitions.column(table)}' that "
                "can be used for partition elimination"
            )


def bytes_processed(storage: Storage, found: list[Scan], filtered: Iterable[relations.Scan], now: int) -> int:
    """The size of all columns that are read, in the partitions that no filter excludes.

    A statement reads each table once: all columns that any of its scans reads, in all partitions that any of them
    reads. Clustering reduces nothing, because BigQuery's own number before a query runs is the same upper bound.

    Args:
        found: the scans of DuckDB's plan.
        filtered: the scans of partitioned tables, with their filters.
        now: the current time, in microseconds since 1970.
    """
    columns: dict[str, set[str]] = {}
    for scan in found:
        columns.setdefault(scan.table, set()).update(scan.columns)
    filters: dict[str, list[tuple[Predicate, ...]]] = {}
    for one in filtered:
        filters.setdefault(one.table, []).append(one.filters)
    total = 0
    for name, read in columns.items():
        table = storage.tables[name]
        fields = [field for field in table["schema"]["fields"] if field["name"].lower() in read]
        total += _size(storage, table, fields, filters.get(name, []), now)
    return total


def _size(
    storage: Storage, table: Resource, fields: list[Field], filters: list[tuple[Predicate, ...]], now: int
) -> int:
    """The size of columns in the partitions that meet all filters of one of the scans."""
    if not fields or not all(filters) or not filters:
        return storage.size(table, fields)[1]
    tests = [[matcher(predicate, now) for predicate in scan] for scan in dict.fromkeys(filters)]
    total = 0
    for start, size in storage.partition_sizes(table, fields).items():
        span = partitions.span(table, start)
        if any(all(matches(span) for matches in scan) for scan in tests):
            total += size
    return total


def bytes_billed(processed: int, found: list[Scan]) -> int:
    """Bytes rounded up to whole megabytes, at least ten for each table."""
    tables = len({scan.table for scan in found})
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
