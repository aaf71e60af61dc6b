"""The commands about tables and views: what there is to query, then `query`, `schema` and `prune` of the sink."""

from __future__ import annotations

import click

from job.cli_options import Configured, paged, sink_options, start_log
from job.commands.exits import COMPLETE, INCOMPLETE, Done


def _names(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """The tables and views whose names begin so, for completion."""
    from job.views import views

    return [view.name for view in views() if view.name.startswith(begun) and not view.name.startswith("recent_")]


@click.command()
@paged
@click.argument("sql", required=False, metavar="SQL|VIEW|-", shell_complete=_names)
@sink_options
@click.option("-f", "--file", metavar="FILE", help="Read the SQL from a file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "vertical", "csv", "json", "jsonl", "markdown", "parquet"]),
    help="Default: by the ending of the output file, else a table; on a terminal that is too narrow for it, vertical. "
    "CSV puts an apostrophe before text that spreadsheets take for a formula.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file, which is replaced only by a whole answer.")
@click.option("--limit", type=click.IntRange(1), metavar="ROWS", help="Print the first rows alone.")
@click.option("--dry-run", is_flag=True, help="Check the query, and print the bytes that BigQuery would read.")
@click.option("--external-access", is_flag=True, help="DuckDB: allow other files, extensions and the network.")
def query(
    configured: Configured, sql: str | None, file: str | None, form: str | None, output: str | None, limit: int | None,
    dry_run: bool, external_access: bool,
) -> int:  # fmt: skip
    """Run one query against the sink: GoogleSQL on BigQuery, DuckDB's SQL on DuckDB, where it can only read.

    The name of a view or table selects all of it. With -, the SQL comes from stdin.

    \b
    gke-inventory query coverage
    gke-inventory query "SELECT cluster, COUNT(*) AS pods FROM pods GROUP BY 1" -o pods.csv
    """
    from job.commands import query as command

    start_log("warning")
    asked, config = command.statement(sql, file), configured()
    if dry_run:
        command.print_dry_run(config, asked)
    else:
        command.print_answer(config, asked, form=form, output=output, limit=limit, external_access=external_access)
    return COMPLETE


@click.command()
@paged
@sink_options
@click.option("-o", "--output", metavar="FILE", help="Write to a file, which is replaced only by a whole report.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "terminal"]),
    help="Default: by the ending of the output file; terminal without one. The last two have the first screen alone.",
)
@click.option("--at", metavar="TIME", help="Report what was known then, such as 2026-01-31T10:00 in UTC. Default: now.")
@click.option("--diff", "between", nargs=2, metavar="FROM TO", help="Report what changed between two such moments.")
@click.option("--dry-run", is_flag=True, help="Check the queries, and print the bytes that BigQuery would read.")
def report(
    configured: Configured, output: str | None, form: str | None, at: str | None, between: tuple[str, str] | None,
    dry_run: bool,
) -> int:  # fmt: skip
    """Report on the fleet: coverage first, then versions, capacity, trouble, changes, images, security, each cluster.

    HTML is one file that loads nothing: it opens from disk, and can be sent. `columns.team` has the labels of teams.

    \b
    gke-inventory report -o fleet.html
    gke-inventory report --diff 2026-01-30 2026-01-31 -o changes.md
    """
    from job.commands.report import write_report

    start_log("warning")
    write_report(configured(), form=form, output=output, at=at, between=between, dry_run=dry_run)
    return COMPLETE


@click.command()
@paged
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tables(as_json: bool) -> int:
    """List the tables and views with the question that each answers. Asks no sink."""
    from job.commands.describe import print_tables

    print_tables(as_json=as_json)
    return COMPLETE


@click.command()
@paged
@click.argument("name", shell_complete=_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def describe(name: str, as_json: bool) -> int:
    """Explain a table, view or function: its question, an example query, and its columns. Asks no sink."""
    from job.commands.describe import print_description

    print_description(name, as_json=as_json)
    return COMPLETE


@click.group()
def schema() -> None:
    """Show, compare and create the tables and views of the sink."""


@schema.command("show")
@sink_options
def schema_show(configured: Configured) -> int:
    """Print the statements that create all tables and views, in the sink's own SQL."""
    from job.commands.schema import show

    start_log("warning")
    show(configured())
    return COMPLETE


@schema.command("diff")
@sink_options
def schema_diff(configured: Configured) -> int:
    """Print what `schema apply` would change. Changes nothing; exits with 3 if there are differences."""
    from job.commands.schema import diff

    start_log("warning")
    return INCOMPLETE if diff(configured()) else COMPLETE


@schema.command("apply")
@sink_options
def schema_apply(configured: Configured) -> int:
    """Create or update dataset, tables and views, by additive changes only."""
    from job.commands.schema import apply

    start_log("warning")
    apply(configured())
    return Done(COMPLETE)


@schema.command("docs")
def schema_docs() -> int:
    """Print the reference of all tables, in Markdown."""
    from job.commands.reference import reference

    click.echo(reference())
    return COMPLETE


@schema.command("dbt")
@sink_options
@click.option(
    "--warn-after",
    "warn",
    default=26,
    show_default=True,
    type=click.IntRange(1),
    metavar="HOURS",
    help="Age of the newest commit at which `dbt source freshness` warns.",
)
@click.option(
    "--error-after", "error", default=50, show_default=True, type=click.IntRange(1), metavar="HOURS",
    help="Age at which it fails.",
)  # fmt: skip
def schema_dbt(configured: Configured, warn: int, error: int) -> int:
    """Print the views as `sources.yml` for dbt, with descriptions, tests and freshness."""
    from job.commands.dbt import print_sources

    start_log("warning")
    print_sources(configured(), warn_after_hours=warn, error_after_hours=error)
    return COMPLETE


def _days(_: click.Context, __: click.Parameter, text: str) -> int:
    number = text.removesuffix("d")
    if not number.isdecimal() or not 1 <= int(number) <= 36_500:
        raise click.BadParameter(f"{text!r} is not a number of days such as 90d")
    return int(number)


@click.command()
@sink_options
@click.option("--older-than", "days", required=True, metavar="90d", callback=_days, help="Age in days.")
@click.option("--yes", is_flag=True, help="Delete. Without it, a dry run.")
def prune(configured: Configured, days: int, yes: bool) -> int:
    """Delete old snapshots that no view uses. A dry run unless --yes."""
    from job.commands import prune as command

    start_log("warning")
    command.prune(configured(), days=days, is_dry_run=not yes)
    return Done(COMPLETE) if yes else COMPLETE
