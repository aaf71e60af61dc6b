"""Every view declares its columns, and they are the ones that it returns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest
from googlesql import Dataset

from job.schema import Column, columns
from job.sinks.duckdb.ddl import changes
from job.tables import TABLES
from job.views import View, views
from job.views.header import columns_of


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables and views, as the DuckDB sink makes them."""
    with duckdb.connect() as connection:
        for change in list(changes(connection)):
            connection.execute(change.statement)
        yield connection


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_each_view_returns_the_columns_that_it_declares(view: View, database: duckdb.DuckDBPyConnection) -> None:
    described = database.execute(f'DESCRIBE "{view.name}"').fetchall()
    assert [column.name for column in view.columns] == [name for name, *_ in described]


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
@pytest.mark.xdist_group("googlesql")
def test_each_column_has_the_type_that_bigquery_gives_it(view: View) -> None:
    assert [f"{column.name} {_type(column)}" for column in view.columns] == Dataset({}).analyse(view)


def test_each_column_is_described_in_a_sentence() -> None:
    for view in views():
        for column in view.columns:
            for field in (column, *column.fields):
                assert re.fullmatch(r"\S.*\w.*\.", field.description), f"{view.name}.{field.name}"
                assert len(field.description) <= 1024, f"{view.name}.{field.name}"  # BigQuery's limit


def test_what_a_view_passes_through_is_described_as_in_its_table() -> None:
    for table in TABLES:
        (latest,) = (view for view in views() if view.name == f"latest_{table}")
        by_name = {column.name: column for column in latest.columns}
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


def _type(column: Column) -> str:
    """As GoogleSQL writes it."""
    one = column.type
    if column.type == "STRUCT":
        one = f"STRUCT<{', '.join(f'{field.name} {_type(field)}' for field in column.fields)}>"
    return f"ARRAY<{one}>" if column.mode == "REPEATED" else one
