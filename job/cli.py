"""The commands: they parse, call and print; they decide nothing but the exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from job.errors import Interrupted, InventoryError
from job.signals import TERMINATED, may_be_committed, stop_in_order, stopped_by

if TYPE_CHECKING:
    from datetime import timedelta

    from job.config import Config

COMPLETE, BUG, USAGE, INCOMPLETE = 0, 1, 2, 3
INTERRUPTED = 130  # 128 and the signal's number, as shells have it


def main() -> NoReturn:
    """Runs the command line; the only place where exit codes are made."""
    stop_in_order()
    try:
        code = cli.main(prog_name="gke-inventory", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort, Interrupted):
        code = _tell_stop()
    except (BrokenPipeError, SystemExit):  # `| head` has seen enough; click makes an exit of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = COMPLETE
    except Exception as error:  # noqa: BLE001 (whatever it is, it is ours)
        # DuckDB, for one, looks for signals itself, and raises an exception of its own in place of ours
        code = _tell(error) if stopped_by() is None else _tell_stop()
    if code in (INTERRUPTED, TERMINATED):
        os._exit(code)  # workers may be waiting for servers that never answer
    sys.exit(code or COMPLETE)


def _tell(error: Exception) -> int:
    """Says what went wrong; returns the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        return _end(USAGE, error.format_message(), shown=error.show)
    if isinstance(error, InventoryError):
        return _end(USAGE, str(error))
    return _end(BUG, _bug(error))


def _tell_stop() -> int:
    is_terminated = stopped_by() == signal.SIGTERM
    told = "stopped by SIGTERM" if is_terminated else "interrupted"
    written = "nothing was written to the sink"
    if may_be_committed():
        written = "the commit had begun: `committed_runs` tells whether it came through, and the next attempt knows"
    return _end(TERMINATED if is_terminated else INTERRUPTED, f"{told}; {written}")


def _end(code: int, why: str, *, shown: Callable[[], None] | None = None) -> int:
    """Says why the command ends: to a person in their words, to Cloud Logging as one event of severity ERROR."""
    if "CLOUD_RUN_JOB" in os.environ:
        from job.log import log

        log.error("command failed", exit_code=code, detail=why)
    elif shown is not None:
        shown()
    else:
        click.echo(f"gke-inventory: {why}", err=True)
    return code


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from job.version import described

        click.echo(described())
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show version and build."
)
def cli() -> None:
    """Snapshots of every GKE cluster, as tables in BigQuery or DuckDB that an analyst can trust.

    Exit codes: 0 complete, 1 a bug, 2 usage, configuration, credentials or sink, 3 finished, but something could not be
    read (as far as `fail_on` does not let it pass).
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to read; flags win over the file."""
    for option in (
        click.option("--cluster", "clusters", multiple=True, metavar="GLOB", help="project/location/name, with globs."),
        click.option("--project", "projects", multiple=True, metavar="ID", help="Instead of the file's projects."),
        click.option("--config", "path", metavar="FILE", help="YAML; else the file that GKE_INVENTORY_CONFIG names."),
    ):
        command = option(command)
    return command


def _sink_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--sink", metavar="URL", help="Instead of the configuration's."),
        click.option("--config", "path", metavar="FILE", help="YAML; else the file that GKE_INVENTORY_CONFIG names."),
    ):
        command = option(command)
    return command


@cli.command()
@_options
@click.option("--sink", metavar="URL", help="duckdb:///PATH or bigquery://PROJECT.DATASET?location=EU")
@click.option("--tasks", default=1, type=click.IntRange(1, 64), help="Processes to share the clusters; one commit.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON, on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.option("-q", "--quiet", is_flag=True, help="Log warnings alone.")
def run(
    path: str | None,
    projects: tuple[str, ...],
    clusters: tuple[str, ...],
    sink: str | None,
    tasks: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Take one snapshot of everything that is configured."""
    from job.log import configure_logging

    configure_logging(verbose=verbose, quiet=quiet)
    return _run(_config(path, projects, clusters, sink), tasks=tasks, as_json=as_json)


@cli.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--estimate", "wants_estimate", is_flag=True, help="Suggest a number of tasks, and what each would take.")
@click.option("--minutes", default=5.0, show_default=True, type=click.FloatRange(0.1), help="To read for, each task.")
def plan(
    path: str | None,
    projects: tuple[str, ...],
    clusters: tuple[str, ...],
    as_json: bool,
    wants_estimate: bool,
    minutes: float,
) -> int:
    """List the clusters that a run would collect, and through which endpoint. Reads no cluster, writes nothing."""
    from job.commands.plan import plan as planned_by
    from job.commands.printing import print_estimate, print_json, print_plan
    from job.log import configure_logging

    configure_logging(quiet=True)
    config = _config(path, projects, clusters, None)
    planned = planned_by(config)
    code = INCOMPLETE if any(entry.problem for entry in planned) else COMPLETE
    if not wants_estimate:
        (print_json if as_json else print_plan)(planned)
        return code
    from job.commands.estimate import estimate

    estimated = estimate(config, planned, minutes=minutes)
    if as_json:
        print_json({"clusters": planned, "estimate": estimated})
    else:
        print_plan(planned)
        print_estimate(estimated)
    return code


@cli.command()
@click.option("--clusters", default=5, show_default=True, type=click.IntRange(1, 2000), help="Simulated clusters.")
@click.option("--pods", default=200, show_default=True, type=click.IntRange(1, 200_000), help="Pods of a cluster.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same fleet.")
@click.option("--output", default="gke-inventory-demo.duckdb", show_default=True, metavar="FILE", help="DuckDB file.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON alone.")
def demo(clusters: int, pods: int, seed: int, output: str, as_json: bool) -> int:
    """Run against a simulated fleet on this machine, into DuckDB. Needs no account, no network and no file."""
    from job.commands.demo import run_demo
    from job.commands.printing import print_json, print_result, print_summary
    from job.log import configure_logging

    configure_logging(quiet=True)
    summary, examples = run_demo(clusters=clusters, pods=pods, seed=seed, output=output, progress=_progress())
    if as_json:
        print_json(summary)
        return COMPLETE
    print_summary(summary)
    for title, sql, result in examples:
        click.echo(f"\n-- {title}\n{sql}\n")
        print_result(result, "table")
    click.echo(f"\nThe rows are in {output}. Ask more of them:\n")
    click.echo(f"  gke-inventory query --sink duckdb:///{output} 'FROM coverage'")
    if summary.status != "complete":
        click.echo("\nParts of the fleet cannot be read, on purpose; `gke-inventory run` would exit with 3 to say so.")
    return COMPLETE


@cli.command()
@click.option("--clusters", default=5, show_default=True, type=click.IntRange(1, 2000), help="Simulated clusters.")
@click.option("--pods", default=200, show_default=True, type=click.IntRange(1, 200_000), help="Pods of a cluster.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same fleet.")
@click.option("--fault", "faults", multiple=True, metavar="SPEC", help="CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
def simulate(clusters: int, pods: int, seed: int, faults: tuple[str, ...]) -> int:
    """Run the simulated fleet alone, in the foreground, until Ctrl-C."""
    from job.commands.demo import run_simulator

    run_simulator(clusters=clusters, pods=pods, seed=seed, faults=faults, say=click.echo)
    return COMPLETE


@cli.command()
@click.argument("sql")
@_sink_options
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(sql: str, path: str | None, sink: str | None, form: str) -> int:
    """Run one query against the sink: GoogleSQL on BigQuery, DuckDB's SQL on DuckDB."""
    from job.commands.printing import print_result
    from job.frames import opened

    print_result(opened(_config(path, (), (), sink)).query(sql), form)
    return COMPLETE


@cli.group()
def schema() -> None:
    """Look at, compare and make the tables and views of the sink."""


@schema.command("show")
@_sink_options
def schema_show(path: str | None, sink: str | None) -> int:
    """Print the statements that make all tables and views, in the sink's own SQL."""
    from job.frames import opened

    click.echo("\n\n".join(opened(_config(path, (), (), sink)).ddl()))
    return COMPLETE


@schema.command("diff")
@_sink_options
def schema_diff(path: str | None, sink: str | None) -> int:
    """Print what differs in the sink from what is declared; exits with 3 where anything does. Changes nothing."""
    from job.frames import opened

    changes = opened(_config(path, (), (), sink)).changes()
    for change in changes:
        click.echo(
            f"-- {change.action}: {change.name}" + ("" if change.additive else " (by hand: this loses something)")
        )
        click.echo(change.statement)
    return INCOMPLETE if changes else COMPLETE


@schema.command("apply")
@_sink_options
def schema_apply(path: str | None, sink: str | None) -> int:
    """Make dataset, tables and views as they are declared, by additive changes alone."""
    from job.frames import opened
    from job.log import configure_logging

    configure_logging(quiet=True)
    changes = opened(_config(path, (), (), sink)).apply()
    for change in changes:
        click.echo(f"{change.action}: {change.name}")
    if not changes:
        click.echo("nothing to change")
    return COMPLETE


@schema.command("docs")
def schema_docs() -> int:
    """Print the reference of all tables, in Markdown."""
    from job.commands.reference import reference

    click.echo(reference())
    return COMPLETE


@cli.command()
@_sink_options
@click.option("--older-than", "age", required=True, metavar="90d", callback=lambda *told: _days(told[2]), help="Days.")
@click.option("--yes", is_flag=True, help="Delete; without it, only say what would be.")
def prune(path: str | None, sink: str | None, age: timedelta, yes: bool) -> int:
    """Delete old snapshots, but for those that the views still show. Without --yes, deletes nothing."""
    from datetime import UTC, datetime

    from tabulate import tabulate

    from job.frames import opened

    before = datetime.now(UTC) - age
    pruned = opened(_config(path, (), (), sink)).prune(before, dry_run=not yes)
    rows = [(table, count) for table, count in pruned.items() if count]
    click.echo(tabulate(rows, headers=("table", "rows"), tablefmt="simple"))
    did = "were" if yes else "would be"
    click.echo(f"\n{sum(pruned.values())} rows from before {before:%Y-%m-%d %H:%M} UTC {did} deleted")
    return COMPLETE


def _days(text: str) -> timedelta:
    from datetime import timedelta

    number = text.removesuffix("d")
    if not number.isdecimal() or not 1 <= int(number) <= 36_500:
        raise click.BadParameter(f"{text!r} is not a number of days such as 90d")
    return timedelta(days=int(number))


@cli.command()
@click.argument("cluster", metavar="PROJECT/LOCATION/CLUSTER")
@click.argument("kind")
@click.argument("name")
@click.option("-n", "--namespace", help="`default` without it.")
@click.option("--config", "path", metavar="FILE", help="YAML; else the file that GKE_INVENTORY_CONFIG names.")
def show(cluster: str, kind: str, name: str, namespace: str | None, path: str | None) -> int:
    """Print one object as YAML, through the job's own client, with its secrets hidden.

    gke-inventory show shop-prod/europe-west1/web namespace kube-system
    """
    from job.commands.show import show as shown

    click.echo(shown(cluster, kind, name, namespace, _config(path, (), (), None)), nl=False)
    return COMPLETE


def _config(path: str | None, projects: tuple[str, ...], clusters: tuple[str, ...], sink: str | None) -> Config:
    import msgspec

    from job.config import load_config

    config = load_config(path, projects=projects or None, sink=sink)
    if clusters:
        config = msgspec.structs.replace(config, clusters=msgspec.structs.replace(config.clusters, include=clusters))
    return config


def _run(config: Config, *, tasks: int, as_json: bool) -> int:
    if tasks > 1:
        from job.run.local_tasks import run_tasks

        summary = run_tasks(config, tasks)
    else:
        from job.run.memory import use_one_malloc_arena
        from job.run.one_task import run as run_once

        use_one_malloc_arena()
        summary = run_once(config, progress=_progress())
    from job.commands.printing import print_json, print_summary

    if as_json:
        print_json(summary)
    elif "CLOUD_RUN_JOB" not in os.environ:  # there the log has said it all, and every line of this would be an entry
        print_summary(summary)
    if summary.bug:
        return BUG
    if summary.stopped:
        read = f"{summary.clusters_complete} of {summary.clusters} clusters were complete, and are committed"
        return _end(TERMINATED, f"stopped by SIGTERM; {read}")
    return COMPLETE if summary.acceptable else INCOMPLETE


def _progress() -> Callable[[int, int], None] | None:
    """A counter on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show_progress(done: int, total: int) -> None:
        click.echo(f"\r{done} of {total} clusters", nl=done == total, err=True)

    return show_progress


def _bug(error: Exception) -> str:
    """Where it happened; not the values, which may be anybody's."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    return f"a bug, {type(error).__name__}; please report it with these lines:\n{where}"


if __name__ == "__main__":
    main()
