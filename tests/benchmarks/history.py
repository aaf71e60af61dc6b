"""Seconds that queries of views take on DuckDB with a long history of a fleet that is read hourly.

A run reads the simulated fleet into a file. Its rows are inserted again under the times of earlier hours, and a second
run commits as any other does. The goal is a second for each view. The baseline is the file before the history.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from job.config import Config
from job.run.one_task import run
from job.schema import columns
from job.simulator import simulate
from job.sinks.duckdb import DuckDBSink
from job.tables import TABLES, raw
from job.views import views

_LEDGER_TIMES = ("started_at", "finished_at")
_GOAL = 1.0  # seconds


def lengthen(path: Path, hours: int, days_of_rows: int) -> None:
    """Inserts the rows of the file's one run again, for each hour before it; the ledger's first."""
    with duckdb.connect(str(path)) as database:
        database.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        for table in TABLES:
            is_ledger = table in ("runs", "snapshots", "collections")
            replaced = [
                "b.snapshot_time - to_hours(h.ago) AS snapshot_time",
                "b.snapshot_id || '-' || h.ago AS snapshot_id",
            ]
            names = {column.name for column in columns(table)}
            replaced += ["b.run_id || '-' || h.ago AS run_id"] if "run_id" in names else []
            replaced += [
                f"b.{name} - to_hours(h.ago) AS {name}" for name in _LEDGER_TIMES if is_ledger and name in names
            ]
            first = hours if is_ledger else min(hours, days_of_rows * 24)
            database.execute(f"CREATE TEMP TABLE b AS SELECT * FROM {raw(table)}; DELETE FROM {raw(table)}")
            for last in range(first, -1, -24):  # a day at a time, oldest first, as runs would insert them
                hour = f"range({max(last - 23, 0)}, {last + 1})"
                database.execute(
                    f"INSERT INTO {raw(table)} SELECT b.* REPLACE ({', '.join(replaced)}) FROM b, {hour} AS h(ago)"
                )
            database.execute("DROP TABLE b")
        database.execute("CHECKPOINT")


def seconds_of(path: Path, repeats: int) -> dict[str, float]:
    """The median seconds of a query of each view, all of whose columns are computed."""
    found = {}
    with duckdb.connect(str(path), read_only=True) as database:
        database.execute("SET TimeZone = 'UTC'; SET threads = 2")
        for view in views():
            taken = []
            for _ in range(repeats):
                began = time.perf_counter()
                database.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT * FROM {view.name}")
                taken.append(time.perf_counter() - began)
            found[view.name] = statistics.median(taken)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--pods", type=int, default=23, help="of each cluster")
    parser.add_argument("--days", type=int, default=90, help="of history")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        simulate(clusters=options.clusters, pods=options.pods, plain=True) as fleet,
    ):
        os.environ |= fleet.environment
        path = Path(folder, "history.duckdb")
        readable = [project for project in fleet.projects if project != "acquired-company"]
        keys: dict[str, Any] = {**fleet.configuration, "projects": readable, "sink": f"duckdb:///{path}"}
        run(msgspec.convert(keys, Config))
        before = seconds_of(path, options.repeats)
        lengthen(path, options.days * 24, options.days)
        sink = DuckDBSink(path, timeout_seconds=60)
        for table in ("runs", "collections", "pods"):
            print(f"{table:12}{sink.query(f'SELECT count(*) FROM {raw(table)}').rows[0][0]:>12,} rows")
        for _ in range(2):
            began = time.perf_counter()
            run(msgspec.convert(keys, Config))
            print(f"a run takes {time.perf_counter() - began:.1f} s")
        after = seconds_of(path, options.repeats)
    print(f"{'':30}{'one run':>9}{'history':>9}{'goal':>6}")
    for name, seconds in sorted(after.items(), key=lambda item: -item[1]):
        print(f"{name:30}{before[name]:>8.2f} {seconds:>8.2f} {_GOAL:>5.1f} {'missed' if seconds > _GOAL else ''}")


if __name__ == "__main__":
    main()
