"""Wall time of a whole run over many small clusters, into DuckDB: against the bare requests in as many threads."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import urllib3
from page_server import PATHS, Served, arguments, counts_of, serve
from pods import bearer, pool

from job.config import Config
from job.run import run


def main() -> None:
    """Prints the ratio."""
    parser = arguments(__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--objects", type=int, default=200, help="in each cluster")
    parser.add_argument("--best-of", type=int, default=2)
    options = parser.parse_args()
    with serve(options, clusters=options.clusters, counts=counts_of(options.objects)) as served:
        os.environ |= served.environment
        bare, ours = [], []
        for _ in range(options.best_of):
            bare.append(requests(served, options.clusters))
            with tempfile.TemporaryDirectory() as directory:
                config = msgspec.convert(served.configuration | {"sink": f"duckdb:///{directory}/x.duckdb"}, Config)
                clock, cpu = time.perf_counter(), time.process_time()
                summary = run(config)
                ours.append((time.perf_counter() - clock, time.process_time() - cpu))
                assert (summary.outcome, summary.clusters) == ("complete", options.clusters), summary
        print(f"{summary.clusters} clusters, {summary.objects} objects, {sum(summary.rows.values())} rows, best of {options.best_of}")
        print(f"bare requests:          {min(bare)[0]:.2f} s (CPU {min(bare)[1]:.2f})")
        print(f"whole run, into DuckDB: {min(ours)[0]:.2f} s (CPU {min(ours)[1]:.2f})   ratio {min(ours)[0] / min(bare)[0]:.2f}")


def requests(served: Served, clusters: int) -> tuple[float, float]:
    """Makes the same requests, a pool for each cluster, in as many threads as the job has workers."""
    paths = ["/version", *(f"{path}?limit=500" for path in PATHS)]

    def one(_: int) -> int:
        there = pool(served)
        return sum(len(there.request("GET", path, headers=bearer(served)).data) for path in paths[1:])

    clock, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(Config().workers) as threads:
        assert sum(threads.map(one, range(clusters))) > 0
    return time.perf_counter() - clock, time.process_time() - cpu


if __name__ == "__main__":
    main()
