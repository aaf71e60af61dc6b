"""A DuckDB file with all tables and views: they take longer to make than most tests do, so tests begin with a copy."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from job.sinks.duckdb import DuckDBSink


@cache
def made_file() -> Path:
    """The file that is copied: one for each process."""
    folder = Path(tempfile.mkdtemp(prefix="gke-inventory-made-"))
    atexit.register(shutil.rmtree, folder)
    DuckDBSink(folder / "made.duckdb", timeout_seconds=60).apply()
    return folder / "made.duckdb"


def sink_at(path: Path) -> str:
    """The address of a DuckDB file, which is a copy unless there is one already."""
    if not path.exists():
        shutil.copy(made_file(), path)
    return f"duckdb:///{path}"
