"""`doctor` in this process, over real sockets, as a program reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import sink_at

from job.commands.doctor import Check, examine
from job.config import Config
from job.simulator import Simulator, simulate

Doctor = Callable[..., list[Check]]


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs `doctor` on a configuration, both ways of printing; gives the checks that it prints as JSON."""

    def run(configuration: dict[str, Any], **keys: Any) -> list[Check]:
        found = {"timeouts": {"connect_seconds": 5}, **configuration, **keys}
        if "sink" not in found:
            found["sink"] = sink_at(tmp_path / "x.duckdb")
        config = msgspec.convert(found, Config)
        is_fine = examine(lambda: config, as_json=True)
        printed = capsys.readouterr().out
        assert "CANARY" not in printed
        document = json.loads(printed)
        assert (document["ok"], document["error"]) == (is_fine, None)
        return msgspec.convert(document["checks"], list[Check])

    return run


@pytest.fixture(scope="session")
def session_fleet() -> Iterator[Simulator]:
    """A fleet for all tests of a worker."""
    with simulate(clusters=10, pods=5, seed=3, bigquery=False) as found:
        yield found


@pytest.fixture
def fleet(session_fleet: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The fleet, with its credentials, and without the faults of other tests."""
    for name, value in session_fleet.environment.items():
        monkeypatch.setenv(name, value)
    yield session_fleet
    session_fleet.clear()


def findings(checks: list[Check], category: str) -> list[Check]:
    """The findings of one category."""
    return [check for check in checks if (check.category, check.status) == (category, "finding")]


def commands(check: Check) -> list[str | None]:
    """What mends a finding."""
    return [mend.command for mend in check.mends]
