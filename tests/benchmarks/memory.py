"""Peak memory (RSS) and time of a fresh process for so many objects: memory should not grow with them."""

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

from job.config import Config
from job.log import configure_logging
from job.run import one_task
from job.run.memory import use_one_malloc_arena

# https://cloud.google.com/kubernetes-engine/quotas has the limits of a Standard cluster
LARGEST = {"nodes": 15_000, "pods": 200_000, "namespaces": 1_000, "replicasets": 20_000, "deployments": 10_000}


def main() -> None:
    """Prints the peaks, and how far they are apart."""
    parser = arguments(__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--clusters", type=int, default=1, help="that share the objects")
    parser.add_argument("--largest", action="store_true", help="one cluster as large as GKE has them, in their place")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(child(json.loads(options.child)))
        return
    measured = {f"{objects} objects": counts_of(objects // options.clusters) for objects in options.objects}
    if options.largest:
        measured = {", ".join(f"{count} {kind}" for kind, count in LARGEST.items()): counts_of(0) | LARGEST}
    for title, counts in measured.items():
        with serve(options, clusters=options.clusters, counts=counts) as served:
            command = [sys.executable, __file__, "--child", json.dumps(served.configuration)]
            environment = os.environ | served.environment
            printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(f"{title:>15} of {options.clusters} clusters: {printed.strip()}", flush=True)


def child(configuration: dict[str, object]) -> str:
    """Runs whole, as the command does, into DuckDB; tells the peaks of collecting, and of publishing too."""
    use_one_malloc_arena()
    configure_logging("warning")
    opened = one_task.open_sink
    peaks = []

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def watched(*arguments: object, **options: object) -> object:
        sink = opened(*arguments, **options)  # type: ignore[arg-type]
        publish = sink.publish

        def measured(*arguments: object) -> object:
            peaks.append((peak(), time.perf_counter() - clock))
            return publish(*arguments)  # type: ignore[arg-type]

        sink.publish = measured  # type: ignore[method-assign, assignment]
        return sink

    one_task.open_sink = watched  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as directory:
        clock = time.perf_counter()
        summary = one_task.run(msgspec.convert(configuration | {"sink": f"duckdb:///{directory}/x.duckdb"}, Config))
        seconds = time.perf_counter() - clock
    assert summary.run.status == "complete", summary
    collected, after = peaks[0]
    return f"{collected:.0f} MB, {after:.0f} s collected; {peak():.0f} MB, {seconds:.0f} s published into DuckDB"


if __name__ == "__main__":
    main()
