"""Makes workloads of every kind, with their pods."""

from __future__ import annotations

import random

from job.simulator.managers import CONTROLLER, signs_on
from job.simulator.metadata import Maker, Object, ago, condition
from job.simulator.pods import Pods
from job.simulator.templates import odd_template, template

_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
_ODD_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
_CLAIM = {
    "kind": "PersistentVolumeClaim",
    "apiVersion": "v1",
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "8Gi"}},
        "storageClassName": "premium-rwo",
        "volumeMode": "Filesystem",
    },
    "status": {"phase": "Pending"},
}
_STUCK = 4
"""Of each round of makers, the Deployment whose rollout is past its deadline."""
_CUSTOM = {
    "strimzipodsets": ("core.strimzi.io/v1beta2", "StrimziPodSet"),
    "gameservers": ("agones.dev/v1", "GameServer"),
    "sparkapplications": ("sparkoperator.k8s.io/v1beta2", "SparkApplication"),
    "leaderworkersets": ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
}
"""Custom resources that own pods or workloads: resource -> apiVersion and kind."""
_NAMES = ("deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs", "rollouts", *_CUSTOM)


class Workloads:
    """Makes workloads until the cluster has enough pods."""

    def __init__(self, maker: Maker, teams: list[str], nodes: dict[str, str], uids: dict[str, str]) -> None:
        """`nodes` maps names of nodes to addresses, and `uids` maps them to UIDs."""
        self._maker, self._teams, self._uids = maker, teams, uids
        self._draw: random.Random = maker.draw
        self._nodes = len(nodes)
        self._pods = Pods(maker, nodes)
        self._made: dict[str, list[Object]] = {name: [] for name in _NAMES}

    def objects(self) -> dict[str, list[Object]]:
        """All workloads and pods, by resource."""
        target, pods = self._maker.cluster.pods, self._pods.made
        self._daemonset()
        if any(pool.gpu for pool in self._maker.cluster.node_pools):
            self._deployment(0, 1, name="inference", gpu=True)
        if any(pool.tpu for pool in self._maker.cluster.node_pools):
            self._deployment(0, 1, name="trainer", tpu=True)
        makers = (
            self._deployment, self._deployment, self._statefulset, self._cronjob, self._deployment, self._bare_pod,
            self._rollout, self._custom_owner, self._game_server, self._spark_application, self._leader_worker_set,
            self._static_pod, self._odd_deployment,
        )  # fmt: skip
        number = 0
        while len(pods) < target:
            makers[number % len(makers)](number, min(target - len(pods), self._draw.randint(1, 8)))
            number += 1
        del pods[target:]
        return {**self._made, "pods": pods}

    def _odd_deployment(self, number: int, replicas: int) -> None:
        """Every other one is scaled to zero: only its template shows what it would do."""
        name = f"agent-{number}"
        self._deployment(number, replicas * (number % 2), name=name, made=odd_template(self._maker, name, number))

    def _deployment(
        self,
        number: int,
        replicas: int,
        *,
        name: str = "",
        gpu: bool = False,
        tpu: bool = False,
        made: Object | None = None,
    ) -> None:
        name = name or f"web-{number}"
        namespace, pod_template = self._team(number), made or template(self._maker, name, number, gpu=gpu, tpu=tpu)
        spec = {
            "replicas": replicas,
            "selector": _selector(pod_template),
            "template": pod_template,
            "strategy": {"type": "Recreate"} if number % 5 == 0 else _ODD_ROLLING if number % 5 == 1 else _ROLLING,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        }
        stuck = number % 13 == _STUCK and replicas > 0
        status = _replicas(replicas) | {"conditions": _conditions(stuck)}
        if stuck:
            status |= {"updatedReplicas": 1, "unavailableReplicas": 1}
            status |= {"readyReplicas": replicas - 1, "availableReplicas": replicas - 1}
        old_revisions = self._draw.randrange(3)
        annotations = {"deployment.kubernetes.io/revision": str(old_revisions + 1)}
        deployment = self._add("deployments", name, namespace, spec, status, annotations=annotations)
        owner = _owner("apps/v1", "Deployment", deployment)
        for revision in range(1, old_revisions + 1):
            self._replicaset(name, namespace, 0, pod_template, owner, revision)
        current, hashed = self._replicaset(name, namespace, replicas, pod_template, owner, old_revisions + 1)
        self._pods.controlled(current, _owner("apps/v1", "ReplicaSet", current), replicas, hashed)

    def _rollout(self, number: int, replicas: int) -> None:
        """A custom resource that owns a ReplicaSet, as a Deployment does."""
        namespace, name = self._team(number), f"pay-{number}"
        pod_template = template(self._maker, name, number)
        spec = {
            "replicas": replicas,
            "selector": _selector(pod_template),
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
            "template": pod_template,
        }
        status = {"phase": "Healthy", "replicas": replicas, "readyReplicas": replicas}
        rollout = self._add("rollouts", name, namespace, spec, status, api_version="argoproj.io/v1alpha1")
        owner = _owner("argoproj.io/v1alpha1", "Rollout", rollout)
        current, hashed = self._replicaset(name, namespace, replicas, pod_template, owner, 1)
        self._pods.controlled(current, _owner("apps/v1", "ReplicaSet", current), replicas, hashed)

    def _statefulset(self, number: int, replicas: int, *, name: str = "", owner: Object | None = None) -> None:
        namespace, name = self._team(number), name or f"db-{number}"
        pod_template = template(self._maker, name, number)
        revision = f"{name}-{self._pods.suffix(9)}"
        spec = {
            "replicas": replicas,
            "selector": _selector(pod_template),
            "template": pod_template,
            "volumeClaimTemplates": [_CLAIM],
            "serviceName": name,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        }
        status = _replicas(replicas) | {
            "currentReplicas": replicas, "currentRevision": revision, "updateRevision": revision,
        }  # fmt: skip
        found = self._add("statefulsets", name, namespace, spec, status, owner=owner)
        labelled = _labelled(pod_template, {"controller-revision-hash": revision})
        self._pods.controlled(found, _owner("apps/v1", "StatefulSet", found), replicas, labelled, stateful=True)

    def _daemonset(self) -> None:
        pod_template = template(self._maker, "node-exporter", 5)
        count = self._nodes
        spec = {
            "selector": _selector(pod_template),
            "template": pod_template,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        }
        status = {
            "currentNumberScheduled": count, "numberMisscheduled": 0, "desiredNumberScheduled": count,
            "numberReady": count, "observedGeneration": 1, "updatedNumberScheduled": count, "numberAvailable": count,
        }  # fmt: skip
        annotations = {"deprecated.daemonset.template.generation": "1"}
        found = self._add("daemonsets", "node-exporter", "kube-system", spec, status, annotations=annotations)
        labels = {"controller-revision-hash": self._pods.suffix(9), "pod-template-generation": "1"}
        running = min(count, self._maker.cluster.pods // 4 + 1)
        owner = _owner("apps/v1", "DaemonSet", found)
        self._pods.controlled(found, owner, running, _labelled(pod_template, labels), everywhere=True)

    def _cronjob(self, number: int, runs: int) -> None:
        namespace, name = self._team(number), f"cleanup-{number}"
        pod_template = template(self._maker, name, number)
        pod_template["spec"]["restartPolicy"] = "Never"
        spec = {
            "schedule": f"{number % 60} * * * *",
            "concurrencyPolicy": "Forbid",
            "suspend": number % 7 == 0,
            "jobTemplate": {
                "metadata": {"labels": pod_template["metadata"]["labels"]},
                "spec": {"backoffLimit": 2, "template": pod_template},
            },
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        }
        status = {"lastScheduleTime": ago(minutes=30), "lastSuccessfulTime": ago(minutes=28)}
        cronjob = self._add("cronjobs", name, namespace, spec, status)
        for run in range(min(runs, 3)):
            self._job(
                f"{name}-{29000000 + run}", namespace, run, pod_template, cronjob, failed=run == 1 and number % 3 == 0
            )

    def _job(self, name: str, namespace: str, run: int, pod_template: Object, cronjob: Object, *, failed: bool) -> None:
        metadata = self._metadata(
            "batch/v1", name, namespace, pod_template["metadata"]["labels"],
            {"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(minutes=60 * run + 30)},
            _owner("batch/v1", "CronJob", cronjob),
        )  # fmt: skip
        id_ = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
        old = {"controller-uid": metadata["uid"], "job-name": name}
        labelled = _labelled(pod_template, id_ | {"batch.kubernetes.io/job-name": name} | old)
        spec = {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 2,
            "selector": {"matchLabels": id_},
            "manualSelector": False,
            "template": labelled,
            "completionMode": "NonIndexed",
            "suspend": False,
            "podReplacementPolicy": "TerminatingOrFailed",
        }
        ended = ago(minutes=60 * run + 28)
        outcome = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
        reason = "BackoffLimitExceeded" if failed else "CompletionsReached"
        status = {
            "conditions": [condition(type_, "True", reason, lastProbeTime=ended) for type_ in outcome],
            "startTime": ago(minutes=60 * run + 30),
            **({"failed": 3} if failed else {"completionTime": ended, "succeeded": 1}),
            "terminating": 0,
            "uncountedTerminatedPods": {},
            "ready": 0,
        }
        job = {"metadata": metadata, "spec": spec, "status": status}
        self._made["jobs"].append(job)
        owner = _owner("batch/v1", "Job", job)
        self._pods.controlled(job, owner, 1, labelled, completed=not failed, failed=failed)

    def _bare_pod(self, number: int, replicas: int) -> None:  # noqa: ARG002 (all makers have one signature)
        name = f"debug-{number}"
        self._pods.alone(name, self._team(number), template(self._maker, name, number))

    def _custom_owner(self, number: int, replicas: int) -> None:
        """Pods that a custom resource controls directly, as operators of databases make them."""
        namespace, name = self._team(number), f"kafka-{number}"
        owner, reference = self._custom("strimzipodsets", name, namespace)
        self._pods.controlled(owner, reference, min(replicas, 3), template(self._maker, name, number))

    def _game_server(self, number: int, replicas: int) -> None:  # noqa: ARG002
        """A pod that a custom resource controls, with a sidecar that a webhook injects."""
        namespace, name = self._team(number), f"game-{number}"
        owner, reference = self._custom("gameservers", name, namespace)
        made = odd_template(self._maker, name, number)
        sidecar = {**made["spec"]["containers"][0], "name": "istio-proxy", "image": "gcr.io/istio/proxyv2:1.27.1"}
        made["spec"]["containers"] = [*made["spec"]["containers"], sidecar | {"securityContext": {"privileged": True}}]
        self._pods.controlled(owner, reference, 1, made)

    def _spark_application(self, number: int, replicas: int) -> None:
        """A driver that a custom resource controls, and executors that the driver controls."""
        namespace, name = self._team(number), f"etl-{number}"
        application, reference = self._custom("sparkapplications", name, namespace)
        self._pods.controlled(application, reference, 1, template(self._maker, name, number))
        driver = self._pods.made[-1]
        executors = {"metadata": {"name": f"{name}-exec", "namespace": namespace}}
        self._pods.controlled(executors, _owner("v1", "Pod", driver), replicas, template(self._maker, name, number))

    def _leader_worker_set(self, number: int, replicas: int) -> None:
        """A StatefulSet of a custom resource, whose pod controls a StatefulSet of workers."""
        namespace, name = self._team(number), f"lws-{number}"
        _, reference = self._custom("leaderworkersets", name, namespace)
        self._statefulset(number, 1, name=name, owner=reference)
        leader = self._pods.made[-1]
        self._statefulset(number, replicas, name=leader["metadata"]["name"], owner=_owner("v1", "Pod", leader))

    def _custom(self, resource: str, name: str, namespace: str) -> tuple[Object, Object]:
        """A custom resource, and a reference to it."""
        api_version, kind = _CUSTOM[resource]
        annotations = {"canary": "CANARY-custom-resource-annotation"}
        metadata = self._maker.metadata(
            name, namespace, api_version=api_version, generation=2, annotations=annotations,
            finalizers=[f"{resource}.example.com/cleanup"],
        )  # fmt: skip
        made = {"metadata": metadata, "spec": {"secret": "CANARY-custom-resource-spec"}}
        self._made[resource].append(made)
        return made, _owner(api_version, kind, made)

    def _static_pod(self, number: int, replicas: int) -> None:  # noqa: ARG002
        """A pod that a node's kubelet read from a file, and mirrors in the API."""
        node = list(self._uids)[number % len(self._uids)]
        name = f"static-{number}"
        owner = {"metadata": {"name": node, "uid": self._uids[node]}}
        self._pods.mirrored(
            f"{name}-{node}", node, _owner("v1", "Node", owner), odd_template(self._maker, name, number)
        )

    def _replicaset(
        self, name: str, namespace: str, replicas: int, pod_template: Object, owner: Object, revision: int
    ) -> tuple[Object, Object]:
        """A new ReplicaSet, and its template: the workload's, with a hash in its labels."""
        hashed = self._pods.suffix(9)
        labelled = _labelled(pod_template, {"pod-template-hash": hashed})
        selector = {"matchLabels": _selector(pod_template)["matchLabels"] | {"pod-template-hash": hashed}}
        spec = {"replicas": replicas, "selector": selector, "template": labelled}
        annotations = {"deployment.kubernetes.io/revision": str(revision)}
        status = _replicas(replicas) | ({"fullyLabeledReplicas": replicas} if replicas else {})
        status.pop("updatedReplicas", None)
        labels = labelled["metadata"]["labels"]
        found = self._add(
            "replicasets",
            f"{name}-{hashed}",
            namespace,
            spec,
            status,
            labels=labels,
            annotations=annotations,
            owner=owner,
        )
        return found, labelled

    def _add(
        self,
        resource: str,
        name: str,
        namespace: str,
        spec: Object,
        status: Object,
        *,
        api_version: str = "apps/v1",
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        owner: Object | None = None,
    ) -> Object:
        api_version = "batch/v1" if resource == "cronjobs" else api_version
        signs = CONTROLLER if owner else signs_on(resource, namespace, name, len(self._made[resource]))
        metadata = self._metadata(
            api_version, name, namespace, (labels or {"app": name}) | signs.labels,
            (annotations or {}) | signs.annotations, owner, manager=signs.manager,
        )  # fmt: skip
        added = {"metadata": metadata, "spec": spec, "status": status}
        self._made[resource].append(added)
        return added

    def _metadata(
        self,
        api_version: str,
        name: str,
        namespace: str,
        labels: Object,
        annotations: Object,
        owner: Object | None,
        *,
        manager: str = CONTROLLER.manager,
    ) -> Object:
        return self._maker.metadata(
            name,
            namespace,
            api_version=api_version,
            generation=1,
            manager=manager,
            labels=labels,
            annotations=annotations | {"note": "CANARY-annotation"},
            ownerReferences=[owner] if owner else None,
        )

    def _team(self, number: int) -> str:
        return self._teams[number % len(self._teams)]


def _selector(pod_template: Object) -> Object:
    return {"matchLabels": {"app": pod_template["metadata"]["labels"]["app"]}}


def _labelled(pod_template: Object, labels: dict[str, str]) -> Object:
    """The template, with additional labels of its controller."""
    return pod_template | {
        "metadata": pod_template["metadata"] | {"labels": pod_template["metadata"]["labels"] | labels}
    }


def _owner(api_version: str, kind: str, owner: Object) -> Object:
    metadata = owner["metadata"]
    return {
        "apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def _conditions(stuck: bool) -> list[Object]:
    """The conditions of a Deployment."""
    progressing = ("False", "ProgressDeadlineExceeded") if stuck else ("True", "NewReplicaSetAvailable")
    return [
        condition("Progressing", *progressing, lastUpdateTime=ago(minutes=4000)),
        condition("Available", "True", "MinimumReplicasAvailable", lastUpdateTime=ago(minutes=4000)),
    ]


def _replicas(count: int) -> Object:
    """Replica counts in a controller's status; zeros are omitted, except `replicas`."""
    counts = {
        "observedGeneration": 1, "replicas": count, "updatedReplicas": count, "readyReplicas": count,
        "availableReplicas": count,
    }  # fmt: skip
    return {key: value for key, value in counts.items() if value or key == "replicas"}
