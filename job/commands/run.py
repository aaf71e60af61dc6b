"""`run`: one snapshot, and its summary."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from job.commands.live_line import live_line, run_progress
from job.commands.output import counted, print_table, this_command
from job.config import Config
from job.log import Level
from job.printable import escaped_lines
from job.run.local_tasks import run_tasks
from job.run.memory import use_one_malloc_arena
from job.run.one_task import run
from job.run.summary import Gap, Summary
from job.run.task_count import task_count
from job.signals import Stop

_MAX_NAMES = 3  # of one cause; `coverage` has all


def take_snapshot(
    config: Config, *, tasks: int | None, stop: Stop, is_quiet: bool = False, level: Level = "warning"
) -> Summary:
    """One snapshot, by this process or by several of its children.

    Args:
        tasks: None: as many as are worth it.
        is_quiet: shows no progress.
        level: of the children's logs.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used, or a task failed; nothing was written.
        Interrupted: the stop came before any cluster was complete; nothing was written.
    """
    tasks = task_count(config, stop=stop) if tasks is None else tasks
    if tasks == 1:
        use_one_malloc_arena()  # before any thread has one of its own
    progress = run_progress(is_quiet=is_quiet)
    with live_line(progress, stop, is_quiet=is_quiet):
        if tasks > 1:
            return run_tasks(config, tasks, stop=stop, progress=progress, level=level)
        return run(config, stop=stop, progress=progress)


def print_summary(summary: Summary, *, says_next: bool = True) -> None:
    """What the run did, for people, and the command to go on with."""
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
        for names, cause in by_cause(summary.gaps):
            click.echo(escaped_lines(f"  {names}: {cause}".replace("\n", " "), max_length=2000))
    click.echo(f"\nrun {run.run_id} is in {summary.sink}")
    if says_next:
        click.echo(f"next: {this_command()} query coverage --sink {shlex.quote(summary.sink)}")


def by_cause(gaps: Sequence[Gap]) -> list[tuple[str, str]]:
    """Each cause once, with the names of what it left unread.

    >>> from functools import partial
    >>> gap = partial(Gap, status="failed", reason="forbidden", message="nodes is forbidden")
    >>> by_cause([gap(name=f"p/l/c-{number}") for number in range(1, 6)])
    [('p/l/c-1, p/l/c-2, p/l/c-3 and 2 more', 'nodes is forbidden')]
    """
    names: dict[str, list[str]] = {}
    for gap in gaps:
        names.setdefault(gap.message or gap.reason, []).append(gap.name)
    return [
        (", ".join(found[:_MAX_NAMES]) + (f" and {left} more" if (left := len(found) - _MAX_NAMES) > 0 else ""), cause)
        for cause, found in names.items()
    ]
