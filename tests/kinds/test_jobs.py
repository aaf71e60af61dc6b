"""Jobs: what is 0 once one has started, and NULL before."""

from __future__ import annotations

from kinds.objects import workload

COLUMNS = ("active", "succeeded", "failed", "replicas_ready", "started_at")


def test_a_jobs_counts_are_0_once_it_has_started() -> None:
    started = "2026-01-01T00:00:00Z"
    assert workload("jobs", *COLUMNS, status={"startTime": started, "failed": 2}) == {
        "active": 0, "succeeded": 0, "failed": 2, "replicas_ready": 0, "started_at": started,
    }  # fmt: skip


def test_a_job_that_has_not_started_has_no_counts() -> None:
    assert workload("jobs", *COLUMNS, status={}) == {}
    suspended = {"conditions": [{"type": "Suspended", "status": "True"}]}
    assert workload("jobs", *COLUMNS, spec={"suspend": True}, status=suspended) == {}
