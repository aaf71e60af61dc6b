"""Attached clusters: members of a fleet that GKE does not run, listed by GKE Hub and read through Connect Gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kubernetes.client import CoreV1Api
from made import sink_at

from job import kubernetes_client
from job.commands.doctor import diagnose
from job.commands.plan import plan
from job.config import Config
from job.connect.identity import configured_identity
from job.discover.projects import list_projects
from job.discover.selection import select
from job.errors import NotFoundError
from job.kinds import RESOURCES
from job.run.one_task import run
from job.run.shares import ClusterShares
from job.run.summary import Summary
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse

PROJECT = "shop-prod"
COVERAGE = """\
SELECT cluster, resource, status, outcome, reason, message FROM coverage WHERE resource IN ('memberships', 'pods')"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=4, pods=2, plain=True, bigquery=False) as found:
        yield found


@pytest.fixture
def fleet(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    simulator.change_fleet(clusters=4, pods=2, seed=1, plain=True)
    yield simulator
    simulator.clear()


def configured(fleet: Simulator, folder: Path, **keys: Any) -> Config:
    settings = {
        **fleet.configuration, "projects": [PROJECT], "sink": sink_at(folder / "x.duckdb"), "attached_clusters": True,
        "kinds": {resource: resource in ("nodes", "pods") for resource in RESOURCES}, "upgrade_info": False,
        "timeouts": {"connect_seconds": 5, "retry_seconds": 1, "request_seconds": 2}, **keys,
    }  # fmt: skip
    return msgspec.convert(settings, Config)


def rows(config: Config, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in open_warehouse(config).query(sql).rows]


def gke_clusters(fleet: Simulator) -> list[str]:
    return [name.partition("/")[2] for name in fleet.clusters if name.startswith(f"{PROJECT}/")]


def twin_of(path: str) -> str:
    """A membership of the cluster's own name, in its own location."""
    location, _, name = path.partition("/")
    return f"{location}/membership:{name}"


def test_attached_clusters_are_read_whole_and_gke_clusters_once(fleet: Simulator, tmp_path: Path) -> None:
    first, *others = gke_clusters(fleet)
    twin = twin_of(first)
    addresses = {"public": f"127.0.0.1:{fleet.clusters[f'{PROJECT}/{first}']}"}
    fleet.set_endpoints(f"{PROJECT}/{first}", addresses, membership="a-gke-member")
    fleet.create_cluster(f"{PROJECT}/{twin}", "multiCloudCluster")
    fleet.create_cluster(f"{PROJECT}/global/membership:plain", "kubernetes")
    fleet.create_cluster(f"{PROJECT}/global/membership:edge", "edgeCluster")
    config = configured(fleet, tmp_path, endpoints=["public"])
    summary: Summary = run(config)
    assert (summary.run.status, summary.gaps, summary.run.projects) == ("complete", (), 1)
    attached = {
        twin: "multiCloudCluster",
        "global/membership:edge": "edgeCluster",
        "global/membership:plain": "kubernetes",
    }
    found = rows(config, "SELECT location, cluster, cluster_type FROM clusters")
    assert {f"{location}/{cluster}": kind for location, cluster, kind in found} == dict.fromkeys(
        [first, *others]
    ) | attached
    assert len(found) == len(others) + 4
    ((listed, objects),) = rows(
        config, "SELECT listed_clusters, objects FROM collections WHERE resource = 'memberships' AND outcome = 'ok'"
    )
    assert (sorted(listed), objects) == (sorted(attached), 3)
    of_cluster = "SELECT location || '/' || cluster, count(*) FROM {} GROUP BY 1"
    pods = dict(rows(config, of_cluster.format("pods")))
    assert set(pods) == {first, *others, *attached}
    uids = rows(
        config, f"SELECT count(DISTINCT uid) = count(*) FROM pods WHERE cluster LIKE '%{first.partition('/')[2]}'"
    )
    assert uids == [(True,)]
    endpoints = rows(config, "SELECT cluster LIKE 'membership:%', endpoint_type, status FROM snapshots GROUP BY ALL")
    assert sorted(endpoints) == [(False, "public", "complete"), (True, "connect_gateway", "complete")]


def test_the_row_has_what_the_membership_says_and_nothing_of_gke(fleet: Simulator, tmp_path: Path) -> None:
    fleet.create_cluster(f"{PROJECT}/us-east1/membership:eks", "multiCloudCluster")
    config = configured(fleet, tmp_path, clusters={"include": ["membership:eks"]}, upgrade_info=True)
    assert run(config).gaps == ()
    ((*row,),) = rows(
        config,
        "SELECT status, fleet_membership, fleet_project, workload_pool, autopilot, regional, release_channel, "
        "node_version, endpoint, last_connection_at = created_at, control_plane_version LIKE 'v1.%', node_count > 0 "
        "FROM clusters",
    )
    name = f"//gkehub.googleapis.com/projects/{PROJECT}/locations/us-east1/memberships/eks"
    pool = f"{PROJECT}.svc.id.goog"
    assert row == ["READY", name, PROJECT, pool, False, False, None, None, None, True, True, True]
    assert rows(config, "SELECT count(*) FROM support") == [(0,)]
    assert rows(config, "SELECT DISTINCT resource FROM coverage WHERE resource = 'upgrade_info'") == []
    assert rows(config, "SELECT count(*) > 0, logical_and(kubelet_skew_ok IS NOT NULL) FROM versions".replace(
        "logical_and", "bool_and")) == [(True, True)]  # fmt: skip


FAILURES: list[tuple[str, dict[str, Any], str, str | None, str]] = [
    ("gke_denied", {}, "forbidden", "IamPermissionMissing", "gkehub.memberships.list"),
    ("gke_disabled", {}, "disabled", "ApiDisabled", "gcloud services enable gkehub.googleapis.com"),
    ("gke_unavailable", {}, "unreachable", "UNAVAILABLE", ""),
    ("hang", {}, "timed_out", "DEADLINE_EXCEEDED", "GKE Hub API"),
    ("status", {"code": 404}, "not_found", "NOT_FOUND", "HTTP 404; check the project id"),
    ("invalid_json", {}, "invalid", None, "could not be decoded"),
    ("repeat_continue", {}, "invalid", None, "repeats a page token"),
    ("missing_zones", {"zones": "global"}, "partial", "MissingZones", "global"),
    ("bad_time", {}, "partial", None, "global/membership:eks could not be decoded"),
]


def test_a_list_that_fails_is_a_row_with_its_reason_and_deletes_nothing(fleet: Simulator, tmp_path: Path) -> None:
    fleet.create_cluster(f"{PROJECT}/global/membership:eks", "kubernetes")
    config = configured(fleet, tmp_path)
    run(config)
    before = rows(config, "SELECT cluster FROM clusters ORDER BY 1")
    for fault, options, outcome, reason, message in FAILURES:
        fleet.fault(PROJECT, fault, "memberships", **options)
        summary = run(config)
        fleet.clear()
        assert [(gap.name, gap.reason) for gap in summary.gaps] == [(f"{PROJECT} (memberships)", outcome)], fault
        assert (summary.run.projects, summary.run.projects_failed) == (1, 0)
        found = rows(config, COVERAGE)
        ((_, _, _, *of_list, said),) = [row for row in found if row[1] == "memberships"]
        assert of_list == [outcome, reason], fault
        assert message in (said or ""), fault
        assert "CANARY" not in (said or ""), fault
        statuses = {row[0]: row[2] for row in found if row[1] == "pods"}
        assert statuses.pop("membership:eks") == "stale", fault
        assert set(statuses.values()) == {"ok"}, fault
    assert rows(config, "SELECT cluster FROM clusters ORDER BY 1") == before
    assert run(config).gaps == ()
    assert {row[2] for row in rows(config, COVERAGE)} == {"ok"}


def test_a_membership_that_is_gone_is_a_deleted_cluster_and_its_namesake_stays(
    fleet: Simulator, tmp_path: Path
) -> None:
    first, *_ = gke_clusters(fleet)
    fleet.create_cluster(f"{PROJECT}/{twin_of(first)}", "onPremCluster")
    config = configured(fleet, tmp_path)
    run(config)
    fleet.delete_cluster(f"{PROJECT}/{twin_of(first)}")
    run(config)
    names = {f"{location}/{cluster}" for location, cluster in rows(config, "SELECT location, cluster FROM clusters")}
    assert names == set(gke_clusters(fleet))
    gone = rows(config, "SELECT location || '/' || cluster, change FROM changes WHERE field = 'cluster'")
    assert gone == [(twin_of(first), "removed")]
    assert rows(config, "SELECT count(*) FROM coverage WHERE cluster LIKE 'membership:%'") == [(0,)]


def test_a_gke_cluster_that_is_gone_leaves_its_attached_namesake(fleet: Simulator, tmp_path: Path) -> None:
    first, *others = gke_clusters(fleet)
    fleet.create_cluster(f"{PROJECT}/{twin_of(first)}", "onPremCluster")
    config = configured(fleet, tmp_path)
    run(config)
    fleet.delete_cluster(f"{PROJECT}/{first}")
    run(config)
    names = {f"{location}/{cluster}" for location, cluster in rows(config, "SELECT location, cluster FROM clusters")}
    assert names == {*others, twin_of(first)}


def test_switched_off_again_it_is_not_collected_and_not_deleted(fleet: Simulator, tmp_path: Path) -> None:
    fleet.create_cluster(f"{PROJECT}/global/membership:eks", "kubernetes")
    run(configured(fleet, tmp_path))
    before = len(fleet.requests())
    config = configured(fleet, tmp_path, attached_clusters=False)
    assert run(config).gaps == ()
    assert not [each for each in fleet.requests()[before:] if "memberships" in each["path"]]
    found = rows(
        config, "SELECT DISTINCT status, outcome FROM coverage WHERE cluster = 'membership:eks' AND status <> 'off'"
    )
    assert found == [("stale", "not_collected")]
    assert ("membership:eks",) in rows(config, "SELECT cluster FROM clusters")


def test_a_membership_that_is_not_ready_is_not_asked(fleet: Simulator, tmp_path: Path) -> None:
    path = f"{PROJECT}/global/membership:eks"
    fleet.create_cluster(path, "kubernetes")
    config = configured(fleet, tmp_path)
    for status in ("CREATING", "DELETING"):
        fleet.set_status(path, status)
        run(config)
        assert not [each for each in fleet.requests() if each["cluster"] == path]
        found = rows(
            config,
            "SELECT outcome, reason, message FROM coverage WHERE resource = 'pods' AND cluster = 'membership:eks'",
        )
        assert found == [("not_running", status, f"the cluster is {status} in its fleet")]


def test_patterns_plan_and_single_clients_know_attached_clusters(fleet: Simulator, tmp_path: Path) -> None:
    first, *_ = gke_clusters(fleet)
    twin = twin_of(first)
    fleet.create_cluster(f"{PROJECT}/{twin}", "applianceCluster")
    fleet.create_cluster(f"{PROJECT}/global/membership:eks", "kubernetes")

    def planned(**clusters: Any) -> list[str]:
        return [each.name for each in plan(configured(fleet, tmp_path, clusters=clusters))]

    everything = planned()
    assert set(everything) == {f"{PROJECT}/{path}" for path in (*gke_clusters(fleet), twin, "global/membership:eks")}
    assert len(everything) == len(set(everything))
    own = twin.partition("/")[2]
    assert planned(include=[own]) == planned(include=[f"{PROJECT}/{twin}"]) == [f"{PROJECT}/{twin}"]
    assert planned(include=[first.partition("/")[2]]) == [f"{PROJECT}/{first}"]
    assert planned(locations=["global"]) == [f"{PROJECT}/global/membership:eks"]
    assert planned(labels={"team": "attached"}) == [name for name in everything if "membership:" in name]
    assert not any("membership:" in name for name in planned(exclude=["membership:*"]))
    (eks,) = plan(configured(fleet, tmp_path, clusters={"include": ["membership:eks"]}, endpoints=["dns"]))
    assert (eks.status, eks.endpoint_type, eks.problem) == ("READY", "connect_gateway", None)
    config = configured(fleet, tmp_path)
    with kubernetes_client(PROJECT, "global", "membership:eks", config=config) as client:
        assert CoreV1Api(client).read_namespace("kube-system").metadata.name == "kube-system"
    with pytest.raises(NotFoundError, match="did you mean shop-prod/global/membership:eks"):
        kubernetes_client(PROJECT, "global", "membership:eksx", config=config)
    fleet.fault(PROJECT, "gke_denied", "memberships")
    problems = {each.name: each.problem or "" for each in plan(config) if each.problem}
    assert list(problems) == [f"{PROJECT} (memberships)"]
    assert "gkehub.memberships.list" in problems[f"{PROJECT} (memberships)"]


def test_rights_in_an_attached_cluster_are_those_of_rbac_alone(fleet: Simulator, tmp_path: Path) -> None:
    path = f"{PROJECT}/global/membership:eks"
    fleet.create_cluster(path, "kubernetes")
    fleet.forbid(path, "pods")
    config = configured(fleet, tmp_path, clusters={"include": ["membership:eks"]})
    run(config)
    assert rows(config, f"{COVERAGE} AND cluster IS NOT NULL")[0][2:4] == ("never_read", "forbidden")
    checks = [check for found in diagnose(config) for check in found if check.subject == f"cluster {path}"]
    assert [check.status for check in checks] == ["ok", "finding"]
    by_rbac, by_gateway = (str(mend.command) for mend in checks[1].mends)
    assert by_rbac.startswith(
        f"gcloud container fleet memberships get-credentials eks --location=global --project={PROJECT}\n"
    )
    assert "generate-gateway-rbac" in by_gateway
    assert "--membership=eks " in by_gateway


def test_tasks_share_attached_clusters_and_none_twice(fleet: Simulator, tmp_path: Path) -> None:
    first, *_ = gke_clusters(fleet)
    for name in (twin_of(first), "global/membership:a", "global/membership:b"):
        fleet.create_cluster(f"{PROJECT}/{name}", "kubernetes")
    config = configured(fleet, tmp_path)
    shares = []
    for index in range(3):
        shares_of = ClusterShares({}, 3, config.projects)
        listings = list_projects(config, configured_identity(config), "")
        targets = select(listings, config.clusters, is_whole=index == 0).targets
        shares.append({target.name for target in targets if shares_of.task_for(target.name) == index})
    assert len(set.union(*shares)) == sum(map(len, shares)) == len(gke_clusters(fleet)) + 3
