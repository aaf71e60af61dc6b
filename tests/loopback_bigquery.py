"""A simulated BigQuery in this process, with helpers that use Google's client: tables, load jobs, queries."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from job.simulator.bigquery import application
from job.simulator.bigquery.control import Control

PROJECT = "shop-prod"


def lift_update_limits(endpoint: str) -> None:
    """Lets runs of a test follow one another at once: BigQuery allows 5 updates of a view in 10 seconds."""
    Control(endpoint).limit(
        metadata_updates_per_10_seconds_partitioned=100_000, metadata_updates_per_10_seconds=100_000
    )


@contextmanager
def served(*, googlesql: bool = False) -> Iterator[Control]:
    """Runs BigQuery in a thread. Fails at the end if an answer did not match Google's document."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        app = application(lambda authorization: authorization != "Bearer stale", googlesql=googlesql)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    control = Control(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield control
        assert control.wrong_answers() == []
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def connected(control: Control, *, location: str | None = "EU") -> Iterator[bigquery.Client]:
    """Google's client."""
    client = bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        location=location,
        client_options={"api_endpoint": control.endpoint},
    )
    try:
        yield client
    finally:
        client.close()


Field = bigquery.SchemaField
PODS = (
    Field("snapshot_time", "TIMESTAMP", "REQUIRED", description="when"),
    Field("name", "STRING", "REQUIRED", description="the pod's name"),
    Field("restarts", "INT64"),
    Field("labels", "RECORD", "REPEATED", fields=(Field("key", "STRING"), Field("value", "STRING"))),
)


def make_pods(client: bigquery.Client, name: str = "pods", **properties: Any) -> bigquery.Table:
    """The table `inventory.pods`, partitioned by day and clustered."""
    table = bigquery.Table(f"{client.project}.inventory.{name}", schema=PODS)
    table.time_partitioning = bigquery.TimePartitioning(field="snapshot_time")
    table.clustering_fields = ["name"]
    for key, value in properties.items():
        setattr(table, key, value)
    return client.create_table(table)


def pod(name: str, *, day: int = 1, **values: Any) -> dict[str, Any]:
    return {"snapshot_time": f"2026-01-{day:02}T12:00:00Z", "name": name, **values}


def submit(
    client: bigquery.Client,
    rows: Sequence[dict[str, Any]],
    table: str = "pods",
    job_id: str | None = None,
    **options: Any,
) -> bigquery.LoadJob:
    """Submits a load job of rows, as compressed newline-delimited JSON."""
    location = options.pop("location", client.location)
    retries = {key: options.pop(key) for key in ("num_retries", "timeout") if key in options}
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    for key, value in {"schema": PODS, "write_disposition": "WRITE_APPEND", **options}.items():
        if value is not None:
            setattr(config, key, value)
    data = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    target = f"{client.project}.inventory.{table}"
    return client.load_table_from_file(
        io.BytesIO(data), target, size=len(data), job_id=job_id, location=location, job_config=config, **retries
    )


def load(
    client: bigquery.Client, rows: Sequence[dict[str, Any]], table: str = "pods", **options: Any
) -> bigquery.LoadJob:
    """Submits a load job, and waits for it.

    Raises:
        GoogleAPICallError: the job failed.
    """
    job = submit(client, rows, table, **options)
    job.result(timeout=30)
    return job


def names(client: bigquery.Client, table: str = "pods") -> list[str]:
    """The sorted names of the rows in the table."""
    return sorted(row["name"] for row in client.list_rows(f"{client.project}.inventory.{table}"))


def ask(client: bigquery.Client, sql: str, **options: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    config = bigquery.QueryJobConfig(default_dataset=f"{client.project}.inventory", **options)
    return [tuple(row.values()) for row in client.query(sql, job_config=config).result(timeout=30)]
