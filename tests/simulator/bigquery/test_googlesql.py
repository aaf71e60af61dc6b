"""Queries on the GoogleSQL engine: it accepts, refuses and answers what BigQuery does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, GoogleAPICallError, NotFound
from google.cloud import bigquery
from loopback_bigquery import PROJECT, Field, ask, connected, load, make_pods, names, pod, served

from job.simulator.bigquery import googlesql
from job.simulator.bigquery.control import Control

pytest.importorskip("zetasql", reason="the package zetasql is not installed")
TABLE = f"{PROJECT}.inventory.pods"


@pytest.fixture(scope="module")
def warehouse() -> Iterator[tuple[Control, bigquery.Client]]:
    """One engine for all tests: loading its module takes 0.05 s, and 14 s the first time."""
    with served(googlesql=True) as control, connected(control) as client:
        dataset = bigquery.Dataset(f"{PROJECT}.inventory")
        dataset.location = "EU"
        client.create_dataset(dataset)
        make_pods(client)
        rows = [
            pod("a", day=1, restarts=1, labels=[{"key": "team", "value": "web"}, {"key": "tier", "value": None}]),
            pod("b", day=2, restarts=0),
            pod("c", day=3),
        ]
        load(client, rows)
        for name, sql in (
            ("flapping", f"SELECT * FROM `{TABLE}` WHERE restarts > 0"),
            ("teams", f"SELECT f.name, l.value AS team FROM `{PROJECT}`.inventory.flapping AS f, f.labels AS l"),
        ):
            view = bigquery.Table(f"{PROJECT}.inventory.{name}")
            view.view_query = sql
            client.create_table(view)
        yield control, client


@pytest.fixture
def client(warehouse: tuple[Control, bigquery.Client]) -> bigquery.Client:
    return warehouse[1]


@pytest.fixture
def control(warehouse: tuple[Control, bigquery.Client]) -> Control:
    return warehouse[0]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*), MAX(restarts), COUNTIF(restarts > 0) FROM pods", [(3, 1, 1)]),
        ("SELECT name FROM pods ORDER BY restarts", [("c",), ("b",), ("a",)]),
        ("SELECT p.name, l.value FROM pods AS p, p.labels AS l ORDER BY l.key", [("a", "web"), ("a", None)]),
        ("SELECT name, key FROM pods, UNNEST(labels) ORDER BY 2", [("a", "team"), ("a", "tier")]),
        (f"SELECT pods.name FROM `{TABLE}` WHERE name = 'a'", [("a",)]),
        ("SELECT p.* EXCEPT (labels, snapshot_time) FROM pods AS p WHERE name = 'b'", [("b", 0)]),
        ("SELECT FORMAT('%t %T %05d', DATE '2026-01-02', 'x', 7)", [('2026-01-02 "x" 00007',)]),
        ("SELECT ANY_VALUE(name HAVING MAX restarts) FROM pods", [("a",)]),
        ("FROM pods |> WHERE restarts = 0 |> SELECT name", [("b",)]),
        ("SELECT team FROM teams ORDER BY team", [(None,), ("web",)]),
        ("SELECT t.name, f.restarts FROM teams AS t JOIN flapping AS f USING (name) WHERE team = 'web'", [("a", 1)]),
        ("SELECT 'é', name FROM pods WHERE name = 'a'", [("é", "a")]),
        ("SELECT MAX(ordinal_position) FROM inventory.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'pods'", [(4,)]),
    ],
)
def test_the_engine_answers_queries(control: Control, client: bigquery.Client, sql: str, expected: Any) -> None:
    assert ask(client, sql) == expected
    assert control.queries()[-1]["engine"] == "GoogleSQL"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nam FROM pods", r"Unrecognized name: nam; Did you mean name\? \[at 1:8\]"),
        ("SELECT name, zzz FROM pods AS p JOIN flapping USING (name)", r"Unrecognized name: zzz \[at 1:14\]"),
        ("SELECT 1 FROM pods, pods AS q WHERE zzz", r"Unrecognized name: zzz \[at 1:37\]"),
        ("SELECT name AS new, new FROM pods", r"Syntax error: Unexpected keyword NEW \[at 1:16\]"),
        ("SELECT restarts % 2 FROM pods", r'got "%" \[at 1:17\]'),
        ("SELECT COUNT(*) FILTER (WHERE restarts > 0) FROM pods", "Syntax error"),
        ("SELECT name + 1 FROM pods", "No matching signature for operator \\+"),
        ("SELECT 1 / (restarts - 1) FROM pods", "division by zero"),
        ("SELECT labels = labels FROM pods", "Equality is not defined for arguments of type ARRAY"),
        ("UPDATE pods SET restarts = 'many' WHERE TRUE", "STRING cannot be assigned to restarts, which has type INT64"),
        ("INSERT INTO pods (nam) VALUES ('a')", "Column nam is not present in table shop-prod:inventory.pods"),
    ],
)
def test_the_engine_refuses_what_bigquery_refuses(client: bigquery.Client, sql: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        ask(client, sql)


def test_a_missing_table_has_the_usual_error(client: bigquery.Client) -> None:
    with pytest.raises(NotFound, match=r"Not found: Table shop-prod:inventory\.none was not found in location EU"):
        ask(client, "SELECT * FROM none")


def test_the_engine_checks_views(client: bigquery.Client) -> None:
    view = bigquery.Table(f"{PROJECT}.inventory.wrong")
    view.view_query = f"SELECT MAX_BY(name, restarts) AS it FROM `{TABLE}`"
    with pytest.raises(BadRequest, match="Function not found: MAX_BY"):
        client.create_table(view)
    view.view_query = f"SELECT name, COUNT(*) OVER () AS many, labels FROM `{TABLE}`"
    made = client.create_table(view)
    client.delete_table(view)
    assert [(field.name, field.field_type, field.mode) for field in made.schema] == [
        ("name", "STRING", "NULLABLE"), ("many", "INTEGER", "NULLABLE"), ("labels", "RECORD", "REPEATED"),
    ]  # fmt: skip


def test_every_type_goes_in_and_comes_out(client: bigquery.Client) -> None:
    values = (
        "1 AS i, 1.5 AS f, NUMERIC '-12345678901234567890123456789.123456789' AS n, TRUE AS b, 'é' AS s, "
        "b'\\x00\\xff' AS y, DATE '1969-12-31' AS d, TIMESTAMP '1969-12-31 23:59:59.999999+00' AS ts, "
        "DATETIME '2026-01-02 03:04:05.000006' AS dt, TIME '03:04:05.000006' AS t, JSON '{\"a\": [1, null]}' AS j, "
        "['x', 'y'] AS a, STRUCT(1 AS x, [STRUCT('k' AS k)] AS l) AS r, CAST(NULL AS INT64) AS nothing, "
        "CAST('-inf' AS FLOAT64) AS low"
    )
    (first,) = ask(
        client, f"SELECT {values}", destination=f"{PROJECT}.inventory.every", write_disposition="WRITE_TRUNCATE"
    )
    assert ask(client, "SELECT * FROM every") == [first]
    assert [str(value) for value in first[:9]] == [
        "1", "1.5", "-12345678901234567890123456789.123456789", "True", "é", "b'\\x00\\xff'", "1969-12-31",
        "1969-12-31 23:59:59.999999+00:00", "2026-01-02 03:04:05.000006",
    ]  # fmt: skip
    assert (str(first[9]), *first[10:]) == (
        "03:04:05.000006", {"a": [1, None]}, ["x", "y"], {"x": 1, "l": [{"k": "k"}]}, None, float("-inf"),
    )  # fmt: skip
    client.delete_table(f"{PROJECT}.inventory.every")


def test_what_the_engine_only_analyses_duckdb_answers(control: Control, client: bigquery.Client) -> None:
    assert ask(client, "SELECT APPROX_COUNT_DISTINCT(name) FROM pods") == [(3,)]
    assert control.queries()[-1]["engine"] == "DuckDB"


def test_large_tables_are_left_to_duckdb(
    control: Control, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(googlesql, "MAX_ROWS", 2)
    assert ask(client, "SELECT COUNT(*) FROM pods") == [(3,)]
    assert control.queries()[-1]["engine"] == "DuckDB"
    with pytest.raises(BadRequest, match="Unrecognized name"):
        ask(client, "SELECT nam FROM pods")


def test_columns_without_a_name_are_numbered(client: bigquery.Client) -> None:
    rows = client.query("SELECT 1, 2 AS two, COUNT(*), STRUCT(1, 2 AS b) FROM inventory.pods").result()
    assert [field.name for field in rows.schema] == ["f0_", "two", "f1_", "f2_"]
    assert next(iter(rows))["f2_"] == {"_field_1": 1, "b": 2}


def test_a_partition_filter_is_needed_here_too(client: bigquery.Client) -> None:
    make_pods(client, "filtered", require_partition_filter=True)
    with pytest.raises(BadRequest, match="without a filter over"):
        ask(client, "SELECT name FROM filtered")
    assert ask(client, "SELECT name FROM filtered WHERE snapshot_time > '2026-01-01'") == []
    client.delete_table(f"{PROJECT}.inventory.filtered")


def test_changes_are_checked_by_the_engine_and_made(client: bigquery.Client) -> None:
    client.create_table(bigquery.Table(f"{PROJECT}.inventory.plain", schema=[Field("name", "STRING")]))
    ask(client, "INSERT INTO plain (name) SELECT name FROM pods WHERE restarts IS NULL")
    ask(client, f"INSERT `{PROJECT}.inventory.plain` (name) VALUES ('x')")
    assert names(client, "plain") == ["c", "x"]
    with pytest.raises(GoogleAPICallError, match="DELETE must have a WHERE clause"):
        ask(client, "DELETE FROM plain")
    client.delete_table(f"{PROJECT}.inventory.plain")


def test_the_current_time_is_the_simulators(control: Control, client: bigquery.Client) -> None:
    control.advance(86_400)
    try:
        sql = (
            "SELECT TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), @now, HOUR), DATE_DIFF(CURRENT_DATE, DATE(@now), DAY), "
            "'CURRENT_DATE()' -- CURRENT_TIMESTAMP"
        )
        now = bigquery.ScalarQueryParameter("now", "TIMESTAMP", datetime.now(UTC))
        assert ask(client, sql, query_parameters=[now]) == [(24, 1, "CURRENT_DATE()")]
    finally:
        control.advance(-86_400)
