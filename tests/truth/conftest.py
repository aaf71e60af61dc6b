"""One simulated fleet for all histories of a test process, and credentials for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from job.simulator import Simulator, simulate


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=4, plain=True) as found:
        yield found


@pytest.fixture
def environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's credentials; the first three retries do not wait, the fourth would exceed every deadline."""
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(simulator.directory / "authorized-user.json"))
    for name in ("EXECUTION", "TASK_ATTEMPT", "TASK_INDEX", "TASK_COUNT"):
        monkeypatch.setenv(f"CLOUD_RUN_{name}", "")  # so that monkeypatch undoes what a history sets
    monkeypatch.setattr("job.collect.api_reader._delay", lambda attempt: 0.0 if attempt < 4 else 1e6)
    monkeypatch.setattr("job.sinks.bigquery.loads.back_off", lambda stop, failures: None)
