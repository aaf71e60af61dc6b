"""The views `images`, `unbounded`, `privileged` and `unowned_pods`."""

from __future__ import annotations

from engines import Warehouse
from warehouse import Read, container, image_parts, pod, pod_container, pod_of, run_of, workload

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
DAY = 86400


def test_images_has_the_requested_and_the_running_digests(warehouse: Warehouse) -> None:
    pinned, wrong = f"db:3@{ONE}", f"cache@{ONE}"
    pods = [
        pod_of("web", "web-1"), pod_container("web-1", "app:1", running_digest=ONE),
        pod_of("web", "web-2"), pod_container("web-2", "app:1", running_digest=TWO),
        pod_of("db", "db-1"), pod_container("db-1", pinned, running_digest=ONE),
        pod_of("cache", "cache-1"), pod_container("cache-1", wrong, running_digest=TWO),
        pod_of("new", "new-1", phase="Pending"), pod_container("new-1", "new"),
    ]  # fmt: skip
    asked = {"web": "app:1", "db": pinned, "cache": wrong, "new": "new", "idle": "idle:2"}
    apps = [row for name, image in asked.items() for row in (workload(name), container(name, **image_parts(image)))]
    warehouse.publish(run_of(1, Read("a", pods=pods, more={"deployments": apps})))
    found = warehouse.query(
        "SELECT workload_name, image_registry, image_repository, image_tag, image_digest, containers, running_digests, "
        "pinned_mismatch, digests_of_tag FROM images"
    )
    assert found == [
        ("cache", "docker.io", "cache", None, ONE, 1, [TWO], True, None),
        ("db", "docker.io", "db", "3", ONE, 1, [ONE], False, None),
        ("idle", "docker.io", "idle", "2", None, 0, [], None, 0),
        ("new", "docker.io", "new", None, None, 1, [], None, 0),
        ("web", "docker.io", "app", "1", None, 2, [ONE, TWO], None, 2),
    ]
    where = "SELECT DISTINCT project_id, location, cluster, namespace, workload_kind, carried_forward FROM images"
    assert warehouse.query(where) == [("shop-prod", "europe-west1", "a", "default", "Deployment", False)]


def test_digests_of_a_tag_are_counted_over_all_clusters(warehouse: Warehouse) -> None:
    def running(cluster: str, image: str, digest: str) -> Read:
        return Read(cluster, pods=[pod_of("web", "web-1"), pod_container("web-1", image, running_digest=digest)])

    warehouse.publish(
        run_of(1, running("a", "app", ONE), running("b", "app:latest", TWO), running("c", f"app:latest@{TWO}", TWO))
    )
    assert warehouse.query("SELECT cluster, digests_of_tag FROM images") == [("a", 2), ("b", 2), ("c", None)]


def test_a_digest_is_compared_with_digests_of_manifests_alone(warehouse: Warehouse) -> None:
    longer = f"sha512:{'1' * 128}"
    pods = [
        pod_of("bare", "bare-1"), pod_container("bare-1", f"app@{ONE}", running_image_id=TWO),
        pod_of("other", "other-1"), pod_container("other-1", f"app@{longer}", running_digest=ONE),
        pod_of("mixed", "mixed-1"), pod_container("mixed-1", "web:1", running_image_id=TWO),
        pod_of("mixed", "mixed-2"), pod_container("mixed-2", "web:1", running_digest=ONE),
    ]  # fmt: skip
    warehouse.publish(run_of(1, Read("a", pods=pods)))
    assert warehouse.query("SELECT workload_name, running_digests, pinned_mismatch, digests_of_tag FROM images") == [
        ("bare", [], None, None),
        ("mixed", [ONE], None, 1),
        ("other", [ONE], None, None),
    ]


def test_a_finished_pod_uses_no_image(warehouse: Warehouse) -> None:
    pods = [
        pod_of("job", "job-1", kind="Job", phase="Succeeded"), pod_container("job-1", "app:1", running_digest=ONE),
        pod_of("job", "job-2", kind="Job", phase="Failed"), pod_container("job-2", "app:1", running_digest=TWO),
    ]  # fmt: skip
    warehouse.publish(run_of(1, Read("a", pods=pods)))
    assert warehouse.query("SELECT * FROM images") == []


def test_a_job_of_a_cronjob_counts_as_the_cronjob(warehouse: Warehouse) -> None:
    cron = [workload("tidy", kind="CronJob"), container("tidy", kind="CronJob", **image_parts("tidy:1"))]
    jobs = [
        workload("tidy-1", kind="Job", owner_kind="CronJob", owner_name="tidy"),
        container("tidy-1", kind="Job", **image_parts("tidy:1")),
    ]
    pods = [pod_of("tidy", "tidy-1-x", kind="CronJob"), pod_container("tidy-1-x", "tidy:1", running_digest=ONE)]
    warehouse.publish(run_of(1, Read("a", pods=pods, more={"cronjobs": cron, "jobs": jobs})))
    assert warehouse.query("SELECT workload_kind, workload_name, containers, running_digests FROM images") == [
        ("CronJob", "tidy", 1, [ONE])
    ]


def test_images_of_unreadable_pods_are_carried_forward(warehouse: Warehouse) -> None:
    pods = [pod_of("web", "web-1"), pod_container("web-1", "app:1", running_digest=ONE)]
    apps = [workload("web"), container("web", **image_parts("app:1"))]
    warehouse.publish(run_of(0, Read("a", pods=pods, more={"deployments": apps})))
    warehouse.publish(run_of(24, Read("a", pods="forbidden", more={"deployments": apps})))
    assert warehouse.query("SELECT image, containers, running_digests, age_seconds, carried_forward FROM images") == [
        ("app:1", 1, [ONE], 2 * DAY, True)
    ]


def test_unbounded_names_what_is_missing(warehouse: Warehouse) -> None:
    whole = {
        "cpu_request_millicores": 1, "cpu_limit_millicores": 1, "memory_request_bytes": 1, "memory_limit_bytes": 1,
    }  # fmt: skip
    containers = [
        container("w", "bounded", **whole),
        container("w", "limit-is-request", **whole | {"cpu_request_millicores": None, "memory_request_bytes": None}),
        container("w", "no-limits", **whole | {"cpu_limit_millicores": None, "memory_limit_bytes": None}),
        container("w", "no-memory", **whole | {"memory_request_bytes": None, "memory_limit_bytes": None}),
        container("w", "none", container_type="init"),
        container("w", "odd", **whole | {"cpu_limit_millicores": None}, unparsed_quantities=("limits.cpu",)),
        container("w", "debugger", container_type="ephemeral"),
    ]
    warehouse.publish(run_of(1, Read("a", more={"deployments": [workload("w"), *containers]})))
    assert warehouse.query(
        "SELECT container, container_type, missing, workload_kind, workload_name FROM unbounded"
    ) == [
        ("no-limits", "regular", ["cpu_limit", "memory_limit"], "Deployment", "w"),
        ("no-memory", "regular", ["memory_request", "memory_limit"], "Deployment", "w"),
        ("none", "init", ["cpu_request", "cpu_limit", "memory_request", "memory_limit"], "Deployment", "w"),
    ]


def test_privileged_names_each_reason(warehouse: Warehouse) -> None:
    safe = {"allow_privilege_escalation": False, "run_as_non_root": True}
    user = {"allow_privilege_escalation": False, "run_as_user": 1000}
    no_escalation = {"allow_privilege_escalation": False}
    rows = [
        workload("plain"),
        container("plain", "safe", **safe), container("plain", "user", **user), container("plain", "defaults"),
        container("plain", "root", run_as_user=0, **no_escalation),
        container("plain", "privileged", privileged=True, **safe),
        container("plain", "capable", capabilities_added=("NET_ADMIN",), **safe),
        workload("host", host_network=True, host_pid=True, host_ipc=True, host_paths=("/var/log",)),
        container("host", "node", **safe),
        workload("pod-user", run_as_user=1000), container("pod-user", "inherits", **no_escalation),
        container("pod-user", "overrides", run_as_user=0, **no_escalation),
        workload("pod-non-root", run_as_non_root=True), container("pod-non-root", "inherits", **no_escalation),
        container("pod-non-root", "overrides", run_as_non_root=False, **no_escalation),
    ]  # fmt: skip
    warehouse.publish(run_of(1, Read("a", more={"deployments": rows})))
    assert warehouse.query(
        "SELECT workload_name, container, reasons, host_paths, capabilities_added FROM privileged"
    ) == [
        ("host", "node", ["host_network", "host_pid", "host_ipc", "host_path"], ["/var/log"], []),
        ("plain", "capable", ["capabilities_added"], [], ["NET_ADMIN"]),
        ("plain", "defaults", ["root_allowed", "escalation_allowed"], [], []),
        ("plain", "privileged", ["privileged", "escalation_allowed"], [], []),
        ("plain", "root", ["root_allowed"], [], []),
        ("pod-non-root", "overrides", ["root_allowed"], [], []),
        ("pod-user", "overrides", ["root_allowed"], [], []),
    ]


def test_unowned_pods_has_the_reason(warehouse: Warehouse) -> None:
    pods = [
        pod("bare"),
        pod_of("web", "owned", owner_kind="ReplicaSet", owner_name="web-1"),
        pod("orphan", workload_resolution="not_found", owner_kind="ReplicaSet", owner_name="gone"),
        pod("unknown", workload_resolution="not_read", owner_kind="Job", owner_name="tidy"),
        pod("custom", workload_resolution="referenced", owner_kind="StrimziPodSet", owner_name="kafka"),
    ]
    warehouse.publish(run_of(1, Read("a", pods=pods)))
    warehouse.publish(run_of(2, Read("a", pods="timed_out")))
    assert warehouse.query("SELECT name, reason, owner_kind, owner_name, phase, carried_forward FROM unowned_pods") == [
        ("bare", "uncontrolled", None, None, "Running", True),
        ("orphan", "not_found", "ReplicaSet", "gone", "Running", True),
        ("unknown", "not_read", "Job", "tidy", "Running", True),
    ]
