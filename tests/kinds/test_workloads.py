"""Workloads: what an API server may leave out, and what it leaves out because it is 0."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from job.kinds import KINDS
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope

KIND = {kind.resource: kind for kind in KINDS}
METADATA = {"name": "w", "namespace": "n", "uid": "u"}


def rows(resource: str, **item: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of an object as the spool writes them."""
    kind = KIND[resource]
    metadata = METADATA | item.pop("metadata", {})
    decoded = msgspec.json.decode(msgspec.json.encode({"metadata": metadata, **item}), type=kind.item)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in kind.rows(decoded, Scope(Owners())):
        found.setdefault(row.table, []).append(msgspec.json.decode(msgspec.json.encode(row)))
    return found


def workload(resource: str, *columns: str, **item: Any) -> dict[str, Any]:
    """Those of the columns that are told."""
    (row,) = rows(resource, **item)["workloads"]
    return {column: row[column] for column in columns if column in row}


COUNTS = (
    "replicas_wanted",
    "replicas",
    "replicas_ready",
    "replicas_available",
    "replicas_updated",
    "replicas_unavailable",
)


@pytest.mark.parametrize(
    ("resource", "status", "expected"),
    [
        # the API leaves out counts of 0: the worst off must not look like those of which nothing is known
        (
            "deployments",
            {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "unavailableReplicas": 3},
            {"replicas_wanted": 3, "replicas": 3, "replicas_ready": 0, "replicas_available": 0, "replicas_updated": 3,
             "replicas_unavailable": 3},
        ),
        ("deployments", {}, {"replicas_wanted": 3}),
        ("deployments", None, {"replicas_wanted": 3}),
        (
            "statefulsets",
            {"observedGeneration": 1, "replicas": 1},
            {"replicas_wanted": 3, "replicas": 1, "replicas_ready": 0, "replicas_available": 0, "replicas_updated": 0},
        ),
        (
            "daemonsets",
            {"observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 0,
             "numberMisscheduled": 0, "numberUnavailable": 2},
            {"replicas_wanted": 2, "replicas": 2, "replicas_ready": 0, "replicas_available": 0, "replicas_updated": 0,
             "replicas_unavailable": 2},
        ),
        (
            "replicasets",
            {"observedGeneration": 1, "replicas": 3},
            {"replicas_wanted": 3, "replicas": 3, "replicas_ready": 0, "replicas_available": 0},
        ),
        ("replicasets", {"replicas": 0}, {"replicas_wanted": 3, "replicas": 0}),
    ],
)  # fmt: skip
def test_counts_are_0_once_the_controller_has_acted_and_null_before(
    resource: str, status: dict[str, int] | None, expected: dict[str, int]
) -> None:
    assert workload(resource, *COUNTS, spec={"replicas": 3}, status=status) == expected


def test_a_jobs_counts_are_0_once_it_has_started() -> None:
    columns = ("active", "succeeded", "failed", "replicas_ready", "started_at")
    started = "2026-01-01T00:00:00Z"
    assert workload("jobs", *columns, status={"startTime": started, "failed": 2}) == {
        "active": 0, "succeeded": 0, "failed": 2, "replicas_ready": 0, "started_at": started,
    }  # fmt: skip
    assert workload("jobs", *columns, status={}) == {}
    suspended = {"conditions": [{"type": "Suspended", "status": "True"}]}
    assert workload("jobs", *columns, spec={"suspend": True}, status=suspended) == {}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"lastScheduleTime": "2026-01-01T00:00:00Z"}, {"active": 0}),
        ({"active": [{"name": "j", "kind": "Job"}, {"name": "k", "uid": "k"}]}, {"active": 2}),
        ({"active": None}, {}),
        ({}, {}),
    ],
)
def test_a_cronjob_tells_its_running_jobs(status: dict[str, Any], expected: dict[str, int]) -> None:
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
                "uid": "u", "schedule": "@daily", "host_network": False, "host_pid": False, "host_ipc": False,
            }
        ]
    }  # fmt: skip


@pytest.mark.parametrize("resource", ["deployments", "statefulsets", "daemonsets", "jobs", "replicasets"])
def test_a_template_whose_lists_are_null_has_no_containers(resource: str) -> None:
    lists = ("containers", "initContainers", "ephemeralContainers", "volumes", "tolerations", "nodeSelector")
    template = {"spec": dict.fromkeys(lists) | {"securityContext": None}}
    spec = {"template": template, "selector": {"matchLabels": None}, "strategy": None, "updateStrategy": None}
    found = rows(resource, spec=spec, metadata={"labels": None, "annotations": None, "ownerReferences": None})
    assert set(found) == {"workloads"}


def test_a_container_whose_parts_are_null_has_its_row() -> None:
    parts = ("image", "resources", "ports", "env", "livenessProbe", "securityContext", "imagePullPolicy")
    bare = {"name": "c"} | dict.fromkeys(parts)
    nothing = {
        "name": "d",
        "resources": {"requests": None, "limits": None},
        "livenessProbe": {},
        "securityContext": {"capabilities": None},
    }
    found = rows("deployments", spec={"template": {"spec": {"containers": [bare, nothing]}}})["containers"]
    expected = {
        "resource": "deployments", "workload_kind": "Deployment", "namespace": "n", "workload_name": "w",
        "workload_uid": "u", "container_type": "regular",
    }  # fmt: skip
    assert found == [expected | {"position": 0, "name": "c"}, expected | {"position": 1, "name": "d"}]


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        (1, 1024, {"cpu_request_millicores": 1000, "memory_request_bytes": 1024}),
        (0.25, 1.5, {"cpu_request_millicores": 250, "memory_request_bytes": 2}),
        (0, 1e3, {"cpu_request_millicores": 0, "memory_request_bytes": 1000}),
        ("", "1 Gi", {"unparsed_quantities": ["requests.cpu", "requests.memory"]}),
        ("1e-3", "9223372036854775808", {"cpu_request_millicores": 1, "unparsed_quantities": ["requests.memory"]}),
    ],
)
def test_quantities_may_be_numbers(cpu: Any, memory: Any, expected: dict[str, Any]) -> None:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}
    (row,) = rows("deployments", spec={"template": {"spec": {"containers": [container]}}})["containers"]
    columns = ("cpu_request_millicores", "memory_request_bytes", "unparsed_quantities")
    assert {column: row[column] for column in columns if column in row} == expected


def test_conditions_may_lack_reason_and_time() -> None:
    conditions = [
        {"type": "Available", "status": "True"},
        {"type": "X", "status": "Unknown", "reason": "", "lastTransitionTime": None},
    ]
    found = workload("deployments", "conditions", status={"conditions": conditions})
    assert found == {"conditions": [{"type": "Available", "status": "True"}, {"type": "X", "status": "Unknown"}]}


def test_an_owner_that_does_not_control_is_no_owner() -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"}
    for controller in ({}, {"controller": None}, {"controller": False}):
        found = rows("replicasets", metadata={"ownerReferences": [owner | controller]})
        assert [row.get("owner_kind") for row in found["workloads"]] == [None]
    assert rows("replicasets", metadata={"ownerReferences": [owner | {"controller": True}]}) == {}


POD = {
    "namespace": "n", "name": "w", "uid": "u", "containers": 1, "containers_ready": 0, "restarts": 0,
    "host_network": False, "workload_kind": "Pod", "workload_api_version": "v1", "workload_name": "w",
    "workload_uid": "u", "workload_resolution": "uncontrolled",
}  # fmt: skip
CONTAINER = {"namespace": "n", "pod": "w", "pod_uid": "u", "container_type": "regular", "position": 0, "name": "c"}


@pytest.mark.parametrize("status", [None, {}, {"containerStatuses": None, "conditions": None, "phase": None}])
def test_a_pod_without_status_has_its_rows(status: dict[str, Any] | None) -> None:
    found = rows("pods", spec={"containers": [{"name": "c"}]}, status=status)
    assert (found["pods"], found["pod_containers"]) == ([POD], [CONTAINER])
    assert [row["name"] for row in found["workloads"]] == ["w"]


def test_a_container_status_whose_parts_are_null_tells_nothing() -> None:
    parts = ("state", "lastState", "ready", "started", "restartCount", "image", "imageID", "containerID")
    statuses = [{"name": "c"} | dict.fromkeys(parts), {"name": "gone", "restartCount": 0}]
    found = rows("pods", spec={"containers": [{"name": "c"}]}, status={"containerStatuses": statuses})
    assert (found["pods"], found["pod_containers"]) == ([POD], [CONTAINER])


def test_a_state_whose_parts_are_null_is_still_a_state() -> None:
    for state in ("waiting", "running", "terminated"):
        told: dict[str, Any] = {"waiting": None, "running": None, "terminated": None, state: {}}
        statuses = [{"name": "c", "state": told, "lastState": {"terminated": {}}}]
        found = rows("pods", spec={"containers": [{"name": "c"}]}, status={"containerStatuses": statuses})
        assert found["pod_containers"] == [CONTAINER | {"state": state}]
