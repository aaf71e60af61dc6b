"""DuckDB as a sink: one file, evolved by additive changes alone, committed in one transaction."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from made import made_file
from warehouse import Attempt, Read, annotated, pod, publish, rows, run_of

from job import query
from job.errors import Interrupted, SinkError
from job.signals import Stop
from job.sinks.duckdb import DuckDBSink
from job.sinks.duckdb.connection import ROW_GROUP_SIZE
from job.sinks.duckdb.loading import Budget
from job.tables import TABLES

PODS = "SELECT cluster, name FROM pods ORDER BY 1, 2"


@pytest.fixture
def new_sink(tmp_path: Path) -> DuckDBSink:
    """Its file does not exist yet."""
    return DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)


@pytest.fixture
def sink(new_sink: DuckDBSink) -> DuckDBSink:
    shutil.copy(made_file(), new_sink.path)
    return new_sink


def test_the_declared_statements_make_the_whole_schema(new_sink: DuckDBSink, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        for statement in new_sink.ddl():
            connection.execute(statement)
    assert new_sink.changes() == []
    columns = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = 'main'"
    made_at_once = DuckDBSink(made_file(), timeout_seconds=5)
    assert set(new_sink.query(columns).rows) == set(made_at_once.query(columns).rows)


def test_a_run_from_the_future_is_named(sink: DuckDBSink, capsys: pytest.CaptureFixture[str]) -> None:
    publish(sink, run_of(1, by=Attempt(time=datetime.now(UTC) + timedelta(days=3))))
    sink.prepare()
    said = json.loads(capsys.readouterr().err)
    assert said["message"] == "run from the future"
    assert 250_000 < said["seconds"] <= 260_000


_KILLED = """
import os, signal, sys
from pathlib import Path
from job.sinks.duckdb import DuckDBSink, sink

sink.view_changes = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sink.changes = lambda database, configured: [*sink.table_changes(database), os.kill(os.getpid(), signal.SIGKILL)]
DuckDBSink(Path(sys.argv[1]), timeout_seconds=5).apply()
"""


def test_a_first_commit_that_is_killed_or_fails_leaves_no_file(new_sink: DuckDBSink, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "w.duckdb")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "w.duckdb").exists()
    first = run_of(1, Read("a", ["x"], ["p1"]))
    with pytest.raises(SinkError, match="1 of 2 rows"):
        publish(new_sink, first, change=lambda saved: saved._replace(counts=saved.counts | {"pods": 2}))
    assert list(tmp_path.iterdir()) == []
    assert publish(new_sink, first)
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]
    assert rows(new_sink, PODS) == [("a", "p1")]


def test_two_first_commits_at_once_both_count(tmp_path: Path) -> None:
    def commit(number: int) -> bool:
        sink = DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=30)
        return publish(sink, run_of(number, Read(f"c-{number}", ["x"], ["p1"]), listed=["c-0", "c-1"]))

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(commit, range(2))) == [True, True]
    found = DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)
    assert rows(found, PODS) == [("c-0", "p1"), ("c-1", "p1")]


def test_every_column_has_its_description(sink: DuckDBSink) -> None:
    sink.apply()
    undescribed = "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND table_name IN "
    assert rows(sink, f"{undescribed} {tuple(TABLES)}") == []


def test_a_file_of_an_older_version_gets_what_it_lacks_and_keeps_its_rows(sink: DuckDBSink, tmp_path: Path) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("DROP VIEW pods; ALTER TABLE raw_pods DROP COLUMN qos_class")
        connection.execute("UPDATE schema_version SET version = 0, views = 'older'")
    changes = [(change.action, change.name) for change in sink.changes() if "view" not in change.action]
    assert changes == [("add column", "raw_pods.qos_class"), ("set version", "schema_version")]
    publish(sink, run_of(2, Read("a", ["x"], ["p2"])))
    assert rows(sink, PODS) == [("a", "p2")]
    assert rows(sink, "SELECT name FROM raw_pods ORDER BY 1") == [("p1",), ("p2",)]
    assert sink.changes() == []


def test_a_change_that_loses_something_is_refused_with_its_statement(sink: DuckDBSink, tmp_path: Path) -> None:
    sink.apply()
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("DROP VIEW namespaces; ALTER TABLE raw_namespaces ALTER phase TYPE BIGINT")
    for act in (sink.prepare, sink.apply, lambda: publish(sink, run_of(1, Read("a", ["x"], ["p1"])))):
        with pytest.raises(
            SinkError, match=r'namespaces\.phase.*ALTER TABLE raw_namespaces ALTER "phase" TYPE VARCHAR'
        ):
            act()
    assert rows(sink, "SELECT count(*) FROM snapshots") == [(0,)]


def test_a_stop_ends_the_wait_for_a_locked_file(sink: DuckDBSink, tmp_path: Path) -> None:
    sink.apply()
    stop = Stop()
    patient = DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=60, stop=stop)
    with duckdb.connect(str(tmp_path / "w.duckdb")):
        threading.Timer(0.3, stop.set).start()
        with pytest.raises(Interrupted):
            publish(patient, run_of(1, Read("a", ["x"], ["p1"])))
    assert rows(sink, "SELECT count(*) FROM snapshots") == [(0,)]


def test_what_does_not_fit_into_little_memory_is_published_with_more(
    sink: DuckDBSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    little, plenty = Budget(5, 16 << 20), Budget(None, 16 << 20)
    monkeypatch.setattr("job.sinks.duckdb.loading.BUDGETS", (little, little, plenty))
    pods = [f"{'p' * 1000}{number}" for number in range(2000)]
    assert publish(sink, run_of(1, Read("a", ["x"], pods)))
    assert rows(sink, "SELECT count(*), count(DISTINCT name) FROM raw_pods") == [(2000, 2000)]
    monkeypatch.setattr("job.sinks.duckdb.loading.BUDGETS", (little, little))
    with pytest.raises(SinkError, match="nothing was written"):
        publish(sink, run_of(2, Read("a", ["x"], pods)))
    assert rows(sink, "SELECT count(*) FROM snapshots") == [(1,)]


def test_a_commit_that_needs_more_memory_than_its_rows_did_gets_it(
    sink: DuckDBSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB then raises another error than for an insert: "Failed to commit: failed to pin block"."""
    monkeypatch.setattr("job.sinks.duckdb.loading.BUDGETS", (Budget(70, 16 << 20), Budget(None, 16 << 20)))
    assert publish(sink, run_of(1, Read("a", annotated(300, 256 << 10), ["p1"])))
    assert rows(sink, "SELECT count(DISTINCT annotations[1].value) FROM namespaces") == [(300,)]


def test_a_transaction_is_not_tried_again_after_a_stop(sink: DuckDBSink, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def flush(_: object, budget: Budget, __: int) -> None:
        tried.append(budget)
        stop.set()
        raise duckdb.OutOfMemoryException("too much")

    stop = Stop()
    monkeypatch.setattr("job.sinks.duckdb.loading.flush", flush)
    with pytest.raises(SinkError, match="too much"):
        publish(DuckDBSink(sink.path, timeout_seconds=5, stop=stop), run_of(1, Read("a", ["x"], ["p1"])))
    assert len(tried) == 1


def test_more_threads_publish_the_same_rows(tmp_path: Path) -> None:
    pods = [f"pod-{number}" for number in range(70_000)]
    made = run_of(1, Read("a", ["x"], pods))
    for count in (1, 2):
        shutil.copy(made_file(), tmp_path / f"{count}.duckdb")
    sinks = [DuckDBSink(tmp_path / f"{count}.duckdb", timeout_seconds=5, threads=count) for count in (1, 2)]
    asked = "SELECT count(*), bit_xor(hash(p)), sum(hash(p)) FROM raw_pods AS p"
    (first,), (second,) = (rows(sink, asked) for sink in sinks if publish(sink, made))
    assert first == second
    assert first[0] == len(pods)
    groups = "SELECT max(count) FROM pragma_storage_info('raw_pods')"
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
    assert rows(sink, "SELECT length(name) FROM raw_pods") == [(10 << 20,)]


def test_a_sum_beyond_64_bits_is_an_exact_dataframe(sink: DuckDBSink) -> None:
    """DuckDB sums integers in 128 bits."""
    pods = [pod(name, memory_request_bytes=2**63 - 1) for name in ("p1", "p2")]
    publish(sink, run_of(1, Read("a", ["x"], pods)))
    found = query(
        "SELECT sum(memory_request_bytes) AS total, count(*) AS pods FROM raw_pods", sink=f"duckdb:///{sink.path}"
    )
    assert found.to_numpy().tolist() == [[2 * (2**63 - 1), 2]]
