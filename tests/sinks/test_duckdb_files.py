"""A database file is private, and a query of it reads it and reaches nothing else."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from sinks.conftest import OnDuckDB
from warehouse import Read, publish, run_of

from job.errors import QueryError, SinkError
from job.sinks.duckdb import DuckDBSink
from job.sinks.duckdb.files import private_files
from job.views import views

RUN = run_of(1, Read("a", ["x"], ["p1"]))
REACHING = [
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY pods TO '{folder}/out.parquet'",
    "EXPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/other.duckdb'",
    "SELECT * FROM read_text('{folder}/secret.txt')",
    "SELECT * FROM read_csv('{folder}/secret.txt')",
    "SELECT * FROM '{folder}/secret.csv'",
    "SELECT * FROM glob('{folder}/*')",
    "INSTALL httpfs",
    "LOAD '{folder}/x.duckdb_extension'",
    "SELECT * FROM 'https://127.0.0.1:1/x.csv'",
    "CREATE PERSISTENT SECRET s (TYPE S3)",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET enable_external_access",
    "PRAGMA enable_external_access = true",
]


def inside(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("sql", REACHING)
def test_a_query_reaches_nothing_but_its_database(on_duckdb: OnDuckDB, tmp_path: Path, sql: str) -> None:
    for name in ("secret.txt", "secret.csv"):
        (tmp_path / name).write_text("CANARY\n")
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    before = inside(tmp_path)
    with pytest.raises(QueryError) as refused:
        on_duckdb.rows(sql.format(folder=tmp_path))
    assert "CANARY" not in str(refused.value)
    assert inside(tmp_path) == before


@pytest.mark.parametrize(
    "sql",
    ["DELETE FROM raw_pods", "CREATE TABLE mine (a INTEGER)", "DROP VIEW images", "CREATE VIEW v AS SELECT 1 AS one",
     "UPDATE commits SET complete = false", "COMMENT ON TABLE raw_pods IS ''"],
)  # fmt: skip
@pytest.mark.parametrize("external_access", [False, True])
def test_a_query_only_reads(on_duckdb: OnDuckDB, sql: str, external_access: bool) -> None:
    assert on_duckdb.publish("r", RUN)
    before = on_duckdb.path.read_bytes()
    with pytest.raises(QueryError):
        on_duckdb.open().query(sql, external_access=external_access)
    assert on_duckdb.path.read_bytes() == before


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1; COPY (SELECT 1) TO '/tmp/x'", ";", "", " -- nothing"])
def test_a_query_is_one_statement(on_duckdb: OnDuckDB, sql: str) -> None:
    with pytest.raises(QueryError, match=r"one statement|the query is empty"):
        on_duckdb.rows(sql)


def test_a_name_in_a_query_is_never_a_variable_of_python(on_duckdb: OnDuckDB) -> None:
    sql = "SELECT * FROM mine"
    mine = duckdb.sql("SELECT 'CANARY' AS text")
    with pytest.raises(QueryError, match="mine"):
        on_duckdb.rows(sql)
    mine.close()


def test_queries_together_see_the_same_commits_and_reach_no_more(on_duckdb: OnDuckDB, tmp_path: Path) -> None:
    opened, sql = on_duckdb.open(), "SELECT COUNT(*) FROM commits"
    (tmp_path / "secret.txt").write_text("CANARY\n")
    with ThreadPoolExecutor() as pool:
        with opened.kept_open() as kept:
            before = kept.query(sql).rows
            other = pool.submit(publish, DuckDBSink(on_duckdb.path, timeout_seconds=30), RUN)
            assert kept.query("SELECT COUNT(*) FROM pods").rows == [(0,)]
            with pytest.raises(QueryError):
                kept.query(f"SELECT * FROM read_text('{tmp_path}/secret.txt')")
            assert kept.query(sql).rows == before == [(0,)]
        other.result()
    assert opened.query(sql).rows == [(1,)]


def test_a_person_can_allow_the_rest(on_duckdb: OnDuckDB, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(QueryError, match="--external-access"):
        on_duckdb.rows(f"COPY (SELECT 7 AS seven) TO '{out}'")
    on_duckdb.open().query(f"COPY (SELECT 7 AS seven) TO '{out}'", external_access=True)
    assert on_duckdb.open().query(f"SELECT * FROM '{out}'", external_access=True).rows == [(7,)]


@pytest.mark.exhaustive
def test_every_view_answers_at_home(on_duckdb: OnDuckDB) -> None:
    on_duckdb.publish("r", RUN)
    for view in views():
        on_duckdb.rows(f'SELECT * FROM "{view.name}"')
    for sql in ("DESCRIBE pods", "SHOW TABLES", "EXPLAIN SELECT * FROM pods", "WITH p AS (FROM pods) FROM p;"):
        assert on_duckdb.rows(sql), sql


def test_a_database_that_we_make_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    umask = os.umask(0o022)
    try:
        sink = DuckDBSink(path, timeout_seconds=5)
        with sink.running("r", 1, exclusive=True):
            modes = [stat.S_IMODE(path.with_name("w.duckdb.running").stat().st_mode)]
        publish(sink, RUN)
        modes.append(stat.S_IMODE(path.stat().st_mode))
        assert modes == [0o600, 0o600]
        path.chmod(0o640)  # a person's own choice
        publish(sink, run_of(2, Read("a", ["x"], ["p2"])))
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        assert os.umask(umask) == 0o022


def test_the_umask_is_as_before_after_threads_have_used_it() -> None:
    umask = os.umask(0o022)
    try:
        entered, leave = threading.Event(), threading.Event()

        def stay() -> None:
            with private_files():
                entered.set()
                leave.wait()

        thread = threading.Thread(target=stay)
        with private_files():
            thread.start()
            entered.wait()
        leave.set()
        thread.join()
    finally:
        assert os.umask(umask) == 0o022


@pytest.mark.parametrize("kind", ["symbolic link", "dangling link", "hard link", "file", "fifo", "folder"])
def test_the_marker_of_a_run_never_changes_a_file_of_somebody_else(tmp_path: Path, kind: str) -> None:
    theirs, marker = tmp_path / "theirs.txt", tmp_path / "w.duckdb.running"
    theirs.write_text("theirs")
    match kind:
        case "symbolic link":
            marker.symlink_to(theirs)
        case "dangling link":
            marker.symlink_to(tmp_path / "absent")
        case "hard link":
            marker.hardlink_to(theirs)
        case "file":
            marker.write_text("theirs too")
        case "fifo":
            os.mkfifo(marker)
        case "folder":
            marker.mkdir()
    sink = DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)
    with pytest.raises(SinkError, match=r"w\.duckdb\.running"), sink.running("r", 1, exclusive=True):
        pass
    assert theirs.read_text() == "theirs"
    assert marker.is_symlink() or marker.exists()
    assert not (tmp_path / "absent").exists()
    if kind == "file":
        assert marker.read_text() == "theirs too"


def test_the_marker_of_a_run_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    marker, sink = tmp_path / "w.duckdb.running", DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)
    marker.write_text("gke-inventory run that-was-killed")
    with sink.running("r", 1, exclusive=True) as other:
        assert other is None
        assert marker.read_text() == "gke-inventory run r"
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "text", "empty", "dangling link"])
def test_what_is_not_a_database_is_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.duckdb"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/null")
        case "folder":
            path.mkdir()
        case "text":
            path.write_text("a,b\n1,2\n")
        case "empty":
            path.touch()
        case "dangling link":
            path.symlink_to(tmp_path / "elsewhere.duckdb")
    sink = DuckDBSink(path, timeout_seconds=5)
    for act in (sink.prepare, sink.apply):
        with pytest.raises(SinkError, match=r"not a DuckDB database|not a regular file|a folder|a symbolic link"):
            act()
