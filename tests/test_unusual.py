"""The unusual objects of the simulated fleet, from its sockets to the views."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pandas as pd
import pytest
from made import sink_at

from job import latest, query
from job.config import Config
from job.run.one_task import run
from job.simulator import simulate
from job.sinks.open_sink import open_warehouse

GIB = 1 << 30
AMOUNTS = (
    "cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes",
)  # fmt: skip
# name -> requests of CPU and memory, limits of CPU and memory, what could not be parsed
PODS: dict[str, tuple[int | None, int | None, int | None, int | None, list[str]]] = {
    "huge-memory-1": (100, 5 * 10**18, 1000, 5 * 10**18, []),
    "huge-memory-2": (100, 5 * 10**18, 1000, 5 * 10**18, []),
    "huge-cpu": (None, 64 << 20, None, None, ["requests.cpu"]),
    "exact": (2, 192 << 20, None, None, []),
    "zero-limits": (0, 0, None, None, []),
    "pod-level": (1000, GIB, 2000, 2 * GIB, []),
    "resize-infeasible": (1000, GIB, 1000, GIB, []),
    "resize-deferred": (4000, 4 * GIB, 4000, 4 * GIB, []),
    "resize-shrinking": (2000, 4 * GIB, 2000, 4 * GIB, []),
}
CLUSTER = "web-1"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """The configuration of a fleet that one run has read."""
    path = tmp_path_factory.mktemp("unusual")
    with simulate(clusters=5, pods=20, seed=4) as fleet, pytest.MonkeyPatch.context() as patch:
        for name, value in fleet.environment.items():
            patch.setenv(name, value)
        made = msgspec.convert(fleet.configuration | {"sink": sink_at(path / "x.duckdb")}, Config)
        run(made)
        yield made


def rows(config: Config, sql: str) -> list[tuple[Any, ...]]:
    return open_warehouse(config).query(sql).rows


def test_pods_reserve_what_the_scheduler_counts(config: Config) -> None:
    columns = ", ".join((*AMOUNTS, "unparsed_quantities"))
    found = rows(config, f"SELECT name, {columns} FROM pods WHERE cluster = '{CLUSTER}'")
    assert {name: tuple(row) for name, *row in found if name in PODS} == PODS


def test_capacity_sums_the_whole_fleet_with_them(config: Config) -> None:
    capacity = latest("capacity_by_cluster", config=config)
    whole = capacity.set_index("cluster")
    pods = latest("pods", config=config)
    reserving = pods[~pods["phase"].isin(["Succeeded", "Failed"])]
    assert set(whole.index) > {CLUSTER}
    for name, row in whole.iterrows():
        mine = reserving[reserving["cluster"] == name]
        for column in AMOUNTS:
            total = sum(int(value) for value in mine[column].dropna())
            found = whole.loc[name, column]
            assert (0 if pd.isna(found) else found) == total, (name, column)
            assert pd.isna(found) or isinstance(found, Decimal)
        if pd.isna(row["pods_read_age_seconds"]):  # its pods cannot be read
            continue
        is_unparsed = mine["unparsed_quantities"].map(bool)
        assert row["pods_unparsed"] == is_unparsed.sum()
        for kind, column in (("cpu", "cpu_limit_millicores"), ("memory", "memory_limit_bytes")):
            named = mine["unparsed_quantities"].map(lambda names, kind=kind: f"limits.{kind}" in names)
            assert row[f"pods_without_{kind}_limit"] == (mine[column].isna() & ~named).sum()
    assert whole.loc[CLUSTER, "memory_request_bytes"] > 2**63
    assert whole.loc[CLUSTER, "pods_unparsed"] == 1


def test_no_digest_is_compared_with_the_id_of_a_configuration(config: Config) -> None:
    where = "workload_name IN ('side-loaded', 'side-loaded-pinned', 'pulled', 'invalid-image')"
    found = rows(
        config, f"SELECT workload_name, image_repository, pinned_mismatch, digests_of_tag FROM images WHERE {where}"
    )
    assert sorted(found) == [
        ("invalid-image", None, None, None),
        ("pulled", "tools/unusual", None, 1),
        ("side-loaded", "tools/unusual", None, 1),
        ("side-loaded-pinned", "tools/unusual", None, None),
    ]


def test_new_controllers_have_no_counts_and_suspended_jobs_have(config: Config) -> None:
    columns = "name, replicas, replicas_ready, active, succeeded, suspended"
    names = ("new-set", "new-daemon", "new-replicas", "suspended", "never-run")
    found = rows(config, f"SELECT {columns} FROM workloads WHERE name IN {names}")
    assert sorted(found) == [
        ("never-run", None, None, None, None, False),
        ("new-daemon", None, None, None, None, None),
        ("new-replicas", None, None, None, None, None),
        ("new-set", None, None, None, None, None),
        ("suspended", None, 0, 0, 0, True),
    ]
    paused = query("SELECT DISTINCT paused FROM workloads WHERE kind = 'Deployment'", config=config)
    assert list(paused["paused"]) == [False]


def test_an_old_private_cluster_has_what_its_older_fields_say(config: Config) -> None:
    columns = "cluster, public_endpoint_enabled, binary_authorization, gcp_public_cidrs_access_enabled"
    found = {name: tuple(row) for name, *row in rows(config, f"SELECT {columns} FROM clusters")}
    assert found["ml-1"] == (False, "PROJECT_SINGLETON_POLICY_ENFORCE", False)
    assert found["web-1"] == (True, "DISABLED", True)
