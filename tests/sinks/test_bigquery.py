"""BigQuery as a sink, with the real client over sockets: made as declared, loaded once, committed last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery
from warehouse import Read, publish, rows, run_of

from job.errors import QueryError, SinkError
from job.schema import SCHEMA_VERSION
from job.simulator import Simulator
from job.sinks.bigquery import BigQuerySink
from job.sinks.protocol import TaskResult
from job.tables import TABLES
from job.views import views

PODS = "SELECT cluster, name FROM latest_pods ORDER BY 1, 2"
UPLOAD = "/upload/*"


Open = Callable[..., BigQuerySink]


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(simulator: Simulator) -> Iterator[None]:
    yield
    control(simulator, "DELETE", "faults")


def control(simulator: Simulator, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    url = f"{simulator.bigquery_endpoint}/_control/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def requests_since(simulator: Simulator, before: int) -> list[tuple[str, str]]:
    told = control(simulator, "GET", "requests")[before:]
    return [(request["method"], request["path"].partition("/projects/")[2].partition("/")[2]) for request in told]


def client(sink: BigQuerySink) -> bigquery.Client:
    return sink._client


def test_everything_is_made_as_declared_and_then_left_alone(open_sink: Open, simulator: Simulator) -> None:
    open_sink().prepare()
    made = client(open_sink())
    tables = {table.table_id: table for table in made.list_tables(open_sink().name)}
    assert set(tables) == {*TABLES, *(view.name for view in views())}
    pods = made.get_table(f"{open_sink().name}.pods")
    assert pods.time_partitioning.field == "snapshot_time"
    assert pods.clustering_fields == ["project_id", "cluster", "namespace", "name"]
    assert pods.description == TABLES["pods"].description
    assert all(field.description for field in pods.schema)
    assert [field.name for field in pods.schema if field.mode == "REQUIRED"] == ["snapshot_id", "snapshot_time"]
    before = len(control(simulator, "GET", "requests"))
    open_sink().prepare()
    dataset = open_sink().name.rpartition(".")[2]
    assert requests_since(simulator, before) == [("GET", f"datasets/{dataset}"), ("GET", f"datasets/{dataset}/tables")]
    assert open_sink().changes() == []


def test_labels_expiry_and_the_filter_are_options_that_apply_changes(open_sink: Open) -> None:
    open_sink().apply()
    wanted = {"partition_expiration_days": 30, "require_partition_filter": False, "labels": {"team": "platform"}}
    changed = open_sink(**wanted).apply()
    assert {change.action for change in changed} >= {"expire partitions", "label"}
    pods = client(open_sink()).get_table(f"{open_sink().name}.pods")
    assert pods.time_partitioning.expiration_ms == 30 * 86_400_000
    assert pods.labels["team"] == "platform"
    assert open_sink(**wanted).changes() == []


def test_views_work_where_queries_must_name_days_and_look_as_far_back_as_they_are_told(open_sink: Open) -> None:
    bounded = {"require_partition_filter": True, "views_days": 7}
    sink = open_sink(**bounded)
    sink.apply()
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))  # long ago
    with pytest.raises(QueryError, match="partition"):
        rows(sink, "SELECT name FROM pods")
    for view in views():
        sink.query(f"SELECT * FROM {view.name}")
    assert rows(sink, PODS) == []
    told = "SELECT status, outcome FROM coverage WHERE cluster = 'a' AND resource = 'pods'"
    assert rows(sink, told) == [("ok", "ok")]
    unbounded = open_sink(require_partition_filter=True)
    assert {change.action for change in unbounded.apply()} == {"label", "replace view"}
    assert rows(unbounded, PODS) == [("a", "p1")]


def test_a_table_of_an_older_version_gets_what_it_lacks_and_keeps_its_rows(open_sink: Open) -> None:
    sink = open_sink()
    sink.apply()
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    warehouse = client(sink)
    name = f"{sink.name}.namespaces"
    schema = warehouse.get_table(name).schema
    warehouse.delete_table(name)
    older = bigquery.Table(name, schema=[field for field in schema if field.name not in ("phase", "labels")])
    older.time_partitioning = bigquery.TimePartitioning(field="snapshot_time")
    older.clustering_fields = ["project_id", "cluster", "name"]
    warehouse.create_table(older)
    changes = [(change.action, change.name) for change in open_sink().changes()]
    assert ("add column", "namespaces.phase") in changes
    assert ("add column", "namespaces.labels") in changes
    open_sink().prepare()
    assert open_sink().changes() == []
    publish(open_sink(), run_of(2, Read("a", ["x", "y"], ["p2"])))
    assert rows(sink, "SELECT name FROM latest_namespaces ORDER BY 1") == [("x",), ("y",)]


def test_tasks_that_start_at_once_evolve_the_tables_together(open_sink: Open) -> None:
    open_sink().apply()
    newer = {"labels": {"team": "platform"}}
    with ThreadPoolExecutor(6) as tasks:
        for made in [tasks.submit(open_sink(**newer).prepare) for _ in range(6)]:
            made.result()
    assert open_sink(**newer).changes() == []


def test_a_change_that_loses_something_is_refused_with_its_statement(open_sink: Open) -> None:
    sink = open_sink()
    sink.apply()
    warehouse, name = client(sink), f"{sink.name}.namespaces"
    schema = warehouse.get_table(name).schema
    warehouse.delete_table(name)
    wrong = bigquery.SchemaField("phase", "INT64")
    table = bigquery.Table(name, schema=[field if field.name != "phase" else wrong for field in schema])
    table.time_partitioning = bigquery.TimePartitioning(field="snapshot_time")
    warehouse.create_table(table)
    with pytest.raises(SinkError, match=r"namespaces\.phase .*change type.*ALTER TABLE `shop-prod\.d_.*RENAME COLUMN"):
        open_sink().prepare()
    assert {field.field_type for field in warehouse.get_table(name).schema if field.name == "phase"} == {"INTEGER"}
    assert [change.name for change in open_sink().changes() if not change.additive] == ["namespaces.phase"]


def test_tables_of_a_newer_version_are_left_alone(open_sink: Open) -> None:
    open_sink().apply()
    warehouse = client(open_sink())
    table = warehouse.get_table(f"{open_sink().name}.pods")
    table.labels = {**table.labels, "gke_inventory_schema": str(SCHEMA_VERSION + 1)}
    warehouse.update_table(table, ["labels"])
    for sink in (open_sink(), open_sink(labels={"team": "platform"})):
        with pytest.raises(SinkError, match=r"a newer gke-inventory has made its tables.*upgrade"):
            sink.prepare()


def test_the_query_for_weights_is_counted_once_and_bounded(open_sink: Open) -> None:
    first, second = open_sink(), open_sink()
    publish_into(first, run_of(1, Read("a", ["x"], ["p1"])))
    assert first.cluster_weights("r") == second.cluster_weights("r") != {}
    assert (first.bytes_billed, second.bytes_billed) == (3 * 10 << 20, 0)  # three tables, for the least that is billed
    for bounded in (open_sink(maximum_bytes_billed=1), open_sink()):  # of one run, all tasks are told the same
        assert bounded.cluster_weights("too dear") == {}
        assert bounded.bytes_billed == 0


def test_another_location_is_refused_with_the_right_one(open_sink: Open) -> None:
    open_sink("EU").apply()
    with pytest.raises(SinkError, match=r"is in EU, not in US; write \?location=EU"):
        open_sink("US").prepare()
    publish_into(open_sink(None), run_of(1, Read("a", ["x"], ["p1"])))  # without one, the dataset's own
    assert rows(open_sink(None), PODS) == [("a", "p1")]


def publish_into(sink: BigQuerySink, run: Any, **options: Any) -> bool:
    sink.prepare()
    return publish(sink, run, **options)


def test_the_marker_is_loaded_after_all_else_and_the_runs_row_before_it(open_sink: Open, simulator: Simulator) -> None:
    publish_into(open_sink(), run_of(1, Read("a", ["x"], ["p1"])))
    jobs = [job for job in client(open_sink()).list_jobs() if isinstance(job, bigquery.LoadJob)]
    ours = [job for job in jobs if job.destination.dataset_id == open_sink().name.partition(".")[2]]
    into = [job.destination.table_id for job in sorted(ours, key=lambda job: job.created)]
    assert into[-2:] == ["runs", "snapshots"]
    assert sorted(into) == sorted({"collections", "namespaces", "pods", "runs", "snapshots"})


FAULTS = [
    {"kind": "answer_lost", "path": UPLOAD},
    {"kind": "cut_upload", "path": UPLOAD},
    {"kind": "job_fails", "path": UPLOAD},
    {"kind": "status", "code": 503, "path": UPLOAD, "method": "POST"},
    {"kind": "status", "code": 403, "reason": "rateLimitExceeded", "path": UPLOAD, "method": "POST"},
    {"kind": "status", "code": 500, "path": "*/jobs/*", "method": "GET"},
]


@pytest.mark.parametrize("table", ["pods", "snapshots"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}-{fault.get('code', '')}")
def test_nothing_is_loaded_twice_or_lost_whatever_becomes_of_the_answers(
    open_sink: Open, simulator: Simulator, fault: dict[str, Any], table: str
) -> None:
    open_sink().apply()
    only = {"table": table} if fault["kind"] in ("answer_lost", "cut_upload", "job_fails") else {}
    control(simulator, "POST", "faults", [fault | only | {"times": 2 if fault["kind"] == "job_fails" else 1}])
    assert publish_into(open_sink(), run_of(1, Read("a", ["x"], ["p1", "p2"])))
    assert rows(open_sink(), PODS) == [("a", "p1"), ("a", "p2")]
    counts = "SELECT (SELECT COUNT(*) FROM pods), (SELECT COUNT(*) FROM snapshots), (SELECT COUNT(*) FROM runs)"
    assert rows(open_sink(), counts) == [(2, 1, 1)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "code": 403, "reason": "quotaExceeded"}, "injected by the simulator"),
        ({"kind": "status", "code": 403, "reason": "accessDenied"}, "grant roles/bigquery.dataEditor"),
        ({"kind": "job_fails", "table": "pods", "times": None}, "load job .* failed: backendError"),
        ({"kind": "job_fails", "table": "snapshots", "times": None}, "load job .* failed: backendError"),
    ],
)
def test_a_load_that_fails_for_good_leaves_nothing_visible(
    open_sink: Open, simulator: Simulator, fault: dict[str, Any], words: str
) -> None:
    publish_into(open_sink(), run_of(1, Read("a", ["x"], ["p1"])))
    control(simulator, "POST", "faults", [{"path": UPLOAD, "times": None} | fault])
    with pytest.raises(SinkError, match=words):
        publish(open_sink(), run_of(2, Read("a", ["x"], ["p2"])))
    control(simulator, "DELETE", "faults")
    assert rows(open_sink(), PODS) == [("a", "p1")]
    assert open_sink().committed_result("run-2", 0) is None


def test_an_attempt_repeated_by_another_process_is_committed_once(open_sink: Open) -> None:
    assert publish_into(open_sink(), run_of(1, Read("a", ["x"], ["p1"])), run_id="execution")
    assert open_sink().committed_result("execution", 0) == TaskResult(complete=True, acceptable=True)
    again = run_of(1, Read("a", ["x"], ["p1", "p2"]), prefix="again-")
    assert not publish_into(open_sink(), again, run_id="execution")
    assert rows(open_sink(), PODS) == [("a", "p1")]
    assert rows(open_sink(), "SELECT COUNT(*) FROM snapshots") == [(1,)]


def test_rows_of_an_attempt_that_failed_are_not_taken_for_those_of_the_next(
    open_sink: Open, simulator: Simulator
) -> None:
    open_sink().apply()
    control(simulator, "POST", "faults", [{"kind": "job_fails", "table": "snapshots", "path": UPLOAD, "times": None}])
    with pytest.raises(SinkError):
        publish(open_sink(), run_of(1, Read("a", ["x"], ["p1"]), prefix="first-"), run_id="execution")
    control(simulator, "DELETE", "faults")
    assert rows(open_sink(), PODS) == []
    assert publish_into(open_sink(), run_of(1, Read("a", ["x"], ["p2"])), run_id="execution")
    assert rows(open_sink(), PODS) == [("a", "p2")]
    assert rows(open_sink(), "SELECT COUNT(*) FROM pods") == [(2,)]


def test_a_run_without_clusters_is_committed_by_its_own_row(open_sink: Open) -> None:
    publish_into(open_sink(), run_of(1, Read("a", ["x"], ["p1"])))
    publish_into(open_sink(), run_of(2))
    assert rows(open_sink(), PODS) == []
    assert open_sink().committed_result("run-2", 0) == TaskResult(complete=True, acceptable=True)


def test_a_signal_while_the_marker_is_loaded_does_not_say_that_nothing_was_written(
    open_sink: Open, simulator: Simulator, tmp_path: Path
) -> None:
    sink = open_sink()
    keys = {**simulator.configuration, "sink": f"bigquery://{sink.name}?location=EU"}
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    control(simulator, "POST", "faults", [{"kind": "slow_job", "table": "snapshots", "seconds": 4}])
    process = subprocess.Popen(
        [sys.executable, "-m", "job.cli", "run", "-q", "--config", str(tmp_path / "c.yaml")],
        env=os.environ | simulator.environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    into = f"*{sink.name.partition('.')[2]}-*-commit-*"
    while not any(fnmatch(job.job_id, into) for job in client(sink).list_jobs()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    control(simulator, "DELETE", "faults")
    assert process.returncode == 143
    assert "the commit had started" in told
    for _ in range(100):
        if rows(sink, "SELECT COUNT(*) FROM latest_snapshots") == [(1,)]:
            return
        time.sleep(0.1)
    raise AssertionError("the job that was accepted has not run")
