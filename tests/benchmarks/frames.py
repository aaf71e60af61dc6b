"""Seconds that a view takes to become a DataFrame, against `duckdb`'s own `.df()` of the same query.

    python tests/benchmarks/frames.py [--clusters 280] [--pods 320] [--views pods pod_containers]

A run reads a small simulated fleet into a DuckDB file, and each of its clusters is inserted again under other names.
The goal is at most 1.5 times `.df()`, which turns NULL integers into floats and decimals into inexact ones.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from copies import multiply

from job import frames, latest
from job.config import Config
from job.run.one_task import run
from job.simulator import simulate

_GOAL = 1.5


def best(times: int, call: Callable[[], Any]) -> float:
    """The fewest seconds of several calls."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


def own(path: Path, sql: str) -> Any:
    """What a person does without this package."""
    with duckdb.connect(str(path), read_only=True) as database:
        database.execute("SET TimeZone = 'UTC'")
        return database.sql(sql).df()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=280)
    parser.add_argument("--pods", type=int, default=320, help="of each cluster")
    parser.add_argument("--simulated", type=int, default=10, help="clusters that are read; the others are copies")
    parser.add_argument("--views", nargs="+", default=["pods", "pod_containers", "workloads", "coverage"])
    parser.add_argument("--times", type=int, default=3, help="the best of so many")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, simulate(clusters=options.simulated, pods=options.pods) as fleet:
        os.environ |= fleet.environment
        path = Path(folder, "fleet.duckdb")
        sink = f"duckdb:///{path}"
        run(msgspec.convert({**fleet.configuration, "sink": sink}, Config))
        multiply(path, options.clusters // options.simulated)
        print(f"{'view':16}{'rows':>9}{'.df()':>9}{'latest':>9}{'ratio':>7}{'3 columns':>11}{'no pyarrow':>12}")
        for view in options.views:
            columns = ["cluster", "read_at", "read_status"] if view != "coverage" else ["cluster", "status", "read_at"]
            rows = len(latest(view, columns=columns, sink=sink))
            plain = best(options.times, lambda view=view: own(path, f"SELECT * FROM {view}"))
            ours = best(options.times, lambda view=view: latest(view, sink=sink))
            few = best(options.times, lambda view=view, columns=columns: latest(view, columns=columns, sink=sink))
            frames.find_spec = lambda name: None
            without = best(1, lambda view=view: latest(view, sink=sink))
            frames.find_spec = importlib.util.find_spec
            missed = " (missed)" if (ratio := ours / plain) > _GOAL else ""
            print(f"{view:16}{rows:>9,}{plain:>8.2f}s{ours:>8.2f}s{ratio:>7.2f}{few:>10.2f}s{without:>11.1f}s{missed}")


if __name__ == "__main__":
    main()
