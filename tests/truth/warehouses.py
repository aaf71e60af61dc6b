"""The warehouses that histories write to, read with the engines' own clients."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.oauth2.credentials import Credentials
from loopback_bigquery import lift_update_limits
from made import made_file
from truth.model import Object
from truth.oracle import TABLES, VIEWS, Seen
from truth.stage import Died, caught

from job.sinks.protocol import Commit
from job.spool import Rows
from job.tables import TABLES as RECORDS


class DuckDB:
    """A database file: a new one, or an existing one."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            path = Path(tempfile.mkdtemp(prefix="gke-inventory-truth-")) / "x.duckdb"
            shutil.copy(made_file(), path)
        self.path = path
        self.url = f"duckdb:///{self.path}"
        self._seen: tuple[bytes, Seen] | None = None

    def close(self) -> None:
        shutil.rmtree(self.path.parent)

    def seen(self) -> Seen:
        """What it shows. Selecting takes longer than a run, so it is not done again from the same file."""
        content = hashlib.sha256(self.path.read_bytes()).digest()
        if self._seen is None or self._seen[0] != content:
            with self._selecting() as select:
                self._seen = content, _seen(select)
        return self._seen[1]

    def snapshots(self) -> list[Object]:
        with self._selecting() as select:
            return select(_SNAPSHOTS)

    def lists(self) -> list[Object]:
        with self._selecting() as select:
            return select(_LISTS)

    @contextmanager
    def _selecting(self) -> Iterator[Callable[[str], list[Object]]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("LOAD icu; SET TimeZone = 'UTC'; SET threads = 1")

            def select(sql: str) -> list[Object]:
                cursor = connection.execute(sql)
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

            yield select

    @contextmanager
    def dying(self, loaded: tuple[str, ...]) -> Iterator[None]:
        """DuckDB gets a run's rows in one transaction; a dead run's rows are inserted as BigQuery would have them."""

        def publish(sink: Any, rows: Rows, commit: Commit) -> bool:
            files = {table: file for table, file in rows.files.items() if table in loaded}
            if files:
                sink.publish(rows._replace(files=files), commit._replace(run_id=f"dead-{uuid.uuid4()}"))
            raise Died

        with caught(publish):
            yield


class BigQuery:
    """A dataset of the simulated BigQuery. It is emptied and reused: making its views takes longer than a run."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint, self._dataset = endpoint, "shop-prod.truth"
        lift_update_limits(endpoint)
        self._client = bigquery.Client("shop-prod", Credentials("fake"), client_options={"api_endpoint": endpoint})
        self.url = f"bigquery://{self._dataset}?location=EU"
        with suppress(NotFound):
            for item in self._client.list_tables(self._dataset):
                if item.table_type == "TABLE":
                    empty = f"DELETE FROM {self._dataset}.{item.table_id} WHERE TRUE"
                    self._client.query_and_wait(empty, location="EU")

    def close(self) -> None:
        self._client.close()

    def seen(self) -> Seen:
        return _seen(self._select)

    def snapshots(self) -> list[Object]:
        return self._select(_SNAPSHOTS)

    def lists(self) -> list[Object]:
        return self._select(_LISTS)

    def _select(self, sql: str) -> list[Object]:
        config = bigquery.QueryJobConfig(default_dataset=self._dataset)
        return [dict(row.items()) for row in self._client.query_and_wait(sql, job_config=config, location="EU")]

    @contextmanager
    def dying(self, loaded: tuple[str, ...]) -> Iterator[None]:
        """Inside the context, load jobs into all other tables fail permanently."""
        failing = [table for table in (*TABLES, "collections", "runs", "snapshots") if table not in loaded]
        self._control("POST", [{"kind": "job_fails", "table": f"raw_{table}", "times": None} for table in failing])
        try:
            yield
        finally:
            self._control("DELETE")

    def _control(self, method: str, body: object = None) -> None:
        url, data = f"{self._endpoint}/_control/faults", json.dumps(body).encode() if body else None
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30):
            pass


_IDENTITIES = "SELECT snapshot_id, snapshot_time, run_id, task_index, attempt, project_id, location, cluster"
_SNAPSHOTS = f"{_IDENTITIES} FROM snapshots"
_LISTS = (
    "SELECT r.run_id, r.task_index, r.attempt, r.snapshot_time, c.project_id FROM collections AS c "
    "JOIN committed_attempts AS r ON r.snapshot_id = c.snapshot_id WHERE c.cluster IS NULL"
)
"""Each list of a project, with the attempt that has recorded it."""


_OF_RESOURCES = ("latest_collections", "coverage")
_KINDS_ALONE = "WHERE resource <> 'upgrade_info'"


def _seen(select: Callable[[str], list[Object]]) -> Seen:
    # upgrade info is switched off here: it is read once a day, and a history has one (tests/run/test_upgrade_info.py)
    counts = " UNION ALL ".join(
        f"SELECT '{table}' AS name, snapshot_id, COUNT(*) AS number FROM raw_{table} "
        f"{'' if table in TABLES else _KINDS_ALONE} GROUP BY 1, 2"
        for table in (*TABLES, "collections")
    )
    repeated = " UNION ALL ".join(
        f"SELECT '{table}' AS name, COUNT(*) AS number, COUNT(DISTINCT {_as_text(record.primary_key)}) AS keys_ "
        f"FROM raw_{table}"
        for table, record in RECORDS.items()
        if record.primary_key
    )
    return Seen(
        views={view: select(f"SELECT * FROM {view} {_KINDS_ALONE if view in _OF_RESOURCES else ''}") for view in VIEWS},
        runs=select(f"{_IDENTITIES} FROM raw_runs"),
        snapshots=select(_SNAPSHOTS),
        counts={(row["name"], row["snapshot_id"]): row["number"] for row in select(counts)},
        repeated={row["name"]: row["number"] - row["keys_"] for row in select(repeated)},
    )


def _as_text(columns: Sequence[str]) -> str:
    """Some columns as one, NULL where one of them is."""
    return " || '/' || ".join(f"CAST({column} AS STRING)" for column in columns)
