"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replay import Replay, replayed


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests often wait for processes, for time-outs, and for one another's files."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker begins with its share of those that may take long: one that began last would be waited for."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    longest = [item for item in items if _may_take_long(item)]
    others = [item for item in items if not _may_take_long(item)]
    share = -(-len(others) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in (*longest[worker::workers], *others[worker * share : (worker + 1) * share])
    ]


def _may_take_long(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("timeout")
    return marker is not None and marker.args[0] >= 600


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the credentials, configuration or task of the machine it runs on."""
    for variable in (
        "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
        "GKE_INVENTORY_CONFIG", "CLOUD_RUN_EXECUTION",
        "CLOUD_RUN_JOB", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "CLOUD_RUN_TASK_ATTEMPT",
        "GKE_INVENTORY_BUILD", "TRACEPARENT", "HTTP_PROXY", "HTTPS_PROXY",
        "http_proxy", "https_proxy", "BIGQUERY_EMULATOR_HOST",
    ):  # fmt: skip
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    """A project whose one cluster gives recorded answers, and the credentials to read it."""
    directory = tmp_path / "replay"
    directory.mkdir()
    with replayed(directory) as found:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", found.credentials)
        yield found


@pytest.fixture
def configured(replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A configuration file that the environment names, and its keys."""
    keys = replay.configuration | {"sink": f"duckdb:///{tmp_path}/x.duckdb"}
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    monkeypatch.setenv("GKE_INVENTORY_CONFIG", str(tmp_path / "c.yaml"))
    return keys
