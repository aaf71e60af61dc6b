"""The view `changes`: the differences between a cluster's last two runs, and the cases in which there can be none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from engines import Warehouse
from warehouse import (
    FIRST,
    Attempt,
    Read,
    container,
    gke_cluster,
    image_parts,
    node,
    node_pool,
    pod,
    pod_container,
    pod_of,
    run_of,
    workload,
)

from job.tables import Key, KeyValue, Record

CHANGES = "SELECT name, container, field, change, old_value, new_value FROM changes"


def app(
    name: str,
    image: str = "app:1",
    replicas: int = 1,
    *,
    uid: str = "",
    cpu: int | None = None,
    kind: str = "Deployment",
) -> list[Record]:
    return [
        workload(name, uid=uid, kind=kind, replicas_wanted=replicas),
        container(name, kind=kind, cpu_request_millicores=cpu, **image_parts(image)),
    ]


def read(*objects: Record, **more: object) -> Read:
    return Read("a", more={"deployments": list(objects)}, **more)  # type: ignore[arg-type]


def test_each_change_is_a_row_with_its_old_and_new_value(warehouse: Warehouse) -> None:
    before = [*app("web", "app:1", 2, cpu=100), *app("gone", "old:1"), *app("same", "app:1"), *app("anew", uid="u1")]
    after = [*app("web", "app:2", 5, cpu=250), *app("fresh", "new:1"), *app("same", "app:1"), *app("anew", uid="u2")]
    warehouse.publish(run_of(1, read(*before)))
    warehouse.publish(run_of(2, read(*after)))
    assert warehouse.query(CHANGES) == [
        ("anew", None, "workload", "changed", "u1", "u2"),
        ("fresh", "app", "image", "added", None, "new:1"),
        ("fresh", None, "replicas_wanted", "added", None, "1"),
        ("fresh", None, "workload", "added", None, "uid-fresh"),
        ("gone", "app", "image", "removed", "old:1", None),
        ("gone", None, "replicas_wanted", "removed", "1", None),
        ("gone", None, "workload", "removed", "uid-gone", None),
        ("web", "app", "cpu_request_millicores", "changed", "100", "250"),
        ("web", "app", "image", "changed", "app:1", "app:2"),
        ("web", None, "replicas_wanted", "changed", "2", "5"),
    ]
    where = "project_id, location, cluster, snapshot_id, previous_snapshot_id, resource, namespace, kind"
    assert warehouse.query(f"SELECT DISTINCT {where}, seen_before, seen_after FROM changes") == [
        (
            "shop-prod", "europe-west1", "a", "2-a", "1-a", "deployments", "default", "Deployment",
            FIRST + timedelta(hours=2), FIRST + timedelta(hours=1),
        )
    ]  # fmt: skip


def test_added_and_removed_requests_and_limits_are_changes_of_their_container(warehouse: Warehouse) -> None:
    bounds = {"memory_request_bytes": 1 << 20, "memory_limit_bytes": 1 << 30}
    both = [container("w", "app", **image_parts("a:1")), container("w", "proxy", position=1, **image_parts("p:1"))]
    bounded = [
        container("w", "app", cpu_limit_millicores=500, **image_parts("a:1")),
        container("w", "log", position=1, **bounds, **image_parts("l:1")),
    ]
    warehouse.publish(run_of(1, read(workload("w"), *both)))
    warehouse.publish(run_of(2, read(workload("w"), *bounded)))
    assert warehouse.query(CHANGES) == [
        ("w", "app", "cpu_limit_millicores", "added", None, "500"),
        ("w", "log", "image", "added", None, "l:1"),
        ("w", "log", "memory_limit_bytes", "added", None, "1073741824"),
        ("w", "log", "memory_request_bytes", "added", None, "1048576"),
        ("w", "proxy", "image", "removed", "p:1", None),
    ]


def test_only_the_last_two_runs_are_compared(warehouse: Warehouse) -> None:
    for number, image in enumerate(("app:1", "app:2", "app:2"), 1):
        warehouse.publish(run_of(number, read(*app("web", image))))
    assert warehouse.query(CHANGES) == []
    warehouse.publish(run_of(4, read(*app("web", "app:3"))))
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:2", "app:3")]


def test_a_first_snapshot_has_no_changes(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web"))))
    assert warehouse.query(CHANGES) == []


def test_a_cluster_that_is_gone_is_the_only_change(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web", "app:1"))))
    warehouse.publish(run_of(2, read(*app("web", "app:2"))))
    warehouse.publish(run_of(3))
    assert warehouse.query(CHANGES) == [("a", None, "cluster", "removed", "europe-west1/a", None)]


def test_a_resource_that_one_of_the_two_snapshots_did_not_read_has_no_changes(warehouse: Warehouse) -> None:
    seen: dict[str, Sequence[Record] | str] = {"deployments": app("web"), "jobs": app("job", kind="Job")}
    before, after = [], []
    for unread in ("forbidden", "unreachable", "off", "expired"):
        blind: dict[str, Sequence[Record] | str] = {"deployments": unread, "jobs": []}
        before += [Read(f"{unread}-then", more=blind), Read(f"{unread}-now", more=seen)]
        after += [Read(f"{unread}-then", more=seen), Read(f"{unread}-now", more=blind)]
    warehouse.publish(run_of(1, *before))
    warehouse.publish(run_of(2, *after))
    assert warehouse.query("SELECT DISTINCT cluster, name, change FROM changes") == [
        ("expired-now", "job", "removed"), ("expired-then", "job", "added"),
        ("forbidden-now", "job", "removed"), ("forbidden-then", "job", "added"),
        ("off-now", "job", "removed"), ("off-then", "job", "added"),
        ("unreachable-now", "job", "removed"), ("unreachable-then", "job", "added"),
    ]  # fmt: skip


def test_a_partial_newer_list_removes_nothing(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web", "app:1"), *app("lost"))))
    warehouse.publish(run_of(2, read(*app("web", "app:2"), *app("fresh"), partial=["deployments"])))
    assert warehouse.query("SELECT name, field, change FROM changes") == [
        ("fresh", "image", "added"), ("fresh", "replicas_wanted", "added"), ("fresh", "workload", "added"),
        ("web", "image", "changed"),
    ]  # fmt: skip


def test_a_partial_older_list_adds_nothing(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web", "app:1"), *app("gone"), partial=["deployments"])))
    warehouse.publish(run_of(2, read(*app("web", "app:2"), *app("found"))))
    assert warehouse.query("SELECT name, field, change FROM changes") == [
        ("gone", "image", "removed"), ("gone", "replicas_wanted", "removed"), ("gone", "workload", "removed"),
        ("web", "image", "changed"),
    ]  # fmt: skip


def test_a_cluster_created_again_is_not_compared_with_its_predecessor(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web", "app:1"), cluster_id="old")))
    warehouse.publish(run_of(2, read(*app("web", "app:2"), cluster_id="new")))
    assert warehouse.query(CHANGES) == []
    warehouse.publish(run_of(3, read(*app("web", "app:3"), cluster_id="new")))
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:2", "app:3")]


def test_attempts_and_tasks_of_one_run_are_not_compared_with_one_another(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web", "app:1"))))
    warehouse.publish(run_of(2, read(*app("web", "app:2")), by=Attempt(0, 2)))
    warehouse.publish(run_of(2, read(*app("web", "app:2")), by=Attempt(1, 2)))
    warehouse.publish(run_of(2, read(*app("web", "app:3")), by=Attempt(0, 2, attempt=1)))
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:1", "app:3")]


def test_a_change_shows_once_its_resource_can_be_read_again(warehouse: Warehouse) -> None:
    unread: dict[str, Sequence[Record] | str] = {"deployments": "forbidden"}
    warehouse.publish(run_of(1, read(*app("web", "app:1"))))
    warehouse.publish(run_of(1, Read("a", more=unread), by=Attempt(attempt=1)))
    warehouse.publish(run_of(2, Read("a", more=unread)))
    assert warehouse.query(CHANGES) == []
    warehouse.publish(run_of(3, read(*app("web", "app:2"))))
    warehouse.publish(run_of(4, Read("a", more=unread)))
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:1", "app:2")]
    assert warehouse.query("SELECT seen_after, seen_before, previous_snapshot_id, snapshot_id FROM changes") == [
        (FIRST + timedelta(hours=1), FIRST + timedelta(hours=3), "1-a", "3-a")
    ]


def test_a_killed_run_is_not_compared(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, read(*app("web", "app:1"))))
    warehouse.publish(run_of(2, read()), without=["runs"])
    warehouse.publish(run_of(3, read(*app("web", "app:2"))))
    warehouse.publish(run_of(4, read()), without=["runs"])
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:1", "app:2")]


def test_simultaneous_runs_are_compared_in_the_order_of_the_other_views(warehouse: Warehouse) -> None:
    same = Attempt(time=FIRST)
    warehouse.publish(run_of(1, read(*app("web", "app:1")), by=same))
    warehouse.publish(run_of(2, read(*app("web", "app:2")), by=same))
    assert warehouse.query("SELECT snapshot_id FROM latest_snapshots") == [("2-a",)]
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:1", "app:2")]


def test_objects_of_one_name_in_different_namespaces_kinds_and_clusters_are_compared_separately(
    warehouse: Warehouse,
) -> None:
    here = [workload("web"), container("web", **image_parts("app:1"))]
    there = [workload("web", namespace="b"), container("web", namespace="b", **image_parts("app:1"))]
    of_another_kind = app("web", "app:1", kind="StatefulSet")
    warehouse.publish(
        run_of(
            1,
            Read("a", more={"deployments": [*here, *there], "statefulsets": of_another_kind}),
            Read("b", more={"deployments": app("web", "app:1")}),
        )
    )
    there[1] = container("web", namespace="b", **image_parts("app:2"))
    warehouse.publish(
        run_of(
            2,
            Read("a", more={"deployments": [*here, *there], "statefulsets": of_another_kind}),
            Read("b", more={"deployments": app("web", "app:1")}),
        )
    )
    assert warehouse.query("SELECT cluster, namespace, kind, old_value, new_value FROM changes") == [
        ("a", "b", "Deployment", "app:1", "app:2")
    ]


# What runs.


def running(workload_name: str, *images: str, kind: str = "Deployment", **more: object) -> list[Record]:
    """A pod for each image, whose topmost controller is the workload."""
    rows: list[Record] = []
    for number, image in enumerate(images):
        name = f"{workload_name}-{number}"
        rows += [pod_of(workload_name, name, kind=kind, **more), pod_container(name, image)]
    return rows


def known_through_pods(name: str, kind: str = "Rollout") -> Record:
    return workload(name, kind=kind, resource="pods", known_through_pods=True)


def both(pods: Sequence[Record] | str, *objects: Record, **more: object) -> Read:
    return Read("a", pods=pods, more={"deployments": list(objects)}, **more)  # type: ignore[arg-type]


def test_images_of_running_pods_are_compared_in_place_of_their_template(warehouse: Warehouse) -> None:
    sidecar = pod_container("web-0", "proxy:1", name="proxy")
    newer = pod_container("web-0", "proxy:2", name="proxy")
    warehouse.publish(run_of(1, both([*running("web", "app:1", "app:1"), sidecar], *app("web", "app:1"))))
    warehouse.publish(run_of(2, both([*running("web", "app:1", "app:2"), newer], *app("web", "app:2"))))
    assert warehouse.query(CHANGES.replace("SELECT", "SELECT resource, ")) == [
        ("pods", "web", "app", "image", "changed", "app:1", "app:1, app:2"),
        ("pods", "web", "proxy", "image", "changed", "proxy:1", "proxy:2"),
    ]


def test_templates_are_compared_where_a_workload_runs_in_one_of_the_snapshots_alone(warehouse: Warehouse) -> None:
    ended = running("done", "job:1", kind="Job", phase="Succeeded")
    job = [workload("done", kind="Job"), container("done", kind="Job", **image_parts("job:1"))]
    more = {"deployments": [*app("web", "app:1"), *app("idle", "app:1")], "jobs": job}
    warehouse.publish(run_of(1, Read("a", pods=running("web", "app:1@mutated"), more=more)))
    more["deployments"] = [*app("web", "app:2", 0), *app("idle", "app:1", 5)]
    warehouse.publish(run_of(2, Read("a", pods=[*running("idle", "app:1@mutated"), *ended], more=more)))
    assert warehouse.query(CHANGES) == [
        ("idle", None, "replicas_wanted", "changed", "1", "5"),
        ("web", "app", "image", "changed", "app:1", "app:2"),
        ("web", None, "replicas_wanted", "changed", "1", "0"),
    ]


def test_templates_are_compared_where_one_snapshot_could_not_read_pods(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, both(running("web", "app:1", "app:9"), *app("web", "app:1"))))
    warehouse.publish(run_of(2, both("forbidden", *app("web", "app:2"))))
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:1", "app:2")]


def test_workloads_that_are_known_through_their_pods_have_changes(warehouse: Warehouse) -> None:
    before = [known_through_pods("roll"), *running("roll", "app:1", kind="Rollout")]
    before += [known_through_pods("gone"), *running("gone", "old:1", kind="Rollout")]
    before += [pod("bare"), pod_container("bare", "tool:1")]
    before += [workload("bare", kind="Pod"), container("bare", kind="Pod", **image_parts("tool:1"))]
    after = [known_through_pods("roll"), *running("roll", "app:2", kind="Rollout")]
    after += [known_through_pods("gs", "GameServer"), *running("gs", "game:1", kind="GameServer")]
    warehouse.publish(run_of(1, both(before)))
    warehouse.publish(run_of(2, both(after)))
    assert warehouse.query(CHANGES) == [
        ("bare", "app", "image", "removed", "tool:1", None),
        ("bare", None, "workload", "removed", "uid-bare", None),
        ("gone", "app", "image", "removed", "old:1", None),
        ("gone", None, "workload", "removed", "uid-gone", None),
        ("gs", "app", "image", "added", None, "game:1"),
        ("gs", None, "workload", "added", None, "uid-gs"),
        ("roll", "app", "image", "changed", "app:1", "app:2"),
    ]


def test_two_workloads_of_one_kind_and_name_in_two_api_groups_are_compared_apart(warehouse: Warehouse) -> None:
    def db(number: int, template: str, image: str) -> list[tuple[Key, Record]]:
        other = {"kind": "StatefulSet", "workload_api_version": "apps.kruise.io/v1beta1", "workload_uid": "uid-other"}
        custom = msgspec.structs.replace(
            known_through_pods("db", "StatefulSet"), api_version="apps.kruise.io/v1beta1", uid="uid-other"
        )
        found = {"statefulsets": app("db", template, kind="StatefulSet")}
        return run_of(number, Read("a", pods=[*running("db", image, **other), custom], more=found))

    warehouse.publish(db(1, "app:1", "custom:1"))
    warehouse.publish(db(2, "app:2", "custom:2"))
    found = warehouse.query("SELECT resource, api_group, kind, name, old_value, new_value FROM changes")
    assert found == [
        ("pods", "apps.kruise.io", "StatefulSet", "db", "custom:1", "custom:2"),
        ("statefulsets", "apps", "StatefulSet", "db", "app:1", "app:2"),
    ]
    where = "SELECT workload_api_group, workload_kind, image, containers FROM images"
    assert warehouse.query(where) == [
        ("apps", "StatefulSet", "app:2", 0),
        ("apps.kruise.io", "StatefulSet", "custom:2", 1),
    ]
    found = warehouse.query("SELECT workload_api_group, pod, pods FROM without_limits")
    assert found == [("apps", None, 0), ("apps.kruise.io", "db-0", 1)]


def test_a_list_that_could_not_be_read_removes_no_controller_above_it(warehouse: Warehouse) -> None:
    seen = [known_through_pods("roll"), *running("roll", "app:1", kind="Rollout"), *running("bare", "a:1", kind="Pod")]
    unread = {"workload_resolution": "not_read"}
    blind = [*running("roll-abc", "app:1", kind="ReplicaSet", **unread)]
    warehouse.publish(run_of(1, Read("a", pods=seen, more={"replicasets": []})))
    warehouse.publish(run_of(2, Read("a", pods=blind, more={"replicasets": "forbidden"})))
    assert warehouse.query(CHANGES) == [("bare", "app", "image", "removed", "a:1", None)]
    warehouse.publish(run_of(3, Read("a", pods=seen, more={"replicasets": []})))
    assert warehouse.query(CHANGES) == [("bare", "app", "image", "added", None, "a:1")]


def test_details_of_what_stays_are_compared(warehouse: Warehouse) -> None:
    team = (KeyValue(key="team", value="a"), KeyValue(key="app", value="web"))
    before = workload("web", replicas_wanted=2, replicas_ready=2, service_account="default", labels=team)
    after = workload(
        "web", replicas_wanted=2, replicas_ready=1, service_account="admin", labels=team[1:], host_network=True,
        paused=True,
    )  # fmt: skip
    fresh = workload("fresh", service_account="admin", labels=team)
    warehouse.publish(run_of(1, read(before, container("web", privileged=None))))
    warehouse.publish(run_of(2, read(after, container("web", privileged=True), fresh)))
    assert warehouse.query(CHANGES) == [
        ("fresh", None, "workload", "added", None, "uid-fresh"),
        ("web", "app", "privileged", "changed", "false", "true"),
        ("web", None, "host_network", "changed", "false", "true"),
        ("web", None, "labels", "changed", "app=web, team=a", "app=web"),
        ("web", None, "paused", "added", None, "true"),
        ("web", None, "ready", "changed", "true", "false"),
        ("web", None, "service_account", "changed", "default", "admin"),
    ]


def test_security_settings_are_compared_and_defaults_that_are_written_out_are_noise(warehouse: Warehouse) -> None:
    of_pod = {
        "service_account": "admin",
        "host_pid": True,
        "host_paths": ("/var/run", "/etc"),
        "runtime_class": "gvisor",
    }
    stricter = {
        "allow_privilege_escalation": False, "capabilities_added": ("NET_ADMIN",), "host_ports": (80, 443),
        "probe_hosts": ("10.0.0.1",),
        "run_as_user": 1000, "seccomp_profile": "RuntimeDefault",
    }  # fmt: skip
    written = {"privileged": False, "allow_privilege_escalation": True, "proc_mount": "Default"}
    template = {"service_account": "default", "automount_service_account_token": False}
    before = [*running("web", "app:1"), *app("web"), workload("idle", **template), container("idle")]
    loose = running("web", "app:1", **of_pod)
    loose[1] = pod_container("web-0", "app:1", **stricter)
    debug = {"name": "debug", "container_type": "ephemeral"}
    loose += [
        pod_container("web-0", "sh:1", **written, **debug),
        pod_container("web-0", "su:1", name="su", privileged=True),
    ]
    after = [workload("idle", service_account="own", sysctls=("kernel.msgmax",)), container("idle", **written)]
    warehouse.publish(run_of(1, both(before[:2], *before[2:])))
    warehouse.publish(run_of(2, both(loose, *app("web"), *after)))
    assert warehouse.query(CHANGES.replace("SELECT", "SELECT resource, ")) == [
        ("deployments", "idle", None, "automount_service_account_token", "removed", "false", None),
        ("deployments", "idle", None, "service_account", "changed", "default", "own"),
        ("deployments", "idle", None, "sysctls", "added", None, "kernel.msgmax"),
        ("pods", "web", "app", "allow_privilege_escalation", "changed", "true", "false"),
        ("pods", "web", "app", "capabilities_added", "added", None, "NET_ADMIN"),
        ("pods", "web", "app", "host_ports", "added", None, "[80,443]"),
        ("pods", "web", "app", "probe_hosts", "added", None, "10.0.0.1"),
        ("pods", "web", "app", "run_as_user", "added", None, "1000"),
        ("pods", "web", "app", "seccomp_profile", "added", None, "RuntimeDefault"),
        ("pods", "web", "debug", "image", "added", None, "sh:1"),
        ("pods", "web", "su", "image", "added", None, "su:1"),
        ("pods", "web", "su", "privileged", "added", None, "true"),
        ("pods", "web", None, "host_paths", "added", None, "/var/run, /etc"),
        ("pods", "web", None, "host_pid", "changed", "false", "true"),
        ("pods", "web", None, "runtime_class", "added", None, "gvisor"),
        ("pods", "web", None, "service_account", "added", None, "admin"),
    ]


def test_an_invalid_quantity_is_not_a_missing_one(warehouse: Warehouse) -> None:
    invalid = container("w", unparsed_quantities=("requests.cpu",), accelerator_count=2)
    warehouse.publish(run_of(1, read(workload("w"), container("w", cpu_request_millicores=500))))
    warehouse.publish(run_of(2, read(workload("w"), invalid)))
    assert warehouse.query(CHANGES) == [
        ("w", "app", "accelerator_count", "added", None, "2"),
        ("w", "app", "cpu_request_millicores", "changed", "500", "not parsed"),
    ]


def test_restarts_and_containers_out_of_memory_are_counted_by_workload(warehouse: Warehouse) -> None:
    def ended(at: float, reason: str = "OOMKilled") -> dict[str, Any]:
        return {"last_state_reason": reason, "last_finished_at": FIRST + timedelta(hours=at)}

    def pods(*of: tuple[str, str, dict[str, Any]], **more: Any) -> list[Record]:
        found: list[Record] = []
        for name, end, status in of:
            kind = "CronJob" if name == "tidy" else "Deployment"
            found += [
                pod_of(name, f"{name}-{end}", kind=kind, **more),
                pod_container(f"{name}-{end}", "app:1", **status),
            ]
        return found

    killed = {"state": "terminated", "state_reason": "OOMKilled", "finished_at": FIRST + timedelta(hours=1.5)}
    old = {"created_at": FIRST}
    before = pods(
        ("web", "0", {"restarts": 3, **ended(0.5)}), ("web", "1", {"restarts": None}), ("same", "0", {"restarts": 7}),
        ("gone", "0", {"restarts": 1}), ("known", "0", {**killed, "finished_at": FIRST + timedelta(hours=0.5)}), **old,
    )  # fmt: skip
    after = pods(
        ("web", "0", {"restarts": 5, **ended(1.2)}), ("web", "1", {"restarts": 1, **ended(1.3, "Error")}),
        ("same", "0", {"restarts": 7, **ended(0.5, "Error")}), ("known", "0", {"restarts": 1, **ended(0.5)}), **old,
    )  # fmt: skip
    after += pods(("unread", "0", {"restarts": 9}), **old)  # nobody knows how often it had restarted by then
    after += pods(("web", "2", {"restarts": 4}), created_at=FIRST + timedelta(hours=1))
    after += pods(("tidy", "0", killed), created_at=FIRST + timedelta(hours=1), phase="Failed")
    warehouse.publish(run_of(1, both(before)))
    warehouse.publish(run_of(2, both(after)))
    found = "SELECT kind, name, container, field, change, old_value, new_value FROM changes"
    assert warehouse.query(f"{found} WHERE field IN ('restarts', 'oom_kills')") == [
        ("CronJob", "tidy", "app", "oom_kills", "changed", "0", "1"),
        ("Deployment", "known", "app", "restarts", "changed", "0", "1"),
        ("Deployment", "web", "app", "oom_kills", "changed", "0", "1"),
        ("Deployment", "web", "app", "restarts", "changed", "3", "10"),
    ]


def test_nodes_that_join_leave_break_and_are_made_again(warehouse: Warehouse) -> None:
    def nodes(*found: Record, **more: Any) -> Read:
        return Read("a", more={"nodes": found, "jobs": [job(1 - len(more))]}, **more)

    def job(ready: int) -> Record:
        return workload("once", kind="Job", replicas_wanted=1, replicas_ready=ready)

    anew = msgspec.structs.replace(node("anew", ready=True), uid="again")
    warehouse.publish(run_of(1, nodes(node("old", ready=True), node("mute", ready=True), node("anew", ready=True))))
    warehouse.publish(run_of(2, nodes(node("mute"), node("more"), anew, cluster_id="1")))
    found = "SELECT resource, namespace, kind, name, field, change, old_value, new_value FROM changes"
    assert warehouse.query(found) == [
        ("nodes", None, "Node", "anew", "node", "changed", "uid-anew", "again"),
        ("nodes", None, "Node", "more", "node", "added", None, "uid-more"),
        ("nodes", None, "Node", "mute", "ready", "changed", "true", "unknown"),
        ("nodes", None, "Node", "old", "node", "removed", "uid-old", None),
    ]


def test_what_was_compared_before_hides_no_later_change_of_a_template(warehouse: Warehouse) -> None:
    for number, pods in ((1, running("web", "app:1")), (2, running("web", "app:1"))):
        warehouse.publish(run_of(number, both(pods, *app("web", "app:1"))))
    warehouse.publish(run_of(3, both("forbidden", *app("web", "app:2"))))
    assert warehouse.query(CHANGES) == [("web", "app", "image", "changed", "app:1", "app:2")]


def test_the_jobs_of_a_cronjob_are_noise(warehouse: Warehouse) -> None:
    def jobs(number: int) -> Read:
        made = workload(f"tidy-{number}", kind="Job", owner_kind="CronJob", owner_name="tidy")
        own = workload(f"once-{number}", kind="Job")
        return Read("a", more={"jobs": [made, container(f"tidy-{number}", kind="Job", **image_parts("app:1")), own]})

    warehouse.publish(run_of(1, jobs(1)))
    warehouse.publish(run_of(2, jobs(2)))
    assert warehouse.query("SELECT name, field, change FROM changes") == [
        ("once-1", "workload", "removed"), ("once-2", "workload", "added"),
    ]  # fmt: skip


def test_clusters_and_node_pools_that_come_go_and_are_upgraded(warehouse: Warehouse) -> None:
    def gke(version: str, *pools: tuple[str, str]) -> list[Record]:
        return [gke_cluster(version), *(node_pool(name, pool_version) for name, pool_version in pools)]

    warehouse.publish(run_of(1, Read("a", gke=gke("1.33.1", ("old", "1.33.1"), ("same", "1.32.9"))), Read("b")))
    warehouse.publish(run_of(2, Read("a", gke=gke("1.34.1", ("new", "1.34.1"), ("same", "1.33.1"))), Read("c")))
    found = "SELECT cluster, resource, kind, name, field, change, old_value, new_value FROM changes"
    assert warehouse.query(found) == [
        ("a", "clusters", "Cluster", "a", "control_plane_version", "changed", "1.33.1", "1.34.1"),
        ("a", "node_pools", "NodePool", "new", "node_pool", "added", None, "new"),
        ("a", "node_pools", "NodePool", "old", "node_pool", "removed", "old", None),
        ("a", "node_pools", "NodePool", "same", "version", "changed", "1.32.9", "1.33.1"),
        ("b", "clusters", "Cluster", "b", "cluster", "removed", "europe-west1/b", None),
        ("c", "clusters", "Cluster", "c", "cluster", "added", None, "europe-west1/c"),
    ]
    assert warehouse.query("SELECT DISTINCT seen_after, seen_before FROM changes") == [
        (FIRST + timedelta(hours=1), FIRST + timedelta(hours=2))
    ]


def test_a_list_that_is_not_complete_shows_no_cluster_as_deleted(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, Read("a"), Read("b")))
    warehouse.publish(run_of(2, Read("a"), outcome="partial", missing_zones=("europe-west1-b",)))
    assert warehouse.query("SELECT name FROM changes") == []


def test_a_cluster_that_was_made_again_is_one_change(warehouse: Warehouse) -> None:
    def made(id_: str, version: str) -> Read:
        record = msgspec.structs.replace(gke_cluster(version), id=id_)
        return Read("a", more={"deployments": app("web", f"app:{id_}")}, gke=[record], cluster_id=id_)

    warehouse.publish(run_of(1, made("1", "1.33.1")))
    warehouse.publish(run_of(2, made("2", "1.34.1")))
    assert warehouse.query(CHANGES) == [("a", None, "cluster", "changed", "1", "2")]
