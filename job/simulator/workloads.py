"""Seeded workloads of every kind and their pods: healthy ones, and each way in which pods go wrong."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import NamedTuple

from job.simulator.fleet import NOW
from job.simulator.metadata import Maker, Object, condition

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of generated names: no vowels, so no words
_SHA = "sha256:{:064x}"
_IMAGES = (
    "europe-docker.pkg.dev/{project}/apps/{name}:v1.{minor}.{patch}",
    "gcr.io/{project}/{name}@{digest}",
    "registry.example.com:5000/team/{name}:2026-{minor:02d}@{digest}",
    "nginx:1.27",
    "redis",
    "quay.io/prometheus/node-exporter:v1.9.{patch}",
)
_RESOURCES: tuple[Object, ...] = (
    {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    {"requests": {"cpu": "0.5", "memory": "1e8"}},
    {
        "requests": {"cpu": "1500m", "memory": "1.5Gi", "ephemeral-storage": "2G"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    },
    {"limits": {"cpu": "500m", "memory": "128974848"}},
    {},
)


class Trouble(NamedTuple):
    """A way in which a pod is not well."""

    phase: str
    state: Object
    last_state: Object
    restarts: int = 0
    reason: str | None = None


_ENDED = {"startedAt": "2026-11-02T09:00:00Z", "finishedAt": "2026-11-02T09:10:00Z"}
_TROUBLES = (
    Trouble("Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "CANARY-waiting-message"}}, {}),
    Trouble(
        "Running",
        {"waiting": {"reason": "CrashLoopBackOff", "message": "CANARY-waiting-message"}},
        {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "CANARY-last-words", **_ENDED}},
        17,
    ),
    Trouble(
        "Running", {"terminated": {"exitCode": 1, "reason": "Error", "message": "CANARY-last-words", **_ENDED}}, {}, 3
    ),
    Trouble("Failed", {}, {}, reason="Evicted"),
    Trouble("Pending", {}, {}),
)


class Workloads:
    """Makes workloads until the cluster has its pods."""

    def __init__(self, maker: Maker, teams: list[str], nodes: list[str]) -> None:
        self._maker, self._teams, self._nodes = maker, teams, nodes
        self._draw: random.Random = maker.draw
        self._made: dict[str, list[Object]] = {
            name: []
            for name in (
                "deployments",
                "replicasets",
                "statefulsets",
                "daemonsets",
                "jobs",
                "cronjobs",
                "rollouts",
                "pods",
            )
        }

    def objects(self) -> dict[str, list[Object]]:
        """Resource -> its objects."""
        wanted = self._maker.cluster.pods
        self._daemonset()
        makers = (
            self._deployment, self._deployment, self._statefulset, self._cronjob, self._deployment, self._bare_pod,
            self._rollout, self._custom_owner,
        )  # fmt: skip
        number = 0
        while len(self._made["pods"]) < wanted:
            makers[number % len(makers)](number, min(wanted - len(self._made["pods"]), self._draw.randint(1, 8)))
            number += 1
        del self._made["pods"][wanted:]
        return self._made

    def _deployment(self, number: int, replicas: int) -> None:
        namespace, name = self._team(number), f"web-{number}"
        template, labels = self._template(name, number), {"app": name}
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate" if number % 5 == 0 else "RollingUpdate"},
            "template": template,
        }
        deployment = self._add("deployments", name, namespace, spec, _replicas(replicas), labels=labels)
        for old in range(self._draw.randrange(3)):
            self._replicaset(f"{name}-old{old}", namespace, 0, template, _owner("apps/v1", "Deployment", deployment))
        current = self._replicaset(
            f"{name}-{self._suffix(9)}", namespace, replicas, template, _owner("apps/v1", "Deployment", deployment)
        )
        self._pods(current, "apps/v1", "ReplicaSet", replicas, template)

    def _rollout(self, number: int, replicas: int) -> None:
        namespace, name = self._team(number), f"pay-{number}"
        template = self._template(name, number)
        rollout = self._add("rollouts", name, namespace, {"replicas": replicas}, {})
        owner = _owner("argoproj.io/v1alpha1", "Rollout", rollout)
        current = self._replicaset(f"{name}-{self._suffix(9)}", namespace, replicas, template, owner)
        self._pods(current, "apps/v1", "ReplicaSet", replicas, template)

    def _statefulset(self, number: int, replicas: int) -> None:
        namespace, name = self._team(number), f"db-{number}"
        template, labels = self._template(name, number), {"app": name}
        spec = {
            "replicas": replicas,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": template,
        }
        found = self._add("statefulsets", name, namespace, spec, _replicas(replicas), labels=labels)
        self._pods(found, "apps/v1", "StatefulSet", replicas, template, ordinals=True)

    def _daemonset(self) -> None:
        template = self._template("node-exporter", 5)
        count = len(self._nodes)
        spec = {
            "selector": {"matchLabels": {"app": "node-exporter"}},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": template,
        }
        status = {
            "desiredNumberScheduled": count, "currentNumberScheduled": count, "numberReady": count,
            "numberAvailable": count, "updatedNumberScheduled": count, "observedGeneration": 1,
        }  # fmt: skip
        found = self._add("daemonsets", "node-exporter", "kube-system", spec, status)
        self._pods(found, "apps/v1", "DaemonSet", min(count, self._maker.cluster.pods // 4 + 1), template)

    def _cronjob(self, number: int, runs: int) -> None:
        namespace, name = self._team(number), f"cleanup-{number}"
        template = self._template(name, number)
        template["spec"]["restartPolicy"] = "Never"
        job_spec = {"backoffLimit": 2, "parallelism": 1, "completions": 1, "template": template}
        spec = {
            "schedule": f"{number % 60} * * * *",
            "concurrencyPolicy": "Forbid",
            "suspend": number % 7 == 0,
            "jobTemplate": {"spec": job_spec},
        }
        status = {"lastScheduleTime": _ago(minutes=30), "lastSuccessfulTime": _ago(minutes=28)}
        cronjob = self._add("cronjobs", name, namespace, spec, status)
        for run in range(min(runs, 3)):
            done = {
                "succeeded": 1,
                "startTime": _ago(minutes=60 * run + 30),
                "completionTime": _ago(minutes=60 * run + 28),
            }
            owner = _owner("batch/v1", "CronJob", cronjob)
            job = self._add("jobs", f"{name}-{29000000 + run}", namespace, job_spec, done, owner=owner)
            self._pods(job, "batch/v1", "Job", 1, template, completed=True)

    def _bare_pod(self, number: int, replicas: int) -> None:  # noqa: ARG002 (the signature of all makers)
        name = f"debug-{number}"
        self._pod(name, self._team(number), self._template(name, number)["spec"], None)

    def _custom_owner(self, number: int, replicas: int) -> None:
        """Pods that a custom resource controls directly, as operators of databases have them."""
        namespace, name = self._team(number), f"kafka-{number}"
        template = self._template(name, number)
        owner = {"metadata": self._maker.metadata(name, namespace)}
        self._pods(owner, "kafka.strimzi.io/v1beta2", "StrimziPodSet", min(replicas, 3), template)

    def _replicaset(self, name: str, namespace: str, replicas: int, template: Object, owner: Object) -> Object:
        spec = {"replicas": replicas, "selector": {"matchLabels": template["metadata"]["labels"]}, "template": template}
        return self._add("replicasets", name, namespace, spec, _replicas(replicas), owner=owner)

    def _add(
        self,
        resource: str,
        name: str,
        namespace: str,
        spec: Object,
        status: Object,
        *,
        owner: Object | None = None,
        labels: dict[str, str] | None = None,
    ) -> Object:
        metadata = self._maker.metadata(
            name,
            namespace,
            generation=1,
            labels=labels or {"app": name},
            annotations={"note": "CANARY-annotation"},
            ownerReferences=[owner] if owner else None,
        )
        made = {"metadata": metadata, "spec": spec, "status": status}
        self._made[resource].append(made)
        return made

    def _template(self, name: str, number: int) -> Object:
        app = self._container(name, number)
        app["env"] = [
            {"name": "PASSWORD", "value": "CANARY-env-value"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}},
        ]
        app["command"], app["args"] = ["/app", "CANARY-command"], ["--password=CANARY-argument"]
        app["livenessProbe"] = {"exec": {"command": ["check", "CANARY-probe-command"]}}
        app["readinessProbe"] = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5}
        app["ports"] = [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
        if number % 6 == 0:
            app["securityContext"] = {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}}
        spec: Object = {
            "containers": [app, *([self._container("proxy", number + 1)] if number % 3 == 0 else [])],
            "restartPolicy": "Always",
            "serviceAccountName": name,
            "terminationGracePeriodSeconds": 30,
            "schedulerName": "default-scheduler",
            "securityContext": {"runAsNonRoot": True} if number % 2 else {},
            "tolerations": [{"key": "cloud.google.com/gke-spot", "operator": "Exists"}] if number % 4 == 0 else [],
        }
        if number % 4 == 1:
            sidecar = self._container("log-shipper", number + 2) | {"restartPolicy": "Always"}
            spec["initContainers"] = [self._container("migrate", number + 3), sidecar]
        return {"metadata": {"labels": {"app": name}}, "spec": spec}

    def _container(self, name: str, number: int) -> Object:
        image = _IMAGES[number % len(_IMAGES)].format(
            project=self._maker.cluster.project,
            name=name,
            minor=number % 12 + 1,
            patch=number % 5,
            digest=_SHA.format(self._draw.getrandbits(256)),
        )
        resources = _RESOURCES[number % len(_RESOURCES)]
        return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "resources": resources}

    def _pods(
        self,
        owner: Object,
        api_version: str,
        kind: str,
        count: int,
        template: Object,
        *,
        completed: bool = False,
        ordinals: bool = False,
    ) -> None:
        metadata = owner["metadata"]
        for index in range(count):
            name = f"{metadata['name']}-{index if ordinals else self._suffix(5)}"
            reference = _owner(api_version, kind, owner)
            self._pod(name, metadata["namespace"], template["spec"], reference, completed=completed)

    def _pod(self, name: str, namespace: str, spec: Object, owner: Object | None, *, completed: bool = False) -> None:
        roll = self._draw.random()
        trouble = self._draw.choice(_TROUBLES) if roll < 0.06 and not completed else None
        scheduled = not (trouble and trouble.phase == "Pending" and not trouble.state)
        more: Object = {"labels": {"app": spec["serviceAccountName"]}, "ownerReferences": [owner] if owner else None}
        if 0.06 <= roll < 0.07 and not completed:
            more |= {"deletionTimestamp": _ago(minutes=-1), "deletionGracePeriodSeconds": 30}
        spec = spec | ({"nodeName": self._draw.choice(self._nodes)} if scheduled else {}) | {"priority": 0}
        if 0.07 <= roll < 0.08:
            spec["ephemeralContainers"] = [{"name": "debugger", "image": "busybox", "targetContainerName": name}]
        status = self._status(spec, trouble, completed=completed, scheduled=scheduled)
        metadata = self._maker.metadata(name, namespace, age_days=self._draw.uniform(0.1, 60), **more)
        self._made["pods"].append({"metadata": metadata, "spec": spec, "status": status})

    def _status(self, spec: Object, trouble: Trouble | None, *, completed: bool, scheduled: bool) -> Object:
        phase = "Succeeded" if completed else trouble.phase if trouble else "Running"
        if not scheduled or (trouble and trouble.reason):
            unschedulable = [condition("PodScheduled", "False", "Unschedulable")] if not scheduled else []
            reason = {"reason": trouble.reason} if trouble and trouble.reason else {}
            return {"phase": phase, "conditions": unschedulable, "qosClass": "Burstable", **reason}
        ready = phase == "Running" and trouble is None
        init = [
            self._told(container, _running() if container.get("restartPolicy") else _completed(), None)
            for container in spec.get("initContainers", [])
        ]
        regular = [
            self._told(container, _completed() if completed else _running(), trouble if index == 0 else None)
            for index, container in enumerate(spec["containers"])
        ]
        return {
            "phase": phase,
            "conditions": [
                condition("Initialized", "True", ""),
                condition("Ready", "True" if ready else "False", "" if ready else "ContainersNotReady"),
                condition("PodScheduled", "True", ""),
            ],
            "hostIP": "10.128.0.2",
            "podIP": f"10.4.{self._draw.randrange(250)}.{self._draw.randrange(2, 250)}",
            "startTime": _ago(minutes=self._draw.randrange(5, 50000)),
            "qosClass": "Burstable",
            "containerStatuses": regular,
            **({"initContainerStatuses": init} if init else {}),
        }

    def _told(self, container: Object, state: Object, trouble: Trouble | None) -> Object:
        digest = _SHA.format(self._draw.getrandbits(256))
        running = trouble is None and "running" in state
        return {
            "name": container["name"],
            "state": trouble.state if trouble else state,
            "lastState": trouble.last_state if trouble else {},
            "ready": running,
            "started": running,
            "restartCount": trouble.restarts if trouble else 0,
            "image": container["image"],
            "imageID": f"{container['image'].partition('@')[0].rpartition(':')[0] or container['image']}@{digest}",
            "containerID": f"containerd://{self._draw.getrandbits(256):064x}",
        }

    def _team(self, number: int) -> str:
        return self._teams[number % len(self._teams)]

    def _suffix(self, length: int) -> str:
        return "".join(self._draw.choices(_ALPHABET, k=length))


def _owner(api_version: str, kind: str, owner: Object) -> Object:
    metadata = owner["metadata"]
    return {
        "apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def _replicas(count: int) -> Object:
    if count == 0:
        return {"replicas": 0, "observedGeneration": 1}
    return {
        "replicas": count, "readyReplicas": count, "availableReplicas": count, "updatedReplicas": count,
        "observedGeneration": 1,
    }  # fmt: skip


def _running() -> Object:
    return {"running": {"startedAt": _ago(minutes=600)}}


def _completed() -> Object:
    return {"terminated": {"exitCode": 0, "reason": "Completed", **_ENDED}}


def _ago(*, minutes: int) -> str:
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
