"""What a run costs with few kinds, with those that are on by default, and with all: kinds with few objects cost little.

The fleet is the simulated one, which has some objects of each kind, and whose process is another core's work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from api_server import cpu_seconds

from job.kinds import KINDS, RESOURCES
from job.simulator import Simulator, simulate

_WORKLOADS = {kind.resource: bool(kind.controls) or kind.resource in ("namespaces", "pods") for kind in KINDS}
_EVERY = dict.fromkeys(RESOURCES, True)
SETTINGS: dict[str, dict[str, Any]] = {
    "default kinds": {},
    "namespaces, workloads and pods": {"kinds": _WORKLOADS},
    "every kind of `kinds`": {"kinds": _EVERY},
    "the same, and `objects.include: ['*']`": {"kinds": _EVERY, "objects": {"include": ["*"]}},
}
"""The first is the baseline."""


class Cost(NamedTuple):
    """What a run costs, in a process of its own."""

    cpu: float
    wall: float
    server_cpu: float
    megabytes: float
    """Peak of its memory."""
    requests: int
    """To API servers."""


def main() -> None:
    """Prints each cost, and its ratio to that of the default kinds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--pods", type=int, default=40, help="of each cluster")
    parser.add_argument("--best-of", type=int, default=3)
    options = parser.parse_args()
    costs: dict[str, list[Cost]] = {name: [] for name in SETTINGS}
    with simulate(clusters=options.clusters, pods=options.pods, plain=True, bigquery=False) as fleet:
        run(fleet, {})  # the fleet makes its objects
        for _ in range(options.best_of):
            for name, settings in SETTINGS.items():
                costs[name].append(run(fleet, settings))
    base, *_ = (best(found) for found in costs.values())
    print(f"{options.clusters} clusters of {options.pods} pods; least of {options.best_of}")
    print(f"{'':40}  CPU s ratio  ms more   wall s ratio  server  ratio   MB ratio   requests")
    print(f"{'':56} a cluster{'':14} CPU s{'':18} a cluster")
    for name, found in costs.items():
        cost = best(found)
        more = (cost.cpu - base.cpu) / options.clusters * 1000
        print(
            f"{name:40} {cost.cpu:6.2f} {cost.cpu / base.cpu:5.2f} {more:8.1f} {cost.wall:8.2f} "
            f"{cost.wall / base.wall:5.2f} {cost.server_cpu:7.2f} {cost.server_cpu / base.server_cpu:6.2f} "
            f"{cost.megabytes:4.0f} {cost.megabytes / base.megabytes:5.2f} {cost.requests / options.clusters:10.1f}"
        )


def best(found: list[Cost]) -> Cost:
    """The least of each figure."""
    return Cost(*map(min, zip(*found, strict=True)))


def run(fleet: Simulator, settings: dict[str, Any]) -> Cost:
    """The job itself, into a new DuckDB file."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "c.json")
        keys = {**fleet.configuration, "upgrade_info": False, "sink": f"duckdb:///{directory}/x.duckdb", **settings}
        path.write_text(json.dumps(keys))
        before, server_cpu, clock = len(fleet.requests()), cpu_seconds(fleet), time.perf_counter()
        command = [sys.executable, "-m", "job.cli", "run", "-q", "--config", str(path)]
        child = subprocess.Popen(command, env=os.environ | fleet.environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall, server_cpu = time.perf_counter() - clock, cpu_seconds(fleet) - server_cpu
        assert child.returncode == 0, child.returncode
    sent = sum("path" in request for request in fleet.requests()[before:])
    return Cost(used.ru_utime + used.ru_stime, wall, server_cpu, used.ru_maxrss / 1024, sent)


if __name__ == "__main__":
    main()
