"""`query`: one query of the warehouse."""

from __future__ import annotations

from job.commands.output import print_result
from job.config import Config
from job.sinks.open_sink import open_warehouse


def print_answer(config: Config, sql: str, form: str, *, external_access: bool) -> None:
    """Prints the answer to a query as a `table`, `csv` or `json`.

    Args:
        external_access: on DuckDB, lets the query use other files, extensions and the network.

    Raises:
        InventoryError: the query is refused, or the warehouse cannot be read.
    """
    print_result(open_warehouse(config).query(sql, external_access=external_access), form)
