"""Whole runs against the simulated fleet, over its sockets: discovered, read, written, as the fleet itself tells it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND, OBJECT_TABLES, OWN_TABLES, WORKLOAD_KINDS
from made import make_dataset, sink_at
from test_cli import COMMAND, invoke

from job.config import Config
from job.kinds import RESOURCES
from job.run.one_task import run
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse
from job.tables import TABLES

CANARY = "CANARY"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=10, pods=40, seed=3) as found:
        yield found


@pytest.fixture
def environment(fleet: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)


def configured(fleet: Simulator, tmp_path: Path, **keys: Any) -> Config:
    return msgspec.convert(
        {**fleet.configuration, "kinds": EVERY_KIND, "sink": sink_at(tmp_path / "x.duckdb"), **keys}, Config
    )


def rows(config: Config, sql: str) -> list[tuple[Any, ...]]:
    return open_warehouse(config).query(sql).rows


def plain(row: tuple[Any, ...]) -> str:
    """A row that compares: both engines' times are UTC, in different words."""
    return msgspec.json.encode(row).decode()


def readable(cluster: dict[str, Any]) -> set[str]:
    """The kinds of a cluster that can be read, as the fleet itself tells it."""
    if cluster["status"] != "RUNNING" or "*" in cluster["forbidden"]:
        return set()
    return set(RESOURCES) - set(cluster["forbidden"])


@pytest.mark.usefixtures("environment")
def test_every_object_that_can_be_read_is_there_and_every_other_is_known_to_be_missing(
    fleet: Simulator, tmp_path: Path
) -> None:
    config = configured(fleet, tmp_path)
    summary = run(config)
    inventory = fleet.inventory()
    clusters = {
        (cluster["project"], cluster["location"], cluster["name"]): cluster for cluster in inventory["clusters"]
    }
    key = "project_id, location, cluster"
    assert set(rows(config, f"SELECT {key} FROM latest_snapshots")) == set(clusters)
    for table, resource in OWN_TABLES.items():
        expected = {
            (*name, item["metadata"]["uid"])
            for name, cluster in clusters.items()
            if resource in readable(cluster)
            for item in cluster["objects"].get(resource, ())
        }
        found = rows(config, f"SELECT {key}, uid FROM {table}")
        assert len(found) == len(expected)
        assert set(found) == expected
    expected = {
        (*name, resource, item["metadata"]["uid"])
        for name, cluster in clusters.items()
        for resource in WORKLOAD_KINDS
        if resource in readable(cluster)
        for item in cluster["objects"][resource]
    }
    found = rows(config, f"SELECT {key}, resource, uid FROM workloads WHERE resource NOT IN ('pods', 'replicasets')")
    assert set(found) == expected
    statuses = Counter(
        status
        for (status,) in rows(
            config, "SELECT status FROM coverage WHERE cluster IS NOT NULL AND resource <> 'upgrade_info'"
        )
    )
    read = sum(len(readable(cluster)) for cluster in clusters.values())
    assert statuses == {"ok": read, "never_read": len(RESOURCES) * len(clusters) - read}
    projects = dict(rows(config, "SELECT project_id, outcome FROM coverage WHERE cluster IS NULL"))
    assert projects == {
        project: {"acquired-company": "forbidden", "data-platform": "partial"}.get(project, "ok")
        for project in inventory["projects"]
    }
    assert summary.run.clusters == len(clusters)
    assert summary.run.clusters_complete == sum(
        len(readable(cluster)) == len(RESOURCES) for cluster in clusters.values()
    )


@pytest.mark.usefixtures("environment")
def test_values_are_those_of_the_objects(fleet: Simulator, tmp_path: Path) -> None:
    config = configured(fleet, tmp_path)
    run(config)
    pods = {
        item["metadata"]["uid"]: item
        for cluster in fleet.inventory()["clusters"]
        if "pods" in readable(cluster)
        for item in cluster["objects"]["pods"]
    }
    found = rows(config, "SELECT uid, name, namespace, phase, node, created_at, containers FROM pods")
    assert len(found) == len(pods)
    for uid, name, namespace, phase, node, created_at, containers in found:
        pod = pods[uid]
        sidecars = [c for c in pod["spec"].get("initContainers", []) if c.get("restartPolicy") == "Always"]
        assert (name, namespace, phase, node, f"{created_at:%Y-%m-%dT%H:%M:%SZ}", containers) == (
            pod["metadata"]["name"], pod["metadata"]["namespace"], pod["status"]["phase"],
            pod["spec"].get("nodeName"), pod["metadata"]["creationTimestamp"],
            len(pod["spec"]["containers"]) + len(sidecars),
        )  # fmt: skip


@pytest.mark.usefixtures("environment")
def test_both_sinks_hold_the_same_rows(fleet: Simulator, tmp_path: Path) -> None:
    objects = {"include": ["*.argoproj.io", "*.agones.dev"]}
    duckdb = configured(fleet, tmp_path, objects=objects)
    bigquery = configured(fleet, tmp_path, objects=objects, sink=make_dataset(fleet.bigquery, "same"))
    assert run(duckdb).rows == run(bigquery).rows
    for table in OBJECT_TABLES:
        sql = f"SELECT * EXCEPT (snapshot_id, snapshot_time) FROM raw_{table}"
        found = [
            sorted(map(plain, rows(*asked))) for asked in ((duckdb, sql.replace("EXCEPT", "EXCLUDE")), (bigquery, sql))
        ]
        assert found[0] == found[1], table
        assert found[0]
    sql = "SELECT project_id, cluster, resource, status, outcome, reason FROM coverage ORDER BY 1, 2, 3"
    assert sorted(rows(bigquery, sql), key=str) == sorted(rows(duckdb, sql), key=str)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("sink", ["duckdb", "bigquery"])
def test_no_canary_reaches_rows_logs_or_output(
    fleet: Simulator, tmp_path: Path, sink: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = sink_at(tmp_path / "x.duckdb") if sink == "duckdb" else make_dataset(fleet.bigquery, "canaries")
    config = configured(fleet, tmp_path, sink=url)
    (tmp_path / "c.yaml").write_text(msgspec.json.encode(config).decode())
    spools = tmp_path / "spools"
    spools.mkdir()
    done = invoke("run", "-v", "--config", str(tmp_path / "c.yaml"), TMPDIR=str(spools))
    assert done.returncode == 3
    assert CANARY in json.dumps(fleet.inventory())
    assert CANARY not in done.stdout + done.stderr
    with open_warehouse(config).kept_open() as kept:
        for table in TABLES:
            assert CANARY not in repr(kept.query(f"SELECT * FROM raw_{table}").rows), table
    if sink == "duckdb":
        assert CANARY.encode() not in (tmp_path / "x.duckdb").read_bytes()
    assert list(spools.iterdir()) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("clusters", [50, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_of_many_clusters_one_that_hangs_and_one_that_refuses_cost_no_other(tmp_path: Path, clusters: int) -> None:
    with simulate(clusters=clusters, pods=4, plain=True) as fleet:
        hanging, refusing = sorted(fleet.clusters)[15], sorted(fleet.clusters)[33]
        fleet.fault(hanging, "hang")
        fleet.fault(refusing, "refuse")
        config = configured(fleet, tmp_path, timeouts={"request_seconds": 6, "connect_seconds": 4, "retry_seconds": 8})
        (tmp_path / "c.yaml").write_text(msgspec.json.encode(config).decode())
        done = invoke("run", "--json", "--config", str(tmp_path / "c.yaml"), timeout=200, **fleet.environment)
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout)
    counts = {key: summary[f"clusters_{key}"] for key in ("complete", "partial", "failed")}
    assert counts == {"complete": clusters - 2, "partial": 0, "failed": 2}
    assert {entry["name"]: entry["reason"] for entry in summary["unread"]} == {
        hanging: "timed_out",
        refusing: "unreachable",
    }
    sql = "SELECT duration_seconds FROM snapshots WHERE concat(project_id, '/', location, '/', cluster) = "
    ((seconds,),) = rows(config, f"{sql} '{hanging}'")
    assert 6 <= seconds < 30  # a request's timeout, not one for each of nine kinds


def test_the_demo_ends_with_rows_and_three_answers(tmp_path: Path) -> None:
    done = invoke("demo", "--clusters", "3", "--pods", "20", "--output", str(tmp_path / "demo.duckdb"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n-- ") == 3
    assert str(tmp_path / "demo.duckdb") in done.stdout
    asked = invoke(
        "query",
        "SELECT count(*) AS n FROM pods",
        "--format",
        "csv",
        "--sink",
        f"duckdb:///{tmp_path}/demo.duckdb",
    )
    assert int(asked.stdout.split()[1]) > 20


@pytest.mark.exhaustive
def test_the_demo_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        assert invoke("demo", "--clusters", "2", "--pods", "10", "--seed", "9", "--output", f"{tmp_path}/{name}").stdout
        sql = "SELECT cluster, namespace, name, uid FROM pods ORDER BY ALL"
        found.append(invoke("query", sql, "--format", "csv", "--sink", f"duckdb:///{tmp_path}/{name}").stdout)
    assert found[0] == found[1]
    assert len(found[0].splitlines()) > 10


def test_the_simulated_fleet_says_how_to_point_the_job_at_it(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "simulate", "--clusters", "2", "--pods", "5"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    try:
        lines = []
        while not lines or not lines[-1].startswith("  bq "):
            lines.append(process.stdout.readline())
            assert lines[-1] or process.poll() is None
        text = "".join(lines)
        exported = dict(re.findall(r"export (\w+)=(\S+)", text))
        done = invoke("run", "--sink", sink_at(tmp_path / "s.duckdb"), **exported)
        assert done.returncode == 3  # a project of the fleet is denied
        assert "2 clusters of 4 projects" in done.stdout
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.wait(20) == 130


def test_cloud_runs_metadata_server_is_identity_enough(fleet: Simulator, tmp_path: Path) -> None:
    config = configured(fleet, tmp_path)
    endpoints = {"container": config.api_endpoints.container}
    (tmp_path / "c.yaml").write_text(json.dumps({"projects": ["shop-prod"], "api_endpoints": endpoints}))
    environment = {name: value for name, value in os.environ.items() if name != "NO_GCE_CHECK"}
    environment |= {
        "GCE_METADATA_HOST": fleet.metadata_host,
        "GCE_METADATA_IP": fleet.metadata_host,
        "SSL_CERT_FILE": fleet.environment["SSL_CERT_FILE"],
        "CLOUD_RUN_EXECUTION": "inventory-abc12",
        "CLOUD_RUN_TASK_INDEX": "0",
        "CLOUD_RUN_TASK_COUNT": "1",
        "CLOUD_RUN_TASK_ATTEMPT": "0",
    }
    command = [sys.executable, "-m", "job.cli", "run", "--json", "-q", "--config", str(tmp_path / "c.yaml")]
    command += ["--sink", sink_at(tmp_path / "x.duckdb")]
    summaries = []
    for attempt in ("0", "1"):
        environment["CLOUD_RUN_TASK_ATTEMPT"] = attempt
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 3), done.stderr
        summaries.append(json.loads(done.stdout))
    assert [summary["run_id"] for summary in summaries] == ["inventory-abc12"] * 2
    assert [summary["committed_before"] for summary in summaries] == [False, True]
    assert rows(config, "SELECT count(DISTINCT attempt), max(attempt) FROM snapshots") == [(1, 0)]
