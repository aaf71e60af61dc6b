"""How many tasks a run should have and what each takes, by what clusters weighed last, or else by their nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from job.commands.plan import Planned
from job.config import Config
from job.connect.identity import default_identity
from job.errors import InventoryError
from job.log import log
from job.run.memory import needed
from job.run.shares import Shares
from job.sinks.open_sink import open_sink
from job.sinks.protocol import WEIGHTS

# Measured with one CPU (tests/benchmarks/large_cluster.py and fleet.py), and rounded to the safe side.
_OBJECTS_A_SECOND = 5000
_CLUSTER_SECONDS = 0.05
_SPOOL_BYTES = 400  # of one object's rows, compressed
_OBJECTS_A_NODE, _OBJECTS_A_CLUSTER = 60, 300  # where nothing else is known: pods and what belongs to them
_SMALLEST_MIB = 512  # that Cloud Run gives to a task with one CPU


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would take."""

    clusters: int
    clusters_weighed: int
    """Those whose objects are known from their last snapshot; of the others, the nodes are."""
    objects: int
    tasks: int
    """So many that each takes about the time that was asked for."""
    seconds: float
    """Of the slowest task, reading; starting and committing come on top."""
    largest_seconds: float
    """Of the largest cluster alone, which no number of tasks makes faster."""
    memory_mib: int
    """Of one task, its spool included."""


def estimate(config: Config, planned: Sequence[Planned], *, minutes: float) -> Estimate:
    """Reads nothing but the last weights from the sink, if they are there.

    Args:
        minutes: how long a task should read.
    """
    weights = {name: count for name, count in _last_weights(config).items() if count}
    wanted = [entry for entry in planned if entry.endpoint is not None]
    objects = {entry.name: weights.get(entry.name, _from_nodes(entry.nodes)) for entry in wanted}
    seconds = {name: count / _OBJECTS_A_SECOND + _CLUSTER_SECONDS for name, count in objects.items()}
    tasks = min(max(math.ceil(sum(seconds.values()) / (60 * minutes)), 1), max(len(wanted), 1))
    shares, loads, rows = Shares(objects, tasks), [0.0] * tasks, [0] * tasks
    for name, count in objects.items():
        loads[shares.task_of(name)] += seconds[name]
        rows[shares.task_of(name)] += count
    memory_mib = (needed(config.workers, config.page_limit) + max(rows) * _SPOOL_BYTES) >> 20
    return Estimate(
        clusters=len(wanted),
        clusters_weighed=sum(name in weights for name in objects),
        objects=sum(objects.values()),
        tasks=tasks,
        seconds=round(max(loads), 1),
        largest_seconds=round(max(seconds.values(), default=0.0), 1),
        memory_mib=max(1 << memory_mib.bit_length(), _SMALLEST_MIB),
    )


def _from_nodes(nodes: int | None) -> int:
    return _OBJECTS_A_CLUSTER + (nodes or 0) * _OBJECTS_A_NODE


def _last_weights(config: Config) -> Mapping[str, int]:
    try:
        found = open_sink(config, lambda: default_identity(config.api_endpoints.oauth2)).query(WEIGHTS)
    except InventoryError as error:  # as before the first run
        log.info("clusters not weighed", detail=str(error))
        return {}
    return {str(name): int(count) for name, count in found.rows}
