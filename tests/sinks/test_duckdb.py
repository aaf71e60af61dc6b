"""DuckDB as a sink: one file, evolved by additive changes alone, committed in one transaction."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest
from warehouse import Read, publish, rows, run_of

from job.errors import SinkError
from job.schema import SCHEMA_VERSION
from job.sinks.duckdb import DuckDBSink
from job.sinks.duckdb.connection import ROW_GROUP_SIZE
from job.sinks.duckdb.loading import Budget
from job.sinks.protocol import TaskResult
from job.tables import TABLES
from job.views import views

PODS = "SELECT cluster, name FROM latest_pods ORDER BY 1, 2"


@pytest.fixture
def sink(tmp_path: Path) -> DuckDBSink:
    return DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)


def test_the_declared_statements_make_the_whole_schema(sink: DuckDBSink, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        for statement in sink.ddl():
            connection.execute(statement)
    assert sink.changes() == []


def test_apply_makes_everything_once(sink: DuckDBSink) -> None:
    made = {change.name for change in sink.apply()}
    assert made >= {*TABLES, *(view.name for view in views())}
    assert sink.apply() == []
    assert rows(sink, "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'pods' AND comment IS NULL") == [(0,)]


def test_a_file_of_an_older_version_gets_what_it_lacks_and_keeps_its_rows(sink: DuckDBSink, tmp_path: Path) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("DROP VIEW latest_pods; ALTER TABLE pods DROP COLUMN qos_class")
        connection.execute("UPDATE schema_version SET version = 0, views = 'older'")
    changes = [(change.action, change.name) for change in sink.changes() if "view" not in change.action]
    assert changes == [("add column", "pods.qos_class"), ("set version", "schema_version")]
    publish(sink, run_of(2, Read("a", ["x"], ["p2"])))
    assert rows(sink, PODS) == [("a", "p2")]
    assert rows(sink, "SELECT name FROM pods ORDER BY 1") == [("p1",), ("p2",)]
    assert sink.changes() == []


def test_a_change_that_loses_something_is_refused_with_its_statement(sink: DuckDBSink, tmp_path: Path) -> None:
    sink.apply()
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("DROP VIEW latest_namespaces; ALTER TABLE namespaces ALTER phase TYPE BIGINT")
    for act in (sink.prepare, sink.apply, lambda: publish(sink, run_of(1, Read("a", ["x"], ["p1"])))):
        with pytest.raises(SinkError, match=r'namespaces\.phase.*ALTER TABLE namespaces ALTER "phase" TYPE VARCHAR'):
            act()
    assert rows(sink, "SELECT count(*) FROM snapshots") == [(0,)]


def test_a_file_of_a_newer_version_is_left_alone(sink: DuckDBSink, tmp_path: Path) -> None:
    sink.apply()
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("UPDATE schema_version SET version = ?", [SCHEMA_VERSION + 1])
    for act in (sink.prepare, sink.apply, lambda: publish(sink, run_of(1, Read("a", ["x"], ["p1"])))):
        with pytest.raises(SinkError, match=r"a newer gke-inventory has made its tables.*upgrade"):
            act()


def test_tables_of_somebody_else_are_one_clear_sentence(sink: DuckDBSink, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE TABLE commits (mine INTEGER); CREATE TABLE pods (mine INTEGER)")
    for act in (sink.prepare, sink.changes, lambda: sink.committed_result("execution", 0)):
        with pytest.raises(SinkError, match=r"sink .*w\.duckdb: cannot be read: "):
            act()


def test_what_does_not_fit_into_little_memory_is_published_with_more(
    sink: DuckDBSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    little, plenty = Budget(5, 16 << 20), Budget(None, 16 << 20)
    monkeypatch.setattr("job.sinks.duckdb.loading.BUDGETS", (little, little, plenty))
    pods = [f"{'p' * 1000}{number}" for number in range(2000)]
    assert publish(sink, run_of(1, Read("a", ["x"], pods)))
    assert rows(sink, "SELECT count(*), count(DISTINCT name) FROM pods") == [(2000, 2000)]
    monkeypatch.setattr("job.sinks.duckdb.loading.BUDGETS", (little, little))
    with pytest.raises(SinkError, match="nothing was written"):
        publish(sink, run_of(2, Read("a", ["x"], pods)))
    assert rows(sink, "SELECT count(*) FROM snapshots") == [(1,)]


def test_more_threads_publish_the_same_rows(tmp_path: Path) -> None:
    pods = [f"pod-{number}" for number in range(70_000)]
    made = run_of(1, Read("a", ["x"], pods))
    sinks = [DuckDBSink(tmp_path / f"{count}.duckdb", timeout_seconds=5, threads=count) for count in (1, 2)]
    asked = "SELECT * FROM pods ORDER BY name"
    first, second = (rows(sink, asked) for sink in sinks if publish(sink, made))
    assert first == second
    assert len(first) == len(pods)
    groups = "SELECT max(count) FROM pragma_storage_info('pods')"
    assert [rows(sink, groups) for sink in sinks] == [[(ROW_GROUP_SIZE,)]] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.duckdb", "2.duckdb"]


def test_a_connection_of_this_very_process_is_waited_for(sink: DuckDBSink, tmp_path: Path) -> None:
    sink.apply()
    impatient = DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=0.1)
    mine = duckdb.connect(str(tmp_path / "w.duckdb"))
    with pytest.raises(SinkError, match="close the program that has it open"):
        publish(impatient, run_of(1, Read("a", ["x"], ["p1"])))
    threading.Timer(0.5, mine.close).start()
    assert publish(sink, run_of(1, Read("a", ["x"], ["p1"])))


def test_a_row_of_40_mb_is_published(sink: DuckDBSink) -> None:
    pod = "p" * (10 << 20)  # its name is in four columns
    assert publish(sink, run_of(1, Read("a", ["x"], [pod])))
    assert rows(sink, "SELECT length(name) FROM pods") == [(10 << 20,)]


def test_a_task_is_committed_once_whichever_attempt_comes_first(sink: DuckDBSink) -> None:
    assert sink.committed_result("execution", 0) is None
    assert publish(sink, run_of(1, Read("a", ["x"], ["p1"])), run_id="execution")
    assert not publish(sink, run_of(1, Read("a", ["x"], ["p2"]), prefix="again-"), run_id="execution")
    assert sink.committed_result("execution", 0) == TaskResult(complete=True, acceptable=True)
    assert sink.committed_result("execution", 1) is None
    assert rows(sink, "SELECT name FROM pods") == [("p1",)]
