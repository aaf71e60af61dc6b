"""The summary of a run: its JSON form, and the sum of several tasks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from warehouse import run_of

from job.commands.run import print_summary
from job.config import Config
from job.run.summary import Gap, Summary, committed_before, skipped, total
from job.sinks.protocol import TaskResult
from job.tables import Run
from job.task import Task

RUN = msgspec.structs.replace(
    next(record for _, record in run_of(1) if isinstance(record, Run)),
    clusters=3, clusters_complete=1, clusters_partial=1, clusters_failed=1, objects=70, row_count=90,
)  # fmt: skip
TASK, CONFIG = Task("run-1", datetime(2026, 1, 1, tzinfo=UTC)), Config(sink="duckdb:///x.duckdb")

KEYS = {
    "run_id", "status", "acceptable", "projects", "projects_failed", "clusters", "clusters_complete",
    "clusters_partial", "clusters_failed", "objects", "rows", "unread", "seconds", "sink", "bytes_billed", "bug",
    "stopped", "clusters_finished", "skipped_for", "committed_before",
}  # fmt: skip
"""Programs read these."""


def test_its_json_is_flat() -> None:
    gap = Gap(name="shop-prod", status="failed", reason="forbidden", message="no")
    summary = Summary(run=RUN, rows={"pods": 70}, gaps=(gap,), seconds=1.5, sink="duckdb:///x", stopped=True)
    flat = summary.flat()
    assert set(flat) == KEYS | set(Run.__struct_fields__)
    assert (flat["clusters"], flat["unread"][0]["name"], flat["rows"]) == (3, "shop-prod", {"pods": 70})


def test_the_sum_of_tasks_counts_clusters_of_all_and_projects_once() -> None:
    later = RUN.finished_at + timedelta(seconds=9)
    other = msgspec.structs.replace(
        RUN, task_index=1, status="incomplete", acceptable=False, finished_at=later, projects_failed=1
    )
    found = total([RUN, other])
    assert (found.clusters, found.clusters_complete, found.clusters_partial, found.clusters_failed) == (6, 2, 2, 2)
    assert (found.objects, found.row_count, found.projects, found.projects_failed) == (140, 180, RUN.projects, 1)
    assert (found.status, found.acceptable, found.finished_at) == ("incomplete", False, later)
    assert total([RUN]) == RUN


def test_a_run_that_read_nothing_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    before = committed_before(CONFIG, TASK, TaskResult(complete=True, acceptable=True), 0.0)
    assert (before.run.status, before.run.clusters, before.committed_before) == ("complete", 0, True)
    other = skipped(CONFIG, TASK, "run-0", 0.0)
    assert (other.run.status, other.run.acceptable, other.skipped_for) == ("incomplete", True, "run-0")
    print_summary(before)
    print_summary(other)
    assert capsys.readouterr().out.splitlines() == [
        "an earlier attempt has committed run run-1 to duckdb:///x.duckdb (complete)",
        "nothing was read: run run-0 is under way on duckdb:///x.duckdb, and overlap is skip",
    ]
