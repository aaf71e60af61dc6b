"""Warehouses of both engines: new ones, and one that is emptied."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import warehouse
from google.oauth2.credentials import Credentials
from made import made_file, make_dataset
from sinks.impatient import Impatient

from job.config import BigQuery
from job.connect.identity import Identity
from job.errors import SinkError
from job.signals import Stop
from job.simulator.bigquery.control import Control
from job.sinks.bigquery import BigQuerySink, retries
from job.sinks.bigquery.loads import Loads
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Warehouse
from job.tables import TABLES, Key, Record
from job.views.row_columns import LabelColumn

Open = Callable[..., BigQuerySink]
ALL_TIME = 500_000
"""Hours: views of the present read all rows of a test, however old they are."""


@pytest.fixture(autouse=True)
def _clock_that_skips_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "monotonic", lambda: time.monotonic() + Impatient.skipped)


@pytest.fixture
def control(bigquery_server: Control) -> Iterator[Control]:
    """The faults of the loopback BigQuery; none outlives its test."""
    yield bigquery_server
    bigquery_server.clear()


@pytest.fixture
def open_sink(control: Control) -> Open:
    """Opens a sink on a dataset that this test creates, as a process of its own would."""
    return _opener(control, f"d_{uuid.uuid4().hex}")


@pytest.fixture
def open_made(control: Control) -> Open:
    """Opens a sink on a dataset that only this test uses, which has all tables and views."""
    name = f"d_{uuid.uuid4().hex}"
    make_dataset(control, name, recent_hours=ALL_TIME)
    return _opener(control, name)


@pytest.fixture(scope="session")
def made_dataset(bigquery_server: Control) -> str:
    """A dataset with all tables and views, which take longer to make than most tests do."""
    make_dataset(bigquery_server, "made", recent_hours=ALL_TIME)
    return "made"


def _opener(control: Control, dataset: str) -> Open:
    def opened(
        location: str | None = "EU",
        stop: Stop | None = None,
        columns: tuple[LabelColumn, ...] = (),
        **options: Any,
    ) -> BigQuerySink:
        options = {"recent_hours": ALL_TIME, **options}
        return BigQuerySink(
            "shop-prod", dataset, location, lambda: Identity(Credentials("token")), options=BigQuery(**options),
            endpoint=control.endpoint, timeout_seconds=100, overlap_seconds=3600, stop=stop or Impatient(),
            columns=columns,
        )  # fmt: skip

    return opened


class Subject:
    """A warehouse of one engine that has its tables, and no rows."""

    def __init__(self, opened: Callable[..., Warehouse]) -> None:
        self.open = opened
        """Opens it, as a process of its own would."""
        self._prefix = uuid.uuid4().hex[:8]

    def run_id(self, name: str) -> str:
        """A run's id that no other test uses: job ids of a dataset can be used once."""
        return f"{self._prefix}-{name}"

    def publish(self, run: str, rows: Sequence[tuple[Key, Record]], **options: Any) -> bool:
        """Publishes rows as the task of a run."""
        return warehouse.publish(self.open(), rows, run_id=self.run_id(run), **options)

    def lose(self, run: str, rows: Sequence[tuple[Key, Record]]) -> None:
        """Leaves the rows of a task in the tables without their commit."""
        self.publish(run, [(key, row) for key, row in rows if row.table != "runs"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.open().query(sql).rows


class OnDuckDB(Subject):
    def __init__(self, path: Path) -> None:
        super().__init__(lambda: DuckDBSink(path, timeout_seconds=5))
        self.path = path


class OnBigQuery(Subject):
    def __init__(self, opened: Open) -> None:
        super().__init__(opened)
        client = opened()._client
        counts = ", ".join(f"(SELECT COUNT(*) FROM {opened().name}.raw_{table}) AS {table}" for table in TABLES)
        (found,) = client.query_and_wait(f"SELECT {counts}", location="EU")
        for table in (table for table in TABLES if found[table]):
            client.query_and_wait(f"DELETE FROM {opened().name}.raw_{table} WHERE TRUE", location="EU")

    def lose(self, run: str, rows: Sequence[tuple[Key, Record]]) -> None:
        def killed(*_: object) -> bool:
            raise SinkError("the process is killed before the commit")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Loads, "commit", killed)
            with pytest.raises(SinkError):
                self.publish(run, rows)


@pytest.fixture
def on_bigquery(control: Control, made_dataset: str) -> OnBigQuery:
    return OnBigQuery(_opener(control, made_dataset))


@pytest.fixture
def on_duckdb(tmp_path: Path) -> OnDuckDB:
    return OnDuckDB(Path(shutil.copy(made_file(), tmp_path / "w.duckdb")))


@pytest.fixture(params=["duckdb", "bigquery"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each engine in turn."""
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture(params=["duckdb", "bigquery"])
def open_new(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Warehouse]:
    """Opens a warehouse of each engine in turn that has nothing yet."""
    if request.param == "bigquery":
        return request.getfixturevalue("open_sink")
    return lambda: DuckDBSink(tmp_path / "new.duckdb", timeout_seconds=5)
