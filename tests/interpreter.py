"""What any Python that `requires-python` admits must do: the client, the demo, and a run whose lists have pages.

A script and no test, because it runs where only the job's own packages are installed (`.ci/pythons`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from kubernetes.client import CoreV1Api

from job.client import kubernetes_client
from job.config import Config
from job.simulator import Simulator, simulate


def main() -> None:
    """Tries all of it in a folder."""
    directory = Path(sys.argv[1])
    demo(directory)
    with simulate(clusters=1, pods=30, plain=True, bigquery=False) as fleet:
        os.environ.update(fleet.environment)
        client(fleet)
        fleet.fault("*", "tls_old_forms")
        pages(fleet, directory)
        client(fleet)


def demo(directory: Path) -> None:
    """`gke-inventory demo` reads its fleet."""
    summary = json.loads(
        printed("demo", "--clusters", "3", "--pods", "20", "--output", f"{directory}/d.duckdb", "--json")
    )
    assert summary["clusters_failed"] == 0, summary
    assert summary["objects"] > 100, summary


def client(fleet: Simulator) -> None:
    """The official client lists."""
    config = msgspec.convert(fleet.configuration, Config)
    (cluster,) = fleet.clusters
    with kubernetes_client(*cluster.split("/"), config=config) as connected:
        assert len(CoreV1Api(connected).list_pod_for_all_namespaces().items) >= 30


def pages(fleet: Simulator, directory: Path) -> None:
    """A run reads all pages of each list, of a cluster whose certificates are in older forms."""
    path, sink = directory / "c.json", f"duckdb:///{directory}/x.duckdb"
    path.write_text(json.dumps({**fleet.configuration, "sink": sink, "page_limit": 10}))
    printed("run", "--config", str(path), "--json")
    sql = "SELECT outcome, pages, objects FROM collections WHERE resource = 'pods'"
    (row,) = json.loads(printed("query", "--config", str(path), "--format", "json", sql))
    assert row["outcome"] == "ok", row
    assert row["pages"] == -(-row["objects"] // 10) > 2, row


def printed(*arguments: str) -> Any:
    """What a command prints; it must succeed."""
    command = [sys.executable, "-W", "error::DeprecationWarning:job", "-m", "job.cli", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout


if __name__ == "__main__":
    main()
