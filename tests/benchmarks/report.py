"""Size of the report on a large fleet, the seconds that it takes to write, and those that a browser takes to open it.

A run reads a small simulated fleet into a DuckDB file, and each of its clusters is inserted again under other names.
The goal is at most 8 MB and 2 s. The baseline of the browser is an empty page.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from copies import multiply

sys.path.append(str(Path(__file__).parents[1]))
sys.path.remove(str(Path(__file__).parent))  # in which `report` is this file
from report.browser import BROWSER, started, tab_of

from job.commands.report import write_report
from job.config import Config
from job.run.one_task import run
from job.simulator import simulate

_GOAL_BYTES, _GOAL_SECONDS = 8_000_000, 2.0


async def opened(page: Path, profile: Path) -> tuple[float, float]:
    """Seconds of CPU of the thread that makes a page, and seconds until it is drawn."""
    with started(profile) as address:
        async with tab_of(address) as tab:
            await tab.call("Performance.enable", timeDomain="threadTicks")
            began = time.perf_counter()
            await tab.open(page)
            await tab.call("Page.captureScreenshot")
            drawn = time.perf_counter() - began
            metrics = (await tab.call("Performance.getMetrics"))["metrics"]
            return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration"), drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=320, help="of each cluster: 320 make about 100 workloads")
    parser.add_argument("--simulated", type=int, default=20, help="clusters that are read; the others are copies")
    parser.add_argument("--keep", type=Path, help="where to keep the page")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        simulate(clusters=options.simulated, pods=options.pods) as fleet,
    ):
        os.environ |= fleet.environment
        path, page = Path(folder, "fleet.duckdb"), Path(folder, "fleet.html")
        keys: dict[str, Any] = {**fleet.configuration, "sink": f"duckdb:///{path}"}
        run(msgspec.convert(keys, Config))
        multiply(path, options.clusters // options.simulated)
        config = msgspec.convert(keys, Config)
        began = time.perf_counter()
        write_report(config, form="html", output=str(page), at=None, between=None, dry_run=False)
        seconds, text = time.perf_counter() - began, page.read_text()
        with duckdb.connect(str(path), read_only=True) as database:
            for view in ("coverage", "workloads", "pods"):
                ((count,),) = database.execute(f"SELECT count(*) FROM {view}").fetchall()
                print(f"{view:12}{count:>12,} rows")
        size = page.stat().st_size
        elements, sections = len(re.findall(r"<[a-z]", text)), text.count("<section class=")
        missed = " (missed)" if size > _GOAL_BYTES else ""
        print(f"written in {seconds:.0f} s: {size:,} bytes{missed}, {elements:,} elements, {sections:,} sections")
        if BROWSER is not None:
            empty = Path(folder, "empty.html")
            empty.write_text("<!DOCTYPE html><title>empty</title>")
            for name in (empty, page):
                cpu, drawn = min(asyncio.run(opened(name, Path(folder, "profile"))) for _ in range(3))
                missed = " (missed)" if drawn > _GOAL_SECONDS else ""
                print(f"{name.name}: {cpu:.2f} s of CPU, drawn in {drawn:.2f} s{missed}")
        if options.keep:
            shutil.copy(page, options.keep)


if __name__ == "__main__":
    main()
