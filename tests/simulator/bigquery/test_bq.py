"""Google's command-line tool `bq`, against the simulated BigQuery."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from google.cloud import bigquery
from loopback_bigquery import PROJECT, load, make_pods, names, pod

from job.simulator.bigquery.control import Control

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(shutil.which("bq") is None, reason="bq is not installed"),
    pytest.mark.timeout(300),  # it takes seconds to start
]
Run = Callable[..., str]


@pytest.fixture
def bq(control: Control, client: bigquery.Client, tmp_path: Path) -> Run:
    """Runs bq in its own home directory, on a table with three rows."""
    make_pods(client)
    load(client, [pod("a", restarts=1, labels=[{"key": "team", "value": "web"}]), pod("b"), pod("c")])
    options = (
        "--headless", "--format=json", "--api", control.endpoint, f"--project_id={PROJECT}", "--location=EU",
        "--oauth_access_token=fake",
    )  # fmt: skip
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            ["bq", *options, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_ls_and_show_list_tables_and_columns(bq: Run) -> None:
    assert [found["datasetReference"]["datasetId"] for found in json.loads(bq("ls"))] == ["inventory"]
    assert [found["tableReference"]["tableId"] for found in json.loads(bq("ls", "inventory"))] == ["pods"]
    table = json.loads(bq("show", "inventory.pods"))
    assert (table["numRows"], table["clustering"], [field["name"] for field in table["schema"]["fields"]]) == (
        "3", {"fields": ["name"]}, ["snapshot_time", "name", "restarts", "labels"],
    )  # fmt: skip


def test_query_and_head_print_rows(bq: Run) -> None:
    sql = "SELECT name, restarts, snapshot_time, labels FROM inventory.pods WHERE restarts = 1"
    assert json.loads(bq("query", "--use_legacy_sql=false", sql)) == [
        {
            "name": "a", "restarts": "1", "snapshot_time": "2026-01-01 12:00:00",
            "labels": [{"key": "team", "value": "web"}],
        }
    ]  # fmt: skip
    assert [row["name"] for row in json.loads(bq("head", "-n", "2", "inventory.pods"))] == ["a", "b"]


def test_load_reads_newline_delimited_json(bq: Run, client: bigquery.Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps(pod("from bq")) + "\n")
    bq("load", "--source_format=NEWLINE_DELIMITED_JSON", "inventory.pods", str(path))
    assert names(client) == ["a", "b", "c", "from bq"]
    assert json.loads(bq("ls", "-j", "-n", "1"))[0]["configuration"]["jobType"] == "LOAD"
