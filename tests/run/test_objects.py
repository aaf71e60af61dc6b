"""Objects of the kinds that an API server names: read by metadata, and never taken for deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import sink_at

from job.config import Config
from job.config_objects import ObjectColumn, Objects
from job.kinds import RESOURCES
from job.run.one_task import run
from job.run.summary import Summary
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse

ROLLOUTS = "rollouts.argoproj.io"
FEW = ("namespaces", "replicasets", "pods")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=60, plain=True, bigquery=False) as found:
        yield found


class Job:
    """Runs on one warehouse."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        (cluster,) = simulator.inventory()["clusters"]
        self.path = f"{cluster['project']}/{cluster['location']}/{cluster['name']}"
        self.objects: dict[str, list[dict[str, Any]]] = cluster["objects"]
        keys = {
            **simulator.configuration, "projects": [cluster["project"]], "upgrade_info": False,
            "kinds": {kind: kind in FEW for kind in RESOURCES}, "sink": sink_at(directory / "x.duckdb"),
            "timeouts": {"retry_seconds": 1},
        }  # fmt: skip
        self.config = msgspec.convert(keys, Config)

    def run(self, *include: str, exclude: tuple[str, ...] = (), **settings: Any) -> Summary:
        objects = msgspec.structs.replace(self.config.objects, include=include, exclude=exclude)
        return run(msgspec.structs.replace(self.config, objects=objects, **settings))

    def asked(self) -> list[str]:
        """The paths that the API server was asked for so far."""
        return [request["path"] for request in self.simulator.requests() if "path" in request]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return open_warehouse(self.config).query(sql).rows

    def coverage(self) -> dict[str, list[Any]]:
        """Of the kinds of `objects`: status, outcome, reason and how many objects the table shows."""
        found = self.rows(
            "SELECT c.resource, c.status, c.outcome, c.reason, COUNT(o.uid) FROM coverage AS c "
            "LEFT JOIN objects AS o ON o.resource = c.resource "
            "WHERE c.resource LIKE '%.%' OR c.resource = 'objects' GROUP BY 1, 2, 3, 4"
        )
        return {str(resource): row for resource, *row in found}


@pytest.fixture
def job(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    yield Job(simulator, tmp_path)
    simulator.clear()


def uids(found: list[tuple[Any, ...]]) -> set[str]:
    return {str(uid) for (uid,) in found}


def test_every_object_of_every_kind_without_a_table_has_one_row(job: Job) -> None:
    before = len(job.asked())
    assert job.run("*").run.status == "complete"
    asked = job.asked()[before:]
    assert [path for path in asked if path in ("/api", "/apis")] == ["/api", "/apis"]
    served = {resource for resource in job.objects if resource not in RESOURCES}
    assert served >= {"rollouts", "gameservers", "sparkapplications", "leaderworkersets", "strimzipodsets"}
    expected = {item["metadata"]["uid"] for resource in served for item in job.objects[resource]}
    found = job.rows("SELECT uid FROM objects")
    assert uids(found) == expected
    assert len(found) == len(expected)
    assert len(asked) == len(set(asked))
    assert not {
        "/api/v1/events",
        "/apis/events.k8s.io/v1/events",
        "/api/v1/secrets",
        "/api/v1/configmaps",
        "/apis/apps/v1/deployments",
    } & set(asked)
    assert set(job.rows("SELECT status FROM coverage WHERE resource LIKE '%.%'")) == {("ok",)}


def test_a_row_has_the_metadata_and_nothing_else(job: Job) -> None:
    job.run("gameservers.*")
    (game, *_) = job.objects["gameservers"]
    metadata = game["metadata"]
    columns = "resource, kind, api_group, api_version, namespace, name, uid, generation, owner_kind, finalizers, "
    assert job.rows(f"SELECT {columns} field_managers, deleted_at IS NULL FROM objects") == [
        (
            "gameservers.agones.dev", "GameServer", "agones.dev", "agones.dev/v1", metadata["namespace"],
            metadata["name"], metadata["uid"], 2, None, ["gameservers.example.com/cleanup"],
            ["kubectl-client-side-apply"], True,
        )
    ]  # fmt: skip
    assert "CANARY" not in str(job.rows("SELECT * FROM objects"))


COLUMNS = {
    "rollout_replicas": {"kind": ROLLOUTS, "path": "spec.replicas", "type": "INT64"},
    "weight": {"kind": ROLLOUTS, "path": "status.canary.weights.stable.weight", "type": "FLOAT64"},
    "steps": {"kind": ROLLOUTS, "path": "spec.strategy.canary.steps"},  # a list has no value
    "phase": {"kind": "gameservers.agones.dev", "path": "status.state"},
}


def test_columns_of_custom_resources_have_the_fields_that_they_name_and_nothing_else(job: Job) -> None:
    (rollout, *_) = job.objects["rollouts"]
    columns = msgspec.convert(COLUMNS, dict[str, ObjectColumn])
    config = msgspec.structs.replace(job.config, objects=Objects(include=("*.argoproj.io", "*.agones.dev", "leases.*"),
                                                                 columns=columns))  # fmt: skip
    made = {
        "metadata": {"name": "n", "namespace": "default", "uid": "n", "annotations": {"note": "CANARY"}},
        "status": {"canary": {"weights": {"stable": {"weight": 62.5}}}, "token": "CANARY"},
        "spec": {"replicas": "three", "template": {"spec": {"containers": [{"args": ["CANARY"]}]}}},
    }
    job.simulator.create(job.path, "rollouts", made)
    before = len(job.asked())
    assert run(config).run.status == "complete"
    assert {f"/apis/{path}" for path in ("argoproj.io/v1alpha1/rollouts", "agones.dev/v1/gameservers")} <= set(
        job.asked()[before:]
    )
    names = f"{', '.join(COLUMNS)}, fields"
    found = open_warehouse(config).query(f"SELECT {names} FROM objects WHERE kind = 'Rollout' ORDER BY uid = 'n'").rows
    replicas = rollout["spec"]["replicas"]
    assert found == [
        (replicas, None, None, None, [{"key": "spec.replicas", "value": str(replicas)}]),
        (None, 62.5, None, None, [
            {"key": "spec.replicas", "value": "three"},
            {"key": "status.canary.weights.stable.weight", "value": "62.5"},
        ]),
    ]  # fmt: skip
    (types,) = job.rows("SELECT DISTINCT typeof(rollout_replicas), typeof(weight), typeof(phase) FROM objects")
    assert types == ("BIGINT", "DOUBLE", "VARCHAR")
    assert "CANARY" not in str(job.rows("SELECT * FROM raw_objects"))
    # metadata is as without columns, and pods are traced as before
    assert job.rows("SELECT DISTINCT workload_resolution FROM pods WHERE workload_kind = 'Rollout'") == [("resolved",)]
    job.simulator.delete(job.path, "rollouts", "default/n")


def test_pods_are_traced_through_the_custom_resources_that_were_read(job: Job) -> None:
    custom = "('GameServer', 'Rollout', 'SparkApplication', 'StrimziPodSet', 'LeaderWorkerSet')"
    tops = f"SELECT DISTINCT workload_kind, workload_resolution FROM pods WHERE workload_kind IN {custom} ORDER BY 1"
    others = "* EXCLUDE (snapshot_id, snapshot_time, read_at, read_age_seconds)"
    workloads = f"SELECT {others} FROM workloads WHERE kind IN {custom}"
    job.run()
    without = sorted(map(str, job.rows(workloads)))
    assert {resolution for _, resolution in job.rows(tops)} == {"referenced"}

    job.run("*.*")
    assert {resolution for _, resolution in job.rows(tops)} == {"resolved"}
    assert {kind for kind, _ in job.rows(tops)} >= {"GameServer", "Rollout", "SparkApplication", "StrimziPodSet"}
    assert sorted(map(str, job.rows(workloads))) == without

    # a resource above them becomes the top
    (rollout, *_) = job.objects["rollouts"]
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "uid": "top", "name": "top", "controller": True}
    metadata = {key: rollout["metadata"][key] for key in ("name", "namespace", "uid")}
    job.simulator.delete(job.path, "rollouts", f"{metadata['namespace']}/{metadata['name']}")
    job.run(ROLLOUTS)
    assert job.rows(tops.replace(custom, "('Rollout')")) == [("Rollout", "referenced_not_found")]
    job.simulator.create(job.path, "rollouts", {"metadata": metadata | {"ownerReferences": [owner]}})
    job.simulator.create(job.path, "rollouts", {"metadata": metadata | {"name": "top", "uid": "top"}})
    job.run(ROLLOUTS)
    sql = "SELECT DISTINCT workload_kind, workload_name, workload_resolution, middle_owner_uids FROM pods WHERE "
    assert job.rows(f"{sql} workload_kind = 'Rollout'") == [("Rollout", "top", "resolved", [metadata["uid"]])]
    assert job.rows("SELECT known_through_pods FROM workloads WHERE name = 'top'") == [(True,)]
    job.simulator.delete(job.path, "rollouts", f"{metadata['namespace']}/top")


def test_a_kind_that_may_not_be_listed_costs_itself_alone(job: Job) -> None:
    job.simulator.fault(job.path, "forbidden", "rollouts")
    assert job.run("*.argoproj.io", "gameservers.agones.dev").run.status == "incomplete"
    found = job.coverage()
    assert found[ROLLOUTS] == ["never_read", "forbidden", "Rbac", 0]
    assert found["gameservers.agones.dev"][:3] == ["ok", "ok", None]
    sql = "SELECT DISTINCT workload_resolution FROM pods WHERE workload_kind = 'Rollout'"
    assert job.rows(sql) == [("referenced_not_read",)]
    assert job.rows("SELECT count(*) FROM workloads WHERE kind = 'Rollout'") == [(1,)]


def test_what_is_not_read_is_never_deleted(job: Job) -> None:
    """The same objects through every way in which a kind may not be read; in the end its definition is deleted."""
    custom = ("*.argoproj.io", "*.agones.dev", "thing.example.com")
    games = "gameservers.agones.dev"
    job.run(*custom)
    first = job.coverage()
    assert {first[name][0] for name in ("objects", ROLLOUTS, games, "thing.example.com")} == {"ok"}
    rollouts, servers = first[ROLLOUTS][3], first[games][3]
    assert rollouts > 0 < servers
    assert first["thing.example.com"] == ["ok", "ok", "NotServed", 0]

    # the discovery fails
    job.simulator.fault(job.path, "status", "discovery", code=500)
    assert job.run(*custom).run.status == "incomplete"
    failed = job.coverage()
    assert failed["objects"][:2] == failed[ROLLOUTS][:2] == failed[games][:2] == ["stale", "server_error"]
    assert (failed[ROLLOUTS][3], failed[games][3]) == (rollouts, servers)
    job.simulator.clear()

    # the server of one group is down
    job.simulator.fault(job.path, "broken_api", "discovery", group="argoproj.io")
    job.run(*custom)
    broken = job.coverage()
    assert broken["objects"][:3] == ["partial", "partial", "StaleGroup"]
    assert broken[ROLLOUTS] == ["stale", "server_error", "StaleGroup", rollouts]
    assert broken[games] == ["ok", "ok", None, servers]
    sql = "SELECT unreadable, http_status FROM latest_collections WHERE resource = 'objects'"
    assert job.rows(sql) == [(["argoproj.io"], 200)]
    job.simulator.clear()

    # a group that no glob may mean costs nothing
    job.simulator.fault(job.path, "broken_api", "discovery")
    assert job.run(*custom).run.status == "complete"
    job.simulator.clear()

    # the list fails, though the discovery does not
    job.simulator.fault(job.path, "status", "rollouts", code=503)
    job.run(*custom)
    assert job.coverage()[ROLLOUTS] == ["stale", "server_error", "ServiceUnavailable", rollouts]
    job.simulator.clear()

    # nobody answers
    job.simulator.fault(job.path, "refuse", "*")
    job.run(*custom)
    assert job.coverage()[ROLLOUTS] == ["stale", "unreachable", "ConnectionRefused", rollouts]
    job.simulator.clear()

    # a glob is taken out of the configuration
    assert job.run("*.agones.dev").run.status == "complete"
    assert job.coverage()[ROLLOUTS] == ["off", "off", None, rollouts]
    assert job.coverage()[games] == ["ok", "ok", None, servers]
    job.run("*.agones.dev", exclude=("*",))
    assert {row[0] for row in job.coverage().values()} == {"off"}
    job.run()
    assert {row[0] for row in job.coverage().values()} == {"off"}

    # the definition is deleted
    job.run(*custom)
    job.simulator.fault(job.path, "absent_group", "*", group="argoproj.io")
    assert job.run(*custom).run.status == "complete"
    assert job.coverage()[ROLLOUTS] == ["ok", "ok", "NotServed", 0]
    job.run(*custom)
    assert job.coverage()[ROLLOUTS] == ["ok", "ok", "NotServed", 0]
    history = job.rows(f"SELECT COUNT(DISTINCT snapshot_id) FROM objects_history WHERE resource = '{ROLLOUTS}'")
    assert history > [(2,)]


def test_a_glob_that_matches_no_kind_is_named(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt one has a row in each cluster, and is a warning; once it matches, nothing of it is stale."""
    wrong, right = "*.argoprj.io", "*.argoproj.io"
    assert job.run(wrong, "*").run.status == "complete"
    said = capsys.readouterr().err
    assert f"none of the task's 1 clusters serves a kind that matches {wrong}\"" in said
    assert 'matches *"' not in said
    assert job.coverage()[wrong] == ["ok", "ok", "NotServed", 0]
    sql = f"SELECT message FROM coverage WHERE resource = '{wrong}'"
    assert job.rows(sql) == [(f"the API server serves no kind that {wrong} matches",)]
    assert "*" not in job.coverage()

    # its group does not answer
    job.simulator.fault(job.path, "broken_api", "discovery", group="argoproj.io")
    job.run("*s.argoproj.io")
    assert job.coverage()["*s.argoproj.io"] == ["never_read", "server_error", "StaleGroup", 0]
    job.simulator.clear()

    # it matches by now, and is taken out in the end
    job.run("*s.argoproj.io", exclude=("*z*",))
    assert job.coverage()["*s.argoproj.io"] == ["ok", "ok", None, 0]
    assert job.coverage()[wrong][0] == "off"
    job.run(right)
    assert job.coverage()["*s.argoproj.io"][0] == "off"


def test_a_run_that_chooses_no_objects_asks_for_nothing_more(job: Job) -> None:
    before = len(job.asked())
    job.run()
    assert not {path for path in job.asked()[before:] if path in ("/api", "/apis") or "argoproj" in path}
    assert job.coverage() == {}
