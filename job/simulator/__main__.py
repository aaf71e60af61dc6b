"""The simulator's process: python -m job.simulator."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from job.simulator.faults import UnknownFaultError, parse_fault
from job.simulator.fleet import make_fleet
from job.simulator.server import Simulation


def main() -> None:
    """Starts everything, says in one JSON line where it is, and serves until stdin ends or a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m job.simulator", description=__doc__)
    parser.add_argument("--clusters", type=int, default=5)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="a fleet of which all can be read")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--token-lifetime", type=int, default=3600)
    parser.add_argument("--fault", action="append", default=[], metavar="CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
    parser.add_argument("--googlesql", action="store_true", help="queries on GoogleSQL's own engine: needs zetasql")
    options = parser.parse_args()
    try:
        for specification in options.fault:
            parse_fault(specification)
    except UnknownFaultError as error:
        parser.error(str(error))
    with contextlib.ExitStack() as stack:
        directory = options.directory or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gke-inventory-simulator-"))
        )
        asyncio.run(_serve(options, directory))


async def _serve(options: argparse.Namespace, directory: Path) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    fleet = make_fleet(clusters=options.clusters, pods=options.pods, seed=options.seed, special=not options.plain)
    simulation = Simulation(fleet, directory, token_lifetime=options.token_lifetime, googlesql=options.googlesql)
    ready = await simulation.start()
    for specification in options.fault:
        await simulation.add_fault(parse_fault(specification))
    loop.run_in_executor(None, _until_parent_is_gone, loop, ended)
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await ended.wait()
    await simulation.stop()
    os._exit(0)  # the thread that reads stdin may still be reading


def _until_parent_is_gone(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """stdin is a pipe from whoever started this process: it ends with them, however they end."""
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    main()
