"""Wall time of a whole run over many small clusters, into DuckDB: against its requests alone, as many at a time."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
from bare import bearer, pool
from large_cluster import timed
from page_server import PATHS, Served, arguments, counts_of, serve

from job.config import Config
from job.run.local_tasks import run_tasks
from job.run.one_task import run
from job.run.summary import Summary


def main() -> None:
    """Prints the ratio."""
    parser = arguments(__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--objects", type=int, default=200, help="of each cluster")
    parser.add_argument("--tasks", type=int, default=1, help="processes that share the clusters, with one commit")
    parser.add_argument("--best-of", type=int, default=2)
    options = parser.parse_args()
    with serve(options, clusters=options.clusters, counts=counts_of(options.objects)) as served:
        os.environ |= served.environment
        alone = partial(requests, clusters=options.clusters)
        whole = partial(whole_run, tasks=options.tasks)
        pairs = [(timed(alone, served), timed(whole, served)) for _ in range(options.best_of)]
    bare, ours = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    summary: Summary = ours.result
    found = summary.run
    assert (found.status, found.clusters) == ("complete", options.clusters), summary
    rows = sum(summary.rows.values())
    print(f"{found.clusters} clusters, {found.objects} objects, {rows} rows, {options.latency:g} ms an answer")
    print(f"the requests alone:     {bare.wall:6.2f} s, CPU {bare.cpu:6.2f} s")
    print(f"whole run, into DuckDB: {ours.wall:6.2f} s, CPU {ours.cpu:6.2f} s; ratio {ours.wall / bare.wall:.2f}")


def requests(served: Served, *, clusters: int) -> int:
    """Sends the same requests, over a pool for each cluster, in as many threads as the job has workers."""

    def one(_: int) -> int:
        there = pool(served)
        return sum(len(there.request("GET", f"{path}?limit=500", headers=bearer(served)).data) for path in PATHS)

    with ThreadPoolExecutor(Config().workers) as threads:
        return sum(threads.map(one, range(clusters)))


def whole_run(served: Served, *, tasks: int = 1) -> Summary:
    """The job itself."""
    with tempfile.TemporaryDirectory() as directory:
        keys = {"sink": f"duckdb:///{directory}/x.duckdb", "upgrade_info": False}  # the page server has none
        config = msgspec.convert(served.configuration | keys, Config)
        return run(config) if tasks == 1 else run_tasks(config, tasks)


if __name__ == "__main__":
    main()
