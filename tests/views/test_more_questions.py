"""The views `restarts`, `rollouts_stuck`, `idle_namespaces`, `drift` and `trust`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from engines import NOW, OnDuckDB, Warehouse
from warehouse import FIRST, Attempt, Read, container, image_parts, pod, pod_container, pod_of, run_of, workload

from job.kinds import KINDS
from job.tables import Condition, KeyValue, Namespace, Record, Workload

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def ran(name: str, restarts: int | None, *, uid: str = "", created: datetime = FIRST, **more: Any) -> list[Record]:
    """A pod of the Deployment `web`, and its container, which has restarted so often."""
    uid = uid or f"uid-{name}"
    of_pod = msgspec.structs.replace(pod_of("web", name, node="n1", created_at=created), uid=uid)
    of_container = pod_container(name, "app:1", restarts=restarts, **more)
    return [of_pod, msgspec.structs.replace(of_container, pod_uid=uid)]


def known_at_the_end(warehouse: Warehouse, view: str) -> None:
    """The function of the view shows the same as the view."""
    shown = warehouse.query(f"SELECT * FROM {view}")
    assert shown
    assert warehouse.query(f"SELECT * FROM {view}_as_of(TIMESTAMP '{NOW.isoformat()}')") == shown


def test_restarts_are_counted_between_two_readings_of_the_same_pod(warehouse: Warehouse) -> None:
    first = FIRST + HOUR + timedelta(milliseconds=500)
    after = FIRST + 90 * timedelta(minutes=1)
    killed = {"last_state_reason": "OOMKilled", "last_exit_code": 137, "last_finished_at": after}
    before = [
        *ran("more", 2), pod_container("more", "mesh:1", name="proxy", restarts=4),
        *ran("fewer", 4), *ran("same", 7), *ran("unreported", None), *ran("remade", 9, uid="old"), *ran("gone", 1),
    ]  # fmt: skip
    later = [
        *ran("more", 5, **killed), pod_container("more", "mesh:1", name="proxy", restarts=4),
        *ran("fewer", 1), *ran("same", 7), *ran("unreported", 1), *ran("remade", 2, uid="new", created=after),
        *ran("anew", 3, created=after), *ran("anew-calm", 0, created=after),
        *ran("same-second", 1, created=FIRST + HOUR), *ran("unseen", 6), *ran("ageless", 6),
    ]  # fmt: skip
    later[-2] = msgspec.structs.replace(later[-2], created_at=None)
    warehouse.publish(run_of(1, Read("a", pods=before, partial=["pods"]), by=Attempt(time=first)))
    warehouse.publish(run_of(2, Read("a", pods="forbidden"), Read("once", pods=ran("single", 5))))
    warehouse.publish(run_of(3, Read("a", pods=later), listed=["a", "once"]))
    sql = (
        "SELECT cluster, pod, container, restarts_since, restarts_total, last_state_reason, last_exit_code "
        "FROM restarts"
    )
    assert warehouse.query(sql) == [
        ("a", "anew", "app", 3, 3, None, None),
        ("a", "more", "app", 3, 5, "OOMKilled", 137),
        ("a", "remade", "app", 2, 2, None, None),
        ("a", "same-second", "app", 1, 1, None, None),
        ("a", "unreported", "app", 1, 1, None, None),
    ]
    where = (
        "SELECT DISTINCT namespace, workload_kind, workload_name, node, container_type, seen_after, seen_before, "
        "previous_snapshot_id, snapshot_id FROM restarts"
    )
    between = (first, FIRST + 3 * HOUR, "1-a", "3-a")
    assert warehouse.query(where) == [("default", "Deployment", "web", "n1", "regular", *between)]
    known_at_the_end(warehouse, "restarts")


def rollout(
    name: str,
    updated: int | None,
    available: int | None,
    *,
    kind: str = "Deployment",
    progressing: str | None = None,
    **more: Any,
) -> Workload:
    """A workload that wants three pods; its second generation is observed."""
    conditions = [Condition(type="Available", status="False", reason="MinimumReplicasUnavailable")]
    if progressing is not None:
        reason = "ReplicaSetUpdated" if progressing == "True" else "ProgressDeadlineExceeded"
        since = FIRST + timedelta(minutes=20)
        conditions.append(Condition(type="Progressing", status=progressing, reason=reason, last_transition_at=since))
    counts = {
        "replicas_wanted": 3, "replicas": 3, "replicas_updated": updated, "replicas_ready": available,
        "replicas_available": available, "generation": 2, "observed_generation": 2, "strategy": "RollingUpdate",
    }  # fmt: skip
    return workload(name, kind=kind, conditions=tuple(conditions), **counts | more)


def stateful(name: str, updated: int, available: int, **more: Any) -> Workload:
    return rollout(name, updated, available, kind="StatefulSet", **more)


def on_each_node(name: str, updated: int | None, available: int | None, **more: Any) -> Workload:
    return rollout(name, updated, available, kind="DaemonSet", **more)


def controllers(cluster: str, *found: Workload) -> Read:
    kinds = ("deployments", "statefulsets", "daemonsets")
    return Read(cluster, more={kind: [one for one in found if one.resource == kind] for kind in kinds})


def test_a_rollout_is_stuck_past_its_deadline_or_without_progress_between_two_readings(warehouse: Warehouse) -> None:
    unheard = {"generation": 3, "progressing": "False"}
    new = dict.fromkeys(("replicas", "observed_generation", "replicas_wanted"))
    before = [
        rollout("young", 1, 2, progressing="True"), rollout("unheard", 1, 2, **unheard), rollout("calm", 3, 3),
        rollout("anew", 3, 3), stateful("stuck", 1, 2), stateful("moving", 1, 2), stateful("readier", 3, 1),
        stateful("canary", 1, 3, rolling_update_partition=2), stateful("half", 1, 3, rolling_update_partition=1),
        stateful("manual", 0, 3, strategy="OnDelete"), stateful("another", 1, 2, generation=1, observed_generation=1),
        stateful("heard", 3, 3, observed_generation=1), stateful("remade", 1, 2, uid="old"),
        on_each_node("agent", 3, 0), on_each_node("well", 3, 3), on_each_node("failing", 3, 3),
        on_each_node("ignored", None, None, **new),
    ]  # fmt: skip
    after = [
        rollout("late", 1, 2, progressing="False"), rollout("deleted", 1, 2, progressing="False", deleted_at=FIRST),
        rollout("young", 1, 2, progressing="True"), rollout("unheard", 1, 2, **unheard), rollout("calm", 3, 3),
        rollout("anew", 3, 3, **unheard), stateful("stuck", 1, 2), stateful("moving", 2, 2), stateful("readier", 3, 2),
        stateful("canary", 1, 3, rolling_update_partition=2), stateful("half", 1, 3, rolling_update_partition=1),
        stateful("manual", 0, 3, strategy="OnDelete"), stateful("another", 1, 2),
        stateful("heard", 0, 3), stateful("remade", 1, 2, uid="new"), stateful("once", 1, 2),
        on_each_node("agent", 3, 0), on_each_node("well", 3, 3), on_each_node("failing", 3, 2),
        on_each_node("ignored", None, None, **new),
    ]  # fmt: skip
    soon, ten_minutes = stateful("soon", 1, 2), timedelta(minutes=10)
    warehouse.publish(run_of(1, controllers("a", *before)))
    warehouse.publish(run_of(2, controllers("a", *after), controllers("b", soon), controllers("c", soon)))
    almost = Attempt(time=FIRST + 2 * HOUR + ten_minutes - timedelta(microseconds=1))
    warehouse.publish(run_of(3, controllers("b", soon), listed=["a", "b", "c"], by=almost))
    exactly = Attempt(time=FIRST + 2 * HOUR + ten_minutes)
    warehouse.publish(run_of(4, controllers("c", soon), listed=["a", "b", "c"], by=exactly))
    sql = (
        "SELECT cluster, name, reason, since, replicas_not_updated, replicas_not_available, read_status "
        "FROM rollouts_stuck"
    )
    one, two = FIRST + HOUR, FIRST + 2 * HOUR
    assert warehouse.query(sql) == [
        ("a", "agent", "NotAvailable", one, 0, 3, "stale"),
        ("a", "half", "NotUpdated", one, 1, 0, "stale"),
        ("a", "ignored", "NotObserved", one, None, None, "stale"),
        ("a", "late", "ProgressDeadlineExceeded", FIRST + timedelta(minutes=20), 2, 1, "stale"),
        ("a", "stuck", "NotUpdated", one, 2, 1, "stale"),
        ("a", "unheard", "NotObserved", one, 2, 1, "stale"),
        ("c", "soon", "NotUpdated", two, 2, 1, "ok"),
    ]
    known_at_the_end(warehouse, "rollouts_stuck")


EMPTY: dict[str, list[Record]] = {
    "deployments": [], "statefulsets": [], "daemonsets": [], "replicasets": [], "jobs": [], "cronjobs": [],
}  # fmt: skip


def namespaces(*names: str, created: datetime | None = FIRST) -> list[Record]:
    return [Namespace(name=name, uid=f"uid-{name}", created_at=created, phase="Active") for name in names]


def test_a_namespace_is_idle_where_all_that_could_run_in_it_is_known_not_to(warehouse: Warehouse) -> None:
    ended = [Condition(type=kind, status="True") for kind in ("Complete", "Failed")]
    ongoing = Condition(type="Failed", status="False")
    objects: dict[str, list[Record]] = {
        "deployments": [
            workload("scaled", namespace="zero", replicas_wanted=0),
            workload("blocked", namespace="wanted", replicas_wanted=1),
        ],
        "statefulsets": [workload("unread", kind="StatefulSet", namespace="unknown")],
        "daemonsets": [workload("nowhere", kind="DaemonSet", namespace="zero", replicas_wanted=0)],
        "replicasets": [],
        "jobs": [
            *(
                workload(f"done-{number}", kind="Job", namespace="ended", replicas_wanted=1, conditions=(condition,))
                for number, condition in enumerate(ended)
            ),
            workload("held", kind="Job", namespace="held", replicas_wanted=1, suspended=True),
            workload("retried", kind="Job", namespace="retried", replicas_wanted=1, conditions=(ongoing,)),
        ],
        "cronjobs": [
            workload("nightly", kind="CronJob", namespace="nightly", suspended=False),
            workload("never", kind="CronJob", namespace="zero", suspended=True),
        ],
    }
    pods = [
        pod("up", namespace="busy"), pod("waiting", namespace="waiting", phase="Pending"),
        pod("lost", namespace="lost", phase=None), pod("over", namespace="ended", phase="Succeeded"),
    ]  # fmt: skip
    found = namespaces(
        "empty", "kube-public", "gke-managed-x", "zero", "ended", "held",
        "wanted", "unknown", "retried", "nightly", "busy", "waiting", "lost",
    )  # fmt: skip
    found += [*namespaces("ageless", created=None), *namespaces("young", created=FIRST + HOUR + timedelta(seconds=1))]
    labelled = Namespace(name="labelled", uid="u", created_at=FIRST, labels=(KeyValue(key="team", value="pay"),))
    others = {
        "partial": Read("partial", namespaces("x"), [], more=EMPTY, partial=["jobs"]),
        "off": Read("off", namespaces("x"), [], more=EMPTY | {"cronjobs": "off"}),
        "denied": Read("denied", namespaces("x"), "forbidden", more=EMPTY),
        "older": Read("older", namespaces("x"), [], more={"deployments": []}),
    }
    warehouse.publish(run_of(1, Read("a", [*found, labelled], pods, more=objects), *others.values()))
    sql = "SELECT cluster, namespace, is_system, ended_pods, workloads, read_status FROM idle_namespaces"
    idle = {
        "empty": (False, 0, 0), "ended": (False, 1, 2), "gke-managed-x": (True, 0, 0), "held": (False, 0, 1),
        "kube-public": (True, 0, 0), "labelled": (False, 0, 0), "zero": (False, 0, 3),
    }  # fmt: skip
    assert warehouse.query(sql) == [("a", name, *facts, "ok") for name, facts in idle.items()]
    age = "SELECT age_seconds, read_age_seconds, labels FROM idle_namespaces WHERE namespace = 'labelled'"
    assert warehouse.query(age) == [(2 * 86400, 47 * 3600, [{"key": "team", "value": "pay"}])]

    more = namespaces("later", created=FIRST + 90 * timedelta(minutes=1))
    others["partial"] = Read("partial", namespaces("x"), [], more=EMPTY | {"jobs": "forbidden"})
    denied = Read("a", [*found, labelled, *more], "forbidden", more=objects)
    warehouse.publish(run_of(2, denied, *others.values()))
    assert warehouse.query(sql) == [("a", name, *facts, "stale") for name, facts in idle.items()]
    assert warehouse.query("SELECT DISTINCT read_age_seconds FROM idle_namespaces") == [(47 * 3600,)]
    known_at_the_end(warehouse, "idle_namespaces")


def test_every_kind_that_makes_rows_of_workloads_must_have_been_read(warehouse: Warehouse) -> None:
    needed = {kind.resource for kind in KINDS if kind.controls} | {"pods", "cronjobs"}
    assert needed == {"pods", *EMPTY}
    for number, missing in enumerate(sorted(EMPTY)):
        others = {kind: objects for kind, objects in EMPTY.items() if kind != missing}
        warehouse.publish(run_of(number, Read(f"without-{missing}", namespaces("x"), [], more=others)))
    whole = Read("whole", namespaces("x", created=FIRST), [], more=EMPTY)
    warehouse.publish(run_of(9, whole, listed=["whole", *(f"without-{kind}" for kind in EMPTY)]))
    assert warehouse.query("SELECT cluster FROM idle_namespaces") == [("whole",)]


def deployed(image: str, *, pods: int = 1, **more: Any) -> tuple[list[Record], list[Record]]:
    """The Deployment `web` with a container `app`: its pods, and its own rows."""
    running = [
        row
        for number in range(pods)
        for row in (pod_of("web", f"web-{number}"), pod_container(f"web-{number}", image, **more))
    ]
    return running, [workload("web"), container("web", **image_parts(image), **more)]


DRIFT = (
    "SELECT namespace, workload_name, container, field, found_values, clusters_of_values, most_common_value, clusters, "
    "clusters_with_other_values FROM drift"
)


def test_a_workload_that_differs_between_clusters_is_a_row_for_each_differing_field(warehouse: Warehouse) -> None:
    limits = {"cpu_request_millicores": 100, "memory_limit_bytes": 64}
    reads = []
    for cluster, image, more in (
        ("a", "app:1", limits),
        ("b", "app:2", limits | {"memory_limit_bytes": None, "privileged": True}),
        ("c", "app:1", limits | {"cpu_request_millicores": None, "unparsed_quantities": ("requests.cpu",)}),
    ):
        pods, own = deployed(image, **more)
        pods.append(pod_container("web-0", "debug:1", name=f"debug-{cluster}", container_type="ephemeral"))
        apart = [workload(f"only-{cluster}", replicas_wanted=0), container(f"only-{cluster}", **image_parts(image))]
        same = [workload("same", replicas_wanted=ord(cluster)), container("same", privileged=False)]
        project = "shop-dev" if cluster == "c" else "shop-prod"
        reads.append(Read(cluster, pods=pods, more={"deployments": [*own, *apart, *same]}, project=project))
    warehouse.publish(run_of(1, *reads, projects=("shop-prod", "shop-dev")))
    a, b, c = "shop-prod/europe-west1/a", "shop-prod/europe-west1/b", "shop-dev/europe-west1/c"
    assert warehouse.query(DRIFT) == [
        ("default", "web", "app", "cpu_request_millicores", ["100", "not parsed"], [f"{a}, {b}", c], "100", 3, 1),
        ("default", "web", "app", "image", ["app:1", "app:2"], [f"{c}, {a}", b], "app:1", 3, 1),
        ("default", "web", "app", "memory_limit_bytes", ["64", "not set"], [f"{c}, {a}", b], "64", 3, 1),
        ("default", "web", "app", "memory_request_bytes", ["64", "not set"], [f"{c}, {a}", b], "64", 3, 1),
        ("default", "web", "app", "privileged", ["false", "true"], [f"{c}, {a}", b], "false", 3, 1),
    ]
    known_at_the_end(warehouse, "drift")


def test_pods_are_compared_where_a_workload_runs_and_templates_elsewhere(warehouse: Warehouse) -> None:
    """The pods of `a` and `d` are as the API server and a webhook make them of the template that `b` and `c` have."""
    limited = {"cpu_limit_millicores": 500}
    kube = [workload("dns", namespace="kube-system"), container("dns", namespace="kube-system", **image_parts("k:1"))]
    injected = pod_container("web-0", "mesh:1", name="mesh", container_type="sidecar")
    pods, own = deployed("app:1", cpu_request_millicores=500, **limited)
    _, template = deployed("app:1", pods=0, **limited)
    without, _ = deployed("app:1", cpu_request_millicores=500, **limited)
    rolling, _ = deployed("app:1", pods=2, cpu_request_millicores=500, **limited)
    rolling[3] = pod_container("web-1", "app:0", cpu_request_millicores=500, **limited)
    helper = container("web", "helper", container_type="init")
    older = [kube[0], container("dns", namespace="kube-system", **image_parts("k:0"))]
    warehouse.publish(
        run_of(
            1,
            Read("a", pods=[*pods, injected], more={"deployments": [*own, *kube]}),
            Read("b", pods=[], more={"deployments": template}),
            Read("c", pods=[], more={"deployments": [*template, helper]}),
            Read("d", pods=without, more={"deployments": own}),
            Read("e", pods=rolling, more={"deployments": [*own, *older]}, partial=["pods"]),
        )
    )
    a, b, c, d, e = (f"shop-prod/europe-west1/{name}" for name in "abcde")
    assert warehouse.query(DRIFT) == [
        ("default", "web", "app", "image", ["app:1", "app:0, app:1"], [f"{a}, {b}, {c}, {d}", e], "app:1", 5, 1),
        ("default", "web", "helper", "container", ["not set", "init"], [f"{a}, {b}, {d}, {e}", c], "not set", 5, 1),
        ("default", "web", "mesh", "container", ["not set", "sidecar"], [f"{d}, {e}", a], "not set", 3, 1),
        ("kube-system", "dns", "app", "image", ["k:0", "k:1"], [e, a], "k:0", 2, 1),
    ]
    sql = "SELECT namespace, container, container_type, is_system, read_status FROM drift"
    assert warehouse.query(sql) == [
        ("default", "app", "regular", False, "partial"),
        ("default", "helper", "init", False, "partial"),
        ("default", "mesh", "sidecar", False, "partial"),
        ("kube-system", "app", "regular", True, "ok"),
    ]


TRUST = (
    "SELECT day, project_id, runs, list_outcome, clusters_known, clusters_ok, clusters_partial, clusters_unread, "
    "unread_outcome, ok_share FROM trust"
)


@pytest.fixture
def history(warehouse: Warehouse) -> Warehouse:
    """Five days: a full one, one with faults, one without a list, one without any run, and one of a single cluster."""

    def at(day: int, hours: float) -> Attempt:
        return Attempt(time=FIRST + day * DAY + timedelta(hours=hours))

    def of(cluster: str, pods: Any = ("p",), **more: Any) -> Read:
        return Read(cluster, ["x"], pods, **more)

    warehouse.publish(run_of(1, of("a"), of("b"), by=at(-3, 0)))
    warehouse.publish(run_of(2, of("a", "forbidden"), of("b"), by=at(-3, 23.99)))
    denied = of("c", "forbidden")
    faults = [of("a", partial=["pods"]), of("b", "timed_out"), denied, of("d", "forbidden")]
    warehouse.publish(run_of(3, *faults, listed=["a", "b", "c", "d", "e"], by=at(-2, 1)))
    late = run_of(4, of("b"), of("a", "timed_out"), listed=["gone"], outcome="partial", by=at(-2, 23))
    warehouse.publish(late)
    warehouse.publish(run_of(5, outcome="forbidden", by=at(-1, 12)))
    warehouse.publish(run_of(6, of("z", project="other"), projects=["other"], by=at(1, 5)))
    killed = run_of(7, of("a"), of("b"), of("killed"), by=at(1, 6))
    warehouse.publish(killed, without=["runs"])
    return warehouse


def test_trust_says_of_each_day_which_clusters_were_read(history: Warehouse) -> None:
    days = [FIRST + number * DAY for number in (-3, -2, -1, 0, 1)]
    expected = [
        (days[0], "shop-prod", 2, "ok", 2, 2, 0, 0, None, 1.0),
        (days[1], "shop-prod", 2, "ok", 5, 1, 1, 3, "forbidden", 0.2),
        (days[2], "shop-prod", 1, "forbidden", 0, 0, 0, 0, None, None),
        (days[3], "shop-prod", 0, None, 0, 0, 0, 0, None, None),
        (days[4], "other", 1, "ok", 1, 1, 0, 0, None, 1.0),
        (days[4], "shop-prod", 0, None, 0, 0, 0, 0, None, None),
    ]
    of_pods = f"{TRUST} WHERE resource = 'pods'"
    assert sorted(history.query(of_pods), key=lambda row: row[:2]) == expected
    resources = "SELECT resource, COUNT(*) FROM trust GROUP BY resource"
    assert history.query(resources) == [("clusters", 6), ("namespaces", 6), ("pods", 6)]
    of_gke = "SELECT clusters_ok, clusters_unread, unread_outcome FROM trust WHERE resource = 'clusters'"
    assert history.query(f"{of_gke} AND day = {at(-2)}") == [(4, 1, "not_collected")]
    known_at_the_end(history, "trust")
    then = f"SELECT clusters_ok, clusters_partial FROM trust_as_of({at(-1.5)}) WHERE resource = 'pods'"
    assert history.query(f"{then} AND day = {at(-2)}") == [(0, 1)]


def at(days: float) -> str:
    return f"TIMESTAMP '{(FIRST + days * DAY).astimezone(UTC).isoformat()}'"


def test_days_are_those_of_utc_whatever_the_zone_of_the_session(history: Warehouse) -> None:
    before = history.query("SELECT * FROM trust")
    if isinstance(history._open, OnDuckDB):
        history._open._connection.execute("SET TimeZone = 'Pacific/Auckland'")
    assert history.query("SELECT * FROM trust") == before
