"""Warehouses with all tables and views: they take longer to make than most tests do, so tests begin with a copy."""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from job.sinks.duckdb import DuckDBSink

if TYPE_CHECKING:
    from job.simulator.bigquery.control import Control

FOLDER = "MADE_WAREHOUSES"
"""The variable that names the folder in which all processes of one `pytest` find what one of them has made."""
_PROJECT, _DATASET = "made-project-a7c31", "made_dataset_a7c31"


def share_made() -> None:
    """Makes the folder, unless this process was given one. The process that made it removes it at its end."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="gke-inventory-made-")
        atexit.register(_remove, Path(os.environ[FOLDER]), os.getpid())


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # and no fork of it
        shutil.rmtree(folder)


@cache
def made_file() -> Path:
    """The DuckDB file that is copied."""
    return _made("made.duckdb", lambda path: DuckDBSink(path, timeout_seconds=60).apply())


def sink_at(path: Path) -> str:
    """The address of a DuckDB file, which is a copy unless there is one already."""
    if not path.exists():
        shutil.copy(made_file(), path)
    return f"duckdb:///{path}"


def make_dataset(control: Control, dataset: str, *, project: str = "shop-prod", recent_hours: int | None = None) -> str:
    """Makes a dataset in EU with all tables and views; returns the address of the sink.

    Args:
        recent_hours: the configuration's `bigquery.recent_hours`; None is its default.
    """
    made = _catalog(recent_hours).replace(_PROJECT, project).replace(_DATASET, dataset)
    control.restore(json.loads(made))
    return f"bigquery://{project}.{dataset}?location=EU"


@cache
def _catalog(recent_hours: int | None) -> str:
    def make(path: Path) -> None:
        from google.oauth2.credentials import Credentials
        from loopback_bigquery import lift_update_limits, served

        from job.config import BigQuery
        from job.connect.identity import Identity
        from job.sinks.bigquery import BigQuerySink

        options = BigQuery() if recent_hours is None else BigQuery(recent_hours=recent_hours)
        with served() as control:
            lift_update_limits(control.endpoint)
            BigQuerySink(
                _PROJECT, _DATASET, "EU", lambda: Identity(Credentials("token")), options=options,
                endpoint=control.endpoint, timeout_seconds=100, overlap_seconds=3600,
            ).apply()  # fmt: skip
            path.write_text(json.dumps(control.catalog(f"{_PROJECT}:{_DATASET}")))

    return _made(f"catalog-{recent_hours}.json", make).read_text()


def _made(name: str, make: Callable[[Path], object]) -> Path:
    """The file in the shared folder. The first process that needs it makes it, and others wait for that."""
    share_made()
    folder = Path(os.environ[FOLDER])
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name).exists():
            make(folder / f"new-{name}")
            (folder / f"new-{name}").rename(folder / name)
    return folder / name
