"""Bytes that queries of views scan in BigQuery, against the goals for a large fleet that is read hourly.

A run reads the simulated fleet; its rows are published again and again under earlier times into the simulated BigQuery,
which counts bytes by the real one's rules: whole partitions, by constants and the clock alone. What is printed for the
large fleet is that, times the number of clusters; each has as many pods here as there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import msgspec
from google.cloud import bigquery
from google.oauth2.credentials import Credentials
from loopback_bigquery import lift_update_limits, served

from job.config import BigQuery, Config
from job.connect.identity import Identity
from job.run.one_task import run
from job.simulator import simulate
from job.sinks.bigquery import BigQuerySink
from job.sinks.protocol import Commit, TaskResult
from job.sinks.task_folder import rows_of
from job.spool import Rows

GOALS = {  # bytes at 1,000 clusters of 300 pods: hourly, and with four runs a day
    "pods": (2e9, 0.6e9), "coverage": (100e6, 100e6), "images": (5e9, None), "capacity_by_cluster": (5e9, None),
    "privileged": (5e9, None), "changes": (None, None), "latest_snapshots": (None, None), "pods_history": (None, None),
}  # fmt: skip
_CLUSTERS = 1000
_TIMES = ("started_at", "finished_at")
_LEDGER = ("runs", "snapshots", "collections")


def read(clusters: int, pods: int, folder: Path) -> Rows:
    """The rows of one run over a fleet."""
    with simulate(clusters=clusters, pods=pods, plain=True) as fleet:
        os.environ |= fleet.environment
        readable = [project for project in fleet.projects if project != "acquired-company"]
        keys = {**fleet.configuration, "projects": readable, "sink": f"folder://{folder}"}
        run(msgspec.convert(keys, Config))
    return rows_of(folder, 0)


def shifted(rows: Rows, began: datetime, number: int, folder: Path) -> Rows:
    """The rows of another run, which began at that time."""
    (first,) = _lines(rows.files["runs"])
    shift = began - datetime.fromisoformat(first["snapshot_time"])

    def moved(time: str) -> str:
        return (datetime.fromisoformat(time) + shift).astimezone(UTC).isoformat()

    files = {}
    for table, file in rows.files.items():
        lines = []
        for row in _lines(file):
            row["snapshot_id"] += f"-{number}"
            names = ("snapshot_time", *_TIMES) if table in _LEDGER else ("snapshot_time",)
            row |= {name: moved(row[name]) for name in names if name in row}
            row |= {"run_id": f"run-{number}"} if "run_id" in row else {}
            lines.append(json.dumps(row))
        files[table] = folder / f"{number}-{table}.ndjson.gz"
        files[table].write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", 1))
    return Rows(files, rows.counts, rows.sizes)


def _lines(file: Path) -> Iterator[dict[str, str]]:
    return map(json.loads, gzip.decompress(file.read_bytes()).splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=3)
    parser.add_argument("--pods", type=int, default=300, help="of each cluster")
    parser.add_argument("--hours", type=int, default=30, help="of history")
    arguments = parser.parse_args()
    options = BigQuery(partition_expiration_days=90, ledger_expiration_days=400)
    with tempfile.TemporaryDirectory() as name, served() as control:
        lift_update_limits(control.endpoint)
        rows = read(arguments.clusters, arguments.pods, Path(name))
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        found = {}
        for interval in (1, 6):
            sink = BigQuerySink(
                "shop-prod", f"every_{interval}", "EU", lambda: Identity(Credentials("token")), options=options,
                endpoint=control.endpoint, timeout_seconds=100, overlap_seconds=3600,
            )  # fmt: skip
            sink.apply()
            for ago in range(arguments.hours, -1, -interval):
                began = now - timedelta(hours=ago)
                commit = Commit(f"run-{ago}", 0, 0, TaskResult(True, True), snapshot_times=(began,))
                sink.publish(shifted(rows, began, ago, Path(name)), commit)
            for view in GOALS:
                config = bigquery.QueryJobConfig(default_dataset=sink.name, dry_run=True, use_query_cache=False)
                job = sink._client.query(f"SELECT * FROM {view}", job_config=config, location="EU")
                found[view, interval] = job.total_bytes_processed
            one = bigquery.QueryJobConfig(default_dataset=sink.name, dry_run=True)
            whole = sink._client.query("SELECT * FROM raw_pods", job_config=one, location="EU").total_bytes_processed
            found["one snapshot of pods", interval] = whole // (arguments.hours // interval + 1)
    factor = _CLUSTERS / arguments.clusters
    print(f"{'':24}{'hourly':>12}{'goal':>10}{'4 a day':>12}{'goal':>10}")
    for view in ("one snapshot of pods", *GOALS):
        print(f"{view:24}", end="")
        for interval, goal in zip((1, 6), GOALS.get(view, (None, None)), strict=True):
            print(f"{found[view, interval] * factor / 1e9:9.3f} GB{f'{goal / 1e9:.1f}' if goal else '':>10}", end="")
        print()


if __name__ == "__main__":
    main()
