"""`plan --estimate`: how many tasks a run should have, what each needs, and what a month costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import click
import msgspec

from job.commands.month import Month, Run, one_month, one_run, warnings
from job.commands.output import counted, print_json
from job.commands.plan import Planned, print_plan
from job.config import Config
from job.errors import InventoryError
from job.log import log
from job.run.memory import memory_needed
from job.run.shares import ClusterShares
from job.sinks.known import CLUSTER_WEIGHTS
from job.sinks.open_sink import open_warehouse
from job.tables import TABLES

# Measured with one CPU (tests/benchmarks/large_cluster.py and fleet.py), and rounded to the safe side.
_OBJECTS_A_SECOND = 5000
_CLUSTER_SECONDS = 0.05
_SPOOL_BYTES = 400  # of one object's rows, compressed
_OBJECTS_A_NODE, _OBJECTS_A_CLUSTER = 60, 300  # of a cluster without a snapshot: pods and what belongs to them
_SMALLEST_MIB = 512  # that Cloud Run gives to a task with one CPU


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would need."""

    clusters: int
    clusters_weighed: int
    """Clusters whose objects are known from their last snapshot; for the others, the nodes are."""
    objects: int
    tasks: int
    """Enough for each to take about the time that was asked for."""
    seconds: float
    """That the slowest task reads, without its start and commit."""
    largest_seconds: float
    """For the largest cluster alone: more tasks do not make it faster."""
    memory_mib: int
    """Of one task, with its spool."""
    run: Run
    """What one run does."""
    month: Month | None
    """What a month of runs costs; None where the sink is no dataset of BigQuery."""
    warnings: tuple[str, ...]
    """Limits that the schedule would break, and what a run would not read."""


def estimate(config: Config, planned: Sequence[Planned], *, minutes: float, runs_a_day: float) -> Estimate:
    """Estimates from the weights of the last snapshots in the warehouse, if there are any, and from node counts.

    Args:
        minutes: how long a task should read.
        runs_a_day: how often the job runs.
    """
    weights = {name: count for name, count in _last_weights(config).items() if count}
    targets = [entry for entry in planned if entry.endpoint is not None]
    objects = {entry.name: weights.get(entry.name, _from_nodes(entry.nodes)) for entry in targets}
    seconds = {name: count / _OBJECTS_A_SECOND + _CLUSTER_SECONDS for name, count in objects.items()}
    tasks = min(max(math.ceil(sum(seconds.values()) / (60 * minutes)), 1), max(len(targets), 1))
    shares, loads, rows = ClusterShares(objects, tasks), [0.0] * tasks, [0] * tasks
    for name, count in objects.items():
        loads[shares.task_for(name)] += seconds[name]
        rows[shares.task_for(name)] += count
    needed = (memory_needed(config.workers, config.page_limit) + max(rows) * _SPOOL_BYTES) >> 20
    memory_mib, total = max(1 << needed.bit_length(), _SMALLEST_MIB), sum(objects.values())
    projects = {entry.name.partition("/")[0] for entry in planned if not entry.name.startswith(("folders/", "org"))}
    run = one_run(
        clusters=len(targets), projects=len(projects), objects=total, tasks=tasks, seconds=max(loads),
        kinds=sum(config.kinds.values()), tables=len(TABLES), page_limit=config.page_limit,
    )  # fmt: skip
    month = one_month(
        run, runs_a_day=runs_a_day, clusters=len(targets), objects=total, tasks=tasks, memory_mib=memory_mib,
        kept_days=config.bigquery.partition_expiration_days,
        physical=config.bigquery.storage_billing_model == "physical",
    )  # fmt: skip
    problems = sum(entry.problem is not None for entry in planned)
    return Estimate(
        clusters=len(targets),
        clusters_weighed=sum(name in weights for name in objects),
        objects=total,
        tasks=tasks,
        seconds=round(max(loads), 1),
        largest_seconds=round(max(seconds.values(), default=0.0), 1),
        memory_mib=memory_mib,
        run=run,
        month=month if config.sink.startswith("bigquery:") else None,
        warnings=warnings(run, runs_a_day=runs_a_day, tasks=tasks, seconds=max(loads), unreachable=problems),
    )


def print_with_estimate(
    config: Config, planned: Sequence[Planned], *, minutes: float, runs_a_day: float, as_json: bool
) -> None:
    """The plan and the estimate, for people or as JSON."""
    found = estimate(config, planned, minutes=minutes, runs_a_day=runs_a_day)
    if as_json:
        print_json({"clusters": planned, "estimate": found})
        return
    print_plan(planned)
    others = found.clusters - found.clusters_weighed
    click.echo(
        f"\nabout {counted(found.objects, 'object')} in {counted(found.clusters, 'cluster')}"
        + (f" ({others} of them estimated from their nodes)" if others else "")
        + f"\ntasks: {found.tasks}; the slowest reads for {found.seconds:g} s"
        + f"\nthe largest cluster alone: {found.largest_seconds:g} s"
        + f"\nmemory of a task: {found.memory_mib} MiB, with its spool, and one CPU"
        + "".join(f"\n{line}" for line in (*_of_a_run(found.run), *_of_a_month(found.month)))
        + "".join(f"\nwarning: {warning}" for warning in found.warnings)
    )


def _of_a_run(run: Run) -> Iterator[str]:
    yield f"one run: {counted(run.list_requests, 'request')} to API servers, {run.gke_requests} to the GKE API"
    yield (
        f"  {run.downloaded_bytes / 1e6:,.1f} MB from API servers, {counted(run.rows, 'row')}, "
        f"{run.loaded_bytes / 1e6:,.1f} MB in {counted(run.load_jobs, 'load job')}, {run.seconds:g} s"
    )


def _of_a_month(month: Month | None) -> Iterator[str]:
    if month is None:
        return
    yield (
        f"a month of {month.runs} runs: ${month.dollars:,.2f} (Cloud Run {month.cloud_run_dollars:,.2f}, BigQuery "
        f"storage {month.storage_dollars:,.2f}, logging {month.logging_dollars:,.2f}), by list prices"
    )
    yield "  BigQuery bills queries by what they scan: see Costs in the reference"


def _from_nodes(nodes: int | None) -> int:
    return _OBJECTS_A_CLUSTER + (nodes or 0) * _OBJECTS_A_NODE


def _last_weights(config: Config) -> Mapping[str, int]:
    try:
        found = open_warehouse(config).query(CLUSTER_WEIGHTS)
    except InventoryError as error:  # before the first run, for example
        log.info("clusters not weighed", detail=str(error))
        return {}
    return {str(name): int(count) for name, count in found.rows}
