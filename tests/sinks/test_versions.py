"""Versions both ways: an older one writes to what a newer one has only added to, and changes nothing else there."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from google.cloud import bigquery
from sinks.conftest import OnBigQuery, OnDuckDB, Open, Subject
from warehouse import Read, publish, run_of

from job.errors import SinkError
from job.schema import SCHEMA_VERSION
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Warehouse
from job.tables import TABLES, raw

NEWER = SCHEMA_VERSION + 1
RUN = run_of(1, Read("a", ["x"], ["p1"]))


class Newer:
    """A newer version that changes the tables of a warehouse."""

    def __init__(self, opened: Warehouse) -> None:
        self._opened = opened

    def takes_over(self, *, oldest_writer: int = SCHEMA_VERSION) -> None:
        """Leaves its version on the tables, with a column and a view that this version does not know."""
        if isinstance(self._opened, DuckDBSink):
            self.execute(
                f"UPDATE schema_version SET version = {NEWER}, views = 'newer', oldest_writer = {oldest_writer}",
                "ALTER TABLE raw_namespaces ADD COLUMN owner VARCHAR",
                "COMMENT ON COLUMN namespaces.name IS 'In other words.'",
                "CREATE OR REPLACE VIEW images AS SELECT 'newer' AS image; COMMENT ON VIEW images IS '"
                "A newer question? Made by gke-inventory.'",
            )
        else:
            labels = {"gke_inventory_schema": str(NEWER), "gke_inventory_oldest_writer": str(oldest_writer)}
            for name in map(raw, TABLES):
                table = self.table(name)
                self.set(table, labels={**table.labels, **labels, "gke_inventory_digest": "newer"})
            table = self.table("raw_namespaces")
            self.set(table, schema=[*table.schema, bigquery.SchemaField("owner", "STRING")])
            view = self.table("images")
            self.set(view, view_query="SELECT 'newer' AS image", labels={**view.labels, "gke_inventory_digest": "x"})

    def loses_a_column(self) -> None:
        if isinstance(self._opened, DuckDBSink):
            self.execute("DROP VIEW namespaces; ALTER TABLE raw_namespaces DROP COLUMN phase")
        else:
            self.make_again("raw_namespaces", lambda field: None if field.name == "phase" else field)

    def changes_a_type(self) -> None:
        if isinstance(self._opened, DuckDBSink):
            self.execute("DROP VIEW namespaces; ALTER TABLE raw_namespaces ALTER phase TYPE BIGINT")
        else:
            wrong = bigquery.SchemaField("phase", "INT64")
            self.make_again("raw_namespaces", lambda field: wrong if field.name == "phase" else field)

    def execute(self, *statements: str) -> None:
        assert isinstance(self._opened, DuckDBSink)
        with duckdb.connect(str(self._opened.path)) as connection:
            for statement in statements:
                connection.execute(statement)

    def table(self, name: str) -> bigquery.Table:
        found: bigquery.Table = self._client.get_table(f"{self._opened.name}.{name}")  # type: ignore[attr-defined]
        return found

    def set(self, table: bigquery.Table, **properties: Any) -> None:
        for name, value in properties.items():
            setattr(table, name, value)
        self._client.update_table(table, list(properties))

    def make_again(self, name: str, field: Any) -> None:
        found = self.table(name)
        made = bigquery.Table(found.reference, schema=[kept for each in found.schema if (kept := field(each))])
        made.labels, made.time_partitioning = found.labels, found.time_partitioning
        self._client.delete_table(found)
        self._client.create_table(made)

    @property
    def _client(self) -> bigquery.Client:
        client: bigquery.Client = self._opened._client  # type: ignore[attr-defined]
        return client


@pytest.fixture(params=["duckdb", "bigquery"])
def made(request: pytest.FixtureRequest) -> Subject:
    """A warehouse of each engine whose tables and views the test may spoil."""
    if request.param == "duckdb":
        subject: OnDuckDB = request.getfixturevalue("on_duckdb")
        return subject
    opened: Open = request.getfixturevalue("open_sink")
    opened().apply()
    return OnBigQuery(opened)


def test_an_older_version_writes_to_what_a_newer_one_has_only_added_to(made: Subject) -> None:
    Newer(made.open()).takes_over()
    made.open().prepare()
    assert made.publish("r", RUN)
    assert made.open().changes() == made.open().apply() == []
    assert made.rows("SELECT name, phase, owner FROM namespaces") == [("x", None, None)]
    assert made.rows("SELECT image FROM images") == [("newer",)]
    assert made.open().cluster_weights(made.run_id("next")) != {}


def test_a_newer_version_that_says_so_is_not_written_to(made: Subject) -> None:
    Newer(made.open()).takes_over(oldest_writer=NEWER)
    for act in (made.open().prepare, made.open().changes, made.open().apply):
        with pytest.raises(
            SinkError, match=rf"a newer gke-inventory made its tables \(schema version {NEWER}.*upgrade"
        ):
            act()


@pytest.mark.parametrize("change", [Newer.loses_a_column, Newer.changes_a_type], ids=lambda change: change.__name__)
def test_a_newer_version_that_has_taken_something_away_is_not_written_to(made: Subject, change: Any) -> None:
    Newer(made.open()).takes_over()
    change(Newer(made.open()))
    for act in (made.open().prepare, made.open().changes, made.open().apply):
        with pytest.raises(SinkError, match=r"which lack what this one needs: raw_namespaces\.phase: upgrade this one"):
            act()


def test_an_older_version_deletes_nothing_that_a_newer_one_may_need(made: Subject) -> None:
    Newer(made.open()).takes_over()
    with pytest.raises(SinkError, match="a newer gke-inventory made its tables: prune with that one"):
        made.open().prune(RUN[0][0].snapshot_time, dry_run=False)


def test_a_newer_version_takes_over_what_an_older_one_has_written(made: Subject) -> None:
    newer = Newer(made.open())
    newer.takes_over()
    publish(made.open(), RUN, run_id=made.run_id("older"))
    if isinstance(made.open(), DuckDBSink):  # this version, as if it were the newer one
        newer.execute(f"UPDATE schema_version SET version = {SCHEMA_VERSION - 1}, oldest_writer = 0")
    else:
        for name in map(raw, TABLES):
            newer.set(newer.table(name), labels={**newer.table(name).labels, "gke_inventory_schema": "0"})
    made.open().prepare()
    assert made.publish("newer", run_of(2, Read("a", ["y"], ["p2"])))
    assert made.rows("SELECT name FROM namespaces") == [("y",)]
    assert made.open().changes() == []
