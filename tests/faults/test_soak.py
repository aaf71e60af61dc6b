"""A process that takes many snapshots stays as it was: no thread, socket or file more, no memory that only grows."""

from __future__ import annotations

import resource
import threading
from pathlib import Path
from statistics import median

import msgspec
import pytest
from declared import EVERY_KIND
from faults.cases import WEB
from faults.fleet import PATIENT, Fleet

from job.config import Config
from job.run.one_task import run

RUNS, WARM = 50, 10
MOST_GROWTH = 16.0  # MB in 30 runs: an inventory of this fleet, kept by mistake, would be more
FAULTS = ("reset", "invalid_json", "truncate_gzip", "expired_continue")

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process holds is read from /proc")


def held() -> tuple[int, int, int]:
    """Threads that Python knows, all threads, and open files and sockets."""
    threads, files = (sum(1 for _ in Path("/proc/self", name).iterdir()) for name in ("task", "fd"))
    return threading.active_count(), threads, files


def resident() -> float:
    """MB of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
def test_fifty_runs_leave_nothing_behind(fleet: Fleet) -> None:
    asked = {"kinds": EVERY_KIND, "sink": f"duckdb:///{fleet.database}", "page_limit": 10}
    settings = {**fleet.simulator.configuration, **asked}
    config = msgspec.convert(settings | {"timeouts": PATIENT}, Config)
    holdings, memory = [], []
    for number in range(RUNS):
        if number % 5 == 4:
            fleet.simulator.fault(WEB, FAULTS[number // 5 % len(FAULTS)], "pods", times=1)
            fleet.simulator.fault(WEB, "forbidden", "jobs")
            fleet.simulator.fault("shop-staging", "gke_denied", "clusters")
        summary = run(config)
        assert (summary.run.status == "complete") == (number % 5 != 4)
        fleet.simulator.clear()
        holdings.append(held())
        memory.append(resident())
    early, late = holdings[WARM : WARM + 10], holdings[-10:]
    for before, after in zip(zip(*early, strict=True), zip(*late, strict=True), strict=True):
        assert min(after) <= max(before), (early, late)  # one may be closing while it is counted
    assert median(memory[-10:]) - median(memory[WARM : WARM + 10]) < MOST_GROWTH, memory
