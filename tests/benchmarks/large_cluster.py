"""Wall time for all kinds of one large cluster: against downloading the same pages, one kind after another."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bare import throw_away
from page_server import PATHS, Served, arguments, counts_of, serve
from pods import cluster, identity

from job.collect.cluster import ClusterCollector
from job.config import Config
from job.spool import Spool
from job.tables import Snapshot
from job.task import Task


class Taken(NamedTuple):
    """Seconds of the clock and of this process's CPU, and what came of them."""

    wall: float
    cpu: float
    result: Any


def main() -> None:
    """Prints the ratio."""
    parser = arguments(__doc__)
    parser.add_argument("--objects", type=int, default=40_000)
    parser.add_argument("--best-of", type=int, default=3)
    options = parser.parse_args()
    with serve(options, counts=counts_of(options.objects)) as served:
        pairs = [(timed(download, served), timed(collect, served)) for _ in range(options.best_of)]
    bare, ours = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    snapshot: Snapshot = ours.result
    sizes = f"{snapshot.objects} objects, {snapshot.row_count} rows, {bare.result / 1e6:.0f} MB"
    print(f"{sizes}, {options.think:g} ms a page")
    print(f"downloaded, kind after kind: {bare.wall:.2f} s, CPU {bare.cpu:.2f} s")
    print(f"collected into the spool:    {ours.wall:.2f} s, CPU {ours.cpu:.2f} s; ratio {ours.wall / bare.wall:.2f}")


def timed(go: Callable[[Served], Any], served: Served) -> Taken:
    """One go at it."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = go(served)
    return Taken(time.perf_counter() - wall, time.process_time() - cpu, result)


def download(served: Served) -> int:
    """Reads all pages of all kinds and keeps nothing; returns their bytes."""
    return sum(throw_away(served, path) for path in PATHS)


def collect(served: Served) -> Snapshot:
    """Collects the cluster as a run does, into the spool."""
    with tempfile.TemporaryDirectory() as directory:
        task = Task("benchmark", datetime.now(UTC))
        collector = ClusterCollector(Config(), identity(served), Spool(Path(directory)), task, threading.Event())
        done = collector.collect("benchmark", cluster(served))
        assert done.snapshot.status == "complete", done.snapshot
        return done.snapshot


if __name__ == "__main__":
    main()
