"""Every view declares its columns, and they are the ones that it returns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

import duckdb
import pytest
from declared import EACH_VIEW
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import bigquery
from googlesql import DATASET, Dataset, Refused
from loopback_bigquery import connected, lift_update_limits, served
from made import made_file, make_dataset

from job.config import BigQuery
from job.schema import Column, columns
from job.sinks.bigquery.ddl import create_view
from job.sinks.bigquery.layout import Layout
from job.sinks.duckdb.ddl import changes
from job.tables import TABLES
from job.views import ALL_ROWS, View, views
from job.views.header import columns_of
from job.views.recent import RECENT


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables and views, as the DuckDB sink makes them."""
    with duckdb.connect(str(made_file()), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
@pytest.mark.siblings(60)
def test_each_view_returns_the_columns_that_it_declares(view: View, database: duckdb.DuckDBPyConnection) -> None:
    described = database.execute(f'DESCRIBE "{view.name}"').fetchall()
    assert [column.name for column in view.columns] == [name for name, *_ in described]


@pytest.mark.parametrize("view", EACH_VIEW)
@pytest.mark.xdist_group("googlesql")
def test_the_statement_that_makes_each_view_is_googlesql_and_gives_each_column_its_type(view: View) -> None:
    found = dataset().check(create_view(view, DATASET, ALL_ROWS))
    assert found == [f"{column.name} {_type(column)}" for column in view.columns]


@cache
def dataset() -> Dataset:
    """One without rows, whose views have the columns that they declare."""
    return Dataset({})


@pytest.mark.xdist_group("googlesql")
def test_a_statement_with_other_columns_than_the_view_is_refused() -> None:
    (view,) = (view for view in views() if view.name == "without_limits")
    with pytest.raises(Refused, match="number of view column names"):
        dataset().check(create_view(view._replace(columns=view.columns[1:]), DATASET, ALL_ROWS))


def test_each_column_is_described_in_a_sentence() -> None:
    for view in views():
        for column in view.columns:
            for field in (column, *column.fields):
                assert re.fullmatch(r"\S.*\w.*\.", field.description), f"{view.name}.{field.name}"
                assert len(field.description) <= 1024, f"{view.name}.{field.name}"  # BigQuery's limit


def test_duckdb_comments_on_every_column_of_every_view(database: duckdb.DuckDBPyConnection) -> None:
    assert list(changes(database)) == []
    found = database.execute(
        "SELECT table_name, column_name, comment FROM duckdb_columns() "
        "WHERE table_name IN (SELECT view_name FROM duckdb_views() WHERE NOT internal)"
    ).fetchall()
    expected = [(view.name, column.name, column.description) for view in views() for column in view.columns]
    described = [(name, column, comment) for name, column, comment in found if name not in RECENT]  # for views alone
    assert sorted(described) == sorted(expected)


@pytest.fixture(scope="module")
def client() -> Iterator[bigquery.Client]:
    """Of a dataset for all tests: each begins with what is declared, which is made again where another changed it."""
    with served() as control, connected(control) as found:
        lift_update_limits(control.endpoint)
        make_dataset(control, "inventory", project=found.project)
        yield found


def layout(client: bigquery.Client) -> Layout:
    return Layout(client, f"{client.project}.inventory", "EU", BigQuery())


def make(client: bigquery.Client) -> list[str]:
    """Makes all that differs from what is declared, and names it."""
    made = []
    for step in layout(client).steps(layout(client).dataset()):
        step.make()
        made += [change.name for change in step.changes]
    return made


def test_bigquery_describes_every_column_of_every_view(client: bigquery.Client) -> None:
    make(client)
    assert make(client) == []
    for view in views():
        found = client.get_table(f"{client.project}.inventory.{view.name}")
        assert _described(found.schema) == _declared(view.columns), view.name


def test_bigquery_describes_a_view_again_when_its_query_or_a_description_changes(
    client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(client)
    *others, view = views()
    other_words = view.columns[0]._replace(description="In other words.")
    for changed in (
        view._replace(columns=(other_words, *view.columns[1:])),
        view._replace(sql=f"SELECT * FROM ({view.sql}) WHERE TRUE"),
    ):
        monkeypatch.setattr("job.sinks.bigquery.layout.views", lambda *_, changed=changed: (*others, changed))
        assert make(client) == [view.name]
        found = client.get_table(f"{client.project}.inventory.{view.name}")
        assert _described(found.schema) == _declared(changed.columns)


@pytest.mark.parametrize("failing", [0, 1])
def test_bigquery_makes_a_view_again_that_was_interrupted(
    client: bigquery.Client, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    make(client)
    *others, view = views()
    changed = view._replace(sql=f"SELECT * FROM ({view.sql}) WHERE TRUE")
    monkeypatch.setattr("job.sinks.bigquery.layout.views", lambda *_: (*others, changed))
    sent = 0

    def update_table(*arguments: object) -> bigquery.Table:
        nonlocal sent
        sent += 1
        if sent > failing:
            raise ServiceUnavailable("interrupted")
        return update(*arguments)  # type: ignore[arg-type]

    update = client.update_table
    with monkeypatch.context() as interrupted:
        interrupted.setattr(client, "update_table", update_table)
        with pytest.raises(ServiceUnavailable):
            make(client)
    assert make(client) == [view.name]
    found = client.get_table(f"{client.project}.inventory.{view.name}")
    assert _described(found.schema) == _declared(view.columns)
    assert make(client) == []


def test_bigquery_resolves_an_asterisk_again_and_leaves_columns_alone_that_are_not_ours(
    client: bigquery.Client,
) -> None:
    make(client)
    table = client.get_table(f"{client.project}.inventory.raw_namespaces")
    table.schema = [*table.schema, bigquery.SchemaField("cost_center", "STRING", description="Theirs.")]
    client.update_table(table, ["schema"])
    for name in ("raw_recent_namespaces", "namespaces"):
        view = client.get_table(f"{client.project}.inventory.{name}")
        view.labels = {**view.labels, "gke_inventory_digest": "older"}
        client.update_table(view, ["labels"])
    assert make(client) == ["raw_recent_namespaces", "namespaces"]
    schema = client.get_table(view.reference).schema
    found = {field.name: field.description for field in schema}
    assert found["phase"] == "`Active` or `Terminating`."
    assert found["cost_center"] is None


def test_what_a_view_passes_through_is_described_as_in_its_table() -> None:
    for table in TABLES:
        (shown,) = (view for view in views() if view.name == table)
        by_name = {column.name: column for column in shown.columns}
        for column in columns(table):
            assert by_name[column.name].description == column.description
            assert by_name[column.name].fields == column.fields


SOURCE = (
    Column("a", "STRING", "REQUIRED", "A."),
    Column("b", "STRING", "REPEATED", "B."),
    Column("c", "INT64", "NULLABLE", "C."),
)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("n INT64: How many.", [Column("n", "INT64", "NULLABLE", "How many.")]),
        ("n ARRAY<STRING>: Which ones.", [Column("n", "STRING", "REPEATED", "Which ones.")]),
        ("c, a FROM t", [SOURCE[2], SOURCE[0]._replace(mode="NULLABLE")]),
        ("b AS d FROM t", [SOURCE[1]._replace(name="d")]),
        ("* EXCEPT (a) FROM t", [*SOURCE[1:]]),
        ("* FROM t", [SOURCE[0]._replace(mode="NULLABLE"), *SOURCE[1:]]),
    ],
)
def test_an_entry_declares_columns_or_takes_them_from_a_source(entry: str, expected: list[Column]) -> None:
    assert list(columns_of([entry], {"t": SOURCE})) == expected


@pytest.mark.parametrize("entry", ["n: How many.", "n INTEGER: How many.", "n INT64:", "n INT64", "FROM t"])
def test_an_entry_of_another_form_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        list(columns_of([entry], {"t": SOURCE}))


@pytest.mark.parametrize("entry", ["d FROM t", "a FROM u"])
def test_an_unknown_column_or_source_is_refused(entry: str) -> None:
    with pytest.raises(KeyError):
        list(columns_of([entry], {"t": SOURCE}))


def _described(fields: Sequence[bigquery.SchemaField]) -> list[tuple[object, ...]]:
    return [(field.name, field.description, _described(field.fields)) for field in fields]


def _declared(declared: Sequence[Column]) -> list[tuple[object, ...]]:
    return [(column.name, column.description, _declared(column.fields)) for column in declared]


def _type(column: Column) -> str:
    """As GoogleSQL writes it."""
    one = column.type
    if column.type == "STRUCT":
        one = f"STRUCT<{', '.join(f'{field.name} {_type(field)}' for field in column.fields)}>"
    return f"ARRAY<{one}>" if column.mode == "REPEATED" else one
