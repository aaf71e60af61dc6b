"""What a run imports: its fixed cost is mostly that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from job.simulator import simulate


@pytest.mark.exhaustive
def test_a_run_into_bigquery_imports_neither_pandas_nor_a_translator_of_sql(tmp_path: Path) -> None:
    with simulate(clusters=1, pods=1, plain=True) as fleet:
        sink = f"bigquery://{fleet.projects[0]}.inventory?location=EU"
        (tmp_path / "c.json").write_text(json.dumps({**fleet.configuration, "sink": sink}))
        command = [sys.executable, "-X", "importtime", "-m", "job.cli", "run", "--config", str(tmp_path / "c.json")]
        done = subprocess.run(
            command, env=os.environ | fleet.environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line}
    assert "google.cloud.bigquery" in imported
    assert imported.isdisjoint({"pandas.core", "pyarrow.lib", "numpy", "sqlglot", "duckdb", "job.frames"})
    assert "rich.console" not in imported  # it is installed, and structlog imports it where it can
    assert "google.cloud.resourcemanager_v3" not in imported  # only folders and organizations need it
