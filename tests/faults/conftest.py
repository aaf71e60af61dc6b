"""A plain fleet of three small clusters, and what a run of it finds when nothing is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from declared import SOME_KINDS
from faults.fleet import Fleet

from job.simulator import Simulator, simulate


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=3, pods=30, plain=True) as found:
        yield found


@pytest.fixture(scope="session")
def usual(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database that one run has written with nothing in its way."""
    return usual_run(simulator, tmp_path_factory.mktemp("usual"))


def usual_run(simulator: Simulator, directory: Path) -> Path:
    """The database that a run of the whole fleet writes in the directory."""
    (directory / "c.json").write_text(json.dumps({**simulator.configuration, "kinds": SOME_KINDS, "page_limit": 10}))
    command = [sys.executable, "-m", "job.cli", "run", "-q", "--config", "c.json", "--sink", "duckdb:///x.duckdb"]
    done = subprocess.run(
        command, cwd=directory, env=os.environ | simulator.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return directory / "x.duckdb"


@pytest.fixture
def fleet(simulator: Simulator, usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """The fleet with nothing wrong, a configuration file for it, and a database that already has one good run."""
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    found = Fleet(simulator, tmp_path, usual)
    yield found
    simulator.clear()
    simulator.tokens(lifetime=3600)
