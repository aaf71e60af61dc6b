"""The job's own sink, against the simulated BigQuery: the whole way from rows to views."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from loopback_bigquery import PROJECT, connected, served
from warehouse import Read, publish, run_of

from job.errors import QueryError, SinkError
from job.simulator.bigquery.control import Control
from job.sinks.bigquery import BigQuerySink
from job.tables import TABLES
from job.views import views


@pytest.fixture
def control(request: pytest.FixtureRequest) -> Iterator[Control]:
    """On DuckDB, or on the engine that a test asks for."""
    engine = getattr(request, "param", "DuckDB")
    if engine == "GoogleSQL":
        pytest.importorskip("zetasql", reason="the package zetasql is not installed")
    with served(googlesql=engine == "GoogleSQL") as found:
        yield found


@pytest.fixture
def sink(control: Control) -> BigQuerySink:
    identity: Any = SimpleNamespace(credentials=AnonymousCredentials())
    return BigQuerySink(PROJECT, "inventory", "EU", lambda: identity, endpoint=control.endpoint, timeout_seconds=60)


@pytest.mark.parametrize(
    ("control", "engine"), [(name, name) for name in ("DuckDB", "GoogleSQL")], indirect=["control"]
)
def test_a_run_is_written_and_read_through_the_views(control: Control, sink: BigQuerySink, engine: str) -> None:
    sink.prepare()
    publish(sink, run_of(1, Read("web", namespaces=["default"], pods=["a", "b"])))
    publish(sink, run_of(2, Read("web", namespaces=["default", "shop"], pods="forbidden")))
    assert sink.query("SELECT name, carried_forward FROM latest_pods ORDER BY name").rows == [("a", True), ("b", True)]
    assert sink.query("SELECT name, carried_forward FROM latest_namespaces ORDER BY name").rows == [
        ("default", False), ("shop", False),
    ]  # fmt: skip
    assert sink.query("SELECT status, COUNT(*) FROM coverage WHERE cluster IS NOT NULL GROUP BY 1 ORDER BY 1").rows == [
        ("ok", 1), ("stale", 1),
    ]  # fmt: skip
    assert {asked["engine"] for asked in control.queries()} == {engine}


def test_a_second_prepare_changes_nothing(control: Control, sink: BigQuerySink) -> None:
    sink.prepare()
    updates = control.quotas()["metadata_updates"]
    assert updates == {f"{PROJECT}:inventory.{name}": 1 for name in (*TABLES, *(view.name for view in views()))}
    sink.prepare()
    assert control.quotas()["metadata_updates"] == updates


def test_a_run_is_one_load_job_for_each_table_that_has_rows(control: Control, sink: BigQuerySink) -> None:
    sink.prepare()
    publish(sink, run_of(1, Read("web", namespaces=["default"], pods=["a"])), load_id="run-1")
    publish(sink, run_of(1, Read("web", namespaces=["default"], pods=["a"])), load_id="run-1")
    tables = ("runs", "snapshots", "collections", "namespaces", "pods")
    assert control.quotas()["modifications"] == {f"{PROJECT}:inventory.{table}": 1 for table in tables}
    assert sink.query("SELECT COUNT(*) FROM pods").rows == [(1,)]


@pytest.mark.parametrize("fault", ["answer_lost", "answer_lost_early", "cut_upload", "job_fails"])
def test_a_fault_that_passes_costs_nothing(control: Control, sink: BigQuerySink, fault: str) -> None:
    sink.prepare()
    control.fault(fault, **({} if fault == "cut_upload" else {"table": "pods"}))
    publish(sink, run_of(1, Read("web", namespaces=["default"], pods=["a"])))
    assert sink.query("SELECT name FROM latest_pods").rows == [("a",)]


def test_a_load_that_is_refused_commits_nothing(control: Control, sink: BigQuerySink) -> None:
    sink.prepare()
    control.fault("job_fails", table="pods", reason="quotaExceeded", code=403)
    with pytest.raises(SinkError, match="the run was not committed"):
        publish(sink, run_of(1, Read("web", namespaces=["default"], pods=["a"])))
    assert sink.query("SELECT name FROM latest_namespaces").rows == []


def test_a_wrong_query_is_told(sink: BigQuerySink) -> None:
    sink.prepare()
    with pytest.raises(QueryError, match="missing"):
        sink.query("SELECT missing FROM pods")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("phase", None),
        pytest.param(
            "restarts",
            0,
            marks=pytest.mark.xfail(
                reason="the sink adds a REQUIRED column as NULLABLE, and its load jobs then say REQUIRED"
            ),
        ),
    ],
)
def test_a_new_column_of_the_job_comes_into_old_tables(
    control: Control, sink: BigQuerySink, column: str, value: Any
) -> None:
    sink.prepare()
    with connected(control) as client:
        old = client.get_table(f"{PROJECT}.inventory.pods")
        client.delete_table(old)
        old.schema = [field for field in old.schema if field.name != column]
        old.labels = {}
        client.create_table(old)
    sink.prepare()
    publish(sink, run_of(1, Read("web", namespaces=["default"], pods=["a"])))
    assert sink.query(f"SELECT {column} FROM latest_pods").rows == [(value,)]
