"""Pods, as `kubectl get pods` prints them."""

from typing import Any

import msgspec
import pytest

from job.kinds.parts.pod_status import printed_status
from job.wire.meta import ObjectMeta
from job.wire.pod_spec import PodSpec
from job.wire.pod_status import PodStatus

PARTS: dict[str, Any] = {"metadata": ObjectMeta, "spec": PodSpec, "status": PodStatus}
READY = [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def a_pod(**status: Any) -> dict[str, Any]:
    init = status.pop("spec_init", [])
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if status.pop("deleted", False) else {}
    return {
        "metadata": {"name": "p", "uid": "u", **deleted},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": init},
        "status": status,
    }


def one(name: str, state: dict[str, Any], *, ready: bool = False, restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": ready, "restartCount": restarts, **more}


@pytest.mark.parametrize(
    ("pod", "status", "ready", "restarts"),
    [
        (
            a_pod(
                phase="Running",
                conditions=READY,
                containerStatuses=[
                    one("a", RUNNING, ready=True, restarts=2),
                    one("b", RUNNING, ready=True, restarts=1),
                ],
            ),
            "Running", "2/2", 3,
        ),
        (a_pod(phase="Pending"), "Pending", "0/2", 0),
        (a_pod(phase="Failed", reason="Evicted"), "Evicted", "0/2", 0),
        (
            a_pod(
                phase="Running",
                containerStatuses=[
                    one("a", {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=7),
                    one("b", RUNNING, ready=True),
                ],
            ),
            "CrashLoopBackOff", "1/2", 7,
        ),
        (
            a_pod(
                phase="Succeeded",
                containerStatuses=[one("a", {"terminated": {"exitCode": 0, "reason": "Completed"}})],
            ),
            "Completed", "0/2", 0,
        ),
        (a_pod(phase="Failed", containerStatuses=[one("a", {"terminated": {"exitCode": 3}})]), "ExitCode:3", "0/2", 0),
        (
            a_pod(phase="Failed", containerStatuses=[one("a", {"terminated": {"exitCode": 137, "signal": 9}})]),
            "Signal:9", "0/2", 0,
        ),
        (a_pod(phase="Running", deleted=True, conditions=READY), "Terminating", "0/2", 0),
        (a_pod(phase="Succeeded", deleted=True), "Succeeded", "0/2", 0),
        (a_pod(phase="Running", reason="NodeLost", deleted=True), "Unknown", "0/2", 0),
        (
            a_pod(
                phase="Running",
                conditions=READY,
                containerStatuses=[
                    one("a", {"terminated": {"exitCode": 0, "reason": "Completed"}}),
                    one("b", RUNNING, ready=True),
                ],
            ),
            "Running", "1/2", 0,
        ),
        (
            a_pod(
                phase="Running",
                containerStatuses=[
                    one("a", {"terminated": {"exitCode": 0, "reason": "Completed"}}),
                    one("b", RUNNING, ready=True),
                ],
            ),
            "NotReady", "1/2", 0,
        ),
        (
            a_pod(
                phase="Pending",
                spec_init=[{"name": "i"}, {"name": "j"}],
                initContainerStatuses=[
                    one("i", {"terminated": {"exitCode": 0}}, restarts=1),
                    one("j", {"waiting": {"reason": "PodInitializing"}}, restarts=0),
                ],
            ),
            "Init:1/2", "0/2", 1,
        ),
        (
            a_pod(
                phase="Pending",
                spec_init=[{"name": "i"}],
                initContainerStatuses=[one("i", {"terminated": {"exitCode": 1, "reason": "Error"}}, restarts=4)],
            ),
            "Init:Error", "0/2", 4,
        ),
        (
            a_pod(
                phase="Pending",
                spec_init=[{"name": "i"}],
                initContainerStatuses=[one("i", {"waiting": {"reason": "ImagePullBackOff"}})],
            ),
            "Init:ImagePullBackOff", "0/2", 0,
        ),
        (
            a_pod(
                phase="Running",
                conditions=READY,
                spec_init=[{"name": "s", "restartPolicy": "Always"}, {"name": "i"}],
                initContainerStatuses=[
                    one("s", RUNNING, ready=True, restarts=5, started=True),
                    one("i", {"terminated": {"exitCode": 0}}, restarts=9),
                ],
                containerStatuses=[one("a", RUNNING, ready=True, restarts=1), one("b", RUNNING)],
            ),
            "Running", "2/3", 6,
        ),
        # a sidecar that fails after initialization names the status while all others run
        (
            a_pod(
                phase="Running",
                conditions=[{"type": "Initialized", "status": "True"}],
                spec_init=[{"name": "s", "restartPolicy": "Always"}],
                initContainerStatuses=[one("s", {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=5)],
                containerStatuses=[one("a", RUNNING, ready=True, restarts=1), one("b", RUNNING, ready=True)],
            ),
            "Init:CrashLoopBackOff", "2/3", 6,
        ),
        # ... and no longer once the pod has completed: the kubelet ends sidecars as it likes
        (
            a_pod(
                phase="Succeeded",
                conditions=[{"type": "Initialized", "status": "True"}],
                spec_init=[{"name": "s", "restartPolicy": "Always"}],
                initContainerStatuses=[one("s", {"terminated": {"exitCode": 137, "reason": "Error"}})],
                containerStatuses=[one("a", {"terminated": {"exitCode": 0, "reason": "Completed"}})],
            ),
            "Completed", "0/3", 0,
        ),
        # one that has failed counts more than one that has completed
        (
            a_pod(
                phase="Failed",
                containerStatuses=[
                    one("a", {"terminated": {"exitCode": 0, "reason": "Completed"}}),
                    one("b", {"terminated": {"exitCode": 1, "reason": "Error"}}),
                ],
            ),
            "Error", "0/2", 0,
        ),
        (
            a_pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
            ),
            "SchedulingGated", "0/2", 0,
        ),
    ],
)  # fmt: skip
def test_a_pod_reads_as_kubectl_prints_it(pod: dict[str, Any], status: str, ready: str, restarts: int) -> None:
    parts = (msgspec.convert(pod[part], type_) for part, type_ in PARTS.items())
    line = printed_status(*parts)
    assert (line.status, f"{line.containers_ready}/{line.containers}", line.restarts) == (status, ready, restarts)
