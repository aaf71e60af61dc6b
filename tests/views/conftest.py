"""An empty warehouse on each of the two engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import Warehouse


@pytest.fixture(params=["duckdb", pytest.param("googlesql", marks=pytest.mark.xdist_group("googlesql"))])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse; each test runs on both engines, with the same expectations."""
    made = Warehouse(tmp_path / "warehouse.duckdb", request.param)
    yield made
    made.close()
