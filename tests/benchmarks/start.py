"""How long commands take to begin: `run` to the first request on its way, and `--help`."""

from __future__ import annotations

import json
import os
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
