"""`prune`: deletes old snapshots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from job.commands.output import print_table
from job.config import Config
from job.sinks.open_sink import open_warehouse


def prune(config: Config, *, days: int, is_dry_run: bool) -> None:
    """Deletes what is older than so many days and no view uses, and prints how many rows that was of each table.

    Raises:
        InventoryError: the warehouse cannot be read or written.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    pruned = open_warehouse(config).prune(before, dry_run=is_dry_run)
    print_table(("table", "rows"), [entry for entry in pruned.items() if entry[1]])
    action = "would be" if is_dry_run else "were"
    click.echo(f"\n{sum(pruned.values())} rows from before {before:%Y-%m-%d %H:%M} UTC {action} deleted")
