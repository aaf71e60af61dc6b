"""The oracle can fail: it reports whatever is changed in a warehouse behind the job's back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from declared import EVERY_KIND, OWN_TABLES, UID_TABLES
from truth.configuration import COLUMNS
from truth.history import Alter, Chapter, Create, Delete, Fleet, ProjectTrouble, Run, Trouble
from truth.knowledge import Knowledge
from truth.model import Object
from truth.oracle import NAMED, TABLES, VIEWS, Seen, judge, lies
from truth.stage import Stage
from truth.warehouses import DuckDB

from job.simulator import Simulator

pytestmark = pytest.mark.exhaustive  # tests of the tests of the tables


CUSTOM = ("*.argoproj.io", "*.agones.dev", "things.example.com")


class Played(NamedTuple):
    """A history that the oracle accepts, and everything that the warehouse shows of it."""

    database: Path
    knowledge: Knowledge
    now: Object
    seen: Seen


@pytest.fixture(scope="module")
def played(simulator: Simulator) -> Iterator[Played]:
    """Three clusters: one is partly read, one carried forward, and one not collected in the last run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.environment.items():
            patch.setenv(name, value)
        for name in ("EXECUTION", "TASK_ATTEMPT", "TASK_INDEX", "TASK_COUNT"):
            patch.setenv(f"CLOUD_RUN_{name}", "")
        warehouse = DuckDB()
        stage = Stage(simulator, warehouse, Fleet(3, 16, 7), EVERY_KIND)
        stage.play(
            (
                Chapter((Create(0, "gameservers"), Create(0, "rollouts")), run=Run(objects=CUSTOM)),
                Chapter(
                    (Alter(0, "deployments"), Delete(0, "pods"), Delete(1, "pods"), Delete(1, "namespaces")),
                    (
                        Trouble(0, "forbidden", "pods"),
                        Trouble(0, "not_served", "cronjobs"),
                        Trouble(1, "wrong_type", "namespaces"),
                        Trouble(1, "broken_api", "discovery", group="argoproj.io"),
                        ProjectTrouble(2, "gke_denied"),
                    ),
                    Run(off=("jobs",), objects=CUSTOM),
                ),
            )
        )
        yield Played(warehouse.path, stage.knowledge, simulator.inventory(), warehouse.seen())
        warehouse.close()


def test_a_good_history_is_accepted(played: Played) -> None:
    assert judge(played.seen, played.knowledge, played.now) == []
    assert {row["status"] for row in played.seen.views["coverage"]} == {"ok", "partial", "stale", "never_read", "off"}
    assert any(row["read_status"] for row in played.seen.views["pods"])
    assert all(played.seen.views[view] for view in VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_each_missing_or_doubled_row_is_reported(played: Played, view: str) -> None:
    rows = played.seen.views[view]
    for number, row in enumerate(rows):
        for changed, message in (
            ([*rows[:number], *rows[number + 1 :]], "is not there"),
            ([*rows, row], "is there 2 times"),
        ):
            wrong = judge(_with(played.seen, view, changed), played.knowledge, played.now)
            assert [one for one in wrong if one.startswith(f"{view}: ") and message in one], (view, row)


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "latest_runs"])
def test_an_invented_row_is_reported(played: Played, view: str) -> None:
    row = dict(played.seen.views[view][0])
    row |= {
        name: "of nobody" for name in ("uid", "pod_uid", "workload_uid", "name", "resource", "cluster") if name in row
    }
    wrong = judge(_with(played.seen, view, [*played.seen.views[view], row]), played.knowledge, played.now)
    assert [one for one in wrong if one.startswith(f"{view}: ") and "is there, and should not be" in one]


CONTEXT = "run_as_non_root run_as_user run_as_user_name host_process seccomp_profile selinux_options"
POD_SECURITY = (
    f"{CONTEXT} host_network host_pid host_ipc host_paths restricted_volumes sysctls pod_level_resources "
    "operating_system"
)
CONTAINER_SECURITY = (
    f"{CONTEXT} privileged allow_privilege_escalation capabilities_added capabilities_dropped proc_mount host_ports "
    "probe_hosts accelerator_count"
)
JUDGED = {
    "clusters": "snapshot_id read_status id status control_plane_version",
    "node_pools": "snapshot_id read_status name version machine_type spot accelerators accelerator_topology",
    "namespaces": "snapshot_id read_status name uid phase labels created_at",
    "nodes": (
        "snapshot_id read_status name uid labels created_at node_pool machine_type zone ready unschedulable "
        "kubelet_version cpu_allocatable_millicores memory_allocatable_bytes accelerator accelerator_topology "
        "accelerator_allocatable"
    ),
    "workloads": (
        "snapshot_id read_status resource kind namespace name uid labels created_at owner_kind owner_uid "
        "replicas_wanted replicas_ready schedule suspended paused service_account known_through_pods "
        f"spread_topology_keys {POD_SECURITY}"
    ),
    "containers": (
        "snapshot_id read_status workload_uid workload_name namespace resource container_type position name image "
        f"image_pull_policy cpu_request_millicores cpu_limit_millicores memory_request_bytes memory_limit_bytes "
        f"{CONTAINER_SECURITY}"
    ),
    "pods": (
        "snapshot_id read_status namespace name uid labels created_at phase node pod_ip containers owner_kind "
        "owner_name owner_uid workload_kind workload_name workload_uid workload_resolution middle_owner_uids "
        "cpu_request_millicores memory_request_bytes cpu_limit_millicores memory_limit_bytes unparsed_quantities "
        "termination_grace_period_seconds volume_claims empty_dir_volumes "
        f"node_pool zone spot accelerator accelerator_topology accelerator_count {POD_SECURITY}"
    ),
    "pod_containers": (
        "snapshot_id read_status pod pod_uid container_type position name image state ready restarts "
        "running_digest running_image_id cpu_request_millicores cpu_limit_millicores memory_request_bytes "
        f"memory_limit_bytes {CONTAINER_SECURITY}"
    ),
    "services": (
        "snapshot_id read_status namespace name uid labels created_at type headless cluster_ips external_addresses "
        "external_name internal external_traffic_policy session_affinity"
    ),
    **{table: f"snapshot_id read_status name {columns}" for table, columns in COLUMNS.items()},
    "warning_events": (
        "snapshot_id read_status namespace object_kind object_name object_uid reason component count first_seen_at "
        "last_seen_at"
    ),
    "disruption_budgets": (
        "snapshot_id read_status namespace name uid labels created_at min_available max_unavailable selector "
        "selects_all_pods disruptions_allowed expected_pods blocking"
    ),
    "ingresses": (
        "snapshot_id read_status namespace name uid labels created_at ingress_class internal tls default_service "
        "default_service_port rules"
    ),
    "gateways": (
        "snapshot_id read_status namespace name uid labels created_at gateway_class addresses listeners programmed"
    ),
    "http_routes": "snapshot_id read_status namespace name uid labels created_at hostnames backends accepted",
    "network_policies": (
        "snapshot_id read_status namespace name uid labels created_at selects_all_pods policy_types ingress_rules "
        "egress_rules denies_all_ingress denies_all_egress admits_all_ingress admits_all_egress"
    ),
    "autoscalers": (
        "snapshot_id read_status namespace name uid labels created_at target_kind target_name min_replicas "
        "max_replicas current_replicas desired_replicas at_maximum scaling_limited scaling_limited_reason"
    ),
    "volume_claims": (
        "snapshot_id read_status namespace name uid labels created_at phase storage_class access_modes volume_name "
        "requested_bytes capacity_bytes"
    ),
    "volumes": (
        "snapshot_id read_status name uid labels created_at phase storage_class capacity_bytes unparsed_quantities "
        "claim_namespace claim_name reclaim_policy source csi_driver volume_handle zones"
    ),
    "storage_classes": (
        "snapshot_id read_status name uid labels created_at provisioner default_class volume_binding_mode "
        "allow_volume_expansion parameter_names"
    ),
    "csi_drivers": "snapshot_id read_status name uid labels created_at attach_required volume_lifecycle_modes",
    "objects": (
        "snapshot_id read_status namespace name uid labels created_at resource kind api_group api_version generation "
        "owner_kind owner_name owner_uid finalizers field_managers"
    ),
    "latest_snapshots": "snapshot_id status cluster_id cluster_status",
    "latest_collections": "snapshot_id outcome http_status reason objects unreadable unreadable_objects",
    "latest_runs": (
        "snapshot_id status projects projects_failed clusters clusters_complete clusters_partial clusters_failed "
        "objects"
    ),
    "coverage": "snapshot_id read_snapshot_id status outcome http_status reason objects rows_expired",
}
"""View -> the columns whose values the oracle checks, besides project, location and cluster."""


def judged(view: str) -> list[str]:
    """Of a kind that the oracle has no words for, what all objects have."""
    known = JUDGED.get(view, "snapshot_id read_status name uid labels created_at").split()
    known += ["full_resource_name"] if view in NAMED else []
    return known + (["labels_json"] if "labels" in known else [])


@pytest.mark.parametrize("view", VIEWS)
def test_each_changed_value_is_reported(played: Played, view: str) -> None:
    rows = played.seen.views[view]
    for column in ("project_id", "location", "cluster", *judged(view)):
        if view == "latest_runs" and column in ("project_id", "location", "cluster"):
            continue
        changed = [dict(rows[0]) | {column: _other(rows[0][column])}, *rows[1:]]
        wrong = judge(_with(played.seen, view, changed), played.knowledge, played.now)
        assert [one for one in wrong if one.startswith(f"{view}: ")], column


NEWEST = "(SELECT snapshot_id FROM {table} WHERE cluster IS NOT NULL LIMIT 1)"
LATEST = "(SELECT snapshot_id FROM latest_snapshots)"
FIRST_OF = "(SELECT min(rowid) FROM raw_{{table}} WHERE snapshot_id = {})"
OLDEST = "(SELECT snapshot_id FROM snapshots ORDER BY snapshot_time LIMIT 1)"


DELETED = f"DELETE FROM raw_{{table}} WHERE rowid = {FIRST_OF.format(NEWEST)}"
SOME = ("clusters", "pods", "collections")


@pytest.mark.parametrize(
    ("table", "sql", "message"),
    [
        *((table, DELETED, "has") for table in (*TABLES, "collections")),
        *((table, f"DELETE FROM raw_{{table}} WHERE rowid = {FIRST_OF.format(OLDEST)}", "has") for table in SOME),
        *(
            (
                table,
                f"INSERT INTO raw_{{table}} SELECT * FROM raw_{{table}} WHERE snapshot_id = {NEWEST} LIMIT 1",
                "has",
            )
            for table in SOME
        ),
        *(
            (table, f"UPDATE raw_{{table}} SET snapshot_id = 'nobody' WHERE snapshot_id = {NEWEST}", "has 0")
            for table in SOME
        ),
    ],
)
def test_each_change_of_a_table_is_reported(played: Played, tmp_path: Path, table: str, sql: str, message: str) -> None:
    wrong = judge(_after(played, tmp_path, sql.format(table=table)), played.knowledge, played.now)
    assert [one for one in wrong if one.startswith(f"{table}: attempt") and message in one]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            f"INSERT INTO raw_nodes SELECT * REPLACE ('x' AS uid) FROM raw_nodes WHERE snapshot_id IN {LATEST} LIMIT 1",
            "x is there",
        ),
        (
            "INSERT INTO raw_snapshots SELECT * REPLACE ('x' AS snapshot_id) FROM raw_snapshots LIMIT 1",
            "has 2 snapshots of",
        ),
        (f"DELETE FROM raw_snapshots WHERE snapshot_id = {OLDEST}", "was committed, but not its snapshot"),
        ("INSERT INTO raw_runs SELECT * FROM raw_runs LIMIT 1", "runs: attempt 1 was committed, and has 2 rows"),
        (
            "DELETE FROM raw_runs WHERE snapshot_time = (SELECT max(snapshot_time) FROM runs)",
            "latest_runs: 0 has attempt 1",
        ),
        (f"DELETE FROM raw_collections WHERE resource = 'pods' AND snapshot_id IN {LATEST}", "coverage: "),
        ("UPDATE raw_collections SET message = NULL WHERE outcome = 'forbidden'", "does not say why it is forbidden"),
        (
            "UPDATE raw_collections SET unreadable = [] WHERE outcome = 'partial'",
            "neither shown nor said to be unreadable",
        ),
        (
            "UPDATE raw_collections SET outcome = 'ok' WHERE outcome = 'forbidden' AND cluster IS NOT NULL",
            "as if it were deleted",
        ),
        ("UPDATE raw_collections SET listed_clusters = [] WHERE cluster IS NULL", "has listed_clusters []"),
    ],
)
def test_each_forgery_is_reported(played: Played, tmp_path: Path, sql: str, message: str) -> None:
    wrong = judge(_after(played, tmp_path, sql), played.knowledge, played.now)
    assert [one for one in wrong if message in one]


@pytest.mark.parametrize(
    ("view", "sql", "message"),
    [
        (
            "pods",
            "SELECT t.*, 'ok' AS read_status FROM raw_pods AS t JOIN latest_snapshots USING (snapshot_id)",
            "pods: {of} is not there",
        ),
        (
            "pods",
            "SELECT t.*, 'ok' AS read_status FROM raw_pods AS t JOIN snapshots USING (snapshot_id)",
            "pods {of} is shown, and was not there when they were read",
        ),
        (
            "namespaces",
            "SELECT *, 'ok' AS read_status FROM raw_namespaces",
            "is there 2 times",
        ),
    ],
    ids=["nothing carried forward", "deleted ones too", "of all time"],
)
def test_a_wrong_view_is_reported(played: Played, tmp_path: Path, view: str, sql: str, message: str) -> None:
    wrong = judge(_after(played, tmp_path, f"CREATE OR REPLACE VIEW {view} AS {sql}"), played.knowledge, played.now)
    head, _, tail = message.partition("{of}")
    assert [one for one in wrong if head in one and tail in one]


def test_an_object_that_looks_deleted_is_reported_without_the_model_too(played: Played) -> None:
    read = [row for row in played.seen.views["coverage"] if row["status"] in ("ok", "partial")]
    asked = {(row["snapshot_id"], row["resource"]) for row in read}
    for view in ("objects", *(table for table in UID_TABLES if table != "pods")):
        for row in played.seen.views[view]:
            if (row["snapshot_id"], row.get("resource") or OWN_TABLES[view]) not in asked:
                continue
            others = [one for one in played.seen.views[view] if one is not row]
            wrong = list(lies(_with(played.seen, view, others), played.knowledge, played.now))
            messages = ("not shown: as if it were deleted", "neither shown nor said to be unreadable")
            assert [one for one in wrong if row["name"] in one and one.endswith(messages)], row


def _with(seen: Seen, view: str, rows: list[Object]) -> Seen:
    return replace(seen, views={**seen.views, view: rows})


def _after(played: Played, directory: Path, *statements: str) -> Seen:
    """What a copy of the database shows after these statements."""
    copy = DuckDB(shutil.copy(played.database, directory / "changed.duckdb"))
    with duckdb.connect(str(copy.path)) as connection:
        connection.execute("LOAD icu; SET TimeZone = 'UTC'")
        for statement in statements:
            connection.execute(statement)
    return copy.seen()


def _other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [{"key": "other", "value": "other"}] if not value or isinstance(value[0], dict) else ["other"]
    return value.replace(year=1999) if hasattr(value, "year") else "other"
