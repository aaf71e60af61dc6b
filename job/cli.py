"""The commands: they parse, call and print; they decide nothing but the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from job.errors import Interrupted, InventoryError
from job.signals import stop_in_order

if TYPE_CHECKING:
    from job.config import Config
    from job.run import Planned, Summary
    from job.sinks import Result

COMPLETE, BUG, USAGE, INCOMPLETE = 0, 1, 2, 3
INTERRUPTED, TERMINATED = 130, 143  # 128 and the signal's number, as shells have it


def main() -> NoReturn:
    """Runs the command line; the only place where exit codes are made."""
    stop_in_order()
    try:
        code = cli.main(prog_name="gke-inventory", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as request:
        code = request.exit_code
    except click.ClickException as error:
        error.show()
        code = USAGE
    except InventoryError as error:
        click.echo(f"gke-inventory: {error}", err=True)
        code = USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("gke-inventory: interrupted; nothing was written to the sink", err=True)
        code = INTERRUPTED
    except Interrupted:
        click.echo("gke-inventory: stopped by SIGTERM; nothing was written to the sink", err=True)
        code = TERMINATED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough
        code = COMPLETE
    except Exception as error:  # noqa: BLE001 (whatever it is, it is ours)
        _report_bug(error)
        code = BUG
    if code in (INTERRUPTED, TERMINATED):
        os._exit(code)  # workers may be waiting for servers that never answer
    sys.exit(code or COMPLETE)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gke-inventory")
def cli() -> None:
    """Snapshots of every GKE cluster, as tables in BigQuery or DuckDB that an analyst can trust.

    Exit codes: 0 complete, 1 a bug, 2 usage, configuration, credentials or sink, 3 finished, but something could not be
    read.
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


@cli.command()
@_options
@click.option("--sink", metavar="URL", help="duckdb:///PATH or bigquery://PROJECT.DATASET?location=EU")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON, on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.option("-q", "--quiet", is_flag=True, help="Log warnings alone.")
def run(
    path: str | None,
    projects: tuple[str, ...],
    clusters: tuple[str, ...],
    sink: str | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Take one snapshot of everything that is configured."""
    from job.log import configure_logging

    configure_logging(verbose=verbose, quiet=quiet)
    return _run(_config(path, projects, clusters, sink), as_json=as_json)


@cli.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def plan(path: str | None, projects: tuple[str, ...], clusters: tuple[str, ...], as_json: bool) -> int:
    """List the clusters that a run would collect, and through which endpoint. Reads no cluster, writes nothing."""
    from job.log import configure_logging
    from job.run import plan as planned_by

    configure_logging(quiet=True)
    planned = planned_by(_config(path, projects, clusters, None))
    if as_json:
        _print_json(planned)
    else:
        _print_plan(planned)
    return INCOMPLETE if any(entry.problem for entry in planned) else COMPLETE


@cli.command()
@click.option("--clusters", default=5, show_default=True, type=click.IntRange(1, 2000), help="Simulated clusters.")
@click.option("--pods", default=200, show_default=True, type=click.IntRange(1, 200_000), help="Pods of a cluster.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same fleet.")
@click.option("--output", default="gke-inventory-demo.duckdb", show_default=True, metavar="FILE", help="DuckDB file.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON alone.")
def demo(clusters: int, pods: int, seed: int, output: str, as_json: bool) -> int:
    """Run against a simulated fleet on this machine, into DuckDB. Needs no account, no network and no file."""
    from job.demo import run_demo
    from job.log import configure_logging

    configure_logging(quiet=True)
    summary, examples = run_demo(clusters=clusters, pods=pods, seed=seed, output=output, progress=_progress())
    if as_json:
        _print_json(summary)
        return COMPLETE
    _print_summary(summary)
    for title, sql, result in examples:
        click.echo(f"\n-- {title}\n{sql}\n")
        _print_result(result, "table")
    click.echo(f"\nThe rows are in {output}. Ask more of them:\n")
    click.echo(f"  gke-inventory query --sink duckdb:///{output} 'FROM coverage'")
    if summary.outcome != "complete":
        click.echo("\nParts of the fleet cannot be read, on purpose; `gke-inventory run` would exit with 3 to say so.")
    return COMPLETE


@cli.command()
@click.option("--clusters", default=5, show_default=True, type=click.IntRange(1, 2000), help="Simulated clusters.")
@click.option("--pods", default=200, show_default=True, type=click.IntRange(1, 200_000), help="Pods of a cluster.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same fleet.")
@click.option("--fault", "faults", multiple=True, metavar="SPEC", help="CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
def simulate(clusters: int, pods: int, seed: int, faults: tuple[str, ...]) -> int:
    """Run the simulated fleet alone, in the foreground, until Ctrl-C."""
    from job.demo import run_simulator

    run_simulator(clusters=clusters, pods=pods, seed=seed, faults=faults, say=click.echo)
    return COMPLETE


@cli.command()
@click.argument("sql")
@click.option("--config", "path", metavar="FILE", help="YAML; else the file that GKE_INVENTORY_CONFIG names.")
@click.option("--sink", metavar="URL", help="Instead of the configuration's.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(sql: str, path: str | None, sink: str | None, form: str) -> int:
    """Run one query against the sink: GoogleSQL on BigQuery, DuckDB's SQL on DuckDB."""
    from job.frames import opened

    _print_result(opened(_config(path, (), (), sink)).query(sql), form)
    return COMPLETE


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
    from job.show import show as shown

    click.echo(shown(cluster, kind, name, namespace, _config(path, (), (), None)), nl=False)
    return COMPLETE


def _config(path: str | None, projects: tuple[str, ...], clusters: tuple[str, ...], sink: str | None) -> Config:
    import msgspec

    from job.config import load_config

    config = load_config(path, projects=projects or None, sink=sink)
    if clusters:
        config = msgspec.structs.replace(config, clusters=msgspec.structs.replace(config.clusters, include=clusters))
    return config


def _run(config: Config, *, as_json: bool) -> int:
    from job.run import run as run_once

    summary = run_once(config, progress=_progress())
    if as_json:
        _print_json(summary)
    else:
        _print_summary(summary)
    if summary.bug:
        return BUG
    return COMPLETE if summary.outcome == "complete" else INCOMPLETE


def _progress() -> Callable[[int, int], None] | None:
    """A counter on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show_progress(done: int, total: int) -> None:
        click.echo(f"\r{done} of {total} clusters", nl=done == total, err=True)

    return show_progress


def _print_summary(summary: Summary) -> None:
    from tabulate import tabulate

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


def _print_plan(planned: list[Planned]) -> None:
    from tabulate import tabulate

    headers = ("cluster", "status", "version", "nodes", "endpoint", "address")
    rows = [
        (entry.name, entry.status, entry.version, entry.nodes, entry.endpoint_type, entry.endpoint or entry.problem)
        for entry in planned
    ]
    click.echo(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True))


def _print_result(result: Result, form: str) -> None:
    import csv

    from tabulate import tabulate

    names = [name for name, _ in result.columns]
    if form == "json":
        _print_json([dict(zip(names, row, strict=True)) for row in result.rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([[_text(value) for value in row] for row in result.rows])
    else:
        rows = [[_text(value) for value in row] for row in result.rows]
        click.echo(tabulate(rows, headers=names, tablefmt="simple", disable_numparse=True))


def _text(value: Any) -> Any:
    from datetime import datetime

    import msgspec

    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else value


def _print_json(value: Any) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _report_bug(error: Exception) -> None:
    """Where it happened; not the values, which may be anybody's."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    click.echo(f"gke-inventory: a bug, {type(error).__name__}; please report it with these lines:\n{where}", err=True)


if __name__ == "__main__":
    main()
