"""How views are declared and rendered, and when a warehouse must make them again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from googlesql import Dataset, Refused

import job.views
from job import schema
from job.tables import LEDGER, TABLES, raw
from job.views import digest, for_bigquery, function_for_bigquery, views
from job.views.recent import RECENT


def test_there_is_a_view_of_every_table_and_a_history_of_all_but_the_ledger() -> None:
    names = {view.name for view in views()}
    assert set(TABLES) <= names
    histories = {f"{table}_history" for table in TABLES.keys() - set(LEDGER)}
    assert histories | {"images_history"} == {name for name in names if name.endswith("_history")}


def test_every_view_but_a_history_has_a_function_that_reads_functions_and_no_clock() -> None:
    for view in views():
        if view.name.endswith("_history"):
            assert view.functions == ()
            continue
        as_of = view.functions[0]
        assert as_of.name == f"{view.name}_as_of"
        sql = function_for_bigquery(as_of, "my-project.inventory")
        assert "CURRENT_TIMESTAMP" not in sql
        for name in view.reads:
            called = f"`my-project.inventory.{name}_as_of`(moment)"
            if name in RECENT:
                called = f"`my-project.inventory.{raw(RECENT[name])}` WHERE snapshot_time <= moment"
            elif name.startswith("raw_"):
                called = f"`my-project.inventory.{name}`"
            assert called in sql


def test_each_view_opens_with_the_question_it_answers_and_says_what_it_scans() -> None:
    for view in views():
        assert view.question.startswith(("Which", "What", "When", "How")), view.name
        assert ". " not in view.question
        assert "Scans " in view.description
        assert "$" not in view.description
        assert len(view.description) <= 1024


def test_each_view_comes_after_those_it_reads() -> None:
    made: set[str] = {*map(raw, TABLES), *RECENT}
    for view in views():
        assert set(view.reads) <= made, view.name
        made.add(view.name)


def test_only_the_views_of_the_ledger_read_rows_that_may_not_be_committed() -> None:
    """One place decides what is committed: other views read views, or rows of tables by a committed snapshot's id."""
    ledger = {*map(raw, LEDGER), *(name for name, table in RECENT.items() if table in LEDGER)}
    deciding = {"committed_attempts", "snapshots", "collections"}
    assert {view.name for view in views() if ledger & set(view.reads)} == {
        *deciding, *(f"recent_{name}" for name in deciding),
    }  # fmt: skip
    sources = {"coverage", "latest_snapshots", "readings", "snapshots", "last_two_readings"}
    for view in views():
        if {name for name in view.reads if name.startswith("raw_")} - ledger:
            assert sources & set(view.reads), view.name


def test_bigquerys_query_names_tables_with_project_and_dataset() -> None:
    for view in views():
        sql = for_bigquery(view, "my-project.inventory")
        assert "${" not in sql
        for name in view.reads:
            assert f"`my-project.inventory.{name}`" in sql


@pytest.fixture
def _fresh_digests() -> Iterator[None]:
    digest.cache_clear()
    yield
    digest.cache_clear()


@pytest.mark.usefixtures("_fresh_digests")
def test_a_view_is_made_again_when_a_table_beneath_it_gains_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {view.name: digest(view) for view in views()}
    assert len(set(before.values())) == len(before)
    added = schema.Column("added", "STRING", "NULLABLE", "")
    monkeypatch.setattr(
        job.views, "columns", lambda table: (*schema.columns(table), *([added] if table == "pods" else []))
    )
    digest.cache_clear()
    changed = {view.name for view in views() if digest(view) != before[view.name]}
    assert changed == {
        "pods", "pods_history", "capacity_by_cluster", "capacity_by_namespace", "capacity_by_node_pool", "changes",
        "images", "privileged", "without_limits", "unowned_pods", "workload_containers", "restarts", "idle_namespaces",
        "drain_blockers", "drift", "events", "exposed", "images_history", "single_points_of_failure", "ownership",
        "ownership_by_cluster", "deprecated_api_uses",
    }  # fmt: skip


@pytest.mark.usefixtures("_fresh_digests")
def test_a_view_is_made_again_when_a_description_changes() -> None:
    (view,) = (view for view in views() if view.name == "without_limits")
    first, *others = view.columns
    assert digest(view._replace(columns=(first._replace(description="In other words."), *others))) != digest(view)
    assert digest(view._replace(description="In other words?")) != digest(view)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nosuch FROM coverage",
        "SELECT status AS new FROM coverage",
        "SELECT COUNT(*) FILTER (WHERE status = 'ok') FROM coverage",
        "SELECT MAX_BY(status, snapshot_time) FROM coverage",
        "SELECT 5 % 2 FROM coverage",
        "SELECT * FROM coverage WHERE status = 1",
        "SELECT * EXCLUDE (status) FROM coverage",
    ],
)
@pytest.mark.xdist_group("googlesql")
def test_sql_that_is_not_bigquerys_is_refused(sql: str) -> None:
    with pytest.raises(Refused):
        Dataset({}).query(sql)
