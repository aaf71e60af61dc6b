"""Rows into tables, in as little memory as will do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from job.errors import SinkError
from job.schema import columns, duckdb_type
from job.sinks.duckdb.marks import literal
from job.tables import raw

if TYPE_CHECKING:
    import duckdb


class Budget(NamedTuple):
    """The memory that a transaction may use."""

    megabytes: int | None
    """For one thread; each further one adds half as much. None is four fifths of the machine's."""
    largest_row: int
    """Bytes of JSON. DuckDB allocates twice as much; less than 16 MiB means 16 MiB."""

    def limit(self, threads: int) -> int | None:
        """Megabytes for so many threads."""
        return None if self.megabytes is None else self.megabytes * (3 * threads - 1) // 2


BUDGETS = (Budget(80, 16 << 20), Budget(200, 16 << 20), Budget(None, 64 << 20))
"""Tried in this order."""


def use(connection: duckdb.DuckDBPyConnection, budget: Budget, threads: int) -> None:
    """Sets up a connection to stay within the budget."""
    connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
    connection.execute("SET write_buffer_row_group_count = 1")  # full row groups are written at once
    _limit(connection, budget.limit(threads))


def flush(connection: duckdb.DuckDBPyConnection, budget: Budget, threads: int) -> None:
    """Frees the memory of rows that are written: the commit needs some of its own."""
    megabytes = budget.limit(threads)
    _limit(connection, megabytes and megabytes * 3 // 4)


def insert(connection: duckdb.DuckDBPyConnection, table: str, file: Path, count: int, largest_row: int) -> None:
    """Inserts the rows of one gzipped file of newline-delimited JSON.

    Raises:
        SinkError: the file has more or fewer than `count` rows.
    """
    declared = columns(table)
    # NULL and an empty list are the same in BigQuery, which shows []
    selected = ", ".join(f'coalesce("{c.name}", [])' if c.mode == "REPEATED" else f'"{c.name}"' for c in declared)
    types = ", ".join(f"{literal(column.name)}: {literal(duckdb_type(column))}" for column in declared)
    names = ", ".join(f'"{column.name}"' for column in declared)
    inserted = connection.execute(
        f"INSERT INTO {raw(table)} ({names}) SELECT {selected} FROM read_json(?, format = 'newline_delimited', "
        f"compression = 'gzip', maximum_object_size = ?, columns = {{{types}}})",
        [str(file), largest_row],
    ).fetchone()
    if inserted is None or inserted[0] != count:
        raise SinkError(f"{table}: {inserted and inserted[0]} of {count} rows were inserted; nothing was written")


def _limit(connection: duckdb.DuckDBPyConnection, megabytes: int | None) -> None:
    if megabytes is not None:
        connection.execute(f"SET memory_limit = '{megabytes}MB'")
