"""The views `ownership` and `ownership_by_cluster`."""

from __future__ import annotations

from typing import Any

import pytest
from engines import NOW, Warehouse
from warehouse import Read, container, pod, pod_of, run_of, workload

from job.tables import KeyValue, Namespace, Pod
from job.views import for_bigquery, views
from job.views.row_columns import LabelColumn


def pairs(**values: str) -> tuple[KeyValue, ...]:
    return tuple(KeyValue(key=key.replace("__", "/").replace("_", "."), value=value) for key, value in values.items())


def namespace(name: str, **more: Any) -> Namespace:
    return Namespace(name=name, uid=f"uid-{name}", **more)


NAMESPACES = [
    namespace("default"),
    namespace("labelled", labels=pairs(team="ns-team")),
    namespace("noted", annotations=pairs(a8r_io__owner="  ns-owner ")),
    namespace("kube-system"),
]
OWN_IMAGE = {"image": "x", "image_registry": "europe-docker.pkg.dev", "image_repository": "shop/apps/web"}
DEPLOYMENTS = [
    workload("by-label", labels=pairs(owner="second", team="first"), namespace="labelled"),
    workload("by-empty-label", labels=pairs(owner="second", team=""), namespace="labelled"),
    workload("by-annotation", annotations=pairs(a8r_io__owner="x" * 300), namespace="labelled"),
    workload("by-pods", namespace="labelled"),
    workload("by-one-pod", namespace="labelled"),
    workload("by-namespace", namespace="labelled", managed_by="argocd", managed_by_name="shop"),
    workload("by-note", namespace="noted"),
    workload("by-application", managed_by="flux", managed_by_name="flux/shop", managed_by_key="kustomize/name"),
    workload("by-release", managed_by="helm", managed_by_name="rel", managed_by_key="meta.helm.sh/release-name",
             field_managers=("shop-bot",)),
    workload("by-no-name", managed_by="argocd", field_managers=("argocd-controller",)),
    workload("by-manager", managed_by="kubectl", field_managers=("Terraform", "kubectl-edit", "shop-bot")),
    workload("by-two-managers", field_managers=("bot-a", "bot-b")),
    workload("by-image", field_managers=("Mozilla", "kubectl")),
    workload("by-nothing"),
    workload("system", namespace="kube-system"),
]  # fmt: skip
TEMPLATES = [
    container("by-image", **OWN_IMAGE),
    container("by-image", "other", image="y", image_registry="docker.io", image_repository="library/nginx", position=1),
    container("by-nothing", **OWN_IMAGE),
    container("by-nothing", "other", **(OWN_IMAGE | {"image_repository": "shop/other/web"}), position=1),
    container("by-two-managers", image="z", image_registry="quay.io", image_repository="publisher/tool"),
]


def pods(of: str, *teams: str, **more: Any) -> list[Pod]:
    return [
        pod_of(of, f"{of}-{number}", labels=pairs(team=team) if team else (), ready=True,
               **{"cpu_request_millicores": 100, "namespace": "labelled"} | more)
        for number, team in enumerate(teams)
    ]  # fmt: skip


PODS = [
    *pods("by-pods", "of-pods", "of-pods"),
    *pods("by-one-pod", "of-pods", ""),
    *pods("by-nothing", "", namespace="default", memory_request_bytes=7),
    pod("ended", phase="Succeeded", labels=pairs(team="x")),
    *pods("system", "", namespace="kube-system"),
]
MORE = {"deployments": [*DEPLOYMENTS, *TEMPLATES]}
SQL = "SELECT name, team, evidence, evidence_key, confidence FROM ownership"


def test_the_first_evidence_counts_and_says_how_sure_it_is(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", NAMESPACES, PODS, more=MORE)))
    assert warehouse.query(SQL) == [
        ("by-annotation", "x" * 253, "workload annotation", "a8r.io/owner", "certain"),
        ("by-application", "flux/shop", "gitops application", "kustomize/name", "possible"),
        ("by-empty-label", "second", "workload label", "owner", "certain"),
        ("by-image", "shop/apps", "image path", "image_repository", "possible"),
        ("by-label", "first", "workload label", "team", "certain"),
        ("by-manager", "shop-bot", "field manager", "managedFields", "possible"),
        ("by-namespace", "ns-team", "namespace label", "team", "likely"),
        ("by-no-name", None, None, None, "none"),
        ("by-note", "ns-owner", "namespace annotation", "a8r.io/owner", "likely"),
        ("by-nothing", None, None, None, "none"),
        ("by-one-pod", "ns-team", "namespace label", "team", "likely"),
        ("by-pods", "of-pods", "pod label", "team", "certain"),
        ("by-release", "rel", "helm release", "meta.helm.sh/release-name", "possible"),
        ("by-two-managers", None, None, None, "none"),
        ("system", None, None, None, "none"),
    ]
    assert warehouse.query("SELECT DISTINCT ARRAY_LENGTH(not_read), read_status, read_age_seconds FROM ownership") == [
        (0, "ok", 47 * 3600)
    ]
    assert warehouse.query("SELECT name, managed_by, managed_by_name FROM ownership WHERE name = 'by-namespace'") == [
        ("by-namespace", "argocd", "shop")
    ]
    amounts = (
        "SELECT name, pods, ready_pods, cpu_request_millicores, memory_request_bytes FROM ownership WHERE pods > 0"
    )
    assert warehouse.query(amounts) == [
        ("by-nothing", 1, 1, 100, 7), ("by-one-pod", 2, 2, 200, 0), ("by-pods", 2, 2, 200, 0), ("system", 1, 1, 100, 0),
    ]  # fmt: skip
    shown = warehouse.query("SELECT * FROM ownership")
    assert warehouse.query(f"SELECT * FROM ownership_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown
    counted = (
        "SELECT cluster, workloads, workloads_owned, workloads_possible, workloads_none, workloads_unknown, "
        "workloads_owned_share, pods, pods_owned, pods_owned_share, cpu_request_millicores, cpu_request_owned_share, "
        "memory_request_bytes, memory_request_owned_share, read_age_seconds, read_status FROM ownership_by_cluster"
    )
    assert warehouse.query(counted) == [("a", 14, 7, 4, 3, 0, 0.5, 5, 4, 0.8, 500, 0.8, 7, 0.0, 47 * 3600, "ok")]


def test_what_was_not_read_is_never_no_owner(warehouse: Warehouse) -> None:
    alone = [workload("plain"), workload("own", labels=pairs(team="first"))]
    warehouse.publish(
        run_of(
            1,
            Read("no-namespaces", "forbidden", more={"deployments": alone}),
            Read("no-pods", NAMESPACES, "forbidden", more={"deployments": alone}),
            Read("no-row", ["other"], more={"deployments": alone}),
            Read("whole", NAMESPACES, more={"deployments": alone}),
        )
    )
    sql = "SELECT cluster, name, team, confidence, not_read, pods FROM ownership"
    assert warehouse.query(sql) == [
        ("no-namespaces", "own", "first", "certain", ["namespaces"], 0),
        ("no-namespaces", "plain", None, "unknown", ["namespaces"], 0),
        ("no-pods", "own", "first", "certain", ["pods"], None),
        ("no-pods", "plain", None, "unknown", ["pods"], None),
        ("no-row", "own", "first", "certain", ["namespaces"], 0),
        ("no-row", "plain", None, "unknown", ["namespaces"], 0),
        ("whole", "own", "first", "certain", [], 0),
        ("whole", "plain", None, "none", [], 0),
    ]
    sql = (
        "SELECT cluster, workloads_owned, workloads_none, workloads_unknown, workloads_owned_share, pods, "
        "pods_owned_share, cpu_request_owned_share FROM ownership_by_cluster"
    )
    assert warehouse.query(sql) == [
        ("no-namespaces", 1, 0, 1, 0.5, 0, None, None),
        ("no-pods", 1, 0, 1, 0.5, None, None, None),
        ("no-row", 1, 0, 1, 0.5, 0, None, None),
        ("whole", 1, 1, 0, 0.5, 0, None, None),
    ]
    warehouse.publish(run_of(2, Read("whole", "forbidden", more={"deployments": alone}), listed=["whole"]))
    sql = "SELECT name, confidence, not_read, read_status, read_age_seconds FROM ownership"
    assert warehouse.query(sql) == [
        ("own", "certain", [], "stale", 47 * 3600),
        ("plain", "none", [], "stale", 47 * 3600),
    ]


def test_each_pod_belongs_to_one_row_whatever_controls_it(warehouse: Warehouse) -> None:
    cronjob = workload("tidy", kind="CronJob", labels=pairs(team="ops"))
    job = workload("tidy-1", kind="Job", owner_kind="CronJob", owner_uid="uid-tidy")
    ended = workload("tidy-0", kind="Job", owner_kind="CronJob", owner_uid="uid-tidy")
    replicas = workload("pay-abc", kind="ReplicaSet", owner_kind="Rollout", owner_uid="uid-pay")
    rollout = workload("pay", kind="Rollout", resource="pods", known_through_pods=True, labels=pairs(team="pay"))
    game = workload("game", kind="GameServer", resource="pods", known_through_pods=True)
    static = workload("n1", kind="Node", resource="pods", known_through_pods=True, namespace="kube-system")
    lost = {"kind": "ReplicaSet", "workload_resolution": "not_read"}
    found = [
        pod_of("tidy", "tidy-1-x", kind="CronJob", owner_uid="uid-tidy-1"),
        pod_of("pay", "pay-1", kind="Rollout", owner_uid="uid-pay-abc", labels=pairs(team="pay")),
        pod_of("game", "game-1", kind="GameServer", owner_uid="uid-game"),
        pod_of("n1", "static-1", kind="Node", owner_uid="uid-n1", namespace="kube-system"),
        pod_of("web-1", "web-1-a", owner_uid="uid-web-1", **lost, labels=pairs(team="web")),
        pod_of("api-1", "api-1-a", owner_uid="uid-api-1", **lost),
        game, static, rollout,
    ]  # fmt: skip
    more = {"cronjobs": [cronjob], "jobs": [job, ended], "replicasets": [replicas]}
    warehouse.publish(run_of(1, Read("a", NAMESPACES, found, more=more)))
    assert warehouse.query("SELECT kind, name, team, evidence, confidence, not_read, pods FROM ownership") == [
        ("CronJob", "tidy", "ops", "workload label", "certain", [], 1),
        ("GameServer", "game", None, None, "unknown", ["workloads"], 1),
        ("Node", "n1", None, None, "none", [], 1),
        ("ReplicaSet", "api-1", None, None, "unknown", ["workloads"], 1),
        ("ReplicaSet", "web-1", "web", "pod label", "certain", ["workloads"], 1),
        ("Rollout", "pay", "pay", "pod label", "certain", ["workloads"], 1),
    ]


@pytest.mark.parametrize("column", ["team", "cost_center"])
def test_the_column_team_of_the_configuration_says_which_keys_count(column: str) -> None:
    made = {view.name: view for view in views((LabelColumn(column, ("squad",), ("example.com/squad",)),))}
    sql = for_bigquery(made["ownership"], "p.d")
    assert ("'squad' AS pair_key, 0" in sql and "'example.com/squad' AS pair_key, 1" in sql) == (column == "team")
    assert ("'owner' AS pair_key" in sql) == (column != "team")
