"""`doctor` on the sink: whether it is there and ours, can be written, and is as declared. It makes nothing."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from commands.doctor.conftest import Doctor, commands, findings
from google.cloud import bigquery
from loopback_bigquery import connected
from made import sink_at
from replay import PROJECT, Replay

from job.commands.doctor.finding import Check
from job.commands.doctor.sink import _of_changes, _of_loads
from job.schema import SCHEMA_VERSION
from job.simulator.bigquery.control import Control
from job.sinks.protocol import Change

CATEGORY = "sink"
NEWER = "a newer gke-inventory made the tables: this one writes to them, and leaves columns that it does not know NULL"
ACCOUNT = f"inventory@{PROJECT}.iam.gserviceaccount.com"


def said(checks: list[Check]) -> list[tuple[str, str]]:
    """Status and message of each check of the sink."""
    return [(check.status, check.message) for check in checks if check.category == CATEGORY]


@pytest.fixture
def control(bigquery_server: Control) -> Iterator[Control]:
    yield bigquery_server
    bigquery_server.clear()


def on_bigquery(replay: Replay, control: Control, dataset: str, location: str = "EU") -> dict[str, Any]:
    endpoints = replay.configuration["api_endpoints"] | {"bigquery": control.endpoint}
    return {"sink": f"bigquery://shop-prod.{dataset}?location={location}", "api_endpoints": endpoints}


def test_a_dataset_is_not_created_and_its_rights_are_tried(doctor: Doctor, replay: Replay, control: Control) -> None:
    name, asked = f"new_{uuid.uuid4().hex}", len(control.requests())
    assert said(doctor(replay.configuration, **on_bigquery(replay, control, name))) == [
        ("ok", "it does not exist yet: the next run creates it with all tables and views"),
        ("ok", f"{ACCOUNT} may do so"),
    ]
    sent = control.requests()[asked:]
    assert {request["id"] for request in sent if request["method"] != "GET"} <= {
        "bigquery.jobs.insert", "bigquery.jobs.query"
    }  # fmt: skip
    assert all(name not in str(dataset) for dataset in datasets(control))


def datasets(control: Control) -> list[str]:
    with connected(control) as client:
        return [found.dataset_id for found in client.list_datasets()]


@pytest.mark.usefixtures("bigquery_sink")
@pytest.mark.exhaustive
def test_a_dataset_as_declared_has_no_finding_and_each_refusal_has_its_grant(
    doctor: Doctor, replay: Replay, control: Control
) -> None:
    keys = on_bigquery(replay, control, "for_tasks")
    (*found, (status, loads)) = said(doctor(replay.configuration, **keys))
    assert found == [
        ("ok", "all are as this version declares them"),
        ("ok", f"{ACCOUNT} may do so"),
        ("ok", "they have all"),
    ]
    assert status == "ok"
    assert re.fullmatch(r"\d+ of 1,500 that a table may have a day, and [\d,]+ of 100,000 that .* may have", loads)
    with connected(control) as client:
        table = client.get_table("shop-prod.for_tasks.raw_runs")
        table.labels = {**table.labels, "gke_inventory_schema": str(SCHEMA_VERSION + 1)}
        changed = client.update_table(table, ["labels"])
        assert said(doctor(replay.configuration, **keys))[0] == ("ok", NEWER)
        changed.labels = {**changed.labels, "gke_inventory_schema": str(SCHEMA_VERSION)}
        client.update_table(changed, ["labels"])
    (found,) = findings(doctor(replay.configuration, **on_bigquery(replay, control, "for_tasks", "US")), CATEGORY)
    assert found.mends[0].how.startswith("write `sink: bigquery://shop-prod.for_tasks?location=EU`")

    member = f"serviceAccount:{ACCOUNT}"
    run_jobs = f"--member={member} --role=roles/bigquery.jobUser --condition=None"
    write = shlex.quote(f"GRANT `roles/bigquery.dataEditor` ON SCHEMA `shop-prod.for_tasks` TO '{member}'")
    grants = (
        f"gcloud projects add-iam-policy-binding shop-prod {run_jobs}\n"
        f"bq query --project_id=shop-prod --use_legacy_sql=false {write}"
    )
    refused = {"code": 403, "reason": "accessDenied", "message": "Access Denied: Project shop-prod", "times": None}
    control.fault("status", method="POST", **refused)
    (found,) = findings(doctor(replay.configuration, **keys), CATEGORY)
    assert (found.action, commands(found)) == ("change rows, as a dry run", [grants])
    control.fault("status", **refused)
    (found,) = findings(doctor(replay.configuration, **keys), CATEGORY)
    assert (found.action, commands(found)) == ("compare its tables and views", [grants])
    assert found.costs == ("nothing can be written: every table keeps its last rows",)


@pytest.mark.parametrize(("loads", "status"), [(0, "ok"), (1199, "ok"), (1200, "finding"), (9000, "finding")])
def test_runs_that_take_much_of_the_load_jobs_of_a_day_are_a_finding(loads: int, status: str) -> None:
    check = _of_loads("bigquery://p.d", loads)
    assert (check.status, check.message.partition(" that ")[0]) == (status, f"{loads:,} of 1,500")
    assert [mend.how.partition(",")[0] for mend in check.mends] == ["use fewer tasks"] * (status == "finding")


def test_a_dataset_of_somebody_else_is_named_and_left_alone(doctor: Doctor, replay: Replay, control: Control) -> None:
    name = f"theirs_{uuid.uuid4().hex}"
    with connected(control) as client:
        client.create_dataset(bigquery.Dataset(f"shop-prod.{name}"))
        client.create_table(bigquery.Table(f"shop-prod.{name}.raw_pods", schema=[bigquery.SchemaField("a", "STRING")]))
        (found,) = findings(doctor(replay.configuration, **on_bigquery(replay, control, name)), CATEGORY)
        assert "did not make what has them" in found.message
        assert "table raw_pods" in found.message
        assert found.mends[0].how == "name a dataset in `sink` that does not exist: the next run creates it"
        assert [table.table_id for table in client.list_tables(f"shop-prod.{name}")] == ["raw_pods"]


def test_an_api_that_cannot_be_reached_is_found_in_bounded_time(doctor: Doctor, replay: Replay) -> None:
    nowhere = Control("http://127.0.0.1:9")
    keys = on_bigquery(replay, nowhere, "x") | {"timeouts": {"connect_seconds": 5, "sink_seconds": 0.1}}
    (found,) = findings(doctor(replay.configuration, **keys), CATEGORY)
    assert found.mends[0].how.startswith("check the way from this machine to BigQuery")


def test_a_file_is_not_made_and_one_that_is_made_is_compared(doctor: Doctor, replay: Replay, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    keys = {"sink": f"duckdb:///{tmp_path}/new.duckdb"}
    assert said(doctor(replay.configuration, **keys)) == [
        ("ok", "it does not exist yet: the next run creates it with all tables and views")
    ]
    assert [path for path in sorted(tmp_path.iterdir()) if path not in before] == []
    keys = {"sink": sink_at(tmp_path / "made.duckdb")}
    assert said(doctor(replay.configuration, **keys)) == [("ok", "all are as this version declares them")]
    with duckdb.connect(str(tmp_path / "made.duckdb")) as database:
        database.execute(f"UPDATE schema_version SET version = {SCHEMA_VERSION + 1}")
    assert said(doctor(replay.configuration, **keys)) == [("ok", NEWER)]
    with duckdb.connect(str(tmp_path / "made.duckdb")) as database:
        database.execute(f"UPDATE schema_version SET oldest_writer = {SCHEMA_VERSION + 1}")
    (found,) = findings(doctor(replay.configuration, **keys), CATEGORY)
    assert found.mends[0].how.startswith("upgrade gke-inventory")
    with duckdb.connect(str(tmp_path / "made.duckdb")) as database:
        database.execute(f"UPDATE schema_version SET version = {SCHEMA_VERSION}; DROP VIEW images")
    ((status, message),) = said(doctor(replay.configuration, **keys))
    assert (status, message.partition(", ")[2]) == (
        "ok", "which the next run makes; `gke-inventory schema diff` shows them"
    )  # fmt: skip


def test_a_file_that_cannot_be_used_says_why(doctor: Doctor, replay: Replay, tmp_path: Path) -> None:
    (found,) = findings(doctor(replay.configuration, sink=f"duckdb:///{tmp_path}/no/x.duckdb"), CATEGORY)
    assert commands(found) == [f"mkdir -p {tmp_path}/no"]
    (tmp_path / "text").write_text("CANARY: no database")
    (found,) = findings(doctor(replay.configuration, sink=f"duckdb:///{tmp_path}/text"), CATEGORY)
    assert "not a DuckDB database" in found.message
    with duckdb.connect(str(tmp_path / "theirs.duckdb")) as database:
        database.execute("CREATE TABLE t (a INT)")
    (found,) = findings(doctor(replay.configuration, sink=f"duckdb:///{tmp_path}/theirs.duckdb"), CATEGORY)
    assert "gke-inventory did not make this database" in found.message
    assert found.mends[0].how == "name another file in `sink`: the next run creates it"


def test_a_file_that_another_process_has_open_names_the_process(doctor: Doctor, replay: Replay, tmp_path: Path) -> None:
    sink = sink_at(tmp_path / "held.duckdb")
    program = (
        f"import duckdb; held = duckdb.connect({str(tmp_path / 'held.duckdb')!r}); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "open\n"
        limits = {"connect_seconds": 5, "sink_seconds": 0.2}
        (found,) = findings(doctor(replay.configuration, sink=sink, timeouts=limits), CATEGORY)
        holder.stdin.close()
    assert "close the program that has it open" in found.message
    assert commands(found) == [f"ps -fp {holder.pid}"]


def test_what_no_run_changes_is_a_finding_with_its_statement() -> None:
    lost = Change("change type", "raw_pods.phase", "-- loses data\nALTER TABLE `d.raw_pods` ...", additive=False)
    billed = Change("bill storage", "d", "ALTER SCHEMA `d` SET ...")
    added = Change("add column", "raw_pods.new", "ALTER TABLE `d.raw_pods` ADD COLUMN new STRING")
    checks = list(_of_changes("bigquery://p.d", [lost, billed, added], lambda change: f"bq {change.action}"))
    assert [(check.status, commands(check)) for check in checks] == [
        ("ok", []), ("finding", ["bq change type"]), ("finding", ["bq bill storage"])
    ]  # fmt: skip
    assert checks[0].message == "1 change, which the next run makes; `gke-inventory schema diff` shows them"
    assert checks[1].costs == ("nothing can be written: every table keeps its last rows",)
    assert checks[2].costs == ("storage costs what the other model bills",)
