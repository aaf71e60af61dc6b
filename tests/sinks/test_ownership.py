"""Nothing of anybody else's is touched: what this program did not make is refused, by name, and stays as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from google.cloud import bigquery
from made import made_file
from sinks.conftest import Open
from warehouse import Read, publish, rows, run_of

from job.errors import SinkError
from job.sinks.bigquery import BigQuerySink
from job.sinks.duckdb import DuckDBSink
from job.sinks.duckdb.ddl import INTERNAL
from job.tables import TABLES, raw
from job.views import views

VIEWS = [view.name for view in views()]
RUN = run_of(1, Read("a", ["x"], ["p1"]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with all tables and views, and no rows."""
    return Path(shutil.copy(made_file(), tmp_path / "w.duckdb"))


def opened(path: Path) -> DuckDBSink:
    return DuckDBSink(path, timeout_seconds=5)


def refusals(path: Path, match: str) -> None:
    """Everything that would write to the file is refused, and the file stays as it was."""
    before = path.read_bytes()
    sink = opened(path)
    for act in (
        sink.prepare, sink.changes, sink.apply, lambda: sink.committed_result("r", 0),
        lambda: sink.cluster_weights("r"), lambda: publish(sink, RUN),
        lambda: sink.prune(RUN[0][0].snapshot_time, dry_run=False),
    ):  # fmt: skip
        with pytest.raises(SinkError, match=match):
            act()
    assert path.read_bytes() == before


def execute(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_each_name_that_is_needed_is_refused_in_a_file_where_it_is_somebody_elses(path: Path) -> None:
    tables = [*map(raw, TABLES), *INTERNAL]
    drop = [f"DROP VIEW {name}" for name in VIEWS] + [f"DROP TABLE {name}" for name in tables if name != "weights"]
    execute(path, *drop, *(f"CREATE TABLE {name} (mine INTEGER)" for name in tables if name != "weights"))
    execute(path, *(f"CREATE VIEW {name.upper()} AS SELECT 1 AS mine" for name in VIEWS))
    with pytest.raises(SinkError) as refused:
        opened(path).prepare()
    for name in tables:
        assert (f"table {name}" in str(refused.value)) == (name != "weights")
    for name in VIEWS:
        assert f"view {name.upper()}" in str(refused.value)


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("CREATE OR REPLACE VIEW images AS SELECT 'mine' AS image", "view images"),
        ("DROP VIEW coverage; CREATE TABLE Coverage AS SELECT 1 AS mine", "table Coverage"),
        ("DROP TABLE commits; CREATE TABLE commits (mine INTEGER)", "table commits"),
        ("COMMENT ON TABLE raw_snapshots IS 'mine now'", "table raw_snapshots"),
    ],
)
def test_what_somebody_has_put_in_the_place_of_ours_is_left_alone(path: Path, theirs: str, named: str) -> None:
    execute(path, theirs)
    refusals(path, rf"needs these names, .*{named}.*Rename them, or name another file")


@pytest.mark.parametrize("theirs", ["CREATE TABLE raw_pods (mine INTEGER)", "CREATE VIEW mine AS SELECT 1 AS one",
                                    "CREATE SCHEMA s; CREATE TABLE s.t (mine INTEGER)"])  # fmt: skip
def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path, theirs: str) -> None:
    execute(tmp_path / "theirs.duckdb", theirs)
    refusals(tmp_path / "theirs.duckdb", r"did not make this database .*, which contains the (table|view)")


def test_tables_and_views_of_other_names_stay_in_a_file_that_we_made(path: Path) -> None:
    mine = "CREATE VIEW my_images AS SELECT * FROM images; CREATE SCHEMA s; CREATE TABLE s.pods AS SELECT 7 AS mine"
    execute(path, mine, "UPDATE schema_version SET views = 'older'")
    assert publish(opened(path), RUN)
    assert rows(opened(path), "SELECT mine FROM s.pods") == [(7,)]
    assert rows(opened(path), "SELECT count(*) FROM my_images") == [(0,)]


def test_a_view_that_was_dropped_is_made_again(path: Path) -> None:
    execute(path, "DROP VIEW images")
    assert "images" in {change.name for change in opened(path).changes()}
    opened(path).apply()
    assert opened(path).changes() == []


OLDER = "CREATE TABLE pods AS SELECT 'p1' AS name; CREATE TABLE runs (run_id TEXT); CREATE TABLE commits (run_id TEXT);"
"""As before 0.1.0: plain tables had the names that views have now."""


def test_a_file_of_before_0_1_0_is_refused_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "older.duckdb"
    execute(path, OLDER)
    refusals(path, r"did so before 0\.1\.0\), .*; nothing was written\. Name another file: the next run creates it")
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT name FROM pods").fetchall() == [("p1",)]
        assert len(connection.execute("SELECT * FROM duckdb_tables()").fetchall()) == 3


def test_a_dataset_of_before_0_1_0_is_refused_and_keeps_its_rows(open_sink: Open) -> None:
    sink = open_sink()
    client(sink).create_dataset(sink.name)
    for table in ("pods", "runs"):
        client(sink).create_table(bigquery.Table(f"{sink.name}.{table}", [bigquery.SchemaField("name", "STRING")]))
    client(sink).query_and_wait(f"INSERT INTO `{sink.name}.pods` (name) VALUES ('p1')")
    before = [item.table_id for item in client(sink).list_tables(sink.name)]
    for act in (open_sink(None).prepare, open_sink(None).apply, open_sink(None).changes):
        with pytest.raises(
            SinkError, match=r"before 0\.1\.0: table runs, table pods; nothing was written.*another dataset"
        ):
            act()
    assert [item.table_id for item in client(sink).list_tables(sink.name)] == before
    assert [tuple(row) for row in client(sink).list_rows(f"{sink.name}.pods")] == [("p1",)]


def client(sink: BigQuerySink) -> bigquery.Client:
    return sink._client


def put(sink: BigQuerySink, name: str, kind: str) -> None:
    """Puts something of somebody else's into the dataset."""
    theirs = bigquery.Table(f"{sink.name}.{name}")
    if kind == "view":
        theirs.view_query = "SELECT 'theirs' AS image"
    else:
        theirs.schema = [bigquery.SchemaField("theirs", "STRING")]
    client(sink).create_table(theirs)


def shown(sink: BigQuerySink, name: str) -> dict[str, object]:
    found: dict[str, object] = client(sink).get_table(f"{sink.name}.{name}").to_api_repr()
    return found


def test_each_name_that_is_needed_is_refused_in_a_dataset_where_it_is_somebody_elses(open_sink: Open) -> None:
    sink = open_sink()
    client(sink).create_dataset(sink.name)
    for name in map(raw, TABLES):
        put(sink, name, "table")
    for name in VIEWS:
        put(sink, name, "view")
    with pytest.raises(SinkError) as refused:
        open_sink(None).prepare()
    for name in map(raw, TABLES):
        assert f"table {name}" in str(refused.value)
    for name in VIEWS:
        assert f"view {name}" in str(refused.value)


def test_a_dataset_with_one_name_of_somebody_elses_is_not_written_to(open_sink: Open) -> None:
    sink = open_sink()
    client(sink).create_dataset(bigquery.Dataset(sink.name))
    put(sink, "images", "view")
    put(sink, "budget", "table")
    before = shown(sink, "images"), shown(sink, "budget"), client(sink).get_dataset(sink.name).to_api_repr()
    unmade = open_sink(None)
    for act in (
        unmade.prepare, unmade.changes, unmade.apply, lambda: unmade.prune(RUN[0][0].snapshot_time, dry_run=False)
    ):  # fmt: skip
        with pytest.raises(SinkError, match=r"needs these names, .*: view images; nothing was written"):
            act()
    assert {item.table_id for item in client(sink).list_tables(sink.name)} == {"images", "budget"}
    after = shown(sink, "images"), shown(sink, "budget"), client(sink).get_dataset(sink.name).to_api_repr()
    assert after == before
    client(sink).delete_table(f"{sink.name}.images")
    open_sink(None).prepare()  # the dataset and the other table stay as they are
    assert shown(sink, "budget") == before[1]
    assert client(sink).get_dataset(sink.name).to_api_repr() == before[2]
    assert open_sink(None).changes() == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("raw_pods", "table"), ("pods", "view"), pytest.param("images", "view", marks=pytest.mark.exhaustive)],
)
def test_what_somebody_makes_while_we_make_ours_is_left_alone(
    open_sink: Open, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    sink, other = open_sink(), open_sink()
    create = bigquery.Client.create_table

    def create_table(self: bigquery.Client, table: bigquery.Table, **options: object) -> bigquery.Table:
        if table.table_id == name and self is client(sink):
            put(other, name, kind)
        return create(self, table, **options)

    monkeypatch.setattr(bigquery.Client, "create_table", create_table)
    with pytest.raises(SinkError, match=f"needs these names, .*{kind} {name}"):
        sink.prepare()
    assert shown(other, name).get("labels", {}) == {}


def test_everything_that_we_make_bears_our_mark(open_sink: Open, path: Path) -> None:
    sink = open_sink(labels={"team": "platform"})
    sink.apply()
    made = [*client(sink).list_tables(sink.name), client(sink).get_dataset(sink.name)]
    assert [item.labels["gke_inventory"] for item in made] == ["made"] * len(made)
    made_in_file = (
        "SELECT table_name AS name, comment FROM duckdb_tables() UNION ALL "
        "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    )
    unmarked = f"SELECT name FROM ({made_in_file}) WHERE comment NOT LIKE '%Made by gke-inventory.'"
    assert rows(opened(path), unmarked) == []


def test_a_dataset_that_somebody_made_with_our_statements_is_ours(open_sink: Open) -> None:
    for statement in open_sink().ddl():
        assert '("gke_inventory", "made")' in statement


def test_a_simulated_fleet_and_a_real_one_never_share_a_file(path: Path, tmp_path: Path) -> None:
    simulated = DuckDBSink(tmp_path / "demo.duckdb", timeout_seconds=5, for_demo=True)
    assert publish(simulated, RUN)
    simulated.prepare()
    real = opened(tmp_path / "demo.duckdb")
    for act in (real.prepare, lambda: publish(real, run_of(2, Read("a", ["x"], ["p2"])))):
        with pytest.raises(SinkError, match="`demo` made this file, which gets no real clusters"):
            act()
    into_real = DuckDBSink(path, timeout_seconds=5, for_demo=True)
    for act in (into_real.prepare, lambda: publish(into_real, RUN)):
        with pytest.raises(SinkError, match="`run` made this file, which gets no simulated fleet"):
            act()
    assert rows(real, "SELECT name FROM pods") == [("p1",)]
    assert rows(opened(path), "SELECT name FROM pods") == []
    assert real.changes() == []
