"""Wall time for all kinds of one large cluster: against downloading the same pages, one kind after another."""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from page_server import PATHS, arguments, counts_of, serve
from pods import cluster, identity, throw_away

from job.collect import Collector, Task
from job.config import Config
from job.spool import Spool


def main() -> None:
    """Prints the ratio."""
    parser = arguments(__doc__)
    parser.add_argument("--objects", type=int, default=40_000)
    parser.add_argument("--best-of", type=int, default=3)
    options = parser.parse_args()
    with serve(options, counts=counts_of(options.objects)) as served:
        bare, ours = [], []
        for _ in range(options.best_of):
            clock = time.perf_counter()
            size = sum(throw_away(served, path) for path in PATHS)
            bare.append(time.perf_counter() - clock)
            with tempfile.TemporaryDirectory() as directory:
                task = Task("benchmark", datetime.now(UTC))
                spool = Spool(Path(directory))
                clock = time.perf_counter()
                cpu = time.process_time()
                done = Collector(Config(), identity(served), spool, task, threading.Event()).collect(
                    "benchmark", cluster(served)
                )
                ours.append(time.perf_counter() - clock)
                cpu = time.process_time() - cpu
                assert done.snapshot.status == "complete", done.snapshot
        print(f"{done.snapshot.objects} objects, {size / 1e6:.0f} MB, {done.snapshot.rows} rows, best of {options.best_of}")
        print(f"one kind after another, thrown away: {min(bare):.3f} s")
        print(f"collected into the spool:            {min(ours):.3f} s (CPU {cpu:.2f})   ratio {min(ours) / min(bare):.2f}")


if __name__ == "__main__":
    main()
