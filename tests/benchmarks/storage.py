"""What rows weigh: BigQuery's logical bytes a row, and bytes of the gzip spool, from a run against the simulated fleet.

    python tests/benchmarks/storage.py [--clusters 3] [--pods 1000]

Logical bytes are counted by BigQuery's own table (https://cloud.google.com/bigquery/pricing#data): STRING 2 and its
UTF-8 bytes, INT64, FLOAT64 and TIMESTAMP 8, BOOL 1, NULL 0, a repeated or nested column the sum of its parts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from job.commands.output import print_table
from job.config import Config
from job.run import one_task as running
from job.run.one_task import run
from job.simulator import simulate
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Commit
from job.spool import Rows


def logical_bytes(value: Any, key: str = "") -> int:
    if isinstance(value, dict):
        return sum(logical_bytes(inner, name) for name, inner in value.items())
    if isinstance(value, list):
        return sum(logical_bytes(inner, key) for inner in value)
    if isinstance(value, bool):
        return 1
    if isinstance(value, (int, float)) or (key.endswith(("_at", "_time")) and _is_time(value)):
        return 8
    return 0 if value is None else 2 + len(str(value).encode())


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=3)
    parser.add_argument("--pods", type=int, default=1000)
    options = parser.parse_args()
    measured: dict[str, tuple[int, int, int]] = {}

    class Measured(DuckDBSink):
        def publish(self, rows: Rows, commit: Commit) -> bool:
            for table, file in rows.files.items():
                with gzip.open(file) as lines:
                    logical = sum(logical_bytes(json.loads(line)) for line in lines)
                measured[table] = (rows.counts[table], logical, file.stat().st_size)
            return super().publish(rows, commit)

    with (
        tempfile.TemporaryDirectory() as directory,
        simulate(clusters=options.clusters, pods=options.pods, plain=True) as fleet,
    ):
        os.environ.update(fleet.environment)
        path = Path(directory) / "x.duckdb"
        config = msgspec.convert(fleet.configuration | {"sink": f"duckdb:///{path}"}, Config)
        running.open_sink = lambda config, identity, **_: Measured(path, timeout_seconds=60)  # type: ignore[assignment]
        run(config)
        database = path.stat().st_size
    rows = [
        (table, count, count / options.clusters, logical / count, spooled / count)
        for table, (count, logical, spooled) in measured.items()
    ]
    headers = ("table", "rows", "rows a cluster", "logical bytes a row", "spooled bytes a row")
    print_table(headers, [(name, *(round(cell, 1) for cell in cells)) for name, *cells in rows])
    logical, spooled = (sum(sizes[index] for sizes in measured.values()) for index in (1, 2))
    pods = measured["pods"][0]
    snapshot = logical / options.clusters / 1e6
    print(f"\n{pods / options.clusters:.0f} pods a cluster; a cluster's snapshot: {snapshot:.2f} MB logical")
    print(
        f"a pod, with all rows of its cluster: {logical / pods:.0f} bytes logical, {spooled / pods:.0f} bytes of spool"
    )
    print(f"the DuckDB file: {database / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
