"""What a table, view or query reads of partitioned tables, and which of its columns are their partitioning columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from job.simulator.bigquery import partitions
from job.simulator.bigquery.predicates import Floors, Predicate


class Scan(NamedTuple):
    """One scan of a partitioned table."""

    table: str
    """`project:dataset.table`."""
    filters: tuple[Predicate, ...]
    """Conditions on the partitioning column, all of which BigQuery applies when it chooses the partitions."""
    exposed: tuple[tuple[int, Floors], ...]
    """The relation's columns, by position, through which a filter reaches the partitioning column."""


class Relation(NamedTuple):
    """Rows with columns."""

    columns: tuple[str, ...] | None
    """In lower case; None if they are not known."""
    scans: tuple[Scan, ...]


UNKNOWN = Relation(None, ())


def of_table(table: dict[str, Any]) -> Relation:
    """The relation of a table's rows."""
    columns, by = tuple(field["name"].lower() for field in table["schema"]["fields"]), partitions.column(table)
    scan = () if by is None else (Scan(table["id"], (), ((columns.index(by.lower()), ()),)),)
    return Relation(columns, scan)


def hidden(relations: Iterable[Relation]) -> tuple[Scan, ...]:
    """Their scans; no filter outside reaches them."""
    return tuple(dict.fromkeys(scan._replace(exposed=()) for relation in relations for scan in relation.scans))


def distinct(scans: Iterable[Scan]) -> tuple[Scan, ...]:
    """The scans without those that change nothing: views that read views repeat them hundreds of times."""
    found = dict.fromkeys(scans)
    whole = {scan.table for scan in found if not scan.filters and not scan.exposed}
    return tuple(scan for scan in found if scan.table not in whole or not (scan.filters or scan.exposed))
