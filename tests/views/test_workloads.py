"""The views `images`, `workload_containers`, `unbounded`, `privileged` and `unowned_pods`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engines import Warehouse
from warehouse import FIRST, Read, container, image_parts, pod, pod_container, pod_of, run_of, workload

from job.tables import Record

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
DAY = 86400
HOUR = timedelta(hours=1)


def test_images_has_the_requested_and_the_running_digests(warehouse: Warehouse) -> None:
    pinned, wrong = f"db:3@{ONE}", f"cache@{ONE}"
    pods = [
        pod_of("web", "web-1", created_at=FIRST), pod_container("web-1", "app:1", running_digest=ONE),
        pod_of("web", "web-2", created_at=FIRST + HOUR), pod_container("web-2", "app:1", running_digest=TWO),
        pod_container("web-2", "app:1", name="init", running_digest=TWO),
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
        ("web", "docker.io", "app", "1", None, 3, [ONE, TWO], None, 2),
    ]
    found = warehouse.query("SELECT workload_name, container_names, running_since FROM images WHERE containers <> 1")
    assert found == [("idle", ["app"], None), ("web", ["app", "init"], FIRST)]
    where = "SELECT DISTINCT project_id, location, cluster, namespace, workload_kind, read_status FROM images"
    assert warehouse.query(where) == [("shop-prod", "europe-west1", "a", "default", "Deployment", "ok")]


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


def test_an_image_of_a_template_is_that_of_the_topmost_controller(warehouse: Warehouse) -> None:
    cron = [
        workload("backup", kind="CronJob", owner_kind="Postgresql", owner_name="pg"),
        container("backup", kind="CronJob", **image_parts("backup:1")),
    ]
    jobs = [
        workload("backup-1", kind="Job", owner_kind="CronJob", owner_name="backup", owner_uid="uid-backup"),
        container("backup-1", kind="Job", **image_parts("backup:1")),
    ]
    sets = [
        workload("lws-0", kind="StatefulSet", owner_kind="Pod", owner_name="lws-0", owner_uid="uid-lws-0"),
        container("lws-0", kind="StatefulSet", **image_parts("serve:1")),
    ]
    of_leader = {"owner_kind": "StatefulSet", "owner_uid": "uid-lws-0", "middle_owner_uids": ("uid-leader",)}
    pods = [pod_of("lws", "lws-0-1", kind="LeaderWorkerSet", **of_leader), pod_container("lws-0-1", "serve:1")]
    more = {"cronjobs": cron, "jobs": jobs, "statefulsets": sets}
    warehouse.publish(run_of(1, Read("a", pods=pods, more=more)))
    assert warehouse.query("SELECT workload_kind, workload_name, image, containers FROM images") == [
        ("LeaderWorkerSet", "lws", "serve:1", 1),
        ("Postgresql", "pg", "backup:1", 0),
    ]
    sql = "SELECT workload_kind, workload_name, image, ran FROM images_history"
    assert warehouse.query(sql) == [
        ("LeaderWorkerSet", "lws", "serve:1", True), ("Postgresql", "pg", "backup:1", False),
    ]  # fmt: skip


def test_images_of_unreadable_pods_are_carried_forward(warehouse: Warehouse) -> None:
    pods = [pod_of("web", "web-1"), pod_container("web-1", "app:1", running_digest=ONE)]
    apps = [workload("web"), container("web", **image_parts("app:1"))]
    warehouse.publish(run_of(0, Read("a", pods=pods, more={"deployments": apps})))
    warehouse.publish(run_of(24, Read("a", pods="forbidden", more={"deployments": apps})))
    assert warehouse.query("SELECT image, containers, running_digests, read_age_seconds, read_status FROM images") == [
        ("app:1", 1, [ONE], 2 * DAY, "stale")
    ]


def test_images_history_says_when_each_image_was_first_and_last_seen(warehouse: Warehouse) -> None:
    def read(template: str, *running: str) -> Read:
        pods = [
            row for number, image in enumerate(running)
            for row in (pod_of("web", f"web-{number}"), pod_container(f"web-{number}", image))
        ]  # fmt: skip
        job = [pod_of("tidy", "tidy-1", kind="CronJob", phase="Succeeded"), pod_container("tidy-1", "tidy:1")]
        apps = [workload("web"), container("web", **image_parts(template))]
        return Read("a", pods=[*pods, *job], more={"deployments": apps})

    for hour, one in enumerate([read("app:1", "app:1"), read("app:2", "app:1"), read("app:2", "app:1", "app:2")], 1):
        warehouse.publish(run_of(hour, one))
    warehouse.publish(run_of(4, listed=[]))  # the cluster is deleted, and what it ran stays known
    found = warehouse.query(
        "SELECT workload_kind, workload_name, container, image, ran, first_seen, last_seen FROM images_history"
    )
    assert found == [
        ("CronJob", "tidy", "app", "tidy:1", True, FIRST + HOUR, FIRST + 3 * HOUR),
        ("Deployment", "web", "app", "app:1", True, FIRST + HOUR, FIRST + 3 * HOUR),
        ("Deployment", "web", "app", "app:2", True, FIRST + 2 * HOUR, FIRST + 3 * HOUR),
    ]


WHOLE = {
    "cpu_request_millicores": 1, "cpu_limit_millicores": 1, "memory_request_bytes": 1, "memory_limit_bytes": 1,
}  # fmt: skip
ALL_MISSING = ["cpu_request", "cpu_limit", "memory_request", "memory_limit"]


def test_unbounded_names_what_is_missing(warehouse: Warehouse) -> None:
    containers = [
        container("w", "bounded", **WHOLE),
        container("w", "limit-is-request", **WHOLE | {"cpu_request_millicores": None, "memory_request_bytes": None}),
        container("w", "no-limits", **WHOLE | {"cpu_limit_millicores": None, "memory_limit_bytes": None}),
        container("w", "no-memory", **WHOLE | {"memory_request_bytes": None, "memory_limit_bytes": None}),
        container("w", "none", container_type="init"),
        container("w", "odd", **WHOLE | {"cpu_limit_millicores": None}, unparsed_quantities=("limits.cpu",)),
        container("w", "zero", **dict.fromkeys(WHOLE, 0)),
        container("w", "zero-limit", **WHOLE | {"cpu_limit_millicores": 0}),
        container("w", "debugger", container_type="ephemeral"),
    ]
    warehouse.publish(run_of(1, Read("a", more={"deployments": [workload("w"), *containers]})))
    assert warehouse.query(
        "SELECT container, container_type, missing, workload_kind, workload_name, pod, pods FROM without_limits"
    ) == [
        ("no-limits", "regular", ["cpu_limit", "memory_limit"], "Deployment", "w", None, 0),
        ("no-memory", "regular", ["memory_request", "memory_limit"], "Deployment", "w", None, 0),
        ("none", "init", ALL_MISSING, "Deployment", "w", None, 0),
        ("zero", "regular", ALL_MISSING, "Deployment", "w", None, 0),
        ("zero-limit", "regular", ["cpu_limit"], "Deployment", "w", None, 0),
    ]


def test_a_request_or_limit_of_the_whole_pod_bounds_its_containers(warehouse: Warehouse) -> None:
    whole = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
    pods = [
        pod("bare", pod_level_resources=whole), pod_container("bare", "app:1"),
        pod("half", pod_level_resources=("limits.cpu", "requests.memory")), pod_container("half", "app:1"),
    ]  # fmt: skip
    template = [workload("web", pod_level_resources=whole), container("web")]
    warehouse.publish(run_of(1, Read("a", pods=pods, more={"deployments": template})))
    assert warehouse.query("SELECT workload_name, pod, pods, missing FROM without_limits") == [
        ("half", "half", 1, ["memory_limit"])
    ]


def test_what_runs_counts_and_a_template_only_where_nothing_runs(warehouse: Warehouse) -> None:
    pods = [
        pod_of("web", "web-1"), pod_container("web-1", "app:1"), pod_container("web-1", "proxy:1", name="proxy"),
        pod_of("web", "web-2"), pod_container("web-2", "app:2"),
        pod_of("tidy", "tidy-1-x", kind="CronJob", owner_uid="uid-tidy-1"), pod_container("tidy-1-x", "tidy:1"),
        pod_of("over", "over-1-x", kind="CronJob", phase="Succeeded"), pod_container("over-1-x", "over:1"),
        pod_of("shop", "shop-1", kind="Shop", owner_uid="uid-rs", middle_owner_uids=("uid-made", "uid-above")),
        pod_container("shop-1", "shop:1"),
        pod("ended", phase="Failed"), pod_container("ended", "ended:1"),
    ]  # fmt: skip
    cronjobs = [
        row
        for name in ("tidy", "over")
        for row in (workload(name, kind="CronJob"), container(name, kind="CronJob", **image_parts(f"{name}:template")))
    ]
    jobs = [
        workload("tidy-1", kind="Job", owner_kind="CronJob", owner_uid="uid-tidy"), container("tidy-1", kind="Job"),
        workload("over-1", kind="Job", owner_kind="CronJob", owner_uid="uid-over"), container("over-1", kind="Job"),
        # of a custom resource, or of a CronJob that is gone: nothing else has the template
        workload("lone-1", kind="Job", owner_kind="CronJob", owner_uid="uid-lone"), container("lone-1", kind="Job"),
    ]  # fmt: skip
    deployments = [
        workload("web"), container("web", **image_parts("app:template")),
        workload("idle"), container("idle", **image_parts("idle:template")),
        workload("made", owner_kind="Shop"), container("made", **image_parts("made:template")),
    ]  # fmt: skip
    more = {"deployments": deployments, "cronjobs": cronjobs, "jobs": jobs}
    warehouse.publish(run_of(1, Read("a", pods=[*pods, workload("ended", kind="Pod"), container("ended", kind="Pod")],
                                     more=more)))  # fmt: skip
    where = "SELECT workload_kind, workload_name, pod, container, image FROM workload_containers"
    assert warehouse.query(where) == [
        ("CronJob", "over", None, "app", "over:template"),
        ("CronJob", "tidy", "tidy-1-x", "app", "tidy:1"),
        ("Deployment", "idle", None, "app", "idle:template"),
        ("Deployment", "web", "web-1", "app", "app:1"),
        ("Deployment", "web", "web-1", "proxy", "proxy:1"),
        ("Deployment", "web", "web-2", "app", "app:2"),
        ("Job", "lone-1", None, "app", None),
        ("Shop", "shop", "shop-1", "app", "shop:1"),
    ]


def test_a_template_does_not_count_while_pods_that_may_be_of_it_run(warehouse: Warehouse) -> None:
    unread = {"workload_resolution": "not_read", "owner_kind": "ReplicaSet"}
    pods = [
        pod_of("web-abc", "web-abc-1", kind="ReplicaSet", owner_name="web-abc", **unread),
        pod_container("web-abc-1", "app:1", privileged=True),
    ]
    apps = [row for name in ("web", "other") for row in (workload(name), container(name, privileged=True))]
    warehouse.publish(run_of(1, Read("a", pods=pods, more={"deployments": apps, "replicasets": "forbidden"})))
    sql = "SELECT workload_kind, workload_name, pods FROM privileged WHERE rule = 'privileged'"
    assert warehouse.query(sql) == [("Deployment", "other", 0), ("ReplicaSet", "web-abc", 1)]


def test_templates_count_while_pods_cannot_be_read(warehouse: Warehouse) -> None:
    template = [workload("web"), container("web", privileged=True)]
    warehouse.publish(run_of(1, Read("a", pods="forbidden", more={"deployments": template})))
    sql = "SELECT workload_name, pod, pods FROM privileged WHERE rule = 'privileged'"
    assert warehouse.query(sql) == [("web", None, 0)]


SAFE = {
    "allow_privilege_escalation": False, "run_as_non_root": True, "capabilities_dropped": ("ALL",),
    "seccomp_profile": "RuntimeDefault",
}  # fmt: skip


BROKEN: list[tuple[dict[str, Any], dict[str, Any], dict[str, list[str]]]] = [
    ({}, {}, {}),
    ({"privileged": True}, {}, {"privileged": [], "escalation_allowed": []}),
    ({"host_process": True}, {}, {"host_process": []}),
    ({}, {"host_process": True}, {"host_process": []}),
    ({"host_process": False}, {"host_process": True}, {}),
    ({}, {"host_network": True}, {"host_network": []}),
    ({}, {"host_pid": True, "host_ipc": True}, {"host_pid": [], "host_ipc": []}),
    ({}, {"host_paths": ("/var/log", "/")}, {"host_path": ["/var/log, /"]}),
    ({"host_ports": (80, 443)}, {}, {"host_port": ["80, 443"]}),
    ({"probe_hosts": ("10.0.0.1", "metadata")}, {}, {"probe_host": ["10.0.0.1, metadata"]}),
    ({"capabilities_added": ("NET_ADMIN", "CHOWN", "SYS_TIME")}, {},
     {"capabilities_added": ["NET_ADMIN, SYS_TIME"], "capabilities_beyond_net_bind_service": ["CHOWN"]}),
    ({"capabilities_added": ("NET_BIND_SERVICE",)}, {}, {}),
    ({"capabilities_added": ("ALL",)}, {}, {"capabilities_added": ["ALL"]}),
    ({"capabilities_dropped": ("NET_RAW",)}, {}, {"capabilities_not_dropped": []}),
    ({"proc_mount": "Unmasked"}, {}, {"proc_unmasked": []}),
    ({"proc_mount": "Default"}, {}, {}),
    ({"apparmor_profile": "Unconfined"}, {}, {"apparmor_unconfined": []}),
    ({"apparmor_profile": "Localhost"}, {"apparmor_profile": "Unconfined"}, {"apparmor_unconfined": []}),
    ({}, {"seccomp_profile": "Unconfined"}, {"seccomp_unconfined": []}),
    ({}, {"apparmor_profile": "Unconfined"}, {"apparmor_unconfined": []}),
    ({"seccomp_profile": "Unconfined"}, {}, {"seccomp_unconfined": []}),
    ({"seccomp_profile": None}, {}, {"seccomp_unset": []}),
    ({"seccomp_profile": None}, {"seccomp_profile": "Localhost"}, {}),
    ({"selinux_options": ("user:u", "type:spc_t")}, {}, {"selinux_options": ["user:u, type:spc_t"]}),
    ({"selinux_options": ("type:container_t",)}, {"selinux_options": ("type:spc_t",)},
     {"selinux_options": ["type:spc_t"]}),
    ({}, {"selinux_options": ("role:r",)}, {"selinux_options": ["role:r"]}),
    ({}, {"sysctls": ("net.core.somaxconn", "net.ipv4.tcp_rmem")}, {"sysctls": ["net.core.somaxconn"]}),
    ({}, {"restricted_volumes": ("iscsi", "nfs")}, {"volume_types": ["iscsi, nfs"]}),
    ({"allow_privilege_escalation": None}, {}, {"escalation_allowed": []}),
    ({"allow_privilege_escalation": True}, {}, {"escalation_allowed": []}),
    ({"run_as_non_root": None}, {}, {"root_allowed": []}),
    ({"run_as_non_root": False}, {"run_as_non_root": True}, {"root_allowed": []}),
    ({"run_as_non_root": None}, {"run_as_non_root": True}, {}),
    ({"run_as_non_root": None, "run_as_user": 1000}, {}, {"non_root_not_required": []}),
    ({"run_as_non_root": None}, {"run_as_user": 1000}, {"non_root_not_required": []}),
    ({"run_as_user": 0}, {"run_as_user": 1000}, {"root_user": []}),
    ({"run_as_user": 1000}, {"run_as_user": 0}, {"root_user": []}),
    ({}, {"run_as_non_root": False}, {"non_root_not_required": []}),
    ({"run_as_non_root": None, "run_as_user": 0}, {}, {"root_allowed": [], "root_user": []}),
]  # fmt: skip
"""What a container has, what its pod has, and the rules that this breaks, with their details."""


def test_privileged_has_a_row_for_each_broken_rule_of_what_runs_and_of_templates(warehouse: Warehouse) -> None:
    pods: list[Record] = []
    templates: list[Record] = []
    for number, (of_container, of_pod, _) in enumerate(BROKEN):
        pod_name, columns = f"gs-{number}-1", SAFE | of_container
        pods += [pod_of(f"gs-{number}", pod_name, kind="GameServer", **of_pod)]
        pods += [pod_container(pod_name, "app:1", **columns)]
        templates += [workload(f"web-{number}", **of_pod), container(f"web-{number}", **columns)]
    warehouse.publish(run_of(1, Read("a", pods=pods, more={"deployments": templates})))
    sql = "SELECT workload_name, rule, details FROM privileged WHERE workload_kind"
    running = warehouse.query(f"{sql} = 'GameServer' AND pod = CONCAT(workload_name, '-1') AND pods = 1")
    of_templates = warehouse.query(f"{sql} = 'Deployment' AND pod IS NULL AND pods = 0")
    for number, (of_container, of_pod, expected) in enumerate(BROKEN):
        for prefix, found in (("gs", running), ("web", of_templates)):
            broken = {rule: details for name, rule, details in found if name == f"{prefix}-{number}"}
            assert broken == expected, (of_container, of_pod)
    assert len(running) == len(of_templates) == sum(len(expected) for *_, expected in BROKEN)


WINDOWS = {"operating_system": "windows"}


@pytest.mark.parametrize(
    ("of_container", "of_pod", "expected"),
    [
        ({"run_as_user_name": "ContainerUser"}, WINDOWS, set()),
        ({}, WINDOWS | {"run_as_user_name": "ContainerUser"}, set()),
        ({}, WINDOWS, {"root_allowed"}),
        ({"run_as_user_name": "ContainerAdministrator"}, WINDOWS, {"root_allowed"}),
        ({"run_as_user_name": "NT AUTHORITY\\SYSTEM", "host_process": True}, WINDOWS | {"host_network": True},
         {"root_allowed", "host_process", "host_network"}),
        ({"run_as_non_root": True, "host_ports": (80,)},
         WINDOWS | {"host_paths": ("c:",), "restricted_volumes": ("nfs",)},
         {"host_port", "host_path", "volume_types"}),
        (
            {
                "run_as_non_root": True, "privileged": True, "capabilities_added": ("SYS_ADMIN",), "run_as_user": 0,
                "proc_mount": "Unmasked", "seccomp_profile": "Unconfined", "apparmor_profile": "Unconfined",
                "selinux_options": ("type:spc_t",),
            },
            WINDOWS | {"host_pid": True, "host_ipc": True, "sysctls": ("kernel.msgmax",)},
            set(),
        ),
    ],
)  # fmt: skip
def test_nothing_that_only_linux_has_is_said_of_a_pod_on_windows(
    warehouse: Warehouse, of_container: dict[str, Any], of_pod: dict[str, Any], expected: set[str]
) -> None:
    pods = [pod("w", **of_pod), pod_container("w", "app:1", **of_container)]
    warehouse.publish(run_of(1, Read("a", pods=pods)))
    assert {rule for (rule,) in warehouse.query("SELECT rule FROM privileged")} == expected


def test_rules_about_a_pod_have_one_row_and_rules_about_containers_one_each(warehouse: Warehouse) -> None:
    rows = []
    for name in ("web-1", "web-2"):
        rows += [pod_of("web", name, host_network=True)]
        rows += [
            pod_container(name, "app:1", name=container_, container_type=type_, **SAFE | {"privileged": True})
            for container_, type_ in (("app", "regular"), ("proxy", "sidecar"), ("debugger", "ephemeral"))
        ]
    warehouse.publish(run_of(1, Read("a", pods=rows)))
    sql = "SELECT rule, level, severity, container, container_type, pod, pods FROM privileged WHERE level = 'baseline'"
    assert warehouse.query(sql) == [
        ("host_network", "baseline", "high", None, None, "web-1", 2),
        ("privileged", "baseline", "critical", "app", "regular", "web-1", 2),
        ("privileged", "baseline", "critical", "debugger", "ephemeral", "web-1", 2),
        ("privileged", "baseline", "critical", "proxy", "sidecar", "web-1", 2),
    ]


def test_static_pods_of_a_node_have_rows_of_their_own(warehouse: Warehouse) -> None:
    rows = []
    for name in ("kube-proxy-n1", "fluent-bit-n1"):
        rows += [
            pod_of("n1", name, kind="Node", namespace="kube-system"),
            pod_container(name, "app:1", namespace="kube-system", **SAFE | {"privileged": True}),
        ]
    warehouse.publish(run_of(1, Read("a", pods=rows)))
    sql = "SELECT workload_kind, workload_name, pod, pods FROM privileged WHERE rule = 'privileged'"
    expected = [("Node", "n1", "fluent-bit-n1", 1), ("Node", "n1", "kube-proxy-n1", 1)]
    assert warehouse.query(sql) == expected
    assert warehouse.query("SELECT workload_kind, workload_name, pod, pods FROM without_limits") == expected


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
    assert warehouse.query("SELECT name, reason, owner_kind, owner_name, phase, read_status FROM unowned_pods") == [
        ("bare", "uncontrolled", None, None, "Running", "stale"),
        ("orphan", "not_found", "ReplicaSet", "gone", "Running", "stale"),
        ("unknown", "not_read", "Job", "tidy", "Running", "stale"),
    ]
