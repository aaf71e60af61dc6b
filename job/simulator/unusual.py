"""Makes objects that few clusters have: resizes, huge and exact amounts, images from no registry, new controllers."""

from __future__ import annotations

from typing import Any

from job.simulator.metadata import Maker, Object, ago, condition
from job.simulator.templates import SHA, template

_VARIANT = 10  # of the template: one container, no init containers
_IMAGE = "registry.example.com/tools/unusual:1"
_PINNED = f"registry.example.com/tools/unusual@{SHA.format(1)}"


def unusual_objects(maker: Maker, namespace: str, nodes: dict[str, str]) -> dict[str, list[Object]]:
    """The objects, by resource. `nodes` maps names to addresses."""
    node = next(iter(nodes))

    def pod(name: str, *containers: Object, status: Object | None = None, pending: bool = False, **spec: Any) -> Object:
        made = template(maker, name, _VARIANT)
        (usual,) = made["spec"]["containers"]
        whole = made["spec"] | {"containers": [usual | container for container in containers], **spec}
        found = _pending() if pending else _running(containers, nodes[node])
        labels, annotations = {"app": name, "unusual": "true"}, made["metadata"]["annotations"]
        return {
            "metadata": maker.metadata(name, namespace, generation=1, labels=labels, annotations=annotations),
            "spec": whole | ({} if pending else {"nodeName": node}),
            "status": found | _merged(found, status or {}),
        }

    huge = _resources("100m", "5E", limit_cpu="1", limit_memory="5E")
    pods = [
        pod("huge-memory-1", _container("app", huge), pending=True),
        pod("huge-memory-2", _container("app", huge), pending=True),
        pod("huge-cpu", _container("app", _resources("1E", "64Mi")), pending=True),
        pod("exact", *(_container(name, _resources("500u", "64Mi")) for name in ("a", "b", "c"))),
        pod("zero-limits", _container("app", _resources("0", "0", limit_cpu="0", limit_memory="0"))),
        pod(
            "pod-level", _container("a", {}), _container("b", {}),
            resources=_resources("1", "1Gi", limit_cpu="2", limit_memory="2Gi"),
        ),
        pod(
            "resize-infeasible", _container("app", _same("64", "512Gi")),
            status=_resize(_same("1", "1Gi"), condition("PodResizePending", "True", "Infeasible")),
        ),
        pod(
            "resize-deferred", _container("app", _same("4", "4Gi")),
            status=_resize(_same("1", "1Gi"), condition("PodResizePending", "True", "Deferred")),
        ),
        pod(
            "resize-shrinking", _container("app", _same("100m", "256Mi")),
            status=_resize(_same("2", "4Gi"), condition("PodResizeInProgress", "True", "")),
        ),
        pod("side-loaded", _container("app", {}, _IMAGE), status=_image_id(SHA.format(2))),
        pod("side-loaded-pinned", _container("app", {}, _PINNED), status=_image_id(SHA.format(2))),
        pod("pulled", _container("app", {}, _IMAGE), status=_image_id(_PINNED)),
        pod("invalid-image", _container("app", {}, "nginx@sha256:48d8d6b4"), pending=True),
    ]  # fmt: skip
    return {"pods": pods, **_controllers(maker, namespace)}


def _controllers(maker: Maker, namespace: str) -> dict[str, list[Object]]:
    """Controllers that have just been created: API servers write some zeros. And a Job that never began."""

    def made(api_version: str, name: str, spec: Object, status: Object) -> Object:
        metadata = maker.metadata(
            name, namespace, api_version=api_version, generation=1, labels={"app": name},
            annotations={"note": "CANARY-annotation"},
        )  # fmt: skip
        return {"metadata": metadata, "spec": spec, "status": status}

    pod_template = template(maker, "unusual", _VARIANT)
    selected = {"selector": {"matchLabels": {"app": "unusual"}}, "template": pod_template}
    job = {"parallelism": 2, "completions": 2, "backoffLimit": 6, "suspend": True, **selected}
    cron = {"schedule": "@daily", "jobTemplate": {"metadata": {}, "spec": {"template": pod_template}}}
    stateful = {"replicas": 2, **selected, "serviceName": "new"}
    nothing = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
    return {
        "statefulsets": [made("apps/v1", "new-set", stateful, {"replicas": 0, "availableReplicas": 0})],
        "daemonsets": [made("apps/v1", "new-daemon", selected, nothing)],
        "replicasets": [made("apps/v1", "new-replicas", {"replicas": 2, **selected}, {"replicas": 0})],
        "jobs": [made("batch/v1", "suspended", job, {"conditions": [condition("Suspended", "True", "JobSuspended")]})],
        "cronjobs": [made("batch/v1", "never-run", cron, {})],
    }  # fmt: skip


def _container(name: str, resources: Object, image: str = _IMAGE) -> Object:
    return {"name": name, "image": image, "resources": resources}


def _resources(cpu: str, memory: str, *, limit_cpu: str = "", limit_memory: str = "") -> Object:
    limits = {"limits": {"cpu": limit_cpu, "memory": limit_memory}} if limit_cpu else {}
    return {**limits, "requests": {"cpu": cpu, "memory": memory}}


def _same(cpu: str, memory: str) -> Object:
    return _resources(cpu, memory, limit_cpu=cpu, limit_memory=memory)


def _resize(actual: Object, found: Object) -> Object:
    """What the kubelet reports of a pod with one container that has other resources than it asks for."""
    return {
        "conditions": [found],
        "containerStatuses": [{"allocatedResources": actual["requests"], "resources": actual}],
    }


def _image_id(text: str) -> Object:
    return {"containerStatuses": [{"imageID": text}]}


def _pending() -> Object:
    unschedulable = condition("PodScheduled", "False", "Unschedulable", lastProbeTime=None)
    return {"phase": "Pending", "conditions": [unschedulable], "qosClass": "Burstable"}


def _running(containers: tuple[Object, ...], address: str) -> Object:
    since = ago(minutes=300)
    true = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": "Running",
        "conditions": [
            {"type": type_, "status": "True", "lastProbeTime": None, "lastTransitionTime": since} for type_ in true
        ],
        "hostIP": address,
        "podIP": "10.4.251.2",
        "startTime": since,
        "containerStatuses": [
            {
                "name": container["name"],
                "state": {"running": {"startedAt": since}},
                "lastState": {},
                "ready": True,
                "restartCount": 0,
                "image": container["image"],
                "imageID": _PINNED,
                "containerID": f"containerd://{position:064x}",
                "started": True,
            }
            for position, container in enumerate(containers)
        ],
        "qosClass": "Burstable",
    }


def _merged(status: Object, more: Object) -> Object:
    """The additions to a status: more conditions, and more of its containers' statuses."""
    merged: Object = {}
    if "conditions" in more:
        merged["conditions"] = [*status["conditions"], *more["conditions"]]
    if "containerStatuses" in more:
        pairs = zip(status["containerStatuses"], more["containerStatuses"], strict=True)
        merged["containerStatuses"] = [found | added for found, added in pairs]
    return merged
