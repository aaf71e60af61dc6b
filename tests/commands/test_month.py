"""What a month of runs costs, and the limits that a schedule would break; the sums are worked out by hand."""

from __future__ import annotations

from typing import Any

from job.commands.month import Run, one_month, one_run, warnings

FLEET: dict[str, Any] = {"clusters": 1000, "objects": 500_000, "tasks": 10}
RUN = one_run(**FLEET, projects=50, seconds=60.0, kinds=10, tables=12, page_limit=500)


def test_a_run_is_reckoned_by_its_objects_clusters_and_tasks() -> None:
    assert Run(
        list_requests=11_000, gke_requests=50 + 50 * 9, downloaded_bytes=350_000_000, rows=1_250_000,
        loaded_bytes=150_000_000, load_jobs=120, seconds=85.0,
    ) == RUN  # fmt: skip


def test_a_month_is_billed_by_time_storage_and_logs() -> None:
    month = one_month(RUN, **FLEET, runs_a_day=24, memory_mib=1024, kept_days=90, physical=True)
    assert month.runs == 720
    assert month.cloud_run_dollars == round(720 * 10 * 85 * (0.000018 + 0.000002), 2) == 12.24
    assert month.logical_bytes_a_day == 24 * 500_000 * 1500
    assert month.storage_dollars == 1.16  # 18 GB * 104 days / 60 = 29.1 GiB at $0.04
    assert month.logging_dollars == 0.21
    logical = one_month(RUN, **FLEET, runs_a_day=24, memory_mib=1024, kept_days=90, physical=False)
    assert logical.storage_dollars == 30.17
    assert month.dollars == 12.24 + 1.16 + 0.21


def test_limits_that_a_schedule_breaks_are_named() -> None:
    def said(**changed: Any) -> list[str]:
        asked = {"runs_a_day": 24.0, "tasks": 10, "seconds": 60.0, "unreachable": 0}
        return [text.partition(":")[0] for text in warnings(RUN, **asked | changed)]

    assert said() == []
    assert said(tasks=100) == ["2400 load jobs a table and day"]
    assert said(runs_a_day=1200.0) == [
        "12000 load jobs a table and day", "144000 load jobs a day", "a run takes 85 s, and begins every 72 s",
    ]  # fmt: skip
    assert said(seconds=3590.0) == ["a task takes longer than 1 h, the `timeoutSeconds` of the job"]
    assert said(unreachable=2) == ["2 of the lines above have a problem"]
