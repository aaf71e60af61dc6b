"""The view `drain_blockers`."""

from __future__ import annotations

from typing import Any

import msgspec
from engines import NOW, Warehouse
from warehouse import FIRST, Read, node, pod, pod_of, run_of, workload

from job.tables import Cluster, DisruptionBudget, KeyValue, Pod, SelectorExpression, Volume


def labels(**values: str) -> tuple[KeyValue, ...]:
    return tuple(KeyValue(key=key, value=value) for key, value in values.items())


def budget(name: str, *, namespace: str = "default", allowed: int = 0, pods: int = 1, **more: Any) -> DisruptionBudget:
    """A budget that its controller has acted on."""
    acted = {
        "disruptions_allowed": allowed, "expected_pods": pods, "current_healthy": pods,
        "desired_healthy": pods - allowed,
        "blocking": False if allowed else True if pods else None, "selects_all_pods": False, "generation": 2,
    }  # fmt: skip
    return DisruptionBudget(namespace=namespace, name=name, uid=f"uid-{name}", **acted | more)


def term(key: str, operator: str, *values: str) -> tuple[SelectorExpression, ...]:
    return (SelectorExpression(key=key, operator=operator, values=values),)


PODS = [
    pod_of("web", "web-1", labels=labels(app="web", tier="front"), node="n1", node_pool="a"),
    pod_of("web", "unready", labels=labels(app="web"), ready=False, node_pool="a"),
    pod_of("web", "pending", labels=labels(app="web"), phase="Pending"),
    pod_of("web", "going", labels=labels(app="web"), deleted_at=FIRST),
    pod_of("web", "other", namespace="elsewhere", labels=labels(app="web"), ready=True),
    pod_of("db", "db-0", kind="StatefulSet", labels=labels(app="db"), node_pool="b", empty_dir_volumes=("tmp", "x")),
    pod_of(
        "slow",
        "slow-1",
        labels=labels(app="slow"),
        host_paths=("/data", "/tmp"),
        node_pool="b",
        termination_grace_period_seconds=601,
    ),
    pod_of(
        "agent",
        "agent-1",
        kind="DaemonSet",
        labels=labels(app="web"),
        host_paths=("/var/log",),
        termination_grace_period_seconds=900,
    ),
    pod("alone", labels=labels(app="alone"), node_pool="b"),
    pod("bare", labels=labels(app="bare"), node_pool="b"),
    pod_of("new", "new-1", labels=labels(app="new"), node_pool="b", ready=True),
    pod_of("lost", "lost-1", labels=labels(app="lost"), node_pool="b", ready=None),
    pod_of("waiting", "waiting-1", labels=labels(app="waiting"), phase="Pending"),
]
BUDGETS = [
    budget("blocks", selector=labels(app="web"), desired_healthy=2),
    budget("allows", allowed=1, selector=labels(app="db")),
    budget("db-too", allowed=1, selector_expressions=term("app", "In", "db", "x"), selector=labels()),
    budget("front", selector=labels(app="web"), selector_expressions=term("tier", "DoesNotExist"), allowed=1),
    budget("of-bare", pods=0, selector=labels(app="bare")),
    budget("of-waiting", pods=0, selector=labels(app="waiting")),
    budget("of-new", selector=labels(app="new"), disruptions_allowed=None, observed_generation=1, blocking=None),
    budget("of-lost", selector=labels(app="lost"), unhealthy_pod_eviction_policy="AlwaysAllow"),
    budget(
        "not-alone",
        allowed=1,
        selector_expressions=(
            *term("app", "NotIn", "web", "db", "slow", "bare", "new", "lost", "waiting"),
            *term("app", "Exists"),
        ),
    ),
    budget("idle", pods=0, selector=labels(app="gone")),
    budget("of-nobody", pods=0, expected_pods=None, blocking=None),
    budget("whole", namespace="elsewhere", selects_all_pods=True, unhealthy_pod_eviction_policy="AlwaysAllow"),
]
WORKLOADS = [
    workload("web", replicas_wanted=3),
    workload("slow", replicas_wanted=1),
]
DB = workload("db", kind="StatefulSet", replicas_wanted=1)


def test_what_holds_up_a_drain_is_shown_by_pod_with_its_evidence(warehouse: Warehouse) -> None:
    more = {"poddisruptionbudgets": BUDGETS, "deployments": WORKLOADS, "statefulsets": [DB]}
    warehouse.publish(run_of(1, Read("a", pods=PODS, more=more)))
    sql = "SELECT namespace, node_pool, pod, reason, budget, evidence FROM drain_blockers"
    blocked, alike = "disruptions_allowed 0, current_healthy 1, desired_healthy ", "2 budgets: "
    expected = [
        ("default", None, None, "budget_selects_nothing", "idle", "expected_pods 0"),
        ("default", "a", "unready", "budget_blocks", "blocks", f"{blocked}2"),
        ("default", "a", "unready", "several_budgets", "blocks", f"{alike}blocks to front"),
        ("default", "a", "web-1", "budget_blocks", "blocks", f"{blocked}2"),
        ("default", "b", "alone", "uncontrolled", None, "no controller"),
        ("default", "b", "bare", "uncontrolled", None, "no controller"),
        (
            "default",
            "b",
            "bare",
            "budget_blocks",
            "of-bare",
            "disruptions_allowed 0, current_healthy 0, desired_healthy 0",
        ),
        ("default", "b", "new-1", "budget_blocks", "of-new", "observed_generation 1 of 2"),
        ("default", "b", "db-0", "empty_dir", None, "tmp, x"),
        ("default", "b", "db-0", "several_budgets", "allows", f"{alike}allows to db-too"),
        ("default", "b", "db-0", "single_replica", "allows", "StatefulSet db wants 1 replica"),
        ("default", "b", "slow-1", "host_path", None, "/data, /tmp"),
        ("default", "b", "slow-1", "long_termination", None, "termination_grace_period_seconds 601"),
        ("elsewhere", None, "other", "budget_blocks", "whole", f"{blocked}1"),
    ]
    assert warehouse.query(sql) == sorted(expected, key=repr)
    assert warehouse.query("SELECT DISTINCT read_status FROM drain_blockers") == [("ok",)]
    shown = warehouse.query("SELECT * FROM drain_blockers")
    assert warehouse.query(f"SELECT * FROM drain_blockers_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown
    ready = [msgspec.structs.replace(one, ready=False) for one in PODS if one.name == "other"]
    warehouse.publish(run_of(2, Read("a", pods=ready, more={"poddisruptionbudgets": "forbidden"})))
    assert warehouse.query(f"{sql} WHERE pod IS NOT NULL") == []
    found = warehouse.query("SELECT reason, budget, read_status FROM drain_blockers")
    assert found == [("budget_selects_nothing", name, "stale") for name in ("idle", "of-bare", "of-waiting")]


def volume(name: str, claim: str, **more: Any) -> Volume:
    return Volume(
        name=name, uid=f"uid-{name}", claim_namespace="default", claim_name=claim, **{"phase": "Bound"} | more
    )


def stateful(name: str, on: str, *claims: str, **more: Any) -> Pod:
    """A pod of a StatefulSet, on a node."""
    return pod_of("db", name, kind="StatefulSet", node=on, volume_claims=claims, empty_dir_volumes=("tmp",), **more)


NODES = [
    node("a1", "lonely", zone="z-a", ready=True),
    node("a2", "lonely", zone="z-a", ready=False),
    node("b1", "lonely", zone="z-b", ready=True),
    node("c1", "pair", zone="z-a", ready=True),
    node("c2", "pair", zone="z-a", ready=True),
]
VOLUMES = [
    volume("v-zone", "data-0", zones=("z-a",)),
    volume("v-regional", "data-1", zones=("z-a", "z-b")),
    volume("v-any", "data-2"),
    volume("v-local", "data-3", zones=("z-a",), nodes=("c1",)),
    volume("v-left", "data-4", zones=("z-a",), phase="Released"),
    volume("v-zone-b", "data-5", zones=("z-b",)),
]
HOLDERS = [
    stateful("alone", "a1", "data-0", "data-1"),
    stateful("regional", "a1", "data-1", "data-2", "data-4"),
    stateful("beside", "c1", "data-0"),
    stateful("local", "c1", "data-0", "data-3"),
    stateful("other-zone", "b1", "data-5"),
    stateful("unknown-node", "gone", "data-0"),
    stateful("game", "a1", safe_to_evict=False),
    stateful("willing", "a1", safe_to_evict=True),
]


def test_volumes_that_keep_a_pod_where_it_is_are_shown(warehouse: Warehouse) -> None:
    more = {"nodes": NODES, "persistentvolumes": VOLUMES}
    autopilot, standard = ([Cluster(regional=True, autopilot=each)] for each in (True, False))
    warehouse.publish(
        run_of(1, Read("a", pods=HOLDERS, more=more, gke=autopilot), Read("b", pods=HOLDERS, gke=standard))
    )
    sql = "SELECT cluster, pod, reason, effect, evidence FROM drain_blockers WHERE reason <> 'empty_dir'"
    there = "no other ready node of lonely there"
    annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict: false"
    expected = [
        ("a", "alone", "zone_locked", "strands", f"volume v-zone only in z-a, {there}"),
        ("a", "game", "not_safe_to_evict", "delays", annotation),
        ("a", "local", "node_locked", "strands", "volume v-local only on c1"),
        ("a", "other-zone", "zone_locked", "strands", f"volume v-zone-b only in z-b, {there}"),
    ]
    assert warehouse.query(sql) == expected
    lost = warehouse.query("SELECT pod, effect FROM drain_blockers WHERE reason = 'empty_dir' AND cluster = 'a'")
    assert lost == [("game", "loses"), ("willing", "loses")]
    held = [each for each in HOLDERS if each.volume_claims]
    warehouse.publish(run_of(2, Read("a", pods=held, more=more | {"nodes": "forbidden"}, gke=autopilot), listed=["a"]))
    found = warehouse.query("SELECT pod, reason, read_status, read_age_seconds FROM drain_blockers")
    hour = 3600
    assert found == [
        ("alone", "zone_locked", "stale", 47 * hour),
        ("local", "node_locked", "ok", 46 * hour),
        ("other-zone", "zone_locked", "stale", 47 * hour),
    ]


def test_pods_beneath_a_custom_resource_count_by_their_direct_controller(warehouse: Warehouse) -> None:
    def beneath(of: str, owner_kind: str, **more: Any) -> Pod:
        return pod_of(
            of, f"{of}-0", kind="Custom", workload_resolution="referenced", owner_kind=owner_kind,
            labels=labels(app=of), **more,
        )  # fmt: skip

    found = [
        beneath("agent", "DaemonSet", owner_uid="uid-ds", host_paths=("/var/run",)),
        beneath("static", "Node", host_paths=("/etc",)),
        beneath("db", "StatefulSet", owner_uid="uid-sts", empty_dir_volumes=("data",)),
        beneath("cache", "ReplicaSet", owner_uid="uid-rs", empty_dir_volumes=("data",)),
        beneath("ui", "ReplicaSet", owner_uid="u", middle_owner_uids=("uid-x", "uid-deploy")),
        beneath("flow", "Job", owner_uid="uid-job"),
        beneath("set", "DaemonSet", owner_uid="uid-set", host_paths=("/data",)),
    ]
    names = ("agent", "db", "cache", "ui", "flow")
    more = {
        "poddisruptionbudgets": [budget(f"of-{each}", allowed=1, selector=labels(app=each)) for each in names],
        "daemonsets": [workload("agent-ds", kind="DaemonSet", uid="uid-ds", replicas_wanted=1)],
        "statefulsets": [workload("db-sts", kind="StatefulSet", uid="uid-sts", replicas_wanted=1)],
        "replicasets": [workload("cache-rs", kind="ReplicaSet", uid="uid-rs", replicas_wanted=2)],
        "deployments": [workload("ui-deploy", uid="uid-deploy", replicas_wanted=1)],
        "jobs": [workload("flow-job", kind="Job", uid="uid-job", replicas_wanted=1)],
    }
    warehouse.publish(run_of(1, Read("a", pods=found, more=more)))
    assert warehouse.query("SELECT pod, reason, evidence FROM drain_blockers") == [
        ("db-0", "empty_dir", "data"),
        ("db-0", "single_replica", "StatefulSet db-sts wants 1 replica"),
        ("ui-0", "single_replica", "Deployment ui-deploy wants 1 replica"),
    ]


def test_each_row_has_the_status_and_age_of_all_the_readings_behind_it(warehouse: Warehouse) -> None:
    budgets = [budget("of-web", allowed=1, selector=labels(app="web")), budget("idle", pods=0)]
    idle = {"poddisruptionbudgets": budgets[1:]}
    web = [pod_of("web", "web-1", labels=labels(app="web"))]
    kept = {"poddisruptionbudgets": budgets}
    first = Read("a", pods=web, more=kept | {"deployments": [workload("web", replicas_wanted=1)]})
    warehouse.publish(run_of(1, first, Read("lost", pods=[], more=idle), Read("never", pods="forbidden", more=idle)))
    warehouse.publish(
        run_of(
            40,
            Read("a", pods=web, more=kept | {"deployments": "forbidden"}),
            Read("lost", pods="forbidden", more=idle),
            Read("never", pods="forbidden", more=idle),
        )
    )
    sql = "SELECT cluster, reason, read_status, read_age_seconds FROM drain_blockers"
    assert warehouse.query(sql) == [
        ("a", "budget_selects_nothing", "ok", 8 * 3600),
        ("a", "single_replica", "stale", 47 * 3600),
        ("lost", "budget_selects_nothing", "stale", 47 * 3600),
    ]
