"""What a run costs an API server: its CPU time, requests and bytes, against `kubectl get` and against plain lists.

The API server is the simulated one, because no real one was available: its CPU time is that of Python and zlib, so that
only the ratios say something. A real one does the same work for the same requests: it reads from etcd or its cache,
encodes JSON and compresses it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import urllib3

from job.connect.identity import default_identity
from job.kinds import KINDS
from job.simulator import Simulator, simulate


class Cost(NamedTuple):
    """What some requests cost the API server."""

    cpu_seconds: float
    requests: int
    bytes: int


def main() -> None:
    """Prints what each client costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=4_000)
    parser.add_argument("--best-of", type=int, default=3)
    options = parser.parse_args()
    with simulate(clusters=1, pods=options.pods, plain=True, bigquery=False) as fleet:
        os.environ.update(fleet.environment)
        token = default_identity(fleet.configuration["api_endpoints"]["oauth2"]).token()
        clients: dict[str, Callable[[], object]] = {
            "plain lists, without limit": lambda: plain_lists(fleet, token),
            "gke-inventory run": lambda: run(fleet),
            "gke-inventory run, compression: false": lambda: run(fleet, compression=False),
        }
        if shutil.which("kubectl"):
            clients["kubectl get -A -o json"] = lambda: kubectl(fleet, token)
        costs = {name: min(cost(fleet, client) for _ in range(options.best_of)) for name, client in clients.items()}
    base = costs["plain lists, without limit"]
    print(f"{options.pods} pods and what belongs to them; least of {options.best_of}")
    print(f"{'':40} CPU s  ratio  requests      MB  ratio")
    for name, (cpu, requests, size) in costs.items():
        ratios = cpu / base.cpu_seconds, size / base.bytes
        print(f"{name:40} {cpu:5.2f} {ratios[0]:6.2f} {requests:9} {size / 1e6:7.2f} {ratios[1]:6.3f}")


def cost(fleet: Simulator, client: Callable[[], object]) -> Cost:
    """What the client's requests cost."""
    before, cpu = len(fleet.requests()), cpu_seconds(fleet)
    client()
    used = cpu_seconds(fleet) - cpu
    sent = [request["bytes"] for request in fleet.requests()[before:] if "bytes" in request]
    return Cost(used, len(sent), sum(sent))


def cpu_seconds(fleet: Simulator) -> float:
    """CPU time of the fleet's process so far."""
    fields = Path(f"/proc/{fleet.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(fleet: Simulator, **settings: bool) -> None:
    """The job itself, in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "c.json")
        path.write_text(json.dumps({**fleet.configuration, "sink": f"duckdb:///{directory}/x.duckdb", **settings}))
        command = [sys.executable, "-m", "job.cli", "run", "-q", "--config", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def kubectl(fleet: Simulator, token: str) -> None:
    """`kubectl get` of the same kinds; it asks for pages of 500 and for compression."""
    names = [kind.resource for kind in KINDS]
    with tempfile.TemporaryDirectory() as directory:
        command = [
            "kubectl", "--kubeconfig=/dev/null", f"--cache-dir={directory}", f"--server=https://{host(fleet)}",
            f"--token={token}", f"--certificate-authority={authority(fleet)}", "get", ",".join(names), "-A", "-o",
            "json",
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def plain_lists(fleet: Simulator, token: str) -> None:
    """One request for each kind, without limit and compression: the least that a client may know of the API."""
    context = ssl.create_default_context(cafile=str(authority(fleet)))
    with urllib3.PoolManager(ssl_context=context) as pools:
        for kind in KINDS:
            url = f"https://{host(fleet)}{kind.path}"
            pools.request("GET", url, headers={"Authorization": f"Bearer {token}"})


def host(fleet: Simulator) -> str:
    """The address of the API server."""
    (port,) = fleet.clusters.values()
    return f"127.0.0.1:{port}"


def authority(fleet: Simulator) -> Path:
    """The file with its CA certificate."""
    (path,) = fleet.directory.glob("cluster-*-ca.pem")
    return path


if __name__ == "__main__":
    main()
