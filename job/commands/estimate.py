"""`plan --estimate`: how many tasks a run should have, and what each needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import click
import msgspec

from job.commands.output import counted, print_json
from job.commands.plan import Planned, print_plan
from job.config import Config
from job.errors import InventoryError
from job.log import log
from job.run.memory import memory_needed
from job.run.shares import ClusterShares
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import CLUSTER_WEIGHTS

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


def estimate(config: Config, planned: Sequence[Planned], *, minutes: float) -> Estimate:
    """Estimates from the weights of the last snapshots in the warehouse, if there are any, and from node counts.

    Args:
        minutes: how long a task should read.
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
    memory_mib = (memory_needed(config.workers, config.page_limit) + max(rows) * _SPOOL_BYTES) >> 20
    return Estimate(
        clusters=len(targets),
        clusters_weighed=sum(name in weights for name in objects),
        objects=sum(objects.values()),
        tasks=tasks,
        seconds=round(max(loads), 1),
        largest_seconds=round(max(seconds.values(), default=0.0), 1),
        memory_mib=max(1 << memory_mib.bit_length(), _SMALLEST_MIB),
    )


def print_with_estimate(config: Config, planned: Sequence[Planned], *, minutes: float, as_json: bool) -> None:
    """The plan and the estimate, for people or as JSON."""
    found = estimate(config, planned, minutes=minutes)
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
    )


def _from_nodes(nodes: int | None) -> int:
    return _OBJECTS_A_CLUSTER + (nodes or 0) * _OBJECTS_A_NODE


def _last_weights(config: Config) -> Mapping[str, int]:
    try:
        found = open_warehouse(config).query(CLUSTER_WEIGHTS)
    except InventoryError as error:  # before the first run, for example
        log.info("clusters not weighed", detail=str(error))
        return {}
    return {str(name): int(count) for name, count in found.rows}
