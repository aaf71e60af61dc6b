"""What commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec
from tabulate import tabulate

if TYPE_CHECKING:
    from job.commands.estimate import Estimate
    from job.commands.plan import Planned
    from job.run.summary import Summary
    from job.sinks.protocol import Result


def print_summary(summary: Summary) -> None:
    """What a run came to."""
    if summary.skipped_for:
        click.echo(f"nothing was read: run {summary.skipped_for} is under way on {summary.sink}, and overlap is skip")
        return
    if summary.committed_before:
        click.echo(f"run {summary.run_id} is in {summary.sink} since an earlier attempt ({summary.status})")
        return
    click.echo(
        f"{summary.clusters} clusters of {summary.projects} projects in {summary.seconds:.1f} s: "
        f"{summary.clusters_complete} complete, {summary.clusters_partial} partial, {summary.clusters_failed} failed; "
        f"{summary.objects} objects"
    )
    rows = [(table, count) for table, count in summary.rows.items() if count]
    click.echo("\n" + tabulate(rows, headers=("table", "rows"), tablefmt="simple"))
    if summary.unread:
        click.echo("\nnot read in full:")
        for entry in summary.unread:
            click.echo(f"  {entry.name}: {entry.message or entry.reason}")
    click.echo(f"\nrun {summary.run_id} is in {summary.sink}")


def print_plan(planned: list[Planned]) -> None:
    """The clusters that a run would collect."""
    headers = ("cluster", "status", "version", "nodes", "endpoint", "address")
    rows = [
        (entry.name, entry.status, entry.version, entry.nodes, entry.endpoint_type, entry.endpoint or entry.problem)
        for entry in planned
    ]
    click.echo(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True))


def print_estimate(found: Estimate) -> None:
    """What a run would take."""
    others = found.clusters - found.clusters_weighed
    click.echo(
        f"\nabout {found.objects} objects in {found.clusters} clusters"
        + (f" ({others} of them guessed from their nodes)" if others else "")
        + f"\ntasks: {found.tasks}, the slowest reading for {found.seconds:g} s"
        + f"\nthe largest cluster alone: {found.largest_seconds:g} s"
        + f"\nmemory of a task: {found.memory_mib} MiB, its spool included, and one CPU"
    )


def print_result(result: Result, form: str) -> None:
    """What a query answers, as a `table`, `csv` or `json`."""
    names = [name for name, _ in result.columns]
    if form == "json":
        print_json([dict(zip(names, row, strict=True)) for row in result.rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([[_text(value) for value in row] for row in result.rows])
    else:
        rows = [[_text(value) for value in row] for row in result.rows]
        click.echo(tabulate(rows, headers=names, tablefmt="simple", disable_numparse=True))


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else value


def print_json(value: Any) -> None:
    """A value, laid out for people too."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
