"""How long commands take to begin: `run` to the first request on its way, and `--help`; and a run's fixed cost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from page_server import Served, arguments, serve


def main() -> None:
    """Prints both, and what starting Python alone takes."""
    parser = arguments(__doc__)
    parser.add_argument("--best-of", type=int, default=7)
    options = parser.parse_args()
    with serve(options, counts={}) as served:
        goes: dict[str, Callable[[], float]] = {
            "python -c pass": lambda: ended("-c", "pass"),
            "--help": lambda: ended("-m", "job.cli", "--help"),
            "run, to its first request": lambda: asked(served),
        }
        for name, go in goes.items():
            print(f"{name:26} {min(go() for _ in range(options.best_of)):.3f} s")
        print("CPU time of a run over one empty cluster, into DuckDB, and of what it imports:")
        new, again = zip(*(fixed(served) for _ in range(options.best_of)), strict=True)
        print(f"{'into a new file':32} {min(new):.3f} s")
        print(f"{'into that file again':32} {min(again):.3f} s")
        for module in IMPORTS:
            print(f"  {module:30} {min(imported(module) for _ in range(options.best_of)):.3f} s")


IMPORTS = (
    "google.auth.transport.requests",
    "google.cloud.container_v1",
    "kubernetes.client.api_client",
    "duckdb",
    "sqlglot",
    "job.commands.run",
)


def fixed(served: Served) -> tuple[float, float]:
    """CPU seconds of a run into a new file, and of one more into the same file."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "c.yaml")
        path.write_text(json.dumps(served.configuration | {"sink": f"duckdb:///{directory}/x.duckdb"}))
        command = ["-m", "job.cli", "run", "-q", "--config", str(path)]
        return cpu(*command, **served.environment), cpu(*command, **served.environment)


def imported(module: str) -> float:
    """CPU seconds of importing a module, and what it imports, beyond those of Python itself."""
    return cpu("-c", f"import {module}") - cpu("-c", "pass")


def cpu(*command: str, **environment: str) -> float:
    """CPU seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ended(*command: str) -> float:
    """Seconds to the end of the process."""
    clock = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - clock


def asked(served: Served) -> float:
    """Seconds to the arrival of the first request: it is for a token, and is refused."""
    arrived: list[float] = []

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append(time.perf_counter())
            self.send_error(400)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Tokens) as server, tempfile.TemporaryDirectory() as directory:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        endpoints = served.configuration["api_endpoints"] | {"oauth2": f"http://127.0.0.1:{server.server_port}"}
        keys = served.configuration | {"api_endpoints": endpoints, "sink": f"duckdb:///{directory}/x.duckdb"}
        path = Path(directory, "c.yaml")
        path.write_text(json.dumps(keys))
        command = [sys.executable, "-m", "job.cli", "run", "--config", str(path)]
        clock = time.perf_counter()
        subprocess.run(command, env=os.environ | served.environment, stderr=subprocess.DEVNULL, check=False)
        server.shutdown()
    return arrived[0] - clock


if __name__ == "__main__":
    main()
