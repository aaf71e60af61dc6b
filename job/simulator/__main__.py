"""The process of the simulator: python -m job.simulator."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
import threading
from pathlib import Path

from job.simulator.faults import UnknownFaultError, parse_fault
from job.simulator.fleet import make_fleet
from job.simulator.server import Simulation


def main() -> None:
    """Starts the fleet, prints its addresses as one line of JSON, and serves until stdin closes or a signal arrives."""
    parser = argparse.ArgumentParser(prog="python -m job.simulator", description=__doc__)
    parser.add_argument("--clusters", type=int, default=5)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="every cluster can be read")
    parser.add_argument("--token-lifetime", type=int, default=3600)
    parser.add_argument("--fault", action="append", default=[], metavar="CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
    parser.add_argument("--no-bigquery", action="store_true", help="refuse every request to BigQuery")
    parser.add_argument("--googlesql", action="store_true", help="answer queries with the GoogleSQL engine (zetasql)")
    options = parser.parse_args()
    try:
        for specification in options.fault:
            parse_fault(specification)
    except UnknownFaultError as error:
        parser.error(str(error))
    _allow_connections(options.clusters)
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    fleet = make_fleet(clusters=options.clusters, pods=options.pods, seed=options.seed, special=not options.plain)
    with tempfile.TemporaryDirectory(prefix="gke-inventory-simulator-", ignore_cleanup_errors=True) as directory:
        simulation = Simulation(
            fleet,
            Path(directory),
            token_lifetime=options.token_lifetime,
            bigquery=not options.no_bigquery,
            googlesql=options.googlesql,
        )
        ready = await simulation.start()
        for specification in options.fault:
            await simulation.add_fault(parse_fault(specification))
        threading.Thread(target=_wait_for_parent, args=(loop, ended), daemon=True).start()
        with contextlib.suppress(BrokenPipeError):  # the parent has already exited
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
        await ended.wait()
    os._exit(0)  # closes all sockets at once; freeing every object of a large fleet would take seconds


def _wait_for_parent(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Waits for the end of stdin, a pipe from the parent: it closes when the parent exits, for whatever reason."""
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is already closed
        loop.call_soon_threadsafe(ended.set)


def _allow_connections(clusters: int) -> None:
    """Raises the limit of open files if it can: each cluster needs a listening socket and some connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 1024 + 20 * clusters
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )


if __name__ == "__main__":
    main()
