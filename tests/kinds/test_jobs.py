"""Jobs: what is 0 once one has started, and NULL before."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import workload

COLUMNS = ("active", "succeeded", "failed", "replicas_ready", "started_at")


def test_a_jobs_counts_are_0_once_it_has_started() -> None:
    started = "2026-01-01T00:00:00Z"
    assert workload("jobs", *COLUMNS, status={"startTime": started, "failed": 2}) == {
        "active": 0, "succeeded": 0, "failed": 2, "replicas_ready": 0, "started_at": started,
    }  # fmt: skip


@pytest.mark.parametrize(
    "status",
    [
        {"conditions": [{"type": "Suspended", "status": "True"}]},
        {"conditions": [{"type": "Failed", "status": "True"}]},
        {"ready": 0, "terminating": 0},
    ],
)
def test_a_jobs_counts_are_0_once_its_controller_has_acted(status: dict[str, Any]) -> None:
    """A Job that is suspended from its beginning never starts."""
    counts = {"active": 0, "succeeded": 0, "failed": 0, "replicas_ready": 0}
    assert workload("jobs", *COLUMNS, spec={"suspend": True}, status=status) == counts


@pytest.mark.parametrize("status", [{}, None, {"conditions": []}])
def test_a_job_whose_controller_has_not_acted_has_no_counts(status: dict[str, Any] | None) -> None:
    assert workload("jobs", *COLUMNS, status=status) == {}


@pytest.mark.parametrize(("spec", "suspended"), [({}, False), ({"suspend": None}, False), ({"suspend": True}, True)])
def test_a_job_that_is_not_suspended_says_so(spec: dict[str, bool], suspended: bool) -> None:
    assert workload("jobs", "suspended", spec=spec) == {"suspended": suspended}
