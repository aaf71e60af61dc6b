"""Pods and their running containers: what an API server may leave out."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

POD = {
    "namespace": "n", "name": "w", "uid": "u", "containers": 1, "containers_ready": 0, "restarts": 0,
    "host_network": False, "host_pid": False, "host_ipc": False, "workload_kind": "Pod",
    "workload_api_version": "v1", "workload_name": "w", "workload_uid": "u", "workload_resolution": "uncontrolled",
}  # fmt: skip
TIME = "2026-01-01T00:00:00Z"
CONTAINER = {"namespace": "n", "pod": "w", "pod_uid": "u", "container_type": "regular", "position": 0, "name": "c"}


@pytest.mark.parametrize("status", [None, {}, {"containerStatuses": None, "conditions": None, "phase": None}])
def test_a_pod_without_status_has_its_rows(status: dict[str, Any] | None) -> None:
    found = rows("pods", spec={"containers": [{"name": "c"}]}, status=status)
    assert (found["pods"], found["pod_containers"]) == ([POD], [CONTAINER])
    assert [row["name"] for row in found["workloads"]] == ["w"]


def test_a_container_status_whose_parts_are_null_adds_nothing() -> None:
    parts = ("state", "lastState", "ready", "started", "restartCount", "image", "imageID", "containerID")
    statuses = [{"name": "c"} | dict.fromkeys(parts), {"name": "gone", "restartCount": 0}]
    found = rows("pods", spec={"containers": [{"name": "c"}]}, status={"containerStatuses": statuses})
    assert (found["pods"], found["pod_containers"]) == ([POD], [CONTAINER])


@pytest.mark.parametrize("state", ["waiting", "running", "terminated"])
def test_a_state_whose_parts_are_null_is_still_a_state(state: str) -> None:
    states: dict[str, Any] = {"waiting": None, "running": None, "terminated": None, state: {}}
    statuses = [{"name": "c", "state": states, "lastState": {"terminated": {}}}]
    found = rows("pods", spec={"containers": [{"name": "c"}]}, status={"containerStatuses": statuses})
    assert found["pod_containers"] == [CONTAINER | {"state": state}]


@pytest.mark.parametrize("last", [{"waiting": {"reason": "CrashLoopBackOff"}}, {"running": {"startedAt": TIME}}, {}])
def test_only_an_end_is_a_last_state(last: dict[str, Any]) -> None:
    """`lastState` holds the last termination: a container that waits has not ended because of that."""
    statuses = [{"name": "c", "lastState": last}]
    found = rows("pods", spec={"containers": [{"name": "c"}]}, status={"containerStatuses": statuses})
    assert found["pod_containers"] == [CONTAINER]


def test_accelerators_are_reserved_beside_the_sidecars_that_started_before() -> None:
    def asks(name: str, count: int, **more: Any) -> dict[str, Any]:
        return {"name": name, "resources": {"limits": {"nvidia.com/gpu": str(count)}}, **more}

    init = [asks("proxy", 1, restartPolicy="Always"), asks("load", 2), asks("late", 1, restartPolicy="Always")]
    (found,) = rows("pods", spec={"initContainers": init, "containers": [asks("app", 0)]})["pods"]
    assert found["accelerator_count"] == 3


def test_claims_of_a_pod_are_those_that_it_names_and_those_of_its_ephemeral_volumes() -> None:
    volumes = [
        {"name": "config", "configMap": {"name": "c"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-w-0"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "token", "projected": {"sources": []}},
        {"name": "root", "hostPath": {"path": "/"}},
        {"name": "share", "nfs": {"server": "s", "path": "/"}},
    ]
    (found,) = rows("pods", spec={"volumes": volumes, "containers": [{"name": "c"}]})["pods"]
    assert found["volume_claims"] == ["data-w-0", "w-scratch"]
    assert (found["empty_dir_volumes"], found["host_paths"], found["restricted_volumes"]) == (["tmp"], ["/"], ["nfs"])


@pytest.mark.parametrize(("annotation", "expected"), [("false", False), ("true", True), ("maybe", None)])
def test_whether_a_pod_is_safe_to_evict_is_what_its_annotation_says(annotation: str, expected: bool | None) -> None:
    annotations = {"cluster-autoscaler.kubernetes.io/safe-to-evict": annotation}
    (found,) = rows("pods", metadata={"annotations": annotations}, spec={"containers": [{"name": "c"}]})["pods"]
    assert found.get("safe_to_evict") is expected
