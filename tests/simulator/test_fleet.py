"""The simulated fleet resembles a real one, works with real clients, and cleans up after itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import urllib3
from google.cloud import container_v1
from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerGrpcTransport
from kubernetes import client

from job.simulator import Simulator, SimulatorError, simulate

CANARY = "CANARY"
DENIED, PARTIAL = "acquired-company", "data-platform"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    """A fleet with at least one cluster for each kind of problem."""
    with simulate(clusters=12, pods=60, seed=1) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def inventory(fleet: Simulator) -> dict[str, Any]:
    """Everything that exists in the fleet, readable or not."""
    return fleet.inventory()


@pytest.fixture(scope="module")
def objects(inventory: dict[str, Any]) -> dict[str, list[Any]]:
    """The objects of all clusters, by resource."""
    every: dict[str, list[Any]] = {}
    for cluster in inventory["clusters"]:
        for name, items in cluster["objects"].items():
            every.setdefault(name, []).extend(items)
    return every


@pytest.fixture(scope="module")
def gke(fleet: Simulator) -> Iterator[dict[str, container_v1.ListClustersResponse]]:
    """The GKE API's list of clusters, by project, except the denied one."""
    with grpc.insecure_channel(fleet.container_endpoint.removeprefix("grpc://")) as channel:
        manager = container_v1.ClusterManagerClient(transport=ClusterManagerGrpcTransport(channel=channel))
        yield {
            project: manager.list_clusters(parent=f"projects/{project}/locations/-", metadata=credentials(fleet))
            for project in fleet.projects
            if project != DENIED
        }


def credentials(fleet: Simulator) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {(fleet.directory / 'kubectl-token').read_text()}")]


# Content of the fleet


def test_the_same_seed_gives_the_same_fleet(inventory: dict[str, Any]) -> None:
    with simulate(clusters=12, pods=60, seed=1) as again, simulate(clusters=12, pods=60, seed=2) as other:
        assert again.inventory() == inventory
        assert other.inventory() != inventory


def test_clusters_of_every_kind_exist(gke: dict[str, Any]) -> None:
    clusters = [cluster for answer in gke.values() for cluster in answer.clusters]
    assert {cluster.location.count("-") for cluster in clusters} == {1, 2}  # regional and zonal
    assert {cluster.autopilot.enabled for cluster in clusters} == {True, False}
    assert {cluster.private_cluster_config.enable_private_endpoint for cluster in clusters} == {True, False}
    dns = [cluster.control_plane_endpoints_config.dns_endpoint_config for cluster in clusters]
    assert {endpoint.allow_external_traffic for endpoint in dns} == {True, False}
    assert {cluster.status.name for cluster in clusters} == {"RUNNING", "PROVISIONING"}
    assert {pool.config.spot for cluster in clusters for pool in cluster.node_pools} == {True, False}


def test_nodes_are_at_most_three_minor_versions_behind_their_control_plane(
    gke: dict[str, Any], inventory: dict[str, Any]
) -> None:
    versions = [cluster.current_master_version for answer in gke.values() for cluster in answer.clusters]
    assert len({minor(version) for version in versions}) > 2
    behind = {
        minor(cluster["version"]) - minor(node["status"]["nodeInfo"]["kubeletVersion"])
        for cluster in inventory["clusters"]
        for node in cluster["objects"]["nodes"]
    }
    assert {0, 1} <= behind <= {0, 1, 2, 3}  # https://kubernetes.io/releases/version-skew-policy/#kubelet


def minor(version: str) -> int:
    return int(version.split(".")[1])


def test_pods_have_all_common_problems(objects: dict[str, list[Any]]) -> None:
    pods = objects["pods"]
    statuses = [status for pod in pods for status in pod["status"].get("containerStatuses", [])]
    waiting = {status["state"]["waiting"]["reason"] for status in statuses if "waiting" in status["state"]}
    ended = {status["state"]["terminated"]["reason"] for status in statuses if "terminated" in status["state"]}
    before = {status["lastState"]["terminated"]["reason"] for status in statuses if status["lastState"]}
    assert waiting == {"ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError"}
    assert (ended, before) == ({"Completed", "Error"}, {"OOMKilled"})
    assert {pod["status"]["phase"] for pod in pods} == {"Pending", "Running", "Succeeded", "Failed"}
    assert {pod["status"].get("reason") for pod in pods} == {None, "Evicted"}
    assert {pod["status"]["qosClass"] for pod in pods} == {"BestEffort", "Burstable", "Guaranteed"}
    conditions = [condition for pod in pods for condition in pod["status"].get("conditions", [])]
    assert "Unschedulable" in {condition.get("reason") for condition in conditions}
    assert any("deletionTimestamp" in pod["metadata"] for pod in pods)
    assert any("ephemeralContainers" in pod["spec"] for pod in pods)
    sidecars = [each for pod in pods for each in pod["spec"].get("initContainers", []) if "restartPolicy" in each]
    assert sidecars


def test_pods_request_less_than_their_nodes_have(inventory: dict[str, Any]) -> None:
    """A real scheduler ensures this. A resize and a huge amount are exceptions."""
    for cluster in inventory["clusters"]:
        pods, nodes = cluster["objects"]["pods"], cluster["objects"]["nodes"]
        requested = sum(
            millicores(container["resources"].get("requests", {}).get("cpu", "0"))
            for pod in pods
            for container in pod["spec"]["containers"]
            if pod["status"]["phase"] in ("Pending", "Running") and "unusual" not in pod["metadata"]["labels"]
        )
        assert 0 < requested < sum(millicores(node["status"]["allocatable"]["cpu"]) for node in nodes)


def millicores(quantity: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([mu]?)", quantity).groups()
    return float(number) * {"": 1000, "m": 1, "u": 0.001}[unit]


def test_every_reference_between_objects_resolves(inventory: dict[str, Any]) -> None:
    """Owners, nodes, namespaces, claims and scale targets exist."""
    for cluster in inventory["clusters"]:
        found = cluster["objects"]
        uids = {item["metadata"]["uid"] for items in found.values() for item in items}
        assert len(uids) == sum(map(len, found.values()))
        owners = [
            owner for items in found.values() for item in items for owner in item["metadata"].get("ownerReferences", [])
        ]
        assert {owner["kind"] for owner in owners if owner["uid"] not in uids} == set()
        namespaces, nodes, claims, deployments = (
            {item["metadata"]["name"] for item in found[name]}
            for name in ("namespaces", "nodes", "persistentvolumeclaims", "deployments")
        )
        assert {
            item["metadata"].get("namespace", "default") for items in found.values() for item in items
        } <= namespaces
        assert {pod["spec"]["nodeName"] for pod in found["pods"] if "nodeName" in pod["spec"]} <= nodes
        assert {claim for pod in found["pods"] for claim in claims_of(pod)} <= claims
        assert {each["spec"]["scaleTargetRef"]["name"] for each in found["horizontalpodautoscalers"]} <= deployments


def claims_of(pod: Any) -> list[str]:
    volumes = pod["spec"]["volumes"]
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def test_every_place_that_can_hold_a_secret_holds_one(objects: dict[str, list[Any]], gke: dict[str, Any]) -> None:
    """Otherwise, tests for leaks would prove nothing."""
    for resource_, places in {
        "pods": ("spec", "metadata.annotations"),
        "deployments": ("spec.template.spec", "spec.template.metadata.annotations", "metadata.annotations"),
        "statefulsets": ("spec.template.spec", "metadata.annotations"),
        "daemonsets": ("spec.template.spec", "metadata.annotations", ),
        "replicasets": ("spec.template.spec", "metadata.annotations"),
        "jobs": ("spec.template.spec", "metadata.annotations", "status.conditions"),
        "cronjobs": ("spec.jobTemplate.spec.template.spec", "metadata.annotations"),
        "rollouts": ("spec.template.spec", "metadata.annotations"),
        "nodes": ("metadata.annotations", "status.conditions"),
        "ingresses": ("metadata.annotations",),
        "persistentvolumeclaims": ("metadata.annotations",),
        "poddisruptionbudgets": ("metadata.annotations", "status.conditions"),
        "horizontalpodautoscalers": ("metadata.annotations",),
        "resourcequotas": ("metadata.annotations",),
        "customresourcedefinitions": ("metadata.annotations", "status.conditions"),
        "secrets": ("data", "metadata.annotations"),
        "configmaps": ("data",),
    }.items():  # fmt: skip
        for item in objects[resource_]:
            assert {place for place in places if CANARY not in json.dumps(at(item, place))} == set()
    for pod in objects["pods"]:
        app = pod["spec"]["containers"][0]
        fields = ("env", "command", "args", "livenessProbe", "lifecycle")
        assert {field for field in fields if CANARY not in json.dumps(app[field])} == set()
    for resource_ in ("namespaces", "services", "serviceaccounts"):  # except system objects
        assert any(CANARY in json.dumps(item["metadata"].get("annotations", {})) for item in objects[resource_])
    statuses = json.dumps([pod["status"] for pod in objects["pods"]])
    for words in ("waiting-message", "last-words", "condition-message", "status-message"):
        assert f"{CANARY}-{words}" in statuses
    for cluster in (cluster for answer in gke.values() for cluster in answer.clusters):
        assert CANARY in cluster.master_auth.client_key
        assert all(CANARY in pool.config.metadata["startup-script"] for pool in cluster.node_pools)


def at(item: Any, place: str) -> Any:
    for key in place.split("."):
        item = item[key]
    return item


# Permissions


def test_one_project_is_denied_and_another_has_missing_zones(fleet: Simulator, gke: dict[str, Any]) -> None:
    assert {project: list(answer.missing_zones) for project, answer in gke.items() if answer.missing_zones} == {
        PARTIAL: ["us-east1-d"]
    }
    with grpc.insecure_channel(fleet.container_endpoint.removeprefix("grpc://")) as channel:
        manager = container_v1.ClusterManagerClient(transport=ClusterManagerGrpcTransport(channel=channel))
        with pytest.raises(Exception, match=r"403 Required .container\.clusters\.list. permission"):
            manager.list_clusters(parent=f"projects/{DENIED}/locations/-", metadata=credentials(fleet))


def test_access_reviews_agree_with_lists(fleet: Simulator, inventory: dict[str, Any]) -> None:
    """For both users, in clusters where they may read everything, some kinds or nothing."""
    sorts: dict[tuple[str, ...], str] = {}
    for cluster in inventory["clusters"]:
        sorts[tuple(cluster["forbidden"])] = f"{cluster['project']}/{cluster['location']}/{cluster['name']}"
    assert sorts.keys() == {(), ("*",), ("cronjobs", "nodes")}
    listable = [("", "nodes"), ("", "pods"), ("", "secrets"), ("batch", "cronjobs"), ("argoproj.io", "rollouts")]
    read = {}
    for forbidden, path in sorts.items():
        for token in ("kubectl-token", "viewer-token"):
            api = connected(fleet, path, token)
            rules = rules_of(api)
            for group, name in listable:
                allowed = may_list(api, group, name)
                assert allowed == (listed(api, group, name) == 200)
                assert allowed == any({group, "*"} & {*groups} and {name, "*"} & {*names} for groups, names in rules)
                read[forbidden, token, name] = allowed
    assert {key for key, allowed in read.items() if allowed} == {
        ((), "kubectl-token", "nodes"), ((), "kubectl-token", "pods"), ((), "kubectl-token", "secrets"),
        ((), "kubectl-token", "cronjobs"), ((), "kubectl-token", "rollouts"),
        ((), "viewer-token", "pods"), ((), "viewer-token", "cronjobs"),
        (("cronjobs", "nodes"), "kubectl-token", "pods"), (("cronjobs", "nodes"), "kubectl-token", "secrets"),
        (("cronjobs", "nodes"), "kubectl-token", "rollouts"), (("cronjobs", "nodes"), "viewer-token", "pods"),
    }  # fmt: skip


def test_a_forbidden_namespace_is_named_in_the_error(fleet: Simulator) -> None:
    api = connected(fleet, first(fleet), "viewer-token")
    with pytest.raises(client.ApiException) as caught:
        client.CoreV1Api(api).list_namespaced_secret("team-00")
    assert json.loads(caught.value.body)["message"] == (
        'secrets is forbidden: User "viewer" cannot list resource "secrets" in API group "" in the namespace "team-00"'
    )


def test_nobody_can_change_anything(fleet: Simulator) -> None:
    core = client.CoreV1Api(connected(fleet, first(fleet)))
    with pytest.raises(client.ApiException, match="cannot delete resource"):
        core.delete_namespaced_pod("web", "default")
    with pytest.raises(client.ApiException, match="cannot create resource"):
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="new")))


def test_a_plain_fleet_can_be_read_completely() -> None:
    with simulate(clusters=10, pods=10, plain=True) as simulator:
        inventory = simulator.inventory()
        assert inventory["denied"] == []
        assert [cluster["forbidden"] for cluster in inventory["clusters"]] == [[]] * 10
        assert {(cluster["status"], cluster["endpoint"]) for cluster in inventory["clusters"]} == {
            ("RUNNING", "public")
        }


def first(fleet: Simulator) -> str:
    return next(iter(fleet.clusters))


def connected(fleet: Simulator, path: str, token: str = "kubectl-token") -> client.ApiClient:
    number = list(fleet.clusters).index(path)
    authority = (fleet.directory / f"cluster-{number}-ca.pem").read_text()
    configuration = client.Configuration(host=f"https://127.0.0.1:{fleet.clusters[path]}", ca_cert_data=authority)
    configuration.api_key["authorization"] = f"Bearer {(fleet.directory / token).read_text()}"
    return client.ApiClient(configuration)


def may_list(api: client.ApiClient, group: str, name: str) -> bool:
    attributes = client.V1ResourceAttributes(verb="list", group=group, resource=name)
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    review = client.V1SelfSubjectAccessReview(spec=spec)
    return bool(client.AuthorizationV1Api(api).create_self_subject_access_review(review).status.allowed)


def rules_of(api: client.ApiClient) -> list[tuple[list[str], list[str]]]:
    review = client.V1SelfSubjectRulesReview(spec=client.V1SelfSubjectRulesReviewSpec(namespace="default"))
    rules = client.AuthorizationV1Api(api).create_self_subject_rules_review(review).status.resource_rules
    return [(rule.api_groups, rule.resources) for rule in rules if "list" in rule.verbs]


def listed(api: client.ApiClient, group: str, name: str) -> int:
    version = "v1alpha1" if group == "argoproj.io" else "v1"
    path = f"/apis/{group}/{version}/{name}" if group else f"/api/{version}/{name}"
    request = api.param_serialize("GET", path, header_params=dict(api.configuration.api_key.items()))
    return int(api.call_api(*request).status)


# Real clients


def test_the_official_client_parses_every_kind(fleet: Simulator) -> None:
    """Every kind and version in discovery; the client's models are strict."""
    api = connected(fleet, first(fleet))
    there = next(iter(fleet.inventory()["clusters"]))["objects"]
    seen = {}
    for group in client.ApisApi(api).get_api_versions().groups:
        for version in group.versions:
            seen |= lists(api, group.name, version.version)
    seen |= lists(api, "", "v1")
    assert len(seen) > 50
    assert {name: count for name, count in seen.items() if count} == {name: len(items) for name, items in there.items()}


CUSTOM = {
    "argoproj.io", "agones.dev", "core.strimzi.io", "leaderworkerset.x-k8s.io", "sparkoperator.k8s.io",
    "autoscaling.k8s.io",
}  # fmt: skip
"""Groups of custom resources, for which the client has no model."""


def lists(api: client.ApiClient, group: str, version: str) -> dict[str, int]:
    """The number of objects that the client's method returns, by resource."""
    words = [word.capitalize() for word in (group.removesuffix(".k8s.io") or "core").split(".")]
    if group in CUSTOM:
        custom = client.CustomObjectsApi(api)
        plurals = [resource_.name for resource_ in custom.get_api_resources(group, version).resources]
        return {name: len(custom.list_cluster_custom_object(group, version, name)["items"]) for name in plurals}
    kinds = getattr(client, f"{''.join(words)}{version.capitalize()}Api")(api)
    found = {}
    for resource_ in kinds.get_api_resources().resources:
        if "list" in resource_.verbs and group != "events.k8s.io":  # the client demands a time that older ones lack
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", resource_.kind).lower()
            suffix = "_for_all_namespaces" if resource_.namespaced else ""
            found[resource_.name] = len(getattr(kinds, f"list_{snake}{suffix}")().items)
    return found


@pytest.fixture
def kubectl(fleet: Simulator, tmp_path: Path) -> Any:
    """Runs kubectl against the first cluster, as `instructions` explains."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    (options,) = re.findall(r"  kubectl (--kubeconfig.*?) get pods", fleet.instructions(), re.DOTALL)
    flags = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {options}"], capture_output=True, text=True, check=True
    ).stdout.split("\n")

    def run(*words: str) -> str:
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [program, *filter(None, flags), *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_kubectl_reads_a_cluster(kubectl: Any, inventory: dict[str, Any]) -> None:
    there = inventory["clusters"][0]["objects"]
    pods = kubectl("get", "pods", "-A", "--no-headers").splitlines()
    assert [line.split()[:2] for line in pods] == [
        [pod["metadata"]["namespace"], pod["metadata"]["name"]] for pod in there["pods"]
    ]
    namespaces = json.loads(kubectl("get", "ns", "-o", "json"))["items"]
    assert [item.pop("kind") for item in namespaces] == ["Namespace"] * len(there["namespaces"])
    assert [item.pop("apiVersion") for item in namespaces] == ["v1"] * len(there["namespaces"])
    for item in (*namespaces, *there["namespaces"]):
        item["metadata"].pop("managedFields", None)  # kubectl hides them
    assert namespaces == there["namespaces"]
    assert kubectl("auth", "can-i", "list", "secrets", "-A") == "yes\n"
    assert kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}") == "inventory"


def test_kubectl_discovers_every_kind(kubectl: Any) -> None:
    names = kubectl("api-resources", "-o", "name", "--verbs=list").split()
    assert len(names) == len(set(names)) > 50
    assert {"pods", "horizontalpodautoscalers.autoscaling", "rollouts.argoproj.io"} <= set(names)
    for name in ("hpa", "quota", "rollouts.argoproj.io", "ing"):
        assert len(kubectl("get", name, "-A", "-o", "name").split()) > 0


# Start and end


def test_the_simulator_exits_with_its_parent_and_leaves_no_files(tmp_path: Path) -> None:
    program = (
        "import time\nfrom job.simulator import simulate\n"
        "with simulate(clusters=2, pods=10) as simulator:\n"
        "    print(next(iter(simulator.clusters.values())), simulator.process.pid, flush=True)\n    time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    with parent:
        port, process = map(int, parent.stdout.readline().split())
        assert answers(port)
        assert len(list(tmp_path.iterdir())) == 1
        parent.send_signal(signal.SIGKILL)
    try:
        until(lambda: not answers(port) and not list(tmp_path.iterdir()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_a_killed_simulator_leaves_no_files() -> None:
    with simulate(clusters=2, pods=10) as simulator:
        simulator.process.kill()
        simulator.process.wait()
        assert simulator.directory.exists()
    assert not simulator.directory.exists()


def test_a_simulator_that_cannot_start_prints_the_reason(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SimulatorError, match="exit code 2"), simulate(faults=["*:pods:no-such-fault"]):
        pass
    assert "unknown fault 'no-such-fault'" in capfd.readouterr().err


def test_two_hundred_clusters_start_quickly() -> None:
    began = time.monotonic()
    with simulate(clusters=200, pods=50) as simulator:
        assert len(simulator.clusters) == 200
        assert time.monotonic() - began < 30  # 1 s on an idle machine


def test_a_thousand_clusters_start_despite_a_low_limit_of_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4000:
        pytest.skip(f"the limit of open files is {hard} here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        with simulate(clusters=1000, pods=5, plain=True) as simulator:
            ports = list(simulator.clusters.values())
            assert len(set(ports)) == 1000
            assert version(simulator, 0).startswith("v1.")
            assert version(simulator, 999).startswith("v1.")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def version(simulator: Simulator, number: int) -> str:
    port = list(simulator.clusters.values())[number]
    token = (simulator.directory / "kubectl-token").read_text()
    with urllib3.PoolManager(ca_certs=str(simulator.directory / f"cluster-{number}-ca.pem")) as pool:
        answer = pool.request("GET", f"https://127.0.0.1:{port}/version", headers={"Authorization": f"Bearer {token}"})
    return str(answer.json()["gitVersion"])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def until(holds: Any) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)
