"""`run`: one snapshot, and its summary."""

from __future__ import annotations

import click

from job.commands.output import counted, print_table, progress_bar
from job.config import Config
from job.printable import escaped_lines
from job.run.local_tasks import run_tasks
from job.run.memory import use_one_malloc_arena
from job.run.one_task import run
from job.run.summary import Summary
from job.signals import Stop


def take_snapshot(config: Config, *, tasks: int, stop: Stop) -> Summary:
    """One snapshot, by this process or by several of its children.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used, or a task failed; nothing was written.
        Interrupted: the stop came before any cluster was complete; nothing was written.
    """
    if tasks > 1:
        return run_tasks(config, tasks, stop=stop)
    use_one_malloc_arena()
    return run(config, stop=stop, progress=progress_bar())


def print_summary(summary: Summary) -> None:
    """What the run did, for people."""
    run = summary.run
    if summary.skipped_for:
        click.echo(f"nothing was read: run {summary.skipped_for} is under way on {summary.sink}, and overlap is skip")
        return
    if summary.committed_before:
        click.echo(f"an earlier attempt has committed run {run.run_id} to {summary.sink} ({run.status})")
        return
    click.echo(
        f"{counted(run.clusters, 'cluster')} of {counted(run.projects, 'project')} in {summary.seconds:.1f} s: "
        f"{run.clusters_complete} complete, {run.clusters_partial} partial, {run.clusters_failed} failed; "
        f"{counted(run.objects, 'object')}\n"
    )
    print_table(("table", "rows"), [entry for entry in summary.rows.items() if entry[1]])
    if summary.gaps:
        click.echo("\nnot read in full:")
        for gap in summary.gaps:
            click.echo(escaped_lines(f"  {gap.name}: {gap.message or gap.reason}".replace("\n", " "), max_length=2000))
    click.echo(f"\nrun {run.run_id} is in {summary.sink}")
