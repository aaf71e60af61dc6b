"""BigQuery as a sink, with the real client over sockets: made as declared, loaded once, committed last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery
from google.cloud.bigquery.table import PrimaryKey, TableConstraints
from replay import Replay
from sinks.conftest import OnBigQuery, Open
from sinks.impatient import Impatient
from warehouse import COMPLETE, Attempt, Read, pod, publish, rows, run_of

from job.config import BigQuery
from job.errors import Interrupted, QueryError, SinkError
from job.schema import raw_description
from job.signals import Stop
from job.simulator.bigquery.control import Control
from job.sinks.bigquery import BigQuerySink, overlap
from job.sinks.bigquery.loads import Load, Loads
from job.sinks.bigquery.marks import MADE
from job.sinks.bigquery.tables import Tables
from job.tables import LEDGER, TABLES, KeyValue, Run, raw
from job.views import views
from job.views.recent import RECENT
from job.views.row_columns import LabelColumn

PODS = "SELECT cluster, name FROM pods ORDER BY 1, 2"
UPLOAD = "/upload/*"
PART_OF = (KeyValue(key="app.kubernetes.io/part-of", value="shop"),)


def requests_since(control: Control, before: int) -> list[tuple[str, str]]:
    sent = control.requests()[before:]
    return [(request["method"], request["path"].partition("/projects/")[2].partition("/")[2]) for request in sent]


def client(sink: BigQuerySink) -> bigquery.Client:
    return sink._client


def test_everything_is_made_as_declared_and_then_left_alone(open_sink: Open, control: Control) -> None:
    open_sink().prepare()
    made = client(open_sink())
    tables = {table.table_id: table for table in made.list_tables(open_sink().name)}
    assert set(tables) == {*map(raw, TABLES), *RECENT, *(view.name for view in views())}
    pods = made.get_table(f"{open_sink().name}.raw_pods")
    assert pods.time_partitioning.field == "snapshot_time"
    assert pods.clustering_fields == ["project_id", "cluster", "namespace", "name"]
    assert pods.description == raw_description("pods")
    assert all(field.description for field in pods.schema)
    assert pods.table_constraints == TableConstraints(PrimaryKey(["snapshot_id", "namespace", "name", "uid"]), None)
    assert made.get_dataset(open_sink().name).storage_billing_model == "PHYSICAL"
    assert [field.name for field in pods.schema if field.mode == "REQUIRED"] == ["snapshot_id", "snapshot_time"]
    before = len(control.requests())
    open_sink().prepare()
    dataset = open_sink().name.rpartition(".")[2]
    assert requests_since(control, before) == [
        ("GET", f"datasets/{dataset}"), ("GET", f"datasets/{dataset}/tables"), ("GET", f"datasets/{dataset}/routines"),
    ]  # fmt: skip


@pytest.mark.exhaustive
def test_labels_expiry_the_filter_and_columns_are_options_that_apply_changes(open_made: Open) -> None:
    assert open_made().changes() == []
    wanted = {"partition_expiration_days": 30, "require_partition_filter": False, "labels": {"team": "platform"}}
    wanted |= {"columns": (LabelColumn("team", ("app.kubernetes.io/part-of",), ("example.com/owner",)),)}
    changed = open_made(**wanted).apply()
    assert {change.action for change in changed} >= {"expire partitions", "label"}
    pods = client(open_made()).get_table(f"{open_made().name}.raw_pods")
    assert pods.time_partitioning.expiration_ms == 30 * 86_400_000
    assert pods.labels["team"] == "platform"
    assert open_made(**wanted).changes() == []
    (team,) = (
        field for field in client(open_made()).get_table(f"{open_made().name}.pods").schema if field.name == "team"
    )
    assert "`app.kubernetes.io/part-of`" in team.description
    read = Read("a", ["x"], [pod("p1", labels=PART_OF), "p2"])
    publish(open_made(**wanted), run_of(1, read, by=Attempt(time=datetime.now(UTC))))
    for shown in ("pods", "pods_history", "pods_as_of(CURRENT_TIMESTAMP())"):
        assert rows(open_made(), f"SELECT name, team FROM {shown} ORDER BY 1") == [("p1", "shop"), ("p2", None)]


@pytest.mark.parametrize(
    ("options", "rows_by", "ledger_by"),
    [
        ({}, ("DAY", None), ("DAY", None)),
        ({"partition_expiration_days": 30}, ("HOUR", 30), ("DAY", None)),
        ({"partition_expiration_days": 30, "ledger_expiration_days": 400}, ("HOUR", 30), ("HOUR", 400)),
        ({"partition_expiration_days": 30, "partition_by": "month"}, ("MONTH", 30), ("MONTH", None)),
        ({"partition_expiration_days": 500}, ("DAY", 500), ("DAY", None)),
    ],
)
def test_rows_and_the_ledger_have_their_own_expiry_and_hours_where_these_are_few(
    options: dict[str, Any], rows_by: tuple[str, int | None], ledger_by: tuple[str, int | None]
) -> None:
    tables = Tables(None, "shop-prod.d", BigQuery(**options))  # type: ignore[arg-type]  # asks it nothing
    for table in TABLES:
        declared = tables._declared(table).time_partitioning
        days = declared.expiration_ms and int(declared.expiration_ms) // 86_400_000
        assert (declared.type_, days) == (ledger_by if table in LEDGER else rows_by), table


@pytest.mark.exhaustive
def test_partitions_stay_as_they_are_unless_the_configuration_names_others(open_made: Open) -> None:
    by_default = open_made(partition_expiration_days=30)
    assert "change partitioning" not in {change.action for change in by_default.apply()}
    assert by_default.changes() == []
    pods = client(by_default).get_table(f"{by_default.name}.raw_pods").time_partitioning
    assert (pods.type_, int(pods.expiration_ms)) == ("DAY", 30 * 86_400_000)
    named = open_made(partition_expiration_days=30, partition_by="hour")
    with pytest.raises(SinkError, match=r"(?s)change partitioning.*TIMESTAMP_TRUNC\(snapshot_time, HOUR\)"):
        named.prepare()


@pytest.mark.exhaustive
def test_what_the_configuration_no_longer_has_is_taken_away(open_made: Open) -> None:
    configured = {"partition_expiration_days": 30, "labels": {"team": "platform", "env": "test"}}
    open_made(**configured).apply()
    warehouse, name = client(open_made()), open_made().name
    for table in ("raw_pods", "images"):
        theirs = warehouse.get_table(f"{name}.{table}")
        theirs.labels = {**theirs.labels, "scanned": "yes"}
        warehouse.update_table(theirs, ["labels"])
    changed = {change.action for change in open_made(labels={"team": "web"}).changes()}
    assert changed >= {"expire partitions", "label"}
    open_made(labels={"team": "web"}).apply()
    for table in ("raw_pods", "images"):
        labels = {
            key: value
            for key, value in warehouse.get_table(f"{name}.{table}").labels.items()
            if not key.startswith("gke_inventory")
        }
        assert labels == {"team": "web", "scanned": "yes"}
    assert warehouse.get_table(f"{name}.raw_pods").time_partitioning.expiration_ms is None
    assert open_made(labels={"team": "web"}).changes() == []


@pytest.mark.exhaustive
def test_defaults_of_a_dataset_expire_nothing_of_ours(open_sink: Open) -> None:
    warehouse = client(open_sink())
    dataset = bigquery.Dataset(open_sink().name)
    dataset.location = "EU"
    dataset.default_table_expiration_ms, dataset.default_partition_expiration_ms = 3_600_000, 7_200_000
    made = warehouse.create_dataset(dataset)
    open_sink().apply()
    for item in warehouse.list_tables(dataset):
        found = warehouse.get_table(item.reference)
        assert found.expires is None, found.table_id
        assert found.table_type == "VIEW" or found.time_partitioning.expiration_ms is None, found.table_id
    assert warehouse.get_dataset(dataset.reference).to_api_repr() == made.to_api_repr()
    assert open_sink().changes() == []


def test_expirations_and_keys_that_somebody_set_are_found_and_set_right(open_made: Open) -> None:
    warehouse, name = client(open_made()), open_made().name
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for table in ("raw_pods", "images"):
        found = warehouse.get_table(f"{name}.{table}")
        found.expires = tomorrow
        warehouse.update_table(found, ["expires"])
    nodes = warehouse.get_table(f"{name}.raw_nodes")
    nodes.time_partitioning = bigquery.TimePartitioning(field="snapshot_time", expiration_ms=86_400_000)
    nodes.table_constraints = TableConstraints(PrimaryKey(["uid"]), None)
    nodes.labels = {**nodes.labels, "gke_inventory_digest": "older"}
    warehouse.update_table(nodes, ["time_partitioning", "table_constraints", "labels"])
    theirs = warehouse.get_dataset(name)
    theirs.storage_billing_model = "LOGICAL"
    warehouse.update_dataset(theirs, ["storage_billing_model"])
    left = {(change.action, change.name) for change in open_made().changes()}
    assert left >= {("keep", "raw_pods"), ("expire partitions", "raw_nodes"), ("declare key", "raw_nodes")}
    assert left >= {("bill storage", name), ("replace view", "images")}
    open_made().apply()
    assert [warehouse.get_table(f"{name}.{table}").expires for table in ("raw_pods", "images")] == [None, None]
    made = warehouse.get_table(f"{name}.raw_nodes")
    assert made.time_partitioning.expiration_ms is None
    assert made.table_constraints.primary_key == PrimaryKey(["snapshot_id", "name", "uid"])
    (billing,) = open_made().changes()  # BigQuery allows a change every 14 days, so a person decides
    assert billing.statement.endswith(f'ALTER SCHEMA `{name}` SET OPTIONS (storage_billing_model = "PHYSICAL");')
    assert open_made(storage_billing_model="logical").prepare() is None
    assert open_made(storage_billing_model="logical").changes() == []
    assert warehouse.get_dataset(name).storage_billing_model == "LOGICAL"


@pytest.mark.exhaustive
def test_a_digest_is_written_only_once_the_answer_is_what_was_declared(
    open_sink: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_sink(partition_expiration_days=30).apply()
    update = bigquery.Client.update_table

    def ignorant(self: bigquery.Client, table: bigquery.Table, fields: list[str], **options: Any) -> bigquery.Table:
        return update(self, table, [field for field in fields if field != "time_partitioning"], **options)

    with monkeypatch.context() as patched:
        patched.setattr(bigquery.Client, "update_table", ignorant)
        open_sink().apply()
    assert "schema not applied" in capsys.readouterr().err
    left = open_sink().changes()
    assert {change.action for change in left} == {"expire partitions", "label"}
    assert {change.name for change in left} == {raw(table) for table in TABLES if table not in LEDGER}
    open_sink().apply()
    assert open_sink().changes() == []


@pytest.mark.exhaustive
def test_views_work_where_queries_must_name_days(open_sink: Open) -> None:
    sink = open_sink(require_partition_filter=True)
    sink.apply()
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))  # long ago
    with pytest.raises(QueryError, match="partition"):
        rows(sink, "SELECT name FROM raw_pods")
    for name in (*RECENT, *(view.name for view in views())):
        sink.query(f"SELECT * FROM {name}")
    assert rows(sink, PODS) == [("a", "p1")]
    wider = open_sink()
    assert {change.name for change in wider.apply() if change.action == "replace view"} >= {"pods_history"}
    assert rows(wider, PODS) == [("a", "p1")]


def test_a_table_of_an_older_version_gets_its_new_columns_and_keeps_its_rows(open_made: Open) -> None:
    sink = open_made()
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    warehouse = client(sink)
    name = f"{sink.name}.raw_namespaces"
    schema = warehouse.get_table(name).schema
    warehouse.delete_table(name)
    older = bigquery.Table(name, schema=[field for field in schema if field.name not in ("phase", "labels")])
    older.time_partitioning = bigquery.TimePartitioning(field="snapshot_time")
    older.clustering_fields = ["project_id", "cluster", "name"]
    older.labels = MADE
    warehouse.create_table(older)
    changes = [(change.action, change.name) for change in open_made().changes()]
    assert ("add column", "raw_namespaces.phase") in changes
    assert ("add column", "raw_namespaces.labels") in changes
    open_made().prepare()
    assert open_made().changes() == []
    publish(open_made(), run_of(2, Read("a", ["x", "y"], ["p2"])))
    assert rows(sink, "SELECT name FROM namespaces ORDER BY 1") == [("x",), ("y",)]


@pytest.mark.exhaustive
def test_tasks_that_start_at_once_evolve_the_tables_together(open_made: Open) -> None:
    newer = {"labels": {"team": "platform"}}
    with ThreadPoolExecutor(3) as tasks:
        for made in [tasks.submit(open_made(**newer).prepare) for _ in range(3)]:
            made.result()
    assert open_made(**newer).changes() == []


def test_a_change_that_loses_data_is_refused_with_its_statement(open_made: Open) -> None:
    sink = open_made()
    warehouse, name = client(sink), f"{sink.name}.raw_namespaces"
    schema = warehouse.get_table(name).schema
    warehouse.delete_table(name)
    wrong = bigquery.SchemaField("phase", "INT64")
    table = bigquery.Table(name, schema=[field if field.name != "phase" else wrong for field in schema])
    table.time_partitioning = bigquery.TimePartitioning(field="snapshot_time")
    table.labels = MADE
    warehouse.create_table(table)
    with pytest.raises(SinkError, match=r"namespaces\.phase .*change type.*ALTER TABLE `shop-prod\.d_.*RENAME COLUMN"):
        open_made().prepare()
    assert {field.field_type for field in warehouse.get_table(name).schema if field.name == "phase"} == {"INTEGER"}
    assert [change.name for change in open_made().changes() if not change.additive] == ["raw_namespaces.phase"]


def test_another_location_is_refused_with_the_right_one(open_made: Open) -> None:
    with pytest.raises(SinkError, match=r"is in EU, not in US; write \?location=EU"):
        open_made("US").prepare()
    without = open_made(None)
    without.prepare()
    publish(without, run_of(1, Read("a", ["x"], ["p1"])))  # in the dataset's own location
    assert rows(open_made(), PODS) == [("a", "p1")]


def test_the_query_for_weights_is_counted_once_and_bounded(on_bigquery: OnBigQuery) -> None:
    on_bigquery.publish("before", run_of(1, Read("a", ["x"], ["p1"])))
    first, second = on_bigquery.open(), on_bigquery.open()
    run_id = on_bigquery.run_id("r")
    assert first.cluster_weights(run_id) == second.cluster_weights(run_id) != {}
    assert (first.bytes_billed, second.bytes_billed) == (3 * 10 << 20, 0)  # three tables, for the least that is billed
    for bounded in (on_bigquery.open(maximum_bytes_billed=1), on_bigquery.open()):  # all tasks of a run get the same
        assert bounded.cluster_weights(on_bigquery.run_id("too dear")) == {}
        assert bounded.bytes_billed == 0


def test_the_marker_is_loaded_after_all_else(on_bigquery: OnBigQuery) -> None:
    assert on_bigquery.publish("r", run_of(1, Read("a", ["x"], ["p1"])))
    jobs = [job for job in client(on_bigquery.open()).list_jobs() if on_bigquery.run_id("r") in job.job_id]
    into = [job.destination.table_id for job in sorted(jobs, key=lambda job: job.created)]
    assert into[-1] == "raw_runs"
    assert sorted(into) == sorted({"raw_collections", "raw_namespaces", "raw_pods", "raw_runs", "raw_snapshots"})


FAULTS = [
    {"kind": "answer_lost", "path": UPLOAD},
    {"kind": "cut_upload", "path": UPLOAD},
    {"kind": "job_fails", "path": UPLOAD, "times": 2},
    {"kind": "job_fails", "path": UPLOAD, "times": 2, "reason": "jobRateLimitExceeded"},
    {"kind": "status", "code": 503, "path": UPLOAD, "method": "POST"},
    {"kind": "status", "code": 403, "reason": "rateLimitExceeded", "path": UPLOAD, "method": "POST"},
    {"kind": "status", "code": 500, "path": "*/jobs/*", "method": "GET"},
]


@pytest.mark.parametrize("table", [pytest.param("raw_pods", marks=pytest.mark.exhaustive), "raw_runs"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}-{fault.get('code', '')}")
def test_nothing_is_loaded_twice_or_lost_if_answers_are_lost_or_jobs_fail(
    on_bigquery: OnBigQuery, control: Control, fault: dict[str, Any], table: str
) -> None:
    only = {} if fault["kind"] == "status" else {"table": table}
    control.fault(**fault | only)
    assert on_bigquery.publish("r", run_of(1, Read("a", ["x"], ["p1", "p2"])))
    assert on_bigquery.rows(PODS) == [("a", "p1"), ("a", "p2")]
    counts = "SELECT (SELECT COUNT(*) FROM raw_pods), (SELECT COUNT(*) FROM snapshots), (SELECT COUNT(*) FROM runs)"
    assert on_bigquery.rows(counts) == [(2, 1, 1)]


@pytest.mark.parametrize("table", [pytest.param("raw_pods", marks=pytest.mark.exhaustive), "raw_runs"])
@pytest.mark.parametrize("reason", ["backendError", "rateLimitExceeded"])
def test_a_failed_job_is_repeated_with_the_waits_that_bigquery_asks_for(
    on_bigquery: OnBigQuery, control: Control, reason: str, table: str
) -> None:
    control.fault("job_fails", table=table, reason=reason, times=None)
    stop = Impatient()
    with pytest.raises(SinkError, match=rf"load job .* failed: {reason}"):
        publish(on_bigquery.open(stop=stop), run_of(1, Read("a", ["x"], ["p1"])), run_id=on_bigquery.run_id("r"))
    for pause, asked in zip(stop.pauses, (1, 2, 4, 8, 16, 32, 32), strict=False):
        assert asked <= pause <= 1.25 * asked
    assert 100 - 1.25 * 32 <= sum(stop.pauses) <= 100  # of the sink's 100 seconds


@pytest.mark.parametrize(
    "fault",
    [{"kind": "job_fails", "table": "raw_pods"}, {"kind": "status", "code": 403, "reason": "rateLimitExceeded"}],
    ids=lambda fault: fault["kind"],
)
def test_a_stop_ends_the_wait_before_a_retry(on_bigquery: OnBigQuery, control: Control, fault: dict[str, Any]) -> None:
    control.fault(**fault | {"path": UPLOAD, "times": None})
    stop = Stop()
    stop.set()
    with pytest.raises(Interrupted):
        publish(on_bigquery.open(stop=stop), run_of(1, Read("a", ["x"], ["p1"])), run_id=on_bigquery.run_id("r"))
    assert not stop.commit_started


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "code": 403, "reason": "quotaExceeded"}, "injected by the simulator"),
        ({"kind": "status", "code": 403, "reason": "accessDenied"}, "grant roles/bigquery.dataEditor"),
        ({"kind": "job_fails", "table": "raw_pods"}, "load job .* failed: backendError"),
        ({"kind": "job_fails", "table": "raw_runs"}, "load job .* failed: backendError"),
    ],
)
def test_a_load_that_fails_for_good_leaves_nothing_visible(
    on_bigquery: OnBigQuery, control: Control, fault: dict[str, Any], words: str
) -> None:
    on_bigquery.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
    control.fault(**{"path": UPLOAD, "times": None} | fault)
    with pytest.raises(SinkError, match=rf": the run was not committed: .*{words}"):
        on_bigquery.publish("second", run_of(2, Read("a", ["x"], ["p2"])))
    control.clear()
    assert on_bigquery.rows(PODS) == [("a", "p1")]
    assert on_bigquery.open().committed_result(on_bigquery.run_id("second"), 0) is None


def test_a_marker_that_may_yet_be_loaded_is_not_called_a_failure(on_bigquery: OnBigQuery, control: Control) -> None:
    control.fault("slow_job", table="raw_runs", path=UPLOAD, seconds=15)
    sink, run_id = on_bigquery.open(stop=Stop()), on_bigquery.run_id("r")
    sink._timeout_seconds = 5
    with pytest.raises(SinkError, match=r"not known whether the run was committed .*still RUNNING"):
        publish(sink, run_of(1, Read("a", ["x"], ["p1"])), run_id=run_id)
    assert on_bigquery.open().committed_result(run_id, 0) == COMPLETE  # waits for the job


def test_a_marker_that_was_loaded_is_a_commit_whatever_came_between(
    on_bigquery: OnBigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Loads.commit

    def lost(loads: Loads, marker: Load) -> bool:
        load(loads, marker)
        raise SinkError("the connection was lost, and time is up")

    monkeypatch.setattr(Loads, "commit", lost)
    assert on_bigquery.publish("r", run_of(1, Read("a", ["x"], ["p1"])))
    assert on_bigquery.rows(PODS) == [("a", "p1")]
    assert not on_bigquery.publish("r", run_of(2, Read("a", ["x"], ["p2"])))  # by then another attempt has committed
    assert on_bigquery.rows(PODS) == [("a", "p1")]


@pytest.mark.parametrize("exclusive", [True, False])
def test_of_two_runs_that_start_together_one_sees_the_other(
    open_made: Open, monkeypatch: pytest.MonkeyPatch, exclusive: bool
) -> None:
    both_have_read = threading.Barrier(2)
    mark = overlap.mark
    waited = threading.local()

    def mark_together(*arguments: Any) -> Any:
        if not getattr(waited, "once", False):
            waited.once = True
            both_have_read.wait(30)
        return mark(*arguments)

    monkeypatch.setattr(overlap, "mark", mark_together)
    decided = threading.Barrier(2)

    def other_of(run_id: str) -> str | None:
        with open_made().running(run_id, 1, exclusive=exclusive) as other:
            decided.wait(30)
            return other

    with ThreadPoolExecutor(2) as pool:
        others = dict(zip(("one", "two"), pool.map(other_of, ("one", "two")), strict=True))
    assert others in ({"one": None, "two": "one"}, {"one": "two", "two": None})
    labels = client(open_made()).get_table(f"{open_made().name}.{raw(Run.table)}").labels
    (seen,) = (other for other in others.values() if other)
    assert (labels["gke_inventory_run"] == seen) == exclusive  # the other run is marked in place of it, or not at all


def test_a_run_whose_other_task_has_found_another_run_leaves_no_mark(open_made: Open) -> None:
    with open_made().running("first", 1, exclusive=True) as other:
        assert other is None
    with open_made().running("second", 2, exclusive=True) as other:
        assert other == "first"
    publish(open_made(), run_of(1, Read("a", ["x"], ["p1"])), run_id="first")
    with open_made().running("second", 2, exclusive=True) as other:  # a task that starts later
        assert other == "first"
    with open_made().running("third", 1, exclusive=True) as other:
        assert other is None


def test_rows_of_an_attempt_that_failed_are_not_taken_for_those_of_the_next(
    on_bigquery: OnBigQuery, control: Control
) -> None:
    control.fault("job_fails", table="raw_runs", path=UPLOAD, times=None)
    with pytest.raises(SinkError):
        on_bigquery.publish("r", run_of(1, Read("a", ["x"], ["p1"]), prefix="first-"))
    control.clear()
    assert on_bigquery.rows(PODS) == []
    assert on_bigquery.publish("r", run_of(1, Read("a", ["x"], ["p2"]), by=Attempt(attempt=1)))
    assert on_bigquery.open().committed_result(on_bigquery.run_id("r"), 0) == COMPLETE
    assert on_bigquery.rows(PODS) == [("a", "p2")]
    assert on_bigquery.rows("SELECT COUNT(*) FROM raw_pods") == [(2,)]


@pytest.mark.exhaustive
def test_a_signal_while_the_marker_is_loaded_does_not_say_that_nothing_was_written(
    open_sink: Open, control: Control, replay: Replay, tmp_path: Path
) -> None:
    sink = open_sink()
    sink.apply()
    keys = {**replay.configuration, "sink": f"bigquery://{sink.name}?location=EU"}
    keys["api_endpoints"] = {**keys["api_endpoints"], "bigquery": control.endpoint}
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    control.fault("slow_job", table="raw_runs", seconds=4)
    process = subprocess.Popen(
        [sys.executable, "-m", "job.cli", "run", "-q", "--config", str(tmp_path / "c.yaml")],
        env=os.environ, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    into = f"*{sink.name.partition('.')[2]}-*-commit-*"
    while not any(fnmatch(job.job_id, into) for job in client(sink).list_jobs()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=30)
    control.clear()
    assert process.returncode == 143
    assert "the commit had started" in error
    for _ in range(100):
        if rows(sink, "SELECT COUNT(*) FROM latest_snapshots") == [(1,)]:
            return
        time.sleep(0.1)
    raise AssertionError("the job that was accepted has not run")
