"""CronJobs: their running Jobs, and their template of a template."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows, workload


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"lastScheduleTime": "2026-01-01T00:00:00Z"}, {"active": 0}),
        ({"lastSuccessfulTime": "2026-01-01T00:00:00Z"}, {"active": 0}),
        ({"active": []}, {"active": 0}),
        ({"active": [{"name": "j", "kind": "Job"}, {"name": "k", "uid": "k"}]}, {"active": 2}),
        ({"active": None}, {}),
        ({}, {}),
    ],
)
def test_a_cronjob_counts_its_running_jobs(status: dict[str, Any], expected: dict[str, int]) -> None:
    assert workload("cronjobs", "active", status=status) == expected


@pytest.mark.parametrize(
    "template", [None, {}, {"spec": None}, {"spec": {}}, {"spec": {"template": None}}, {"spec": {"template": {}}}]
)
def test_a_cronjob_whose_job_template_has_no_spec_has_its_row(template: dict[str, Any] | None) -> None:
    found = rows("cronjobs", spec={"schedule": "@daily", "jobTemplate": template})
    assert found == {
        "workloads": [
            {
                "resource": "cronjobs", "kind": "CronJob", "api_version": "batch/v1", "namespace": "n", "name": "w",
                "uid": "u", "schedule": "@daily", "suspended": False, "host_network": False, "host_pid": False,
                "host_ipc": False, "known_through_pods": False,
            }
        ]
    }  # fmt: skip


@pytest.mark.parametrize(("spec", "suspended"), [({}, False), ({"suspend": False}, False), ({"suspend": True}, True)])
def test_a_cronjob_that_is_not_suspended_says_so(spec: dict[str, bool], suspended: bool) -> None:
    assert workload("cronjobs", "suspended", spec=spec) == {"suspended": suspended}
