"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import json
import os
import sys
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made import make_dataset, share_made, sink_at
from replay import Replay, replayed

import job.log
from job.waiting import say_nothing

if TYPE_CHECKING:
    from job.simulator.bigquery.control import Control


ENGINES = ("duckdb", "bigquery", "googlesql")
"""Parameters of tests that run on one engine, and then on the other."""

share_made()
# the processes that tests start take a quarter less time if none compiles the product again
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests often wait for processes, for time-outs, and for one another's files."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker begins with its share of those that may take long: one that began last would be waited for."""
    _mark_other_engines(items)
    _mark_siblings(items)
    for item in items:
        if _FLEETS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.fleet)
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    longest = [item for item in items if _may_take_long(item)]
    others = [item for item in items if not _may_take_long(item)]
    share = -(-len(others) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in (*longest[worker::workers], *others[worker * share : (worker + 1) * share])
    ]


_FLEETS = frozenset({"fleet", "simulator", "bigquery_server"})
"""The fixtures that start a simulated fleet or BigQuery."""
_ON_DUCKDB = ("/run/", "/kill/test_parts", "/sinks/test_warehouse", "/sinks/test_versions")


def _mark_other_engines(items: list[pytest.Item]) -> None:
    """Of a test that runs on two engines, one is exhaustive: its name chooses which, so that about half are of each.

    Of whole runs, and of what any sink does, it is the first, DuckDB: to make a dataset takes longer than they run.
    """
    same: dict[tuple[object, ...], list[pytest.Item]] = defaultdict(list)
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        engine = next((name for name, value in parameters.items() if isinstance(value, str) and value in ENGINES), None)
        if engine:
            others = sorted((name, str(value)) for name, value in parameters.items() if name != engine)
            same[item.nodeid.partition("[")[0], *others].append(item)
    for (name, *_), found in same.items():
        for item in found:
            is_first = any(folder in str(name) for folder in _ON_DUCKDB)
            chosen = 0 if is_first else zlib.crc32(str(name).encode()) % len(found)
            if len(found) > 1 and item is not found[chosen]:
                item.add_marker(pytest.mark.exhaustive)


def _mark_siblings(items: list[pytest.Item]) -> None:
    """Of a test with the marker `siblings(count)`, so many of its cases always run, spread over all of them."""
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("siblings"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for found in cases.values():
        marker = found[0].get_closest_marker("siblings")
        assert marker is not None
        chosen = {number * len(found) // marker.args[0] for number in range(marker.args[0])}
        for place, item in enumerate(found):
            if place not in chosen:
                item.add_marker(pytest.mark.exhaustive)


def _may_take_long(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("timeout")
    return marker is not None and marker.args[0] >= 600


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the credentials, configuration or task of the machine it runs on."""
    for variable in (
        "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT",
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN", "CLOUD_RUN_EXECUTION",
        "CLOUD_RUN_JOB", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "CLOUD_RUN_TASK_ATTEMPT",
        "TRACEPARENT", "HTTP_PROXY", "HTTPS_PROXY",
        "http_proxy", "https_proxy", "BIGQUERY_EMULATOR_HOST",
        *(name for name in os.environ if name.startswith("GKE_INVENTORY_")),
    ):  # fmt: skip
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """No test hears less because an earlier one ran a command in this process, such as `doctor`, which is silent."""
    processors = job.log._processors
    before = processors[:]
    yield
    processors[:] = before
    say_nothing(False)


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
    keys = replay.configuration | {"sink": sink_at(tmp_path / "x.duckdb")}
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    monkeypatch.setenv("GKE_INVENTORY_CONFIG", str(tmp_path / "c.yaml"))
    return keys


@pytest.fixture
def unwritten(configured: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """The same, and nothing has been written yet, not even a warehouse without rows."""
    (tmp_path / "x.duckdb").unlink()
    return configured


@pytest.fixture(scope="session")
def bigquery_server() -> Iterator[Control]:
    """A loopback BigQuery for all tests of a worker."""
    from loopback_bigquery import lift_update_limits, served

    with served() as found:
        lift_update_limits(found.endpoint)
        yield found


@pytest.fixture(scope="session")
def bigquery_sink(bigquery_server: Control) -> dict[str, Any]:
    """The keys of a configuration whose sink is a dataset that has all tables and views."""
    return {
        "sink": make_dataset(bigquery_server, "for_tasks"),
        "api_endpoints": {"bigquery": bigquery_server.endpoint},
    }


@pytest.fixture
def configured_task(
    replay: Replay, bigquery_sink: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A configuration file for a task of Cloud Run, which writes to BigQuery alone; the environment of the task."""
    endpoints = replay.configuration["api_endpoints"] | bigquery_sink["api_endpoints"]
    keys = replay.configuration | bigquery_sink | {"api_endpoints": endpoints}
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    monkeypatch.setenv("GKE_INVENTORY_CONFIG", str(tmp_path / "c.yaml"))
    return {
        "CLOUD_RUN_JOB": "gke-inventory",
        "CLOUD_RUN_EXECUTION": f"gke-inventory-{uuid.uuid4().hex[:5]}",
        "CLOUD_RUN_TASK_INDEX": "0",
        "CLOUD_RUN_TASK_COUNT": "1",
        "CLOUD_RUN_TASK_ATTEMPT": "0",
    }
