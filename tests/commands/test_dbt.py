"""`schema dbt`: what it prints; `.ci/dbt` tries it with dbt itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml

from job.commands.dbt import print_sources
from job.config import Config
from job.errors import ConfigError
from job.tables import LEDGER, TABLES
from job.views import views
from job.views.row_columns import LabelColumn

TEAM = {"team": {"labels": ["team"]}}


def config(sink: str, **keys: Any) -> Config:
    return msgspec.convert({"sink": sink, **keys}, Config)


def printed(capsys: pytest.CaptureFixture[str], sink: str, **keys: Any) -> dict[str, Any]:
    print_sources(config(sink, **keys), warn_after_hours=3, error_after_hours=7)
    (source,) = yaml.safe_load(capsys.readouterr().out)["sources"]
    return dict(source)


def test_every_view_is_a_table_with_each_column_described(capsys: pytest.CaptureFixture[str]) -> None:
    tables = printed(capsys, "duckdb:///x.duckdb", columns=TEAM)["tables"]
    declared = [view for view in views((LabelColumn("team", ("team",)),)) if not view.name.startswith("recent_")]
    assert tables[0]["name"] == "coverage"
    found = {
        table["name"]: [(column["name"], column["description"]) for column in table["columns"]] for table in tables
    }
    assert found == {view.name: [(c.name, c.description) for c in view.columns] for view in declared}
    assert {table["name"]: table["description"] for table in tables} == {v.name: v.description for v in declared}
    assert "team" in dict(found["pods"])


def test_sources_are_as_fresh_as_the_newest_commit_marker(capsys: pytest.CaptureFixture[str]) -> None:
    places = {
        "duckdb:///x.duckdb": (None, "main", "main.runs"),
        "bigquery://shop-prod.d?location=EU": ("shop-prod", "d", "`shop-prod.d.runs`"),
    }
    for sink, (database, schema, runs) in places.items():
        source = printed(capsys, sink)
        assert (source.get("database"), source["schema"]) == (database, schema)
        assert source["config"]["loaded_at_query"] == f"SELECT MAX(finished_at) FROM {runs}"
        assert [after["count"] for after in source["config"]["freshness"].values()] == [3, 7]


def test_what_holds_in_every_row_is_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    tables = {table["name"]: table for table in printed(capsys, "duckdb:///x.duckdb")["tables"]}
    for table, record in TABLES.items():
        tests = {column["name"]: column.get("data_tests", []) for column in tables[table]["columns"]}
        whole = [test["unique"]["arguments"]["column_name"] for test in tables[table].get("data_tests", [])]
        assert all("not_null" in tests[column] for column in record.primary_key)
        if len(record.primary_key) == 1:
            assert "unique" in tests[record.primary_key[0]]
            assert not whole
        elif record.primary_key:
            assert all(column in whole[0] for column in record.primary_key)
        references = [test for test in tests["snapshot_id"] if "relationships" in test]
        assert len(references) == (table not in LEDGER)
    (outcomes,) = (c for c in tables["collections"]["columns"] if c["name"] == "outcome")
    assert "timed_out" in outcomes["data_tests"][1]["accepted_values"]["arguments"]["values"]
    assert "data_tests" not in tables["images"]


@pytest.mark.parametrize(
    ("sink", "columns"), [("oracle://x", {}), ("duckdb:///", {}), ("bigquery://d", {}), ("duckdb:///x", {"group": {}})]
)
def test_a_sink_or_column_that_cannot_be_is_an_error_of_the_configuration(sink: str, columns: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"sink: |columns\.group"):
        print_sources(config(sink, columns=columns), warn_after_hours=1, error_after_hours=2)
