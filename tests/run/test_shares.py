"""Shares of tasks: each cluster is in exactly one, and all have about the same load."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import sink_at
from test_cli import COMMAND, invoke

from job.config import Config
from job.run.shares import OVERHEAD, ClusterShares
from job.simulator import simulate
from job.sinks.open_sink import open_warehouse

NAMES = st.text("abc/-0123", min_size=1, max_size=12)


@given(st.dictionaries(NAMES, st.integers(0, 10**6)), st.sets(NAMES), st.integers(1, 50))
def test_every_cluster_is_in_exactly_one_share_whatever_else_a_task_has_listed(
    weights: dict[str, int], listed: set[str], count: int
) -> None:
    tasks = [ClusterShares(weights, count) for _ in range(count)]
    for name in listed | set(weights):
        taken = [index for index, shares in enumerate(tasks) if shares.task_for(name) == index]
        assert len(taken) == 1
        assert tasks[taken[0]].lists(taken[0], name.partition("/")[0])


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.integers(1, 60), st.booleans())
def test_a_run_lists_no_more_than_its_projects_and_its_clusters(
    clusters: list[int], count: int, has_folders: bool
) -> None:
    projects = [f"project-{number}" for number in range(len(clusters))]
    named = () if has_folders else projects
    weights = {f"{project}/r/{n}": 1 for project, size in zip(projects, clusters, strict=True) for n in range(size)}
    for known in (weights, {}):
        shares = ClusterShares(known, count, named)
        lists = sum(shares.lists(task, project) for task in range(count) for project in projects)
        assert len(projects) <= lists <= len(projects) + (len(known) or max(len(projects), count))


def test_new_clusters_go_to_the_tasks_that_list_their_project_anyway() -> None:
    shares = ClusterShares({f"old/r/{number}": 1 for number in range(4)}, 8)
    listing = [task for task in range(8) if shares.lists(task, "old")]
    assert listing == [0, 1, 2, 3]
    assert {shares.task_for(f"old/r/new-{number}") for number in range(50)} == set(listing)
    assert {shares.task_for(f"new/r/new-{number}") for number in range(50)} == {0}


def test_in_a_first_run_all_tasks_have_a_part_of_the_only_project() -> None:
    shares = ClusterShares({}, 4, ["only"])
    assert {shares.task_for(f"only/r/{number}") for number in range(50)} == {0, 1, 2, 3}


def fleet(clusters: int, draw: random.Random) -> dict[str, int]:
    """Sizes as fleets have them: half below 600 objects, one of a thousand above 25,000."""
    return {
        f"project/region/cluster-{index}": min(int(600 * draw.lognormvariate(0, 1.2)), 200_000)
        for index in range(clusters)
    }


@pytest.mark.parametrize("clusters", [20, 200, 2000, 20_000])
def test_shares_are_within_a_quarter_of_the_mean_the_largest_cluster_aside(clusters: int) -> None:
    draw = random.Random(clusters)
    weights = fleet(clusters, draw)
    del weights[max(weights, key=lambda name: weights[name])]
    count = clusters // 20
    shares = ClusterShares(weights, count)
    # since the last snapshot, some clusters have gone, some have come, and all have grown or shrunk
    now = {name: max(int(size * draw.uniform(0.9, 1.1)), 1) for name, size in weights.items() if draw.random() > 0.01}
    now |= {f"project/region/new-{index}": 100 for index in range(clusters // 50)}
    loads = [0] * count
    for name, size in now.items():
        loads[shares.task_for(name)] += size + OVERHEAD
    mean = sum(loads) / count
    assert max(loads) <= max(1.25 * mean, max(now.values()) + OVERHEAD)  # one cluster is not shared


@pytest.mark.parametrize("kind", ["duckdb", "bigquery"])
def test_tasks_at_once_take_every_cluster_once_and_one_that_is_retried_nothing_again(kind: str, tmp_path: Path) -> None:
    tasks, clusters = 3, 6
    url = {"duckdb": sink_at(tmp_path / "x.duckdb"), "bigquery": "bigquery://shop-prod.shares?location=EU"}[kind]
    started = simulate(clusters=clusters, pods=6, plain=True, bigquery=kind == "bigquery")
    with started as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.environment.items():
            patch.setenv(name, value)
        keys = {**simulator.configuration, "sink": url, "upgrade_info": False}  # which asks the GKE API for more
        (tmp_path / "c.yaml").write_text(json.dumps(keys))
        config = msgspec.convert(keys, Config)
        sink = open_warehouse(config)
        sink.apply()
        listed = 0
        for execution in ("first", "second"):  # the first run knows no weights, the second those of the first
            environment = os.environ | {"CLOUD_RUN_EXECUTION": execution, "CLOUD_RUN_TASK_COUNT": str(tasks)}
            command = [*COMMAND, "run", "-q", "--json", "--config", str(tmp_path / "c.yaml")]
            processes = [
                subprocess.Popen(
                    command, env=environment | {"CLOUD_RUN_TASK_INDEX": str(index)}, stdout=subprocess.PIPE
                )
                for index in range(tasks)
            ]
            summaries = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
            assert sum(summary["clusters"] for summary in summaries) == clusters
            found = f"SELECT COUNT(*), COUNT(DISTINCT cluster) FROM snapshots WHERE run_id = '{execution}'"
            assert sink.query(found).rows == [(clusters, clusters)]
            found = f"SELECT project_id FROM collections WHERE cluster IS NULL AND run_id = '{execution}' ORDER BY 1"
            assert [row[0] for row in sink.query(found).rows] == sorted(simulator.projects)  # each is recorded once
            lists = sum(each["method"] == "gRPC" for each in simulator.requests())
            assert lists - listed <= len(simulator.projects) + clusters
            listed = lists
        retried = invoke(
            "run", "-q", "--json", "--config", str(tmp_path / "c.yaml"),
            CLOUD_RUN_EXECUTION="second", CLOUD_RUN_TASK_COUNT=str(tasks), CLOUD_RUN_TASK_INDEX="2",
            CLOUD_RUN_TASK_ATTEMPT="1",
        )  # fmt: skip
        assert json.loads(retried.stdout)["committed_before"]
        assert sink.query("SELECT COUNT(*) FROM latest_snapshots").rows == [(clusters,)]
        assert sink.query("SELECT COUNT(*) FROM latest_runs").rows == [(tasks,)]
        assert sorted(set(sink.cluster_weights("second").values())) != [0]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CLOUD_RUN_TASK_COUNT": "4"}, "CLOUD_RUN_EXECUTION is not set"),
        ({"CLOUD_RUN_TASK_INDEX": "4", "CLOUD_RUN_TASK_COUNT": "4"}, "CLOUD_RUN_TASK_INDEX is 4"),
        ({"CLOUD_RUN_TASK_INDEX": "one"}, "CLOUD_RUN_TASK_INDEX is 'one'"),
    ],
)
def test_task_variables_that_make_no_sense_are_refused(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    done = invoke("run", "--project", "my-project", "--sink", sink_at(tmp_path / "x.duckdb"), **environment)
    assert (done.returncode, words in done.stderr) == (2, True)
