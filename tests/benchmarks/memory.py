"""Peak memory of a fresh process that collects so many objects: it should not grow with them."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from page_server import arguments, counts_of, serve


def main() -> None:
    """Prints the peaks."""
    parser = arguments(__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--clusters", type=int, default=1)
    parser.add_argument("--sink", default="none", help="none: up to the end of the spool; duckdb")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child), options.sink)
        return
    for objects in options.objects:
        counts = counts_of(objects // options.clusters)
        with serve(options, clusters=options.clusters, counts=counts) as served:
            config = json.dumps(served.configuration)
            command = [sys.executable, __file__, "--child", config, "--sink", options.sink]
            clock = time.perf_counter()
            told = subprocess.run(command, env=os.environ | served.environment, capture_output=True, text=True, check=True).stdout.split("\n")[-2]
            print(f"{objects:>9} objects, {options.clusters} clusters, {time.perf_counter() - clock:6.1f} s: {told}", flush=True)


def child(configuration: dict[str, object], sink: str) -> None:
    import msgspec

    import job.run
    from job.config import Config

    class Nowhere:
        def prepare(self) -> None:
            pass

        def committed(self, run_id: str, task_index: int) -> None:
            pass

        def publish(self, rows: object, commit: object) -> bool:
            self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self.size = sum(path.stat().st_size for path in rows.files.values())
            return True

    with tempfile.TemporaryDirectory() as directory:
        config = msgspec.convert(configuration | {"sink": f"duckdb:///{directory}/x.duckdb"}, Config)
        if sink == "none":
            job.run.open_sink = lambda config, identity: Nowhere()
        summary = job.run.run(config)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{summary.objects} objects, {summary.outcome}, CPU {time.process_time():.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
