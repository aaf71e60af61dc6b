"""Load jobs: each is one atomic update, by BigQuery's rules for schemas."""

from __future__ import annotations

import io
import json
from typing import Any

import duckdb
import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, MethodNotImplemented, NotFound
from google.cloud import bigquery
from loopback_bigquery import PODS, PROJECT, Field, ask, load, make_pods, names, pod, submit

TABLE = f"{PROJECT}.inventory.pods"
NODE = Field("node", "STRING")


def failed(client: bigquery.Client, rows: list[dict[str, Any]], **options: Any) -> tuple[str, list[str]]:
    """The reason of the job's failure, and the messages of its errors."""
    job = submit(client, rows, **options)
    with pytest.raises(GoogleAPICallError):
        job.result(timeout=30)
    return job.error_result["reason"], [error["message"] for error in job.errors]


def test_rows_are_appended_and_counted(client: bigquery.Client) -> None:
    make_pods(client)
    first = load(client, [pod("a"), pod("b", restarts=3, labels=[{"key": "k", "value": "v"}])])
    load(client, [pod("c")])
    assert (first.output_rows, first.output_bytes, first.input_files) == (2, 36, 1)
    assert names(client) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"snapshot_time": "2026-01-01T00:00:00Z"}, "Missing required field: name."),
        (pod("a", nodename="n"), "No such field: nodename."),
        (pod("a", labels=[{"key": "k", "colour": "red"}]), "No such field: labels.colour."),
        (pod("a", labels={"key": "k"}), "Nonarray value for repeated field. Field: labels"),
        (pod("a", labels=[None]), "Only optional fields can be set to NULL. Field: labels; Value: NULL"),
        (pod("a", restarts=[1]), "Array specified for non-repeated field: restarts."),
        (pod("a", restarts="many"), "Could not convert value to int64. Field: restarts; Value: many"),
        (pod("a", restarts=1.5), "Could not convert value to int64. Field: restarts; Value: 1.5"),
        (pod("a", restarts=2**63), "Could not convert value to int64."),
        (pod("a", restarts=True), "Could not convert value to int64."),
        ({"name": "a", "snapshot_time": "yesterday"}, "Could not convert value to timestamp."),
        ({"name": "a", "snapshot_time": "2026-01-01T00:00:00.123456789Z"}, "Could not convert value to timestamp."),
    ],
)
def test_one_bad_row_fails_the_job_and_nothing_is_written(client: bigquery.Client, row: Any, says: str) -> None:
    make_pods(client)
    reason, errors = failed(client, [pod("good"), row])
    summary = (
        "Error while reading data, error message: JSON table encountered too many errors, giving up. Rows: 2; "
        "errors: 1. Please look into the errors[] collection for more details."
    )
    assert (reason, errors[0], says in errors[1]) == ("invalid", summary, True)
    assert names(client) == []


def test_bad_rows_are_skipped_up_to_the_allowed_number(client: bigquery.Client) -> None:
    make_pods(client)
    rows = [pod("a"), {"name": "no time"}, pod("b", unknown=1)]
    job = load(client, rows, max_bad_records=1, ignore_unknown_values=True)
    assert (job.output_rows, job._properties["statistics"]["load"]["badRecords"]) == (2, "1")


@pytest.mark.parametrize("data", [b"{", b"\x1f\x8b not gzip", b'["a"]'])
def test_a_broken_file_fails_the_job(client: bigquery.Client, data: bytes) -> None:
    make_pods(client)
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    with pytest.raises(BadRequest, match="Error while reading data"):
        client.load_table_from_file(io.BytesIO(data), TABLE, size=len(data), job_config=config).result()


def test_a_missing_table_is_created_if_the_job_allows_it(client: bigquery.Client) -> None:
    assert failed(client, [pod("a")], create_disposition="CREATE_NEVER")[0] == "notFound"
    assert failed(client, [pod("a")], schema=None) == ("invalid", ["No schema specified on job or table."])
    partitioning = bigquery.TimePartitioning(field="snapshot_time")
    load(
        client,
        [pod("a")],
        time_partitioning=partitioning,
        clustering_fields=["name"],
        destination_table_description="d",
    )
    made = client.get_table(TABLE)
    assert (made.time_partitioning.field, made.clustering_fields, made.description) == ("snapshot_time", ["name"], "d")


def test_a_failed_job_leaves_no_new_table(client: bigquery.Client) -> None:
    failed(client, [{"name": "no time"}])
    with pytest.raises(NotFound):
        client.get_table(TABLE)


def test_columns_are_added_only_if_the_job_allows_it(client: bigquery.Client) -> None:
    make_pods(client)
    wider = [*PODS, NODE]
    reason, (message,) = failed(client, [pod("a", node="n")], schema=wider)
    assert (reason, message) == (
        "invalid",
        "Provided Schema does not match Table shop-prod:inventory.pods. Cannot add fields (field: node)",
    )
    load(client, [pod("a", node="n")], schema=wider, schema_update_options=["ALLOW_FIELD_ADDITION"])
    assert ask(client, "SELECT name, node FROM pods") == [("a", "n")]


def test_a_failed_job_leaves_no_new_columns(client: bigquery.Client) -> None:
    make_pods(client)
    failed(client, [{"node": "n"}], schema=[*PODS, NODE], schema_update_options=["ALLOW_FIELD_ADDITION"])
    assert [field.name for field in client.get_table(TABLE).schema] == [field.name for field in PODS]
    load(client, [pod("a")])
    assert ask(client, "SELECT * FROM pods")[0][1:] == ("a", None, [])


def test_required_columns_are_relaxed_only_if_the_job_allows_it(client: bigquery.Client) -> None:
    make_pods(client)
    relaxed = [PODS[0], Field("name", "STRING"), *PODS[2:]]
    row = {"snapshot_time": "2026-01-01T00:00:00Z"}
    message = failed(client, [row], schema=relaxed)[1][0]
    assert "Field name has changed mode from REQUIRED to NULLABLE" in message
    load(client, [row], schema=relaxed, schema_update_options=["ALLOW_FIELD_RELAXATION"])
    assert client.get_table(TABLE).schema[1].mode == "NULLABLE"


def test_a_job_cannot_make_a_nullable_column_required(client: bigquery.Client) -> None:
    make_pods(client)
    stricter = [*PODS[:2], Field("restarts", "INT64", "REQUIRED"), PODS[3]]
    message = failed(client, [pod("a", restarts=1)], schema=stricter)[1][0]
    assert "Field restarts has changed mode from NULLABLE to REQUIRED" in message


def test_truncating_replaces_the_schema_and_its_descriptions(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("old", restarts=1)])
    load(
        client,
        [pod("new", node="n")],
        schema=[*(_plain(field) for field in PODS[:2]), NODE],
        write_disposition="WRITE_TRUNCATE",
    )
    found = client.get_table(TABLE)
    assert [(field.name, field.description) for field in found.schema] == [
        ("snapshot_time", None), ("name", None), ("node", None),
    ]  # fmt: skip
    assert (names(client), found.clustering_fields) == (["new"], ["name"])


def test_truncating_the_data_keeps_the_schema_and_its_descriptions(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("old", restarts=1)])
    described = [Field(f.name, f.field_type, f.mode, description="other", fields=f.fields) for f in PODS]
    load(client, [pod("new")], schema=described, write_disposition="WRITE_TRUNCATE_DATA")
    assert [field.description for field in client.get_table(TABLE).schema] == ["when", "the pod's name", None, None]
    assert names(client) == ["new"]


def test_appending_keeps_the_descriptions(client: bigquery.Client) -> None:
    make_pods(client)
    described = [Field(f.name, f.field_type, f.mode, description="other", fields=f.fields) for f in PODS]
    load(client, [pod("a")], schema=described)
    assert [field.description for field in client.get_table(TABLE).schema] == ["when", "the pod's name", None, None]


def test_a_failed_truncation_keeps_the_old_rows(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("old")])
    for disposition in ("WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA"):
        failed(client, [{"name": "no time"}], write_disposition=disposition)
        assert names(client) == ["old"]


def test_write_empty_refuses_a_table_with_rows(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("a")], write_disposition="WRITE_EMPTY")
    job = submit(client, [pod("b")], write_disposition="WRITE_EMPTY")
    with pytest.raises(Conflict, match=r"Already Exists: Table shop-prod:inventory\.pods"):
        job.result()
    assert names(client) == ["a"]


def test_schema_update_options_require_an_appending_job(client: bigquery.Client) -> None:
    make_pods(client)
    with pytest.raises(BadRequest, match="Schema update options should only be specified with WRITE_APPEND"):
        submit(client, [], write_disposition="WRITE_TRUNCATE", schema_update_options=["ALLOW_FIELD_ADDITION"])


def test_a_single_partition_can_be_replaced(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("one", day=1), pod("two", day=2)])
    load(client, [pod("new", day=2)], table="pods$20260102", write_disposition="WRITE_TRUNCATE")
    assert names(client) == ["new", "one"]
    _, (message,) = failed(client, [pod("astray", day=3)], table="pods$20260102", write_disposition="WRITE_TRUNCATE")
    assert "Some rows belong to partition 20260103 rather than destination partition 20260102" in message
    assert names(client) == ["new", "one"]


def test_unsupported_formats_and_sources_are_refused(client: bigquery.Client) -> None:
    make_pods(client)
    with pytest.raises(MethodNotImplemented, match="does not implement loads of CSV"):
        submit(client, [], source_format="CSV")
    config = bigquery.LoadJobConfig(source_format="PARQUET")
    with pytest.raises(MethodNotImplemented, match="loads from Cloud Storage"):
        client.load_table_from_uri("gs://bucket/file", TABLE, job_config=config)


def parquet(tmp_path: Any, sql: str) -> bytes:
    path = tmp_path / "file.parquet"
    duckdb.connect().execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def load_parquet(
    client: bigquery.Client, data: bytes, table: str = TABLE, *, infer: bool | None = None, **options: Any
) -> None:
    config = bigquery.LoadJobConfig(source_format="PARQUET", **options)
    if infer is not None:
        options_of_parquet = bigquery.ParquetOptions()
        options_of_parquet.enable_list_inference = infer
        config.parquet_options = options_of_parquet
    client.load_table_from_file(io.BytesIO(data), table, size=len(data), job_config=config).result()


@pytest.mark.parametrize(("infer", "expected"), [(None, []), (False, []), (True, ["a", "b"])])
def test_parquet_lists_load_empty_without_list_inference(
    client: bigquery.Client, tmp_path: Any, infer: bool | None, expected: list[str]
) -> None:
    schema = [Field("id", "INT64"), Field("tags", "STRING", "REPEATED")]
    client.create_table(bigquery.Table(f"{PROJECT}.inventory.tagged", schema=schema))
    data = parquet(tmp_path, "SELECT 1::BIGINT AS id, ['a', 'b'] AS tags")
    load_parquet(client, data, f"{PROJECT}.inventory.tagged", infer=infer, schema=schema)
    assert ask(client, "SELECT id, tags FROM tagged") == [(1, expected)]


def test_a_parquet_list_is_a_record_for_a_job_without_a_schema(client: bigquery.Client, tmp_path: Any) -> None:
    client.create_table(bigquery.Table(TABLE, schema=[Field("tags", "STRING", "REPEATED")]))
    data = parquet(tmp_path, "SELECT ['a'] AS tags")
    with pytest.raises(BadRequest, match="Field tags has changed type from STRING to RECORD"):
        load_parquet(client, data)
    load_parquet(client, data, infer=True)
    assert ask(client, "SELECT tags FROM pods") == [(["a"],)]


def test_a_parquet_list_becomes_a_record_without_list_inference(client: bigquery.Client, tmp_path: Any) -> None:
    load_parquet(client, parquet(tmp_path, "SELECT ['a'] AS tags"))
    assert ask(client, "SELECT * FROM pods") == [({"list": [{"element": "a"}]},)]


def test_json_columns_cannot_be_loaded_from_parquet(client: bigquery.Client, tmp_path: Any) -> None:
    client.create_table(bigquery.Table(TABLE, schema=[Field("raw", "JSON")]))
    with pytest.raises(BadRequest, match="Unsupported field type: JSON"):
        load_parquet(client, parquet(tmp_path, "SELECT '{}' AS raw"), schema=[Field("raw", "JSON")])


@pytest.mark.parametrize(
    ("sql", "own_schema", "says"),
    [
        (
            "SELECT 'a' AS restarts, 'n' AS name",
            True,
            "column 'restarts' has type STRING which does not match .* INT64",
        ),
        ("SELECT 1::BIGINT AS restarts, 'n' AS name, 2 AS extra", True, "No such field: extra"),
        ("SELECT 1::BIGINT AS restarts, NULL::VARCHAR AS name", True, "Missing required field: name"),
        ("SELECT 'a' AS restarts, 'n' AS name", False, "Field restarts has changed type from INTEGER to STRING"),
        ("SELECT 1::BIGINT AS restarts, 'n' AS name", False, "Field name has changed mode from REQUIRED to NULLABLE"),
    ],
)
def test_parquet_columns_must_match_the_table(
    client: bigquery.Client, tmp_path: Any, sql: str, own_schema: bool, says: str
) -> None:
    schema = [PODS[2], PODS[1]]
    client.create_table(bigquery.Table(TABLE, schema=schema))
    with pytest.raises(BadRequest, match=says):
        load_parquet(client, parquet(tmp_path, sql), schema=schema if own_schema else None)
    assert names(client) == []


def _plain(field: bigquery.SchemaField) -> bigquery.SchemaField:
    return Field(field.name, field.field_type, field.mode, fields=field.fields)


def test_json_rows_keep_values_of_every_type(client: bigquery.Client) -> None:
    values = {
        "s": "é\n", "i": "-9223372036854775808", "f": "NaN", "n": "12345678901234567890123456789.123456789",
        "b": "TRUE", "ts": "2026-03-01 01:02:03.5+02:00", "d": "2026-3-1", "t": "01:02:03", "j": {"a": [1, None, "x"]},
        "y": "/wA=", "r": {"inner": [{"deep": 1.0}]},
    }  # fmt: skip
    schema = [
        Field("s", "STRING"), Field("i", "INTEGER"), Field("f", "FLOAT"), Field("n", "NUMERIC"), Field("b", "BOOLEAN"),
        Field("ts", "TIMESTAMP"), Field("d", "DATE"), Field("t", "TIME"), Field("j", "JSON"), Field("y", "BYTES"),
        Field("r", "RECORD", fields=[Field("inner", "RECORD", "REPEATED", fields=[Field("deep", "INT64")])]),
    ]  # fmt: skip
    client.create_table(bigquery.Table(TABLE, schema=schema))
    load(client, [values], schema=None)
    asked = ask(
        client, "SELECT TO_JSON_STRING(j), CAST(ts AS STRING), CAST(n AS STRING), f <> f, LENGTH(y), d FROM pods"
    )
    (row,) = [dict(row.items()) for row in client.list_rows(TABLE)]
    assert json.loads(asked[0][0]) == values["j"]
    assert (str(row["n"]), row["i"], row["s"], row["y"]) == (values["n"], -(2**63), "é\n", b"\xff\x00")
    assert (str(row["ts"]), str(row["d"]), row["r"]) == (
        "2026-02-28 23:02:03.500000+00:00",
        "2026-03-01",
        {"inner": [{"deep": 1}]},
    )
