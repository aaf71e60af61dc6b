"""Makes pods and their status: healthy ones, and one for each common problem."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from job.simulator.metadata import Maker, Object, ago, condition, managed_fields
from job.simulator.templates import SHA

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of generated names: without vowels, so that they spell no words


class Trouble(NamedTuple):
    """A problem of a pod."""

    phase: str
    state: Object
    last_state: Object
    restarts: int = 0
    reason: str | None = None


_ENDED = {"startedAt": "2026-11-02T09:00:00Z", "finishedAt": "2026-11-02T09:10:00Z"}
_WAITING = "CANARY-waiting-message"
_WORDS = "CANARY-last-words"
_TROUBLES = (
    Trouble("Pending", {"waiting": {"reason": "ImagePullBackOff", "message": _WAITING}}, {}),
    Trouble("Pending", {"waiting": {"reason": "CreateContainerConfigError", "message": _WAITING}}, {}),
    Trouble(
        "Running",
        {"waiting": {"reason": "CrashLoopBackOff", "message": _WAITING}},
        {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": _WORDS, **_ENDED}},
        17,
    ),
    Trouble("Running", {"terminated": {"exitCode": 1, "reason": "Error", "message": _WORDS, **_ENDED}}, {}, 3),
    Trouble("Failed", {}, {}, reason="Evicted"),
    Trouble("Pending", {}, {}),  # no node has enough room
)
_FAILED_JOB = Trouble("Failed", {"terminated": {"exitCode": 2, "reason": "Error", "message": _WORDS, **_ENDED}}, {})
_TOKEN = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
    "defaultMode": 420,
}
_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]


class Pods:
    """Makes pods on the given nodes."""

    def __init__(self, maker: Maker, nodes: dict[str, str]) -> None:
        """`nodes` maps names to addresses."""
        self._maker, self._nodes, self._names = maker, nodes, list(nodes)
        self._draw: random.Random = maker.draw
        self._managed: dict[tuple[int, int], Object] = {}
        self.made: list[Object] = []

    def controlled(
        self,
        owner: Object,
        reference: Object,
        count: int,
        template: Object,
        *,
        completed: bool = False,
        failed: bool = False,
        stateful: bool = False,
        everywhere: bool = False,
    ) -> None:
        """Makes the pods of one controller, named after it.

        Args:
            completed, failed: as pods of a Job.
            stateful: numbered, each with its own claim, as pods of a StatefulSet.
            everywhere: one on each node, as pods of a DaemonSet.
        """
        name, namespace = owner["metadata"]["name"], owner["metadata"]["namespace"]
        spec, managed = self._admitted(template)
        for index in range(count):
            more = {"generateName": f"{name}-", "ownerReferences": [reference]}
            labels, own = dict(template["metadata"]["labels"]), spec
            pod = f"{name}-{index if stateful else self.suffix(5)}"
            if stateful:
                labels |= {"apps.kubernetes.io/pod-index": str(index), "statefulset.kubernetes.io/pod-name": pod}
                claim = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{pod}"}}
                own = spec | {"hostname": pod, "subdomain": name, "volumes": [claim, *spec["volumes"]]}
            node = self._names[index % len(self._names)] if everywhere else self._draw.choice(self._names)
            trouble = _FAILED_JOB if failed else None if completed else self._trouble()
            self._pod(pod, namespace, own, node, trouble, managed, template, labels, completed=completed, **more)

    def alone(self, name: str, namespace: str, template: Object) -> None:
        """Makes a pod without a controller."""
        spec, managed = self._admitted(template)
        labels = template["metadata"]["labels"]
        self._pod(name, namespace, spec, self._draw.choice(self._names), self._trouble(), managed, template, labels)

    def mirrored(self, name: str, node: str, reference: Object, template: Object) -> None:
        """Makes a static pod of a node."""
        spec, managed = self._admitted(template)
        labels = template["metadata"]["labels"]
        self._pod(
            name, "kube-system", spec, node, None, managed, template, labels, ownerReferences=[reference]
        )  # fmt: skip

    def suffix(self, length: int) -> str:
        """A random suffix for a generated name."""
        return "".join(self._draw.choices(ALPHABET, k=length))

    def _trouble(self) -> Trouble | None:
        return self._draw.choice(_TROUBLES) if self._draw.random() < 0.06 else None

    def _admitted(self, template: Object) -> tuple[Object, Object]:
        """The template's spec as the API server completes it for a pod, and its managed fields."""
        access = f"kube-api-access-{self.suffix(5)}"
        mount = {"name": access, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
        spec = template["spec"]
        whole: Object = {
            **spec,
            "volumes": [*spec["volumes"], {"name": access, "projected": _TOKEN}],
            "containers": [_admitted_container(container, mount) for container in spec["containers"]],
            "tolerations": [*spec.get("tolerations", []), *_TOLERATIONS],
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
        }
        if "initContainers" in spec:
            whole["initContainers"] = [_admitted_container(container, mount) for container in spec["initContainers"]]
        shape = len(whole["containers"]), len(whole.get("initContainers", ()))
        if shape not in self._managed:  # cached by shape: computing them for each pod would take half of the time
            self._managed[shape] = managed_fields({"metadata": template["metadata"], "spec": whole})
        return whole, self._managed[shape]

    def _pod(
        self,
        name: str,
        namespace: str,
        spec: Object,
        node: str,
        trouble: Trouble | None,
        managed: Object,
        template: Object,
        labels: Object,
        *,
        completed: bool = False,
        **more: Any,
    ) -> None:
        scheduled = not trouble or trouble.phase != "Pending" or bool(trouble.state)
        chance = self._draw.random()
        if chance < 0.01 and not completed:
            more |= {"deletionTimestamp": ago(minutes=-1), "deletionGracePeriodSeconds": 30}
        spec = spec | ({"nodeName": node} if scheduled else {})
        if 0.01 <= chance < 0.02:
            debugger = {"name": "debugger", "image": "busybox", "targetContainerName": spec["containers"][0]["name"]}
            defaults = {key: spec["containers"][0][key] for key in _DEFAULTED}
            spec["ephemeralContainers"] = [debugger | defaults | {"resources": {}, "command": ["CANARY-debug-command"]}]
        minutes = self._draw.randrange(5, 80000)
        status = self._status(spec, node, trouble, minutes, completed=completed, scheduled=scheduled)
        annotations = template["metadata"]["annotations"]
        metadata = self._maker.metadata(
            name, namespace, age_days=(minutes + 0.1) / 1440, managed=managed, generation=1, labels=labels,
            annotations=annotations, **more,
        )  # fmt: skip
        self.made.append({"metadata": metadata, "spec": spec, "status": status})

    def _status(
        self, spec: Object, node: str, trouble: Trouble | None, minutes: int, *, completed: bool, scheduled: bool
    ) -> Object:
        phase = "Succeeded" if completed else trouble.phase if trouble else "Running"
        quality = _quality(spec)
        if not scheduled:
            unschedulable = condition("PodScheduled", "False", "Unschedulable", lastProbeTime=None)
            return {"phase": phase, "conditions": [unschedulable], "qosClass": quality}
        since = ago(minutes=minutes)
        if trouble and trouble.reason:
            evicted = {"message": "CANARY-status-message", "reason": trouble.reason}
            status = {
                "phase": phase,
                "conditions": [_pod_condition("PodScheduled", since)],
                **evicted,
                "startTime": since,
            }
            return status | {"qosClass": quality}
        ended = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase)
        not_ready = ended or ("ContainersNotReady" if trouble else None)
        address, ip = self._nodes[node], f"10.4.{self._draw.randrange(250)}.{self._draw.randrange(2, 250)}"
        status = {
            "phase": phase,
            "conditions": [
                _pod_condition("PodReadyToStartContainers", since, "" if ended else None),
                _pod_condition("Initialized", since),
                _pod_condition("Ready", since, not_ready),
                _pod_condition("ContainersReady", since, not_ready),
                _pod_condition("PodScheduled", since),
            ],
            "hostIP": address,
            "hostIPs": [{"ip": address}],
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": since,
        }
        running: Object = {"running": {"startedAt": since}}
        done: Object = {"terminated": {"exitCode": 0, "reason": "Completed", **_ENDED}}
        if "initContainers" in spec:
            status["initContainerStatuses"] = [
                self._container_status(
                    container, done if ended or not container.get("restartPolicy") else running, None
                )
                | {"ready": not ended or not container.get("restartPolicy")}
                for container in spec["initContainers"]
            ]
        status["containerStatuses"] = [
            self._container_status(container, done if completed else running, trouble if index == 0 else None)
            for index, container in enumerate(spec["containers"])
        ]
        if "ephemeralContainers" in spec:
            status["ephemeralContainerStatuses"] = [
                self._container_status(container, running, None) for container in spec["ephemeralContainers"]
            ]
        return status | {"qosClass": quality}

    def _container_status(self, container: Object, state: Object, trouble: Trouble | None) -> Object:
        state, last_state = (trouble.state, trouble.last_state) if trouble else (state, {})
        image, digest = container["image"], SHA.format(self._draw.getrandbits(256))
        pulled = "waiting" not in state or bool(last_state)
        identity = {"containerID": f"containerd://{self._draw.getrandbits(256):064x}"} if pulled else {}
        running = "running" in state
        return {
            "name": container["name"],
            "state": _ended(state, identity),
            "lastState": _ended(last_state, identity),
            "ready": running,
            "restartCount": trouble.restarts if trouble else 0,
            "image": image,
            "imageID": f"{_repository(image)}@{digest}" if pulled else "",
            **identity,
            "started": running,
        }


_DEFAULTED = ("terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy")


def _admitted_container(container: Object, mount: Object) -> Object:
    """The container as the API server admits it: a limit without a request becomes the request."""
    resources = container["resources"]
    if "limits" in resources:
        resources = resources | {"requests": resources["limits"] | resources.get("requests", {})}
    return container | {"resources": resources, "volumeMounts": [*container.get("volumeMounts", []), mount]}


def _repository(image: str) -> str:
    """The image without its tag and digest."""
    folders, slash, name = image.partition("@")[0].rpartition("/")
    return folders + slash + name.partition(":")[0]


def _quality(spec: Object) -> str:
    """https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/"""
    every = [container["resources"] for container in (*spec["containers"], *spec.get("initContainers", ()))]
    if not any(every):
        return "BestEffort"
    guaranteed = all(
        name in resources.get("limits", {}) and resources["limits"][name] == resources["requests"][name]
        for resources in every
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _pod_condition(type_: str, since: str, reason: str | None = None) -> Object:
    """A pod condition: true, or false for a reason, which may be empty."""
    result: Object = {"type": type_, "status": "True" if reason is None else "False", "lastProbeTime": None}
    result["lastTransitionTime"] = since
    if reason:
        result |= {"reason": reason} | (
            {} if reason in ("PodCompleted", "PodFailed") else {"message": "CANARY-condition-message"}
        )
    return result


def _ended(state: Object, identity: Object) -> Object:
    """The state; if it is terminated, with the id of the container."""
    return {"terminated": state["terminated"] | identity} if "terminated" in state else state
