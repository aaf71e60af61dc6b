"""Running the job against the fleet, and reading what it has written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from declared import SOME_KINDS

from job.cli import main
from job.schema import columns as columns_of
from job.simulator import Simulator
from job.tables import TABLES, UPGRADE_INFO

PATIENT = {"connect_seconds": 10.0, "request_seconds": 20.0, "retry_seconds": 30.0, "cluster_seconds": 120.0}
NEWEST = "snapshot_time = (SELECT max(snapshot_time) FROM runs)"
LEDGER = ("runs", "snapshots", "collections")
_VIEWS = ("pods", "workloads", "roles", "namespaces")
_OF_THE_RUN = (  # what no two runs have alike
    "snapshot_id", "snapshot_time", "run_id", "started_at", "duration_seconds", "finished_at", "read_at",
    "read_age_seconds", "read_status",
)  # fmt: skip

Rows = dict[tuple[str, str], Counter[str]]
"""`project/location/cluster`, and the resource that rows were read from -> the rows, without what is of the run."""


class Ended(NamedTuple):
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    def collected(self) -> dict[str, tuple[str, str, str | None]]:
        """Cluster -> severity, status and reason of its log event."""
        return {
            f"{event['project']}/{event['location']}/{event['cluster']}": (
                event["severity"], event["status"], event.get("reason")
            )
            for event in self.events
            if event["message"] == "cluster collected"
        }  # fmt: skip


class Started:
    """A command that runs in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._told = ""

    @property
    def read(self) -> str:
        """The log so far."""
        return self._told

    def wait_for(self, message: str) -> None:
        """Reads its log up to this event."""
        assert self.process.stderr is not None
        while line := self.process.stderr.readline():
            self._told += line
            if line.startswith("{") and json.loads(line)["message"] == message:
                return
        raise AssertionError(f"it ended before {message!r}: {self._told}")

    def end(self, within: float = 60) -> Ended:
        """Waits for its end; where a signal ended it, the exit code is the one that shells tell."""
        out, err = self.process.communicate(timeout=within)
        err = self._told + err
        assert "CANARY" not in out + err
        assert "Traceback" not in err, err
        code = self.process.returncode
        return Ended(code if code >= 0 else 128 - code, out, err)


class Fleet:
    """The simulated fleet as one test sees it."""

    def __init__(self, simulator: Simulator, directory: Path, usual: Path) -> None:
        self.simulator = simulator
        self.directory = directory
        self.usual = usual
        self.database = directory / "x.duckdb"
        self.config = directory / "c.json"
        self.spools = directory / "spools"
        self.spools.mkdir()
        self._asked = len(simulator.requests())
        self._reading: duckdb.DuckDBPyConnection | None = None
        shutil.copy(usual, self.database)
        self.configure()

    def configure(self, *, timeouts: dict[str, float] | None = None, **keys: Any) -> None:
        """Writes the configuration file."""
        settings = {
            **self.simulator.configuration, "kinds": SOME_KINDS, "page_limit": 10,
            "timeouts": PATIENT | (timeouts or {}), "sink": f"duckdb:///{self.database}", **keys,
        }  # fmt: skip
        self.config.write_text(json.dumps(settings))

    def run(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
        """Runs the command line in this process."""
        words = arguments or ("run", "--json")
        monkeypatch.setattr(sys, "argv", ["gke-inventory", words[0], "--config", str(self.config), *words[1:]])
        capsys.readouterr()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        printed = capsys.readouterr()
        assert "CANARY" not in printed.out + printed.err
        assert "Traceback" not in printed.err
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    def start(self, *arguments: str, before: tuple[str, ...] = ()) -> Started:
        """Starts the command line in a process of its own; `before` goes before it, as `env` and `nice` do."""
        words = arguments or ("run", "--json")
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "job.cli", words[0], "--config", str(self.config), *words[1:]],
            env=os.environ | {"TMPDIR": str(self.spools)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return Started(process)

    def asked(self) -> list[dict[str, Any]]:
        """What the servers were sent since this test began."""
        return self.simulator.requests()[self._asked :]

    def wait_until_asked(self, cluster: str, path: str, *, times: int = 1) -> None:
        """Waits until a cluster has been sent so many requests for the path."""
        end = time.monotonic() + 60
        while sum((request["cluster"], request["path"]) == (cluster, path) for request in self.asked()) < times:
            assert time.monotonic() < end, f"{cluster} is not asked for {path}"
            time.sleep(0.02)

    @contextmanager
    def read(self) -> Iterator[None]:
        """Keeps the database open, which takes as long to open as most queries take."""
        with _opened(self.database) as self._reading:
            yield
        self._reading = None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """A query's rows."""
        if self._reading is not None:
            return self._reading.execute(sql).fetchall()
        with _opened(self.database) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, *, usual: bool = False, prefix: str = "raw_", where: str = "TRUE") -> Rows:
        """The rows of the clusters in the tables or, without a prefix, in their views."""
        if usual:
            return _usual_rows(self.usual)
        if self._reading is not None:
            return _rows(self._reading, prefix, where)
        with _opened(self.database) as connection:
            return _rows(connection, prefix, where)


@cache
def _usual_rows(database: Path) -> Rows:
    with _opened(database) as connection:
        return _rows(connection, "raw_", "TRUE")


def _opened(database: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(database), read_only=True).execute("LOAD icu; SET TimeZone = 'UTC'; SET threads = 1")


def _rows(connection: duckdb.DuckDBPyConnection, prefix: str, where: str) -> Rows:
    """Of the views of tables one of each form is asked, and `coverage`, which says what the others show."""
    found: Rows = {}
    if not prefix:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE shown AS SELECT DISTINCT read_snapshot_id, resource FROM coverage "
            "WHERE read_snapshot_id IS NOT NULL AND cluster IS NOT NULL"
        )
    for table, record in TABLES.items():
        if table in LEDGER or record.read_from == UPGRADE_INFO:  # which the first run of a day reads
            continue
        declared = ", ".join(column.name for column in columns_of(table))
        source = f"{prefix}{table}"
        if not prefix and record.read_from and table not in _VIEWS:
            resource = "resource" if record.read_from == "*" else f"'{record.read_from}'"
            source = f"(FROM raw_recent_{table} WHERE (snapshot_id, {resource}) IN (FROM shown))"
        cursor = connection.execute(f"SELECT {declared} FROM {source} WHERE {where}")
        names = [column[0] for column in cursor.description or ()]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            resource = row["resource"] if record.read_from == "*" else record.read_from or "clusters"
            cluster = f"{row['project_id']}/{row['location']}/{row['cluster']}"
            columns = {name: _sorted(value) for name, value in row.items() if name not in _OF_THE_RUN}
            found.setdefault((cluster, resource), Counter())[f"{table}: {columns}"] += 1
    return found


def _sorted(value: Any) -> Any:
    """The GKE API's maps come in any order, and so do labels that were made of them."""
    return sorted(value, key=repr) if isinstance(value, list) else value
