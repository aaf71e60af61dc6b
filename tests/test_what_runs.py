"""Whatever controls a pod, what it runs is in the tables and views: objects of an API server, read and queried."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import sink_at
from replay import Replay

from job.config import Config
from job.kinds import KINDS
from job.run.one_task import run
from job.sinks.duckdb import DuckDBSink

Object = dict[str, Any]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def lists() -> dict[str, list[Object]]:
    """The objects that the API server has, by resource."""
    return {}


@pytest.fixture
def query(replay: Replay, tmp_path: Path, lists: dict[str, list[Object]]) -> Query:
    """Reads the cluster on first use, then queries the database; the rows of an answer are sorted."""
    sink = DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)
    config = msgspec.convert(replay.configuration | {"sink": sink_at(tmp_path / "x.duckdb"), "page_limit": 2}, Config)

    def answer(sql: str) -> list[tuple[Any, ...]]:
        if not replay.requests:
            for kind in KINDS:
                items = sorted(lists.get(kind.resource, ()), key=key_of)
                replay.answers[kind.path] = listed(items)
            run(config)
        return sorted(sink.query(sql).rows, key=repr)

    return answer


def listed(items: list[Object]) -> tuple[int, dict[str, str], bytes]:
    page = {"metadata": {"resourceVersion": "1"}, "items": items}
    return 200, {"Content-Type": "application/json"}, json.dumps(page).encode()


def key_of(item: Object) -> str:
    return f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def owner(kind: str, name: str, api_version: str = "apps/v1", *, controller: bool = True) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": f"uid-{kind}-{name}",
        "controller": controller,
    }


def metadata(kind: str, name: str, *owners: Object, namespace: str | None = "n", **more: Any) -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, "uid": f"uid-{kind}-{name}", **place, "ownerReferences": list(owners), **more}


def pod(name: str, *owners: Object, phase: str = "Running", meta: Object | None = None, **spec: Any) -> Object:
    """A pod with one container, unless `spec` has others."""
    whole = {"containers": [{"name": "c", "image": "x:1"}], "nodeName": "n1", **spec}
    ready = [{"type": "Ready", "status": "True" if phase == "Running" else "False"}]
    status = {"phase": phase, "conditions": ready}
    return {"metadata": metadata("Pod", name, *owners, **meta or {}), "spec": whole, "status": status}


def workload(kind: str, name: str, *owners: Object, replicas: int = 1, **spec: Any) -> Object:
    """A Deployment, ReplicaSet or StatefulSet, whose template has one container, unless `spec` has others."""
    template = {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "x:1"}], **spec}}
    found = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    status = {"observedGeneration": 1, "replicas": replicas}
    return {"metadata": metadata(kind, name, *owners, generation=1), "spec": found, "status": status}


PRIVILEGED = {"containers": [{"name": "c", "image": "x:1", "securityContext": {"privileged": True}}]}
ROLLOUT = owner("Rollout", "roll", "argoproj.io/v1alpha1")
FOUND = "SELECT workload_kind, workload_name, pod FROM privileged WHERE rule = 'privileged'"


# Facts of what runs.


def test_a_rollouts_privileged_pod_is_found(lists: dict[str, list[Object]], query: Query) -> None:
    lists["replicasets"] = [workload("ReplicaSet", "roll-abc", ROLLOUT, **PRIVILEGED)]
    lists["pods"] = [pod("roll-abc-1", owner("ReplicaSet", "roll-abc"), **PRIVILEGED)]
    assert query(FOUND) == [("Rollout", "roll", "roll-abc-1")]
    assert query("SELECT workload_kind, workload_name, pod, len(missing) FROM without_limits") == [
        ("Rollout", "roll", "roll-abc-1", 4)
    ]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (owner("GameServer", "gs", "agones.dev/v1"), ("GameServer", "gs")),
        (owner("StrimziPodSet", "kafka", "core.strimzi.io/v1beta2"), ("StrimziPodSet", "kafka")),
        (owner("ReplicationController", "old", "v1"), ("ReplicationController", "old")),
        (owner("Job", "volcano", "batch.volcano.sh/v1alpha1"), ("Job", "volcano")),
        (owner("Node", "n1", "v1"), ("Node", "n1")),
        (None, ("Pod", "p")),
    ],
)
@pytest.mark.siblings(2)
def test_a_privileged_pod_is_found_whatever_controls_it(
    lists: dict[str, list[Object]], query: Query, reference: Object | None, expected: tuple[str, str]
) -> None:
    lists["pods"] = [pod("p", *([reference] if reference else []), **PRIVILEGED)]
    assert query(FOUND) == [(*expected, "p")]


def test_injected_sidecars_and_debug_containers_are_found_beside_the_template(
    lists: dict[str, list[Object]], query: Query
) -> None:
    injected = {"name": "istio", "image": "proxy:1", "securityContext": {"privileged": True}}
    lists["deployments"] = [workload("Deployment", "web")]
    lists["replicasets"] = [workload("ReplicaSet", "web-1", owner("Deployment", "web"))]
    lists["pods"] = [
        pod(
            "web-1-a",
            owner("ReplicaSet", "web-1"),
            containers=[{"name": "c", "image": "x:1"}, injected],
            initContainers=[injected | {"name": "init"}, injected | {"name": "agent", "restartPolicy": "Always"}],
            ephemeralContainers=[injected | {"name": "debugger"}],
        )
    ]
    sql = "SELECT workload_kind, workload_name, container, container_type FROM privileged WHERE rule = 'privileged'"
    assert query(sql) == [
        ("Deployment", "web", "agent", "sidecar"),
        ("Deployment", "web", "debugger", "ephemeral"),
        ("Deployment", "web", "init", "init"),
        ("Deployment", "web", "istio", "regular"),
    ]


def test_a_template_without_pods_is_found(lists: dict[str, list[Object]], query: Query) -> None:
    lists["deployments"] = [workload("Deployment", "idle", replicas=0, **PRIVILEGED)]
    assert query(FOUND) == [("Deployment", "idle", None)]


HARDENED = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
DEFAULT = {"seccompProfile": {"type": "RuntimeDefault"}}


@pytest.mark.parametrize(
    ("container", "spec", "expected"),
    [
        ({"ports": [{"containerPort": 80, "hostPort": 80}], "securityContext": HARDENED}, {}, {"host_port"}),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}, "runAsNonRoot": True}},
            {"os": {"name": "windows"}},
            {"host_process"},
        ),
        (
            {"securityContext": {"runAsNonRoot": True}},
            {
                "nodeSelector": {"kubernetes.io/os": "windows"},
                "hostNetwork": True,
                "securityContext": {"windowsOptions": {"hostProcess": True}},
            },
            {"host_process", "host_network"},
        ),
        (
            {"securityContext": {"windowsOptions": {"runAsUserName": "ContainerUser"}}},
            {"os": {"name": "windows"}},
            set(),
        ),
        (
            {"securityContext": HARDENED | {"procMount": "Unmasked", "seccompProfile": {"type": "Unconfined"}}},
            {"hostUsers": False},
            {"proc_unmasked", "seccomp_unconfined"},
        ),
        (
            {"securityContext": HARDENED | {"appArmorProfile": {"type": "Unconfined"}}},
            {},
            {"apparmor_unconfined"},
        ),
        (
            {"securityContext": HARDENED | {"seLinuxOptions": {"level": "s0:c1", "type": "spc_t"}}},
            {"securityContext": DEFAULT | {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            {"selinux_options", "sysctls"},
        ),
        (
            {"securityContext": HARDENED},
            {
                "hostPID": True,
                "hostIPC": True,
                "volumes": [
                    {"name": "logs", "hostPath": {"path": "/var/log", "type": ""}},
                    {"name": "disk", "gcePersistentDisk": {"pdName": "d"}},
                    {"name": "share", "nfs": {"server": "s", "path": "/"}},
                    {"name": "tmp", "emptyDir": {}},
                    {"name": "secret", "secret": {"secretName": "CANARY"}},
                ],
            },
            {"host_pid", "host_ipc", "host_path", "volume_types"},
        ),
        ({"securityContext": HARDENED}, {}, set()),
    ],
)
@pytest.mark.siblings(2)
def test_the_rules_of_the_pod_security_standards_hold_for_templates_and_for_pods(
    lists: dict[str, list[Object]], query: Query, container: Object, spec: Object, expected: set[str]
) -> None:
    windows = "windows" in json.dumps(spec)
    whole = {"securityContext": {} if windows else DEFAULT} | spec | {"containers": [{"name": "c"} | container]}
    lists["deployments"] = [workload("Deployment", "web", **whole)]
    lists["pods"] = [pod("gs-1", owner("GameServer", "gs", "agones.dev/v1"), **whole)]
    for kind in ("Deployment", "GameServer"):
        found = query(f"SELECT rule FROM privileged WHERE workload_kind = '{kind}'")
        assert {rule for (rule,) in found} == expected, kind


def test_windows_is_known_by_the_node(lists: dict[str, list[Object]], query: Query) -> None:
    node = metadata("Node", "n1", namespace=None, labels={"kubernetes.io/os": "windows"})
    lists["nodes"] = [{"metadata": node, "status": {"nodeInfo": {"operatingSystem": "windows"}}}]
    user = {"windowsOptions": {"runAsUserName": "ContainerUser"}}
    lists["pods"] = [pod("w", containers=[{"name": "c", "securityContext": user}])]
    assert query("SELECT rule FROM privileged") == []
    assert query("SELECT operating_system FROM raw_pods") == [("windows",)]


def test_an_apparmor_profile_may_be_an_annotation(lists: dict[str, list[Object]], query: Query) -> None:
    annotations = {
        "container.apparmor.security.beta.kubernetes.io/a": "unconfined",
        "container.apparmor.security.beta.kubernetes.io/b": "localhost/strict",
        "container.apparmor.security.beta.kubernetes.io/c": "CANARY",
    }
    containers = [{"name": name, "image": "x:1"} for name in ("a", "b", "c", "d")]
    lists["deployments"] = [workload("Deployment", "web", containers=containers)]
    lists["deployments"][0]["spec"]["template"]["metadata"] = {"annotations": annotations}
    lists["pods"] = [pod("p", meta={"annotations": annotations}, containers=containers)]
    expected = [("a", "Unconfined"), ("b", "Localhost"), ("c", None), ("d", None)]
    assert query("SELECT name, apparmor_profile FROM raw_pod_containers") == expected
    assert query("SELECT name, apparmor_profile FROM raw_containers WHERE resource = 'deployments'") == expected


# Workloads of other kinds.


def test_a_workload_of_an_unknown_kind_is_known_through_its_pods(lists: dict[str, list[Object]], query: Query) -> None:
    lists["replicasets"] = [workload("ReplicaSet", name, ROLLOUT) for name in ("roll-a", "roll-b")]
    lists["pods"] = [
        pod("roll-a-1", owner("ReplicaSet", "roll-a"), meta={"labels": {"app": "x", "hash": "a"}}),
        pod("other", owner("GameServer", "gs", "agones.dev/v1"), hostNetwork=True),
        pod("roll-b-1", owner("ReplicaSet", "roll-b"), meta={"labels": {"app": "x", "hash": "b"}}),
        pod("roll-b-2", owner("ReplicaSet", "roll-b"), phase="Failed", meta={"labels": {"hash": "b", "app": "x"}}),
    ]
    assert query(
        "SELECT kind, api_version, namespace, name, uid, replicas, replicas_ready, failed, host_network, labels, "
        "resource FROM raw_workloads WHERE known_through_pods"
    ) == [
        ("GameServer", "agones.dev/v1", "n", "gs", "uid-GameServer-gs", 1, 1, 0, True, [], "pods"),
        ("Rollout", "argoproj.io/v1alpha1", "n", "roll", "uid-Rollout-roll", 3, 2, 1, False,
         [{"key": "app", "value": "x"}], "pods"),
    ]  # fmt: skip


def test_a_workload_has_a_row_for_each_namespace_of_its_pods(lists: dict[str, list[Object]], query: Query) -> None:
    node = owner("Node", "n1", "v1")
    lists["pods"] = [pod("a", node), pod("b", node, meta={"namespace": "m"}), pod("c", node, meta={"namespace": "m"})]
    assert query("SELECT namespace, replicas FROM raw_workloads WHERE kind = 'Node'") == [("m", 2), ("n", 1)]


@pytest.mark.parametrize("why", ["forbidden", "off"])
@pytest.mark.siblings(2)
def test_a_kind_that_was_not_read_is_no_unknown_kind(
    lists: dict[str, list[Object]], query: Query, replay: Replay, tmp_path: Path, why: str
) -> None:
    lists["pods"] = [pod("web-1-a", owner("ReplicaSet", "web-1")), pod("roll-a", owner("Rollout", "roll", "a.io/v1"))]
    kinds = {"replicasets": False} if why == "off" else {}
    config = msgspec.convert(replay.configuration | {"sink": sink_at(tmp_path / "x.duckdb"), "kinds": kinds}, Config)
    for kind in KINDS:
        replay.answers[kind.path] = listed(lists.get(kind.resource, []))
        if (kind.resource, why) == ("replicasets", "forbidden"):
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
            replay.answers[kind.path] = (403, {"Content-Type": "application/json"}, json.dumps(status).encode())
    run(config)
    assert query("SELECT kind, name FROM raw_workloads") == [("Rollout", "roll")]
    assert query("SELECT outcome FROM collections WHERE resource = 'replicasets'") == [(why,)]
    assert query("SELECT name, reason FROM unowned_pods") == [("web-1-a", "not_read")]


# Owners through pods.

TOPS = "SELECT name, workload_kind, workload_name, workload_resolution FROM raw_pods"


@pytest.mark.parametrize("driver", ["a-driver", "z-driver"])
@pytest.mark.siblings(2)
def test_a_pod_of_a_pod_belongs_to_the_top_on_whatever_page_that_is(
    lists: dict[str, list[Object]], query: Query, driver: str
) -> None:
    application = owner("SparkApplication", "etl", "sparkoperator.k8s.io/v1beta2")
    lists["pods"] = [pod(driver, application)]
    for number in range(5):
        lists["pods"].append(pod(f"exec-{number}", application | {"controller": False}, owner("Pod", driver, "v1")))
    assert query(TOPS) == sorted(
        (item["metadata"]["name"], "SparkApplication", "etl", "referenced") for item in lists["pods"]
    )
    assert query("SELECT name, replicas, replicas_ready FROM raw_workloads") == [("etl", 6, 6)]
    assert query("SELECT name FROM unowned_pods") == []


def test_a_statefulset_of_a_pod_leads_to_the_top(lists: dict[str, list[Object]], query: Query) -> None:
    lws = owner("LeaderWorkerSet", "lws", "leaderworkerset.x-k8s.io/v1")
    lists["statefulsets"] = [
        workload("StatefulSet", "lws", lws), workload("StatefulSet", "lws-0", owner("Pod", "lws-0", "v1")),
    ]  # fmt: skip
    lists["pods"] = [pod("lws-0", owner("StatefulSet", "lws")), pod("lws-0-1", owner("StatefulSet", "lws-0"))]
    assert query(TOPS) == [
        ("lws-0", "LeaderWorkerSet", "lws", "referenced"),
        ("lws-0-1", "LeaderWorkerSet", "lws", "referenced"),
    ]
    assert query("SELECT middle_owner_uids FROM raw_pods WHERE name = 'lws-0-1'") == [
        (["uid-Pod-lws-0", "uid-StatefulSet-lws"],)
    ]
    # the templates of the StatefulSets are those of the pods
    assert query("SELECT DISTINCT workload_kind, pod IS NULL FROM workload_containers") == [("LeaderWorkerSet", False)]


def test_a_pod_of_a_pod_that_is_gone_is_unowned(lists: dict[str, list[Object]], query: Query) -> None:
    lists["pods"] = [pod("orphan", owner("Pod", "gone", "v1")), pod("stranger", owner("Pod", "elsewhere", "v1"))]
    lists["pods"].append(pod("elsewhere", meta={"namespace": "other"}))
    assert query(TOPS) == [
        ("elsewhere", "Pod", "elsewhere", "uncontrolled"),
        ("orphan", "Pod", "gone", "not_found"),
        ("stranger", "Pod", "elsewhere", "not_found"),
    ]
    assert query("SELECT name, reason FROM unowned_pods") == [
        ("elsewhere", "uncontrolled"), ("orphan", "not_found"), ("stranger", "not_found"),
    ]  # fmt: skip


def test_pods_in_a_circle_and_in_a_long_chain_end(lists: dict[str, list[Object]], query: Query) -> None:
    lists["pods"] = [pod("a", owner("Pod", "b", "v1")), pod("b", owner("Pod", "a", "v1"))]
    lists["pods"] += [pod(f"c-{number:02d}", owner("Pod", f"c-{number + 1:02d}", "v1")) for number in range(12)]
    lists["pods"].append(pod("c-12", owner("RayCluster", "ray", "ray.io/v1")))
    found = query(TOPS)
    assert found[:2] == [("a", "Pod", "b", "not_found"), ("b", "Pod", "a", "not_found")]
    assert {row[1:] for row in found[2:]} == {("RayCluster", "ray", "referenced")}


# Accelerators, and where pods run.


@pytest.mark.parametrize(
    ("resource", "labels", "expected"),
    [
        (
            "google.com/tpu",
            {
                "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
                "cloud.google.com/gke-tpu-topology": "2x2",
            },
            ("tpu-v5-lite-podslice", "2x2"),
        ),
        ("nvidia.com/mig-1g.5gb", {"cloud.google.com/gke-accelerator": "nvidia-a100"}, ("nvidia-a100", None)),
        ("amd.com/gpu", {"amd.com/gpu.product-name": "MI300X"}, ("MI300X", None)),
        ("habana.ai/gaudi", {}, (None, None)),
        ("gpu.intel.com/xe", {}, (None, None)),
    ],
)
@pytest.mark.parametrize("by", ["node", "selector"])
@pytest.mark.siblings(2)
def test_accelerators_are_on_nodes_pods_and_containers(
    lists: dict[str, list[Object]],
    query: Query,
    resource: str,
    labels: dict[str, str],
    expected: tuple[str | None, str | None],
    by: str,
) -> None:
    amounts = {"cpu": "8", "memory": "64Gi", resource: "4"}
    node = {
        "metadata": metadata("Node", "n1", namespace=None, labels=labels),
        "status": {"capacity": amounts, "allocatable": amounts},
    }
    container = {"name": "c", "image": "x:1", "resources": {"requests": amounts, "limits": amounts}}
    where = {"nodeName": None, "nodeSelector": labels} if by == "selector" else {}
    lists["pods"] = [pod("p", containers=[container, {"name": "d", "image": "x:1"}], **where)]
    lists["nodes"] = [node]
    columns = "accelerator, accelerator_topology"
    assert query(f"SELECT {columns}, accelerator_capacity, accelerator_allocatable FROM raw_nodes") == [
        (*expected, 4, 4)
    ]
    assert query(f"SELECT {columns}, accelerator_count FROM raw_pods") == [(*expected, 4)]
    gets = [{"resource": resource, "count": 4}]
    for table in ("containers", "pod_containers"):
        assert query(f"SELECT name, accelerator_count, accelerators FROM raw_{table}") == [
            ("c", 4, gets), ("d", None, []),
        ]  # fmt: skip


def test_a_pod_has_the_place_of_its_node_or_the_one_that_it_asks_for(
    lists: dict[str, list[Object]], query: Query
) -> None:
    labels = {
        "cloud.google.com/gke-nodepool": "spot-pool",
        "cloud.google.com/gke-spot": "true",
        "topology.kubernetes.io/zone": "europe-west1-b",
        "kubernetes.io/os": "linux",
    }
    lists["nodes"] = [{"metadata": metadata("Node", "n1", namespace=None, labels=labels)}]
    asked = {"cloud.google.com/gke-nodepool": "other", "cloud.google.com/gke-spot": "true"}
    lists["pods"] = [
        pod("on-node", nodeSelector=asked),
        pod("pending", nodeName=None, nodeSelector=asked),
        pod("lost", nodeName="n2"),
    ]
    assert query("SELECT name, node_pool, zone, spot, operating_system FROM raw_pods") == [
        ("lost", None, None, None, None),
        ("on-node", "spot-pool", "europe-west1-b", True, "linux"),
        ("pending", "other", None, True, None),
    ]


def test_quantities_of_containers_that_do_not_fit_are_named_and_not_missing(
    lists: dict[str, list[Object]], query: Query
) -> None:
    huge = {"cpu": "1E", "memory": "lots"}
    container = {"name": "c", "image": "x:1", "resources": {"requests": huge, "limits": huge}}
    lists["pods"] = [pod("p", owner("GameServer", "gs", "agones.dev/v1"), containers=[container])]
    names = ["requests.cpu", "limits.cpu", "requests.memory", "limits.memory"]
    assert query("SELECT unparsed_quantities, cpu_request_millicores FROM raw_pod_containers") == [(names, None)]
    assert query("SELECT * FROM without_limits") == []
