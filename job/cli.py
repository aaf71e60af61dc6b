"""The command line: options and exit codes. `job/commands` has what each command does.

Commands are imported when they run: `--help` loads no client, no database and no pandas.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn, cast

import click

from job.cli_options import (
    Configured,
    add_log_options,
    cluster_and_sink_options,
    cluster_options,
    config_option,
    options,
    paged,
    start_log,
)
from job.cli_sink import describe, prune, query, report, schema, tables
from job.commands.exits import (
    BUG,
    COMPLETE,
    INCOMPLETE,
    INTERRUPTED,
    TERMINATED,
    Done,
    fail,
    report_error,
    report_lost_output,
    report_stop,
)
from job.commands.left_out import without_packages
from job.commands.streams import guarded_streams
from job.errors import Interrupted
from job.interrupts import end_within_a_second
from job.signals import Stop

if TYPE_CHECKING:
    from job.log import Level
    from job.run.summary import Summary


def main() -> NoReturn:
    """Runs the command line, and turns its result into an exit code."""
    stop = Stop()
    stop.handle_signals()
    with guarded_streams() as stdout:
        end_within_a_second(partial(report_stop, stop))
        code = _exit_code(stop)
        stdout.flush()
        if stdout.is_lost:
            code = report_lost_output(stdout.error, code)
    if code in (INTERRUPTED, TERMINATED):
        os._exit(code)  # workers may be waiting for servers that never answer
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))  # while Python ends: no traceback
    sys.exit(int(code))


def _exit_code(stop: Stop) -> int:
    try:
        with without_packages():
            return cast("int", cli.main(prog_name="gke-inventory", standalone_mode=False, obj=stop))
    except (KeyboardInterrupt, click.Abort, Interrupted):
        return report_stop(stop)
    except SystemExit as left:  # click's, for a broken pipe: here that is a connection; or after completing a word
        return report_error(left.__context__) if isinstance(left.__context__, Exception) else int(left.code or 0)
    except Exception as error:  # noqa: BLE001 (any error becomes an exit code here)
        # DuckDB checks for signals itself, and raises its own error in place of ours
        return report_error(error) if stop.signal is None else report_stop(stop)


def _show_version(context: click.Context, _: click.Parameter, is_set: bool) -> None:
    if is_set:
        from job.version import described

        click.echo(described())
        context.exit()


_fleet_options = options(
    click.option("--clusters", default=5, show_default=True, type=click.IntRange(1, 2000), help="Simulated clusters."),
    click.option("--pods", default=200, show_default=True, type=click.IntRange(1, 200_000), help="Pods per cluster."),
    click.option("--seed", default=1, show_default=True, help="The same seed gives the same fleet."),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show version and build."
)
def cli() -> None:
    """Snapshots every GKE cluster into BigQuery or DuckDB, and records what it could not read.

    Each setting of the configuration is an environment variable too, such as GKE_INVENTORY_PROJECTS=a,b. Flags override
    variables, and variables override the file.

    For completion: eval "$(_GKE_INVENTORY_COMPLETE=bash_source gke-inventory)", or zsh_source, or fish_source.

    Exit codes: 0 complete, or with gaps that `fail_on` accepts; 1 a bug; 2 an error in usage, configuration,
    credentials or sink; 3 finished with gaps; 130 Ctrl-C; 143 SIGTERM.
    """


@cli.command()
@cluster_and_sink_options
@click.option(
    "--tasks",
    type=click.IntRange(1, 64),
    help="Processes that share the clusters, with one commit. Without it, one; or one for each CPU where the last runs "
    "into this DuckDB file read 40,000 objects or more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_obj
def run(stop: Stop | None, configured: Configured, tasks: int | None, as_json: bool) -> int:
    """Take one snapshot of everything that is configured.

    On a terminal, its last line shows the progress, the slowest cluster and what is waited for. NO_COLOR or TERM=dumb
    turns that off, as -q does.
    """
    from job.commands.output import print_json
    from job.commands.run import print_summary, take_snapshot

    log = start_log("info")
    level: Level = "warning" if log.level == "info" else log.level
    config = configured()
    summary = take_snapshot(config, tasks=tasks, stop=stop or Stop(), is_quiet=log.is_quiet, level=level)
    if as_json:
        print_json(summary.flat())
    elif (
        not log.is_quiet and "CLOUD_RUN_JOB" not in os.environ
    ):  # there the log has it, and each line of this would be an entry
        print_summary(summary)
    if config.report.output is not None:
        from job.commands.scheduled_report import write_scheduled

        write_scheduled(config, summary)
    return _code(summary, is_success=summary.run.acceptable)


def _code(summary: Summary, *, is_success: bool) -> Done:
    if summary.bug:
        return Done(BUG)
    if summary.stopped:
        done, count = summary.run.clusters_complete, summary.run.clusters
        fail(TERMINATED, f"stopped by SIGTERM; {done} of {count} clusters were complete, and are committed")
        return Done(TERMINATED)
    return Done(COMPLETE if is_success else INCOMPLETE)


@cli.command()
@paged
@cluster_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--estimate",
    "with_estimate",
    is_flag=True,
    help="Suggest a number of tasks, what each needs, and what a month costs.",
)
@click.option("--minutes", default=5.0, show_default=True, type=click.FloatRange(0.1), help="Reading time of a task.")
@click.option("--runs-a-day", default=4.0, show_default=True, type=click.FloatRange(0.01), help="Of the schedule.")
def plan(configured: Configured, as_json: bool, with_estimate: bool, minutes: float, runs_a_day: float) -> int:
    """List the clusters that a run would collect, and through which endpoint. Reads no cluster, writes nothing."""
    from job.commands import plan as command

    start_log("warning")
    config = configured()
    planned = command.plan(config)
    if with_estimate:
        from job.commands.estimate import print_with_estimate

        print_with_estimate(config, planned, minutes=minutes, runs_a_day=runs_a_day, as_json=as_json)
    else:
        command.print_plan(planned, as_json=as_json)
    return INCOMPLETE if any(entry.problem for entry in planned) else COMPLETE


@cli.command()
@cluster_and_sink_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, also where an error ends the checks.")
@click.option(
    "--print-role", "role", flag_value="role", help="Print an IAM custom role for `kinds`, and check nothing."
)
@click.option("--print-clusterrole", "role", flag_value="clusterrole", help="Print a ClusterRole for RBAC instead.")
def doctor(configured: Configured, as_json: bool, role: str | None) -> int:
    """Check all that a run needs, and print what mends each finding. Changes nothing.

    Exits with 3 if there is a finding.
    """
    from job.commands.doctor import examine
    from job.commands.doctor.roles import print_role

    log = start_log("error")
    if role is not None:
        print_role(configured(), is_for_rbac=role == "clusterrole")
        return COMPLETE
    return COMPLETE if examine(configured, as_json=as_json, is_quiet=log.is_quiet) else INCOMPLETE


@cli.command()
@cluster_and_sink_options
@click.option("--output", default="inventory.yaml", show_default=True, metavar="FILE", help="The file to write.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def init(configured: Configured, output: str, force: bool) -> int:
    """Write a configuration file with comments, from flags, the default project and the clusters that are found.

    Without credentials or network it writes the file too, and says what it could not find.
    """
    from job.commands import init as command

    start_log("error")
    command.forget_missing_file()
    command.print_found(command.init(configured(), output, replaces=force), output)
    return Done(COMPLETE)


@cli.command()
@_fleet_options
@click.option("--output", default="gke-inventory-demo.duckdb", show_default=True, metavar="FILE", help="DuckDB file.")
@click.option("--json", "as_json", is_flag=True, help="Print only the summary, as JSON.")
@click.pass_obj
def demo(stop: Stop | None, clusters: int, pods: int, seed: int, output: str, as_json: bool) -> int:
    """Run against a simulated fleet on this machine, into DuckDB. Needs no account, network or file."""
    from job.commands.demo import print_demo, run_demo
    from job.commands.output import print_json

    log = start_log("warning")
    result = run_demo(
        clusters=clusters, pods=pods, seed=seed, output=output, stop=stop or Stop(), is_quiet=log.is_quiet
    )
    if as_json:
        print_json(result.summary.flat())
    elif not log.is_quiet:
        print_demo(result, output)
    return _code(result.summary, is_success=result.summary.run.objects > 0)


@cli.command()
@_fleet_options
@click.option("--fault", "faults", multiple=True, metavar="SPEC", help="CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
def simulate(clusters: int, pods: int, seed: int, faults: tuple[str, ...]) -> int:
    """Run only the simulated fleet, in the foreground, until Ctrl-C."""
    from job.commands.demo import run_simulator

    start_log("warning")
    run_simulator(clusters=clusters, pods=pods, seed=seed, faults=faults)
    return Done(COMPLETE)


@cli.command()
@paged
@click.argument("cluster", metavar="PROJECT/LOCATION/CLUSTER")
@click.argument("kind")
@click.argument("name")
@click.option("-n", "--namespace", help="Default: `default`.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Find the name in any namespace.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["yaml", "json", "wide"]),
    default="yaml",
    show_default=True,
    help="wide: the columns that the API server makes of it.",
)
@config_option
def show(
    configured: Configured, cluster: str, kind: str, name: str, namespace: str | None, all_namespaces: bool, form: str
) -> int:
    """Print one object, as YAML by default, with its secrets hidden.

    gke-inventory show shop-prod/europe-west1/web namespace kube-system
    """
    from job.commands import show as command

    start_log("warning")
    shown = command.show(cluster, kind, name, namespace, configured(), all_namespaces=all_namespaces, form=form)
    click.echo(shown, nl=False)
    return COMPLETE


@cli.command("version")
def print_version() -> int:
    """Show version and build."""
    from job.version import described

    click.echo(described())
    return COMPLETE


for _command in (describe, prune, query, report, schema, tables):
    cli.add_command(_command)
add_log_options(cli)


if __name__ == "__main__":
    main()
