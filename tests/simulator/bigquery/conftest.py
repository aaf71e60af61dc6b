"""A simulated BigQuery for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import bigquery
from loopback_bigquery import PROJECT, connected, served

from job.simulator.bigquery.control import Control


@pytest.fixture
def control() -> Iterator[Control]:
    with served() as found:
        yield found


@pytest.fixture
def client(control: Control) -> Iterator[bigquery.Client]:
    """A client whose project has the dataset `inventory`, in the EU."""
    with connected(control) as found:
        dataset = bigquery.Dataset(f"{PROJECT}.inventory")
        dataset.location = "EU"
        found.create_dataset(dataset)
        yield found
