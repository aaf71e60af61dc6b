"""`schema show`, `schema diff` and `schema apply`: the tables and views of the warehouse."""

from __future__ import annotations

import click

from job.config import Config
from job.sinks.open_sink import open_warehouse


def show(config: Config) -> None:
    """Prints the statements that create all tables and views."""
    click.echo("\n\n".join(open_warehouse(config).ddl()))


def diff(config: Config) -> bool:
    """Prints the changes that `apply` would make; returns whether there are any.

    Raises:
        InventoryError: the warehouse cannot be read.
    """
    changes = open_warehouse(config).changes()
    for change in changes:
        click.echo(f"-- {change.action}: {change.name}" + ("" if change.additive else " (by hand: it loses data)"))
        click.echo(change.statement)
    return bool(changes)


def apply(config: Config) -> None:
    """Makes all changes and prints their names.

    Raises:
        InventoryError: a change failed, or would lose data.
    """
    changes = open_warehouse(config).apply()
    for change in changes:
        click.echo(f"{change.action}: {change.name}")
    if not changes:
        click.echo("nothing to change")
