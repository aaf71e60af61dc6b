"""Typical use of a warehouse through Google's client, end to end."""

from __future__ import annotations

import base64
import gzip
import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery
from loopback_bigquery import PROJECT, Field, ask

from job.simulator.bigquery.control import Control

SCHEMA = [
    Field("s", "STRING", "REQUIRED", description="a string"),
    Field("i", "INT64"),
    Field("f", "FLOAT64"),
    Field("n", "NUMERIC"),
    Field("b", "BOOL"),
    Field("ts", "TIMESTAMP"),
    Field("d", "DATE"),
    Field("r", "RECORD", "REPEATED", fields=[Field("key", "STRING"), Field("value", "STRING")]),
    Field("j", "JSON"),
]
TABLE = f"{PROJECT}.inventory.every"
ROW = {
    "s": "a", "i": 2**62, "f": 0.1, "n": "0.1", "b": False, "ts": "2026-01-31T23:59:59.999999Z", "d": "2026-01-31",
    "r": [{"key": "team", "value": "web"}, {"key": "tier", "value": None}], "j": {"a": [1, "x", None]},
}  # fmt: skip
VALUES = (
    "a", 2**62, 0.1, Decimal("0.1"), False, datetime(2026, 1, 31, 23, 59, 59, 999999, UTC), date(2026, 1, 31),
    [{"key": "team", "value": "web"}, {"key": "tier", "value": None}], {"a": [1, "x", None]},
)  # fmt: skip
NOTHING = ("b", None, None, None, None, None, None, [], None)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(json.dumps(row).encode() + b"\n" for row in rows)
    return path


def load(client: bigquery.Client, path: Path, **options: Any) -> bigquery.LoadJob:
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=SCHEMA, **options)
    with path.open("rb") as file:
        job = client.load_table_from_file(file, TABLE, size=path.stat().st_size, job_config=config)
    job.result(timeout=60)
    return job


def test_every_type_goes_in_and_comes_out(client: bigquery.Client, tmp_path: Path) -> None:
    table = bigquery.Table(TABLE, schema=SCHEMA)
    table.time_partitioning = bigquery.TimePartitioning(field="ts")
    table.clustering_fields = ["s", "i"]
    table.labels = {"made-by": "test"}
    table.description = "every type"
    made = client.create_table(table)
    assert (made.schema, made.labels, made.description, made.clustering_fields, made.num_rows, made.location) == (
        SCHEMA_AS_TOLD, {"made-by": "test"}, "every type", ["s", "i"], 0, "EU",
    )  # fmt: skip
    job = load(client, write(tmp_path / "rows", [ROW, {"s": "b"}]))
    assert job.output_rows == 2
    for rows in (client.list_rows(TABLE), client.query(f"SELECT * FROM `{TABLE}`").result()):
        assert [field.name for field in rows.schema] == [field.name for field in SCHEMA]
        assert sorted((tuple(row.values()) for row in rows), key=str) == [VALUES, NOTHING]


SCHEMA_AS_TOLD = [
    Field(
        field.name,
        {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}.get(field.field_type, field.field_type),
        field.mode,
        description=field.description,
        fields=field.fields,
    )
    for field in SCHEMA
]


def test_a_large_file_is_uploaded_in_several_requests(
    control: Control, client: bigquery.Client, tmp_path: Path
) -> None:
    noise = random.Random(1)
    rows = [{"s": base64.b64encode(noise.randbytes(30_000)).decode()} for _ in range(200)]
    path = write(tmp_path / "rows", rows)
    assert path.stat().st_size > 5 << 20
    job = load(client, path)
    assert (job.output_rows, client.get_table(TABLE).num_rows) == (200, 200)
    uploads = [request for request in control.requests() if request["id"] == "bigquery.jobs.insert"]
    assert [(request["method"], request["query"]["uploadType"]) for request in uploads] == [
        ("POST", "resumable"), ("PUT", "resumable"),
    ]  # fmt: skip


def test_a_small_file_is_uploaded_in_one_request(control: Control, client: bigquery.Client, tmp_path: Path) -> None:
    load(client, write(tmp_path / "rows", [ROW]))
    uploads = [request for request in control.requests() if request["id"] == "bigquery.jobs.insert"]
    assert [(request["method"], request["query"]["uploadType"]) for request in uploads] == [("POST", "multipart")]


def test_a_dataframe_is_loaded(client: bigquery.Client) -> None:
    pytest.importorskip("pyarrow", reason="the client needs pyarrow to write DataFrames")
    import pandas as pd

    frame = pd.DataFrame(
        {
            "s": ["a"], "i": [2**62], "f": [0.1], "n": [Decimal("0.1")], "b": [False], "ts": [VALUES[5]],
            "d": [VALUES[6]], "r": [VALUES[7]],
        }
    )  # fmt: skip
    config = bigquery.LoadJobConfig(schema=SCHEMA[:-1])
    with pytest.warns((FutureWarning, DeprecationWarning, PendingDeprecationWarning)):
        job = client.load_table_from_dataframe(frame, TABLE, job_config=config)
    job.result(timeout=60)
    assert [tuple(row.values()) for row in client.list_rows(TABLE)] == [VALUES[:-1]]


def test_json_rows_are_loaded(client: bigquery.Client) -> None:
    config = bigquery.LoadJobConfig(schema=SCHEMA)
    client.load_table_from_json([ROW], TABLE, job_config=config).result()
    assert ask(client, "SELECT * FROM every") == [VALUES]


def test_a_table_gains_a_column_and_views_follow(client: bigquery.Client, tmp_path: Path) -> None:
    client.create_table(bigquery.Table(TABLE, schema=SCHEMA))
    view = bigquery.Table(f"{PROJECT}.inventory.teams")
    view.view_query = f"SELECT s, label.value AS team FROM `{TABLE}`, UNNEST(r) AS label WHERE label.key = 'team'"
    view.description = "teams"
    assert [field.name for field in client.create_table(view).schema] == ["s", "team"]
    load(client, write(tmp_path / "rows", [ROW]))
    assert ask(client, "SELECT * FROM teams") == [("a", "web")]
    found = client.get_table(TABLE)
    found.schema = [*found.schema, Field("region", "STRING", description="new")]
    client.update_table(found, ["schema"])
    view.view_query = f"SELECT s, region FROM `{TABLE}`"
    client.update_table(view, ["view_query"])
    assert ask(client, "SELECT * FROM teams") == [("a", None)]
    assert client.get_table(TABLE).schema[-1] == Field("region", "STRING", description="new")


def test_errors_raise_the_exceptions_of_the_client(client: bigquery.Client, tmp_path: Path) -> None:
    path = write(tmp_path / "rows", [ROW])
    with pytest.raises(NotFound, match="Not found: Table"):
        load(client, path, create_disposition="CREATE_NEVER")
    client.create_table(bigquery.Table(TABLE, schema=SCHEMA[:2]))
    with pytest.raises(BadRequest, match=r"Cannot add fields \(field: f\)"):
        load(client, path)
    with pytest.raises(Conflict):
        client.create_table(bigquery.Table(TABLE))
    with pytest.raises(NotFound):
        client.get_table(f"{PROJECT}.inventory.none")
    client.delete_table(f"{PROJECT}.inventory.none", not_found_ok=True)
