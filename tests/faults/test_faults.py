"""Each fault costs what it hits and nothing else, and the tables, the log and the exit code say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from faults.cases import CASES, KINDS, PROJECT, WEB, Case
from faults.conftest import usual_run
from faults.fleet import NEWEST, Fleet, Rows

from job.simulator import Simulator, simulate
from job.tables import UPGRADE_INFO

AT_ONCE = 16
"""Clusters that have a fault each, in one run."""

Hit = dict[str, Case]
"""Cluster -> the fault that hits it. One that hits a whole project is that of `WEB`."""
Served = dict[str, set[str]]


def has_a_run_of_its_own(case: Case) -> bool:
    """Whether the fault hits more than a cluster, or sends too much to be played beside others."""
    sent = any(int(fault.get("bytes", 0)) > 1 << 20 for fault in case.faults)
    elsewhere = any(fault["cluster"] != WEB or fault["kind"] == "revoke_tokens" for fault in case.faults)
    return bool(sent or elsewhere or case.config or case.unlisted or case.token_lifetime != 3600)


def groups() -> Iterator[tuple[Case, ...]]:
    """Faults that one run can meet, each in a cluster of its own: they need the same time limits."""
    beside = [case for case in CASES if not case.by and not has_a_run_of_its_own(case)]
    beside.sort(key=lambda case: sorted(case.timeouts.items()))
    for _, found in groupby(beside, key=lambda case: case.timeouts):
        group = tuple(found)
        yield from (group[start : start + AT_ONCE] for start in range(0, len(group), AT_ONCE))


@pytest.fixture(scope="module")
def many() -> Iterator[Simulator]:
    with simulate(clusters=AT_ONCE + 2, pods=30, plain=True, bigquery=False) as found:
        yield found


@pytest.fixture(scope="module")
def usual_of_many(many: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return usual_run(many, tmp_path_factory.mktemp("many"))


@pytest.mark.siblings(5)
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.id) for case in CASES if not case.by and has_a_run_of_its_own(case)]
)
def test_a_fault_costs_what_it_hits_and_nothing_else(
    case: Case, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play({WEB: case}, fleet, monkeypatch, capsys)


@pytest.mark.parametrize("group", list(groups()), ids=lambda group: f"{group[0].id}_and_{len(group) - 1}_more")
def test_each_of_many_faults_costs_its_cluster_what_it_hits_and_nothing_else(
    group: tuple[Case, ...],
    many: Simulator,
    usual_of_many: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in many.environment.items():
        monkeypatch.setenv(name, value)
    try:
        play(dict(zip(many.clusters, group, strict=False)), Fleet(many, tmp_path, usual_of_many), monkeypatch, capsys)
    finally:
        many.clear()


def play(hit: Hit, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs the job while the faults hit, and holds all that it writes to what they may cost."""
    for cluster, case in hit.items():
        fleet.configure(timeouts=case.timeouts, **case.config)
        fleet.simulator.tokens(lifetime=case.token_lifetime)
        for fault in case.faults:
            fleet.simulator.fault(**(fault | ({"cluster": cluster} if fault["cluster"] == WEB else {})))
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == max(case.exit_code for case in hit.values()), ended.err
    assert_log(hit, fleet, ended.collected())
    with fleet.read():
        assert_collections(hit, fleet)
        assert_snapshots(hit, fleet)
        assert_rows(hit, fleet)
        assert_views(hit, fleet)
    assert json.loads(ended.out)["status"] == ("complete" if ended.exit_code == 0 else "incomplete")


def read_clusters(hit: Hit, fleet: Fleet) -> set[str]:
    """The clusters that the run reads or tries to."""
    if any("clusters" in case.config for case in hit.values()):
        return set(hit)
    return {cluster for cluster in fleet.simulator.clusters if not (cluster in hit and hit[cluster].unlisted)}


def of_list(hit: Hit, project: str) -> Case | None:
    """The fault of a project's list of clusters."""
    found = [case for case in hit.values() if "clusters" in case.hit]
    return found[0] if found and project == PROJECT else None


def case_of(hit: Hit, cluster: str, resource: str) -> Case | None:
    """The fault that hits a resource of a cluster, or of a project's `-/None`."""
    case = of_list(hit, cluster.partition("/")[0]) if resource == "clusters" else hit.get(cluster)
    return case if case and resource in case.hit else None


def expected(hit: Hit, cluster: str, resource: str, served: Served) -> tuple[str, int | None, str | None]:
    if case := case_of(hit, cluster, resource):
        return case.outcome, case.http_status, case.reason
    return ("ok", 200, None) if resource in served.get(cluster, [resource]) else ("ok", 404, "NotServed")


def served_by(fleet: Fleet) -> Served:
    """Cluster -> the resources that it serves."""
    return {
        f"{one['project']}/{one['location']}/{one['name']}": set(one["objects"])
        for one in fleet.simulator.inventory()["clusters"]
    }


def assert_collections(hit: Hit, fleet: Fleet) -> None:
    rows = fleet.query(
        "SELECT project_id || '/' || location || '/' || coalesce(cluster, 'None'), resource, outcome, http_status, "
        f"reason, message, retries + restarts FROM collections WHERE {NEWEST} AND outcome <> 'off'"
    )
    found = {(cluster, resource): tuple(rest) for cluster, resource, *rest, _, _ in rows}
    projects = [(f"{project}/-/None", "clusters") for project in fleet.simulator.projects]
    kinds = [(cluster, kind) for cluster in read_clusters(hit, fleet) for kind in KINDS]
    served = served_by(fleet)
    assert found == {key: expected(hit, *key, served) for key in (*projects, *kinds)}
    for cluster, resource, *_, message, again in rows:
        if case := case_of(hit, cluster, resource):
            assert case.message in (message or ""), case.id
            assert bool(message) == (case.outcome != "ok" or bool(case.message)), case.id
            assert "<" not in (message or ""), case.id
            assert (again > 0) == case.retried or case.hit == KINDS, case.id


def status_of(hit: Hit, cluster: str) -> tuple[str, str | None]:
    """Status and reason of a cluster's snapshot."""
    case = hit.get(cluster)
    if case is None or case.outcome == "ok" or case.hit == ("clusters",):
        return "complete", None
    return ("failed" if case.hit == KINDS else "partial"), case.outcome


def assert_snapshots(hit: Hit, fleet: Fleet) -> None:
    found = fleet.query(
        f"SELECT project_id || '/' || location || '/' || cluster, status, reason FROM snapshots WHERE {NEWEST}"
    )
    assert {cluster: (status, reason) for cluster, status, reason in found} == {
        cluster: status_of(hit, cluster) for cluster in read_clusters(hit, fleet)
    }


def assert_log(hit: Hit, fleet: Fleet, collected: dict[str, tuple[str, str, str | None]]) -> None:
    severity = {"complete": "INFO", "partial": "WARNING", "failed": "WARNING"}
    wanted = {cluster: status_of(hit, cluster) for cluster in read_clusters(hit, fleet)}
    assert collected == {cluster: (severity[status], status, reason) for cluster, (status, reason) in wanted.items()}


def changed_by(hit: Hit) -> set[tuple[str, str]]:
    """Resources that are read, but whose rows differ from those without the faults."""
    return {(cluster, resource) for cluster, case in hit.items() for resource in case.changed}


def assert_rows(hit: Hit, fleet: Fleet) -> None:
    """The run's own rows: those of the usual run, without what was not read."""
    usual, found = fleet.rows(usual=True), fleet.rows(where=NEWEST)
    unread = {
        (cluster, resource)
        for cluster, case in hit.items()
        if case.outcome not in ("ok", "partial") and case.hit != ("clusters",)
        for resource in case.hit
    }
    wanted = {key: rows for key, rows in usual.items() if key[0] in read_clusters(hit, fleet) and key not in unread}
    assert without(found, changed_by(hit)) == without(wanted, changed_by(hit))


def assert_views(hit: Hit, fleet: Fleet) -> None:
    """What an analyst sees: everything as before, and where it is from before, that it is."""
    assert without(fleet.rows(prefix=""), changed_by(hit)) == without(fleet.rows(usual=True), changed_by(hit))
    rows = fleet.query(
        "SELECT project_id || '/' || location || '/' || coalesce(cluster, 'None'), resource, status, "
        "read_snapshot_id = snapshot_id FROM coverage WHERE status <> 'off'"
    )
    for cluster, resource, status, is_new in rows:
        outcome, _, _ = expected(hit, cluster, resource, {})
        is_tried = cluster in read_clusters(hit, fleet) or resource == "clusters"
        is_read = is_tried and outcome in ("ok", "partial")
        assert (cluster, resource, status) == (cluster, resource, outcome if is_read else "stale")
        if resource != UPGRADE_INFO:  # which the first run of a day reads
            assert is_new == is_read or not is_tried
    found = fleet.query(
        "SELECT DISTINCT project_id || '/' || location || '/' || cluster FROM pods WHERE read_status = 'stale'"
    )
    stale = {cluster for cluster, case in hit.items() if "pods" in case.hit and case.outcome not in ("ok", "partial")}
    assert {cluster for (cluster,) in found} == stale | (set(fleet.simulator.clusters) - read_clusters(hit, fleet))


def without(rows: Rows, changed: set[tuple[str, str]]) -> Rows:
    return {key: found for key, found in rows.items() if key not in changed}
