"""Peak memory (RSS) of a fresh process for so many objects: it should not grow with them."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import msgspec
from page_server import arguments, counts_of, serve

import job.run
from job.config import Config
from job.log import configure_logging


def main() -> None:
    """Prints the peaks, and how far they are apart."""
    parser = arguments(__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--clusters", type=int, default=1, help="that share the objects")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(child(json.loads(options.child)))
        return
    for objects in options.objects:
        counts = counts_of(objects // options.clusters)
        with serve(options, clusters=options.clusters, counts=counts) as served:
            command = [sys.executable, __file__, "--child", json.dumps(served.configuration)]
            environment = os.environ | served.environment
            told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(f"{objects:>9} objects of {options.clusters} clusters: {told.strip()}", flush=True)


def child(configuration: dict[str, object]) -> str:
    """Runs whole, into DuckDB, and tells the peaks of collecting, and of publishing too."""
    configure_logging(quiet=True)
    opened = job.run.open_sink
    peaks = []

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def watched(*arguments: object) -> object:
        sink = opened(*arguments)  # type: ignore[arg-type]
        publish = sink.publish

        def told(*arguments: object) -> object:
            peaks.append(peak())
            return publish(*arguments)  # type: ignore[arg-type]

        sink.publish = told  # type: ignore[method-assign, assignment]
        return sink

    job.run.open_sink = watched  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as directory:
        clock = time.perf_counter()
        summary = job.run.run(msgspec.convert(configuration | {"sink": f"duckdb:///{directory}/x.duckdb"}, Config))
        seconds = time.perf_counter() - clock
    assert summary.outcome == "complete", summary
    return f"{peaks[0]:.0f} MB collected, {peak():.0f} MB published into DuckDB; {seconds:.0f} s"


if __name__ == "__main__":
    main()
