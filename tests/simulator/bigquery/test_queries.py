"""Queries answered by DuckDB: types, names, pages, costs and errors."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, MethodNotImplemented, NotFound
from google.cloud import bigquery
from loopback_bigquery import PODS, PROJECT, Field, ask, load, make_pods, names, pod

from job.simulator.bigquery.control import Control

TABLE = f"{PROJECT}.inventory.pods"


@pytest.fixture
def pods(client: bigquery.Client) -> bigquery.Client:
    make_pods(client)
    load(
        client,
        [
            pod("a", day=1, restarts=1, labels=[{"key": "team", "value": "web"}, {"key": "tier", "value": None}]),
            pod("b", day=2, restarts=0),
            pod("c", day=3),
        ],
    )
    return client


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*), MAX(restarts), COUNTIF(restarts > 0) FROM pods", [(3, 1, 1)]),
        ("SELECT name FROM pods ORDER BY restarts", [("c",), ("b",), ("a",)]),
        ("SELECT name FROM pods QUALIFY ROW_NUMBER() OVER (ORDER BY name DESC) = 1", [("c",)]),
        ("SELECT p.name, l.value FROM pods AS p, p.labels AS l ORDER BY l.key", [("a", "web"), ("a", None)]),
        ("SELECT name, labels.key FROM pods, UNNEST(labels) AS labels WHERE labels.value IS NULL", [("a", "tier")]),
        ("SELECT ARRAY_AGG(name ORDER BY name DESC LIMIT 2) FROM pods", [(["c", "b"],)]),
        ("SELECT FORMAT('%d-%s', 7, 'x'), DIV(7, 2), MOD(7, 2), 7 / 2", [("7-x", 3, 1, 3.5)]),
        ("SELECT TIMESTAMP_DIFF(TIMESTAMP '2026-01-02 01:00:00', TIMESTAMP '2026-01-01 23:00:00', DAY)", [(0,)]),
        ("SELECT SAFE_DIVIDE(1, 0), IF(restarts = 0, 0, 10 / restarts) FROM pods WHERE name = 'b'", [(None, 0.0)]),
        (f"SELECT pods.name FROM `{TABLE}` WHERE name = 'a'", [("a",)]),
        ("WITH pods AS (SELECT 1 AS name) SELECT name FROM pods", [(1,)]),
        ("SELECT MAX(p.restarts) FROM inventory.pods AS p JOIN `shop-prod`.inventory.pods AS q USING (name)", [(1,)]),
    ],
)
def test_a_query_gives_bigquerys_answer(pods: bigquery.Client, sql: str, expected: Any) -> None:
    assert ask(pods, sql) == expected


@pytest.mark.parametrize(
    ("sql", "error", "says"),
    [
        ("SELEC 1", BadRequest, "Syntax error"),
        ("SELECT name, FROM, pods", BadRequest, "Syntax error"),
        ("", BadRequest, "Required parameter is missing: query"),
        ("SELECT missing FROM pods", BadRequest, "missing"),
        ("SELECT * FROM none", NotFound, "Not found: Table shop-prod:inventory.none was not found in location EU"),
        ("SELECT * FROM none.pods", NotFound, "Not found: Dataset shop-prod:none was not found in location EU"),
        ("SELECT * FROM other.inventory.pods", NotFound, "Not found: Dataset other:inventory was not found"),
        ("SELECT 1 / restarts FROM pods", BadRequest, "division by zero"),
        ("SELECT 1 AS a, 2 AS A", BadRequest, "Duplicate column names in the result are not supported"),
        ("DELETE FROM pods", BadRequest, "DELETE must have a WHERE clause"),
        ("CREATE TABLE inventory.t (a INT64)", MethodNotImplemented, "does not implement statements such as CREATE"),
        ("SELECT 1; SELECT 2", MethodNotImplemented, "does not implement scripts"),
        ("INSERT INTO pods (name) VALUES ('x')", BadRequest, "Required field snapshot_time cannot be null"),
    ],
)
def test_an_invalid_query_is_refused(pods: bigquery.Client, sql: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(pods, sql)


def test_a_table_name_needs_a_dataset_or_a_default(pods: bigquery.Client) -> None:
    with pytest.raises(BadRequest, match='Table "pods" must be qualified with a dataset'):
        pods.query("SELECT * FROM pods").result()


def test_unnamed_columns_are_numbered(pods: bigquery.Client) -> None:
    rows = pods.query("SELECT 1, 2 AS two, COUNT(*), STRUCT(1 AS a) FROM inventory.pods").result()
    assert [field.name for field in rows.schema] == ["f0_", "two", "f1_", "f2_"]


def test_rows_are_paged(pods: bigquery.Client) -> None:
    job = pods.query("SELECT name FROM inventory.pods ORDER BY name")
    assert [[row["name"] for row in page] for page in job.result(page_size=2).pages] == [["a", "b"], ["c"]]
    again = pods.query("SELECT name FROM inventory.pods ORDER BY name")
    assert [row["name"] for row in again.result(start_index=2)] == ["c"]
    assert [row["name"] for row in pods.query_and_wait("SELECT name FROM inventory.pods ORDER BY 1", page_size=2)] == [
        "a", "b", "c",
    ]  # fmt: skip
    assert len(list(pods.query("SELECT name FROM inventory.pods").result(max_results=1))) == 1
    assert (job.statement_type, [str(table) for table in job.referenced_tables]) == ("SELECT", [TABLE])


def test_many_rows_need_several_pages(client: bigquery.Client) -> None:
    rows = client.query("SELECT number FROM UNNEST(GENERATE_ARRAY(1, 10001)) AS number ORDER BY number").result()
    assert [len(list(page)) for page in rows.pages] == [10_000, 1]


def test_a_dry_run_creates_no_job_and_reports_the_bytes(control: Control, pods: bigquery.Client) -> None:
    before = len(list(pods.list_jobs()))
    job = pods.query("SELECT name FROM inventory.pods", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert (job.total_bytes_processed, job.schema[0].name, job.job_id) == (9, "name", None)
    with pytest.raises(BadRequest, match="missing"):
        pods.query("SELECT missing FROM inventory.pods", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert len(list(pods.list_jobs())) == before
    assert names(pods) == ["a", "b", "c"]


def test_a_dry_run_changes_nothing(control: Control, pods: bigquery.Client) -> None:
    sql = "DELETE FROM inventory.pods WHERE TRUE"
    pods.query(sql, job_config=bigquery.QueryJobConfig(dry_run=True))
    assert (names(pods), control.quotas()["modifications"]) == (["a", "b", "c"], {"shop-prod:inventory.pods": 1})


def test_only_columns_that_are_read_are_billed(pods: bigquery.Client) -> None:
    sizes = {}
    for columns in ("COUNT(*)", "name", "restarts", "name, restarts", "labels", "*"):
        job = pods.query(f"SELECT {columns} FROM inventory.pods")
        job.result()
        sizes[columns] = job.total_bytes_processed
    filtered = pods.query("SELECT restarts FROM inventory.pods WHERE name = 'a'")
    filtered.result()
    assert sizes == {"COUNT(*)": 0, "name": 9, "restarts": 16, "name, restarts": 25, "labels": 17, "*": 66}
    assert (filtered.total_bytes_processed, filtered.total_bytes_billed) == (25, 10 << 20)


def test_a_query_over_its_maximum_bytes_billed_does_not_run(pods: bigquery.Client) -> None:
    with pytest.raises(
        GoogleAPICallError, match=r"Query exceeded limit for bytes billed: 1000000\. 10485760 or higher"
    ):
        ask(pods, "SELECT * FROM pods", maximum_bytes_billed=1_000_000)
    assert len(ask(pods, "SELECT * FROM pods", maximum_bytes_billed=10 << 20)) == 3


@pytest.mark.parametrize(
    "where",
    [
        "snapshot_time >= TIMESTAMP '2026-01-01'",
        "snapshot_time BETWEEN '2026-01-01' AND '2026-01-02' AND restarts > 7",
        "snapshot_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)",
        "DATE(snapshot_time) = '2026-01-01'",
        "snapshot_time IN (TIMESTAMP '2026-01-01')",
    ],
)
def test_a_partition_filter_is_recognised(client: bigquery.Client, where: str) -> None:
    make_pods(client, require_partition_filter=True)
    for sql in (f"SELECT name FROM pods WHERE {where}", f"SELECT name FROM (SELECT * FROM pods) WHERE {where}"):
        assert ask(client, sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM pods",
        "SELECT COUNT(*) FROM pods",
        "SELECT name FROM pods WHERE name = '2026-01-01'",
        "SELECT name FROM pods WHERE snapshot_time > '2026-01-01' OR restarts > 3",
        "SELECT name FROM pods WHERE snapshot_time = (SELECT MAX(snapshot_time) FROM other)",
        "SELECT p.name FROM pods AS p JOIN other AS o USING (name) WHERE o.snapshot_time > '2026-01-01'",
    ],
)
def test_a_table_that_requires_a_partition_filter_is_not_read_without_one(client: bigquery.Client, sql: str) -> None:
    make_pods(client, require_partition_filter=True)
    make_pods(client, "other")
    load(client, [pod("a", restarts=4)])
    with pytest.raises(BadRequest, match=r"Cannot query over table 'shop-prod.inventory.pods' without a filter over"):
        ask(client, sql)


def test_a_partition_filter_is_required_through_views_too(client: bigquery.Client) -> None:
    make_pods(client, require_partition_filter=True)
    view = bigquery.Table(f"{PROJECT}.inventory.v")
    view.view_query = f"SELECT name, snapshot_time AS at_ FROM `{TABLE}` WHERE snapshot_time > '2000-01-01'"
    client.create_table(view)
    assert ask(client, "SELECT name FROM v") == []
    view.view_query = f"SELECT name, snapshot_time AS at_ FROM `{TABLE}`"
    with pytest.raises(BadRequest, match="without a filter over"):
        client.update_table(view, ["view_query"])


def test_dml_changes_rows_and_counts_them(pods: bigquery.Client) -> None:
    counted = []
    for sql in (
        "INSERT INTO inventory.pods (snapshot_time, name) VALUES (TIMESTAMP '2026-01-04', 'd'), ('2026-01-05', 'e')",
        "UPDATE inventory.pods AS p SET restarts = 9 WHERE p.name IN ('a', 'd')",
        "DELETE FROM inventory.pods WHERE name = 'e'",
        "MERGE inventory.pods AS t USING (SELECT 'a' AS name) AS s ON t.name = s.name WHEN MATCHED THEN DELETE",
    ):
        job = pods.query(sql)
        job.result()
        counted.append(job.num_dml_affected_rows)
    assert counted == [2, 2, 1, 1]
    assert ask(pods, "SELECT name, restarts FROM pods ORDER BY name") == [("b", 0), ("c", None), ("d", 9)]


def test_a_result_can_be_written_to_a_table(pods: bigquery.Client) -> None:
    target = f"{PROJECT}.inventory.copy"
    ask(pods, "SELECT name, labels FROM pods", destination=target)
    assert names(pods, "copy") == ["a", "b", "c"]
    with pytest.raises(Conflict):
        ask(pods, "SELECT name, labels FROM pods", destination=target)
    ask(pods, "SELECT name, labels FROM pods LIMIT 1", destination=target, write_disposition="WRITE_APPEND")
    assert pods.get_table(target).num_rows == 4
    ask(pods, "SELECT 1 AS one", destination=target, write_disposition="WRITE_TRUNCATE")
    assert ask(pods, "SELECT * FROM copy") == [(1,)]


def test_parameters_are_values(pods: bigquery.Client) -> None:
    parameters = [
        bigquery.ScalarQueryParameter("name", "STRING", "a' OR TRUE -- \\"),
        bigquery.ScalarQueryParameter("least", "INT64", -1),
        bigquery.ArrayQueryParameter("names", "STRING", ["b", "c"]),
        bigquery.ScalarQueryParameter("nothing", "TIMESTAMP", None),
    ]
    sql = (
        "SELECT name, @nothing AS nothing FROM pods "
        "WHERE name = @name OR (restarts > @least AND name IN UNNEST(@names))"
    )
    assert ask(pods, sql, query_parameters=parameters) == [("b", None)]
    positional = [bigquery.ScalarQueryParameter(None, "STRING", "c")]
    assert ask(pods, "SELECT name FROM pods WHERE name = ?", query_parameters=positional) == [("c",)]
    with pytest.raises(BadRequest, match="Query parameter 'other' not found"):
        ask(pods, "SELECT @other", query_parameters=parameters)


def test_the_information_schema_has_tables_columns_and_partitions(pods: bigquery.Client) -> None:
    assert ask(pods, "SELECT table_name, table_type FROM inventory.INFORMATION_SCHEMA.TABLES") == [
        ("pods", "BASE TABLE")
    ]
    columns = "SELECT column_name, data_type, is_nullable, is_partitioning_column, clustering_ordinal_position"
    assert ask(pods, f"{columns} FROM `shop-prod`.inventory.INFORMATION_SCHEMA.COLUMNS ORDER BY ordinal_position") == [
        ("snapshot_time", "TIMESTAMP", "NO", "YES", None),
        ("name", "STRING", "NO", "NO", 1),
        ("restarts", "INT64", "YES", "NO", None),
        ("labels", "ARRAY<STRUCT<key STRING, value STRING>>", "YES", "NO", None),
    ]
    paths = "SELECT field_path, description FROM `shop-prod.inventory.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS`"
    assert ask(pods, f"{paths} WHERE column_name IN ('name', 'labels')") == [
        ("name", "the pod's name"), ("labels", None), ("labels.key", None), ("labels.value", None),
    ]  # fmt: skip
    assert ask(pods, "SELECT partition_id, total_rows FROM inventory.INFORMATION_SCHEMA.PARTITIONS ORDER BY 1") == [
        ("20260101", 1), ("20260102", 1), ("20260103", 1),
    ]  # fmt: skip
    with pytest.raises(MethodNotImplemented):
        ask(pods, "SELECT * FROM inventory.INFORMATION_SCHEMA.ROUTINES")
    assert [item.table_id for item in pods.list_tables("inventory")] == ["pods"]


def test_a_failed_query_does_not_disturb_the_next(pods: bigquery.Client) -> None:
    for _ in range(2):
        with pytest.raises(GoogleAPICallError):
            ask(pods, "SELECT CAST(name AS INT64) FROM pods")
        assert names(pods) == ["a", "b", "c"]


def test_a_table_without_a_schema_is_not_read(client: bigquery.Client) -> None:
    client.create_table(bigquery.Table(TABLE))
    with pytest.raises(BadRequest, match="does not have a schema"):
        ask(client, "SELECT * FROM pods")
    load(client, [pod("a")], schema=[*PODS, Field("node", "STRING")])
    assert names(client) == ["a"]
