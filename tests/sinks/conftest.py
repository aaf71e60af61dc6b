"""A loopback BigQuery for the tests of sinks, and datasets of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from job.config import BigQuery
from job.connect.identity import Identity, default_identity
from job.simulator import Simulator, simulate
from job.sinks.bigquery import BigQuerySink

Open = Callable[..., BigQuerySink]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=1, plain=True) as found:
        yield found


@pytest.fixture
def identity(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Identity:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    return default_identity(simulator.token_uri)


@pytest.fixture
def open_sink(simulator: Simulator, identity: Identity) -> Open:
    """Opens a sink on the test's own dataset, as a process of its own would."""
    dataset = f"d_{uuid.uuid4().hex}"

    def opened(location: str | None = "EU", **options: Any) -> BigQuerySink:
        return BigQuerySink(
            "shop-prod", dataset, location, lambda: identity,
            options=BigQuery(**options), endpoint=simulator.bigquery_endpoint, timeout_seconds=20, overlap_seconds=3600,
        )  # fmt: skip

    return opened
