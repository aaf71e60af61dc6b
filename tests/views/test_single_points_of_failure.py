"""The view `single_points_of_failure`."""

from __future__ import annotations

from typing import Any

from engines import NOW, Warehouse
from warehouse import FIRST, Read, node, pod_of, run_of, workload

from job.tables import DisruptionBudget, KeyValue, Pod, SelectorExpression, Workload


def pods(of: str, *nodes: str, **more: Any) -> list[Pod]:
    """Ready pods of a workload, one on each of the nodes, whose zone is their first letter."""
    labels = (KeyValue(key="app", value=of),)
    return [
        pod_of(of, f"{of}-{number}", node=name, zone=f"z-{name[0]}", **{"ready": True, "labels": labels} | more)
        for number, name in enumerate(nodes)
    ]


def budget(name: str, **more: Any) -> DisruptionBudget:
    return DisruptionBudget(namespace="default", name=name, uid=f"uid-{name}", **{"selects_all_pods": False} | more)


ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
NODES = [node(name, zone=f"z-{name[0]}", ready=True) for name in ("a1", "a2", "b1")]
DEPLOYMENTS = [
    workload("one", replicas_wanted=1),
    workload("crowded", replicas_wanted=3),
    workload("zonal", replicas_wanted=2, spread_topology_keys=(HOST,)),
    workload("good", replicas_wanted=2, spread_topology_keys=(ZONE,)),
    workload("racks", replicas_wanted=2, spread_topology_keys=("rack",)),
    workload("zero", replicas_wanted=0),
    workload("going", replicas_wanted=1, deleted_at=FIRST),
]
OTHERS = {
    "daemonsets": [workload("agent", kind="DaemonSet", replicas_wanted=1)],
    "nodes": NODES,
    "poddisruptionbudgets": [
        budget("good", selector=(KeyValue(key="app", value="good"),)),
        budget("zonal", selector_expressions=(SelectorExpression(key="app", operator="In", values=("zonal", "x")),)),
        budget("nothing"),
    ],
}
KAFKA = workload("kafka", kind="StrimziPodSet", resource="pods", known_through_pods=True, replicas=2)
PODS = [
    *pods("one", "a1"),
    *pods("crowded", "a1", "a1"),
    *pods("crowded-2", "b1", ready=False),
    *pods("zonal", "a1", "a2"),
    *pods("good", "a1", "b1"),
    *pods("racks", "a2", "b1"),
    *pods("kafka", "b1", "b1", kind="StrimziPodSet"),
    KAFKA,
]
SQL = "SELECT name, finding, confidence, evidence, ready_pods FROM single_points_of_failure"


def test_workloads_that_one_failure_stops_are_shown_with_how_sure_that_is(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a", pods=PODS, more={"deployments": DEPLOYMENTS, **OTHERS})))
    assert warehouse.query(SQL) == [
        ("crowded", "no_budget", "likely", "2 pods, no budget", 2),
        ("crowded", "no_spread", "possible", "spread_topology_keys: ", 2),
        ("crowded", "one_node", "certain", "2 pods on a1", 2),
        ("kafka", "no_budget", "likely", "2 pods, no budget", 2),
        ("kafka", "one_node", "certain", "2 pods on b1", 2),
        ("one", "one_replica", "certain", "replicas_wanted 1", 1),
        ("racks", "no_budget", "likely", "2 pods, no budget", 2),
        ("racks", "no_spread", "possible", "spread_topology_keys: rack", 2),
        ("zonal", "one_zone", "certain", "2 pods in z-a", 2),
    ]
    assert warehouse.query("SELECT DISTINCT read_status FROM single_points_of_failure") == [("ok",)]
    shown = warehouse.query("SELECT * FROM single_points_of_failure")
    assert warehouse.query(f"SELECT * FROM single_points_of_failure_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown


def test_what_was_not_read_leads_to_no_finding(warehouse: Warehouse) -> None:
    unread = {"deployments": DEPLOYMENTS, "nodes": "forbidden", "poddisruptionbudgets": "off"}
    single = [node("a1", zone="z-a", ready=True), node("b1", zone="z-b", ready=False)]
    one_node = {
        "deployments": DEPLOYMENTS,
        "nodes": single,
        "poddisruptionbudgets": [budget("all", selects_all_pods=True)],
    }
    warehouse.publish(
        run_of(
            1,
            Read("a", pods=PODS, more=unread),
            Read("b", pods="forbidden", more={"deployments": DEPLOYMENTS, **OTHERS}),
            Read("c", pods=PODS, more=one_node),
        )
    )
    asked_for = [("crowded", "no_spread"), ("one", "one_replica"), ("racks", "no_spread")]
    for cluster in "abc":
        sql = f"SELECT name, finding FROM single_points_of_failure WHERE cluster = '{cluster}'"
        assert warehouse.query(sql) == asked_for, cluster
    assert warehouse.query("SELECT DISTINCT ready_pods FROM single_points_of_failure WHERE cluster = 'b'") == [(None,)]
    kept = {"deployments": DEPLOYMENTS, **OTHERS}
    warehouse.publish(run_of(2, Read("a", pods=PODS, more=kept), listed=["a"]))
    stale = {"deployments": DEPLOYMENTS, "nodes": "forbidden", "poddisruptionbudgets": OTHERS["poddisruptionbudgets"]}
    warehouse.publish(run_of(3, Read("a", pods=PODS, more=stale), listed=["a"]))
    found = warehouse.query("SELECT finding, read_status, read_age_seconds FROM single_points_of_failure "
                            "WHERE name = 'crowded'")  # fmt: skip
    assert found == [
        ("no_budget", "ok", 45 * 3600),
        ("no_spread", "ok", 45 * 3600),
        ("one_node", "stale", 46 * 3600),
    ]


def test_a_workload_that_a_custom_resource_owns_has_the_pods_in_its_own_row(warehouse: Warehouse) -> None:
    """A StatefulSet of a Prometheus, a ReplicaSet of a Rollout, a Deployment of a Kibana, a DaemonSet of an agent."""

    def beneath(of: str, kind: str, owner_kind: str, *nodes: str, **more: Any) -> list[Pod]:
        return pods(of, *nodes, kind=kind, workload_resolution="referenced", owner_kind=owner_kind, **more)

    def top(name: str, kind: str) -> Workload:
        return workload(name, kind=kind, resource="pods", known_through_pods=True)

    owned = {"owner_kind": "Custom", "spread_topology_keys": (HOST,)}
    more = OTHERS | {
        "statefulsets": [workload("db", kind="StatefulSet", uid="uid-sts", replicas_wanted=2, **owned)],
        "replicasets": [workload("web-5f", kind="ReplicaSet", uid="uid-rs", replicas_wanted=2, **owned)],
        "deployments": [workload("ui", uid="uid-deploy", replicas_wanted=1, **owned)],
        "daemonsets": [workload("agent-ds", kind="DaemonSet", uid="uid-ds", replicas_wanted=2, **owned)],
        "jobs": [workload("step", kind="Job", uid="uid-job", **owned)],
    }
    found = [
        *beneath("prometheus", "Prometheus", "StatefulSet", "a1", "a1", owner_uid="uid-sts"),
        *beneath("web", "Rollout", "ReplicaSet", "a1", "a2", owner_uid="uid-rs"),
        *beneath("ui", "Kibana", "ReplicaSet", "b1", owner_uid="u", middle_owner_uids=("uid-deploy", "uid-x")),
        *beneath("agent", "DatadogAgent", "DaemonSet", "a1", "a2", owner_uid="uid-ds"),
        *beneath("unlisted", "DatadogAgent", "DaemonSet", "a1", "a2", owner_uid="uid-unlisted"),
        *beneath("flow", "Workflow", "Job", "a1", "a1", owner_uid="uid-job"),
        *beneath("kafka", "Kafka", "StrimziPodSet", "b1", "b1", owner_uid="uid-podset"),
        *(
            top(name, kind)
            for name, kind in {
                "prometheus": "Prometheus", "web": "Rollout", "ui": "Kibana", "agent": "DatadogAgent",
                "unlisted": "DatadogAgent", "flow": "Workflow", "kafka": "Kafka",
            }.items()
        ),
    ]  # fmt: skip
    warehouse.publish(run_of(1, Read("a", pods=found, more=more)))
    assert warehouse.query(SQL) == [
        ("db", "no_budget", "likely", "2 pods, no budget", 2),
        ("db", "one_node", "certain", "2 pods on a1", 2),
        ("kafka", "no_budget", "likely", "2 pods, no budget", 2),
        ("kafka", "one_node", "certain", "2 pods on b1", 2),
        ("ui", "one_replica", "certain", "replicas_wanted 1", 1),
        ("web-5f", "no_budget", "likely", "2 pods, no budget", 2),
        ("web-5f", "one_zone", "certain", "2 pods in z-a", 2),
    ]
