"""How long a command takes to begin: `run` to its first request, and `--help`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from page_server import arguments, serve


def main() -> None:
    """Prints both."""
    parser = arguments(__doc__)
    parser.add_argument("--best-of", type=int, default=7)
    options = parser.parse_args()
    print(f"--help: {min(helped() for _ in range(options.best_of)):.3f} s")
    with serve(options, counts={}) as served:
        print(f"run, to the first request: {min(started(served) for _ in range(options.best_of)):.3f} s")
    print(f"python -c pass: {min(nothing() for _ in range(options.best_of)):.3f} s")


def nothing() -> float:
    clock = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - clock


def helped() -> float:
    clock = time.perf_counter()
    subprocess.run([sys.executable, "-m", "job.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - clock


def started(served) -> float:
    """Seconds to the first request that arrives: that for a token."""
    arrived: list[float] = []

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append(time.perf_counter())
            self.send_error(400)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    import json, tempfile
    with tempfile.TemporaryDirectory() as d:
        conf=dict(served.configuration, sink=f"duckdb:///{d}/x.duckdb")
        conf["api_endpoints"]=dict(conf["api_endpoints"], oauth2=f"http://127.0.0.1:{server.server_port}/token")
        open(f"{d}/c.yaml","w").write(json.dumps(conf))
        clock = time.perf_counter()
        subprocess.run([sys.executable, "-m", "job.cli", "run", "--config", f"{d}/c.yaml"], env=os.environ | served.environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    server.shutdown(); server.server_close()
    return arrived[0] - clock


if __name__ == "__main__":
    main()
