"""One simulated fleet for all histories of a test process, and credentials for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from job.collect.retries import RetryTime
from job.simulator import Simulator, simulate
from job.sinks.bigquery.retries import BoundedRetry


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=4, plain=True) as found:
        yield found


@pytest.fixture
def environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's credentials; three retries, which do not wait."""
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(simulator.directory / "authorized-user.json"))
    for name in ("EXECUTION", "TASK_ATTEMPT", "TASK_INDEX", "TASK_COUNT"):
        monkeypatch.setenv(f"CLOUD_RUN_{name}", "")  # so that monkeypatch undoes what a history sets
    monkeypatch.setattr(RetryTime, "delay", _three_retries)
    monkeypatch.setattr("job.discover.retries._own_delay", lambda retries: 0.0)
    monkeypatch.setattr(BoundedRetry, "_pauses", lambda self: iter((0.0, 0.0, 0.0, math.inf)))  # then it gives up


def _three_retries(time: RetryTime, wanted: float) -> float | None:
    time._attempts, time.end = time._attempts + 1, 0.0  # no longer the first failure
    return 0.0 if time._attempts < 4 else None
