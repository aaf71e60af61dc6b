"""How many processes a run takes where nobody says: more than one only where an earlier run shows that it pays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase

import msgspec

from job.config import Config
from job.connect.identity import configured_identity
from job.discover.selection import may_be_selected
from job.errors import SinkError
from job.run.memory import container_cpus, container_limit, memory_needed
from job.signals import Stop
from job.sinks.open_sink import open_sink, place_of

# From the figures in tests/benchmarks: clusters of 200 objects take 25 ms each, and another process 1.1 s to import the
# clients. Two processes break even at 20,000 objects; at twice that they save a quarter of the time.
_WORTH_OBJECTS = 40_000
_PATIENCE_SECONDS = 1.5  # with a file that another process has open: too short to be announced


def task_count(config: Config, *, stop: Stop | None = None) -> int:
    """One process for each CPU where the sink's newest snapshots are large enough, and else one.

    It is one for a task of Cloud Run, for the first run into a sink, and on BigQuery, where asking costs money. A
    container gets no more processes than fit into its memory. Where the sink cannot be read, the run says why.
    """
    cores = cpu_count()
    if cores == 1 or "CLOUD_RUN_JOB" in os.environ or "CLOUD_RUN_TASK_INDEX" in os.environ:
        return 1
    if place_of(config).database is not None:
        return 1
    patience = min(_PATIENCE_SECONDS, config.timeouts.sink_seconds)
    patient = msgspec.structs.replace(config, timeouts=msgspec.structs.replace(config.timeouts, sink_seconds=patience))
    try:
        weights = open_sink(patient, lambda: configured_identity(config), stop=stop).cluster_weights(
            "", is_shared=False
        )
    except SinkError:
        return 1
    return worthwhile(config, weights, cores, container_limit())


def cpu_count() -> int:
    """The CPUs that this process may use: of those that it may run on, as many as its container's limit has whole."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = container_cpus()
    return cores if limit is None else max(1, min(cores, int(limit)))


def worthwhile(config: Config, weights: Mapping[str, int], cores: int, limit: int | None) -> int:
    """The number of processes for those of these clusters that the configuration may select.

    Labels of clusters and projects do not count: a sink's weights have none.

    >>> config = Config(projects=("p",))
    >>> worthwhile(config, {"p/l/a": 30_000, "p/l/b": 10_000, "q/l/c": 5}, 8, None), worthwhile(config, {}, 8, None)
    (2, 1)

    Args:
        weights: `project/location/cluster` -> objects in its newest snapshot.
        limit: bytes that all processes together may use; None is no limit.
    """
    weights = {name: count for name, count in weights.items() if _may_be_selected(name, config)}
    if sum(weights.values()) < _WORTH_OBJECTS:
        return 1
    fitting = cores if limit is None else limit * 9 // 10 // memory_needed(config.workers, config.page_limit)
    return max(1, min(cores, len(weights), fitting))


def _may_be_selected(name: str, config: Config) -> bool:
    project = name.partition("/")[0]
    if project not in config.projects:
        is_excluded = any(fnmatchcase(project, pattern) for pattern in config.exclude_projects)
        if is_excluded or not (config.folders or config.organizations):
            return False
    return may_be_selected(name, config.clusters)
