"""`demo` and `simulate`: the ordinary run against a simulated fleet, and three queries worth trying."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from job.commands.answer import print_result
from job.commands.live_line import live_line, run_progress
from job.commands.run import print_summary
from job.config import Config
from job.errors import ConfigError, InventoryError
from job.run.one_task import run
from job.run.summary import Summary
from job.signals import Stop
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Result
from job.waiting import waiting_for

if TYPE_CHECKING:
    from job.simulator import Simulator

EXAMPLES = (
    (
        "What could not be read, and why?",
        """\
SELECT project_id, location, cluster, resource, status, outcome, reason
FROM coverage
WHERE status NOT IN ('ok', 'off')
ORDER BY 1, 2, 3, 4
LIMIT 10""",
    ),
    (
        "Which workloads have pods that are not ready?",
        """\
SELECT cluster, namespace, workload_kind, workload_name, status, COUNT(*) AS pods
FROM pods
WHERE ready IS NOT TRUE AND status <> 'Completed'
GROUP BY 1, 2, 3, 4, 5
ORDER BY pods DESC, 1, 2, 4
LIMIT 10""",
    ),
    (
        "How much of each cluster's CPU is requested?",
        """\
SELECT
  cluster,
  cpu_allocatable_millicores / 1000 AS cores,
  cpu_request_millicores / 1000 AS requested,
  ROUND(100 * cpu_requested, 1) AS percent
FROM capacity_by_cluster
WHERE cpu_requested IS NOT NULL
ORDER BY percent DESC
LIMIT 10""",
    ),
)
"""Title and SQL, the same on BigQuery and DuckDB."""


class Demo(NamedTuple):
    """What the demo found."""

    summary: Summary
    examples: list[tuple[str, str, Result]]
    """Title, SQL and answer."""


def run_demo(*, clusters: int, pods: int, seed: int, output: str, stop: Stop, is_quiet: bool = False) -> Demo:
    """Starts the fleet, runs the job against it, and runs the example queries.

    Args:
        is_quiet: shows no progress.

    Raises:
        InventoryError: the output cannot be written, or the demo's packages are not installed.
    """
    _require_packages()
    path = Path(output).absolute()
    sink, queried = f"demo:///{path}", f"duckdb:///{path}"  # the first writes only to files of demos
    progress = run_progress(is_quiet=is_quiet)
    with live_line(progress, stop, is_quiet=is_quiet):
        open_warehouse(Config(), sink=sink).prepare()
        with _simulated(clusters=clusters, pods=pods, seed=seed, bigquery=False) as simulator:
            os.environ.update(simulator.environment)
            config = msgspec.convert(dict(simulator.configuration), Config)
            summary = run(msgspec.structs.replace(config, sink=sink), stop=stop, progress=progress)
        warehouse, summary = open_warehouse(config, sink=queried), msgspec.structs.replace(summary, sink=queried)
        with warehouse.kept_open() as kept:
            return Demo(summary, [(title, sql, kept.query(sql)) for title, sql in EXAMPLES])


def print_demo(demo: Demo, output: str) -> None:
    """The summary, the examples with their answers, and how to go on."""
    print_summary(demo.summary, says_next=False)
    for title, sql, result in demo.examples:
        click.echo(f"\n-- {title}\n{sql}\n")
        print_result(result)
    click.echo(f"\nThe rows are in {output}. To query them:\n")
    click.echo(f"  gke-inventory query --sink duckdb:///{output} coverage")
    if demo.summary.run.status != "complete":
        click.echo("\nParts of the fleet cannot be read, on purpose: `gke-inventory run` would exit with 3.")


def run_simulator(*, clusters: int, pods: int, seed: int, faults: Sequence[str]) -> None:
    """Runs the fleet until it is interrupted, without BigQuery where its packages are not installed; prints how to use
    it.

    Raises:
        InventoryError: a fault is malformed, or the demo's packages are not installed.
    """
    _require_packages()
    from job.simulator.bigquery import REQUIRED_PACKAGES
    from job.simulator.faults import UnknownFaultError, parse_fault

    for fault in faults:
        try:
            parse_fault(fault)
        except UnknownFaultError as error:
            raise ConfigError(f"--fault: {error}") from error
    missing = _missing(REQUIRED_PACKAGES)
    with _simulated(clusters=clusters, pods=pods, seed=seed, faults=list(faults), bigquery=not missing) as simulator:
        click.echo(simulator.instructions())
        if missing:
            click.echo(
                f"BigQuery is not simulated: it needs packages that are not installed ({', '.join(missing)}): "
                "pip install '.[simulate]' in a checkout"
            )
        while simulator.alive():
            time.sleep(0.5)


@contextmanager
def _simulated(**options: Any) -> Iterator[Simulator]:
    from job.simulator import SimulatorError, simulate

    try:
        with ExitStack() as running:
            with waiting_for("the simulated fleet to start"):
                simulator = running.enter_context(simulate(**options))
            yield simulator
    except SimulatorError as error:
        raise InventoryError(f"the simulated fleet: {error}") from error


def _require_packages() -> None:
    if missing := _missing(("aiohttp", "cryptography")):
        raise ConfigError(
            f"the simulated fleet needs packages that are not installed ({', '.join(missing)}): "
            "pip install '.[demo]' in a checkout"
        )


def _missing(packages: Sequence[str]) -> list[str]:
    from importlib.util import find_spec

    return [name for name in packages if find_spec(name) is None]
