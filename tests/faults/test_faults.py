"""Each fault costs what it hits and nothing else, and the tables, the log and the exit code say so."""

from __future__ import annotations

import json

import pytest
from faults.cases import CASES, KINDS, PROJECT, WEB, Case
from faults.fleet import NEWEST, Fleet, Rows


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES if not case.by])
def test_a_fault_costs_what_it_hits_and_nothing_else(
    case: Case, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(timeouts=case.timeouts, **case.config)
    fleet.simulator.tokens(lifetime=case.token_lifetime)
    for fault in case.faults:
        fleet.simulator.fault(**fault)
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == case.exit_code, ended.err
    assert_log(case, fleet, ended.collected())
    with fleet.read():
        assert_collections(case, fleet)
        assert_snapshots(case, fleet)
        assert_rows(case, fleet)
        assert_views(case, fleet)
    assert json.loads(ended.out)["status"] == ("complete" if case.exit_code == 0 else "incomplete")


def read_clusters(case: Case, fleet: Fleet) -> set[str]:
    """The clusters that the run reads or tries to."""
    if "clusters" in case.config:
        return {WEB}
    return {cluster for cluster in fleet.simulator.clusters if not (case.unlisted and cluster == WEB)}


def expected(case: Case, cluster: str, resource: str) -> tuple[str, int | None, str | None]:
    hit = resource in case.hit and cluster in (WEB, f"{PROJECT}/-/None")
    return (case.outcome, case.http_status, case.reason) if hit else ("ok", 200, None)


def assert_collections(case: Case, fleet: Fleet) -> None:
    rows = fleet.query(
        "SELECT project_id || '/' || location || '/' || coalesce(cluster, 'None'), resource, outcome, http_status, "
        f"reason, message, retries + restarts FROM collections WHERE {NEWEST}"
    )
    found = {(cluster, resource): tuple(rest) for cluster, resource, *rest, _, _ in rows}
    projects = [(f"{project}/-/None", "clusters") for project in fleet.simulator.projects]
    kinds = [(cluster, kind) for cluster in read_clusters(case, fleet) for kind in KINDS]
    assert found == {key: expected(case, *key) for key in (*projects, *kinds)}
    for cluster, resource, *_, message, again in rows:
        if resource in case.hit and cluster in (WEB, f"{PROJECT}/-/None"):
            assert case.message in (message or "")
            assert bool(message) == (case.outcome != "ok")
            assert "<" not in (message or "")
            assert (again > 0) == case.retried or case.hit == KINDS


def status_of(case: Case, cluster: str) -> tuple[str, str | None]:
    """Status and reason of a cluster's snapshot."""
    if cluster != WEB or case.outcome == "ok" or case.hit == ("clusters",):
        return "complete", None
    return ("failed" if case.hit == KINDS else "partial"), case.outcome


def assert_snapshots(case: Case, fleet: Fleet) -> None:
    found = fleet.query(
        f"SELECT project_id || '/' || location || '/' || cluster, status, reason FROM snapshots WHERE {NEWEST}"
    )
    assert {cluster: (status, reason) for cluster, status, reason in found} == {
        cluster: status_of(case, cluster) for cluster in read_clusters(case, fleet)
    }


def assert_log(case: Case, fleet: Fleet, collected: dict[str, tuple[str, str, str | None]]) -> None:
    severity = {"complete": "INFO", "partial": "WARNING", "failed": "WARNING"}
    wanted = {cluster: status_of(case, cluster) for cluster in read_clusters(case, fleet)}
    assert collected == {cluster: (severity[status], status, reason) for cluster, (status, reason) in wanted.items()}


def assert_rows(case: Case, fleet: Fleet) -> None:
    """The run's own rows: those of the usual run, without what was not read."""
    usual, found = fleet.rows(usual=True), fleet.rows(where=NEWEST)
    unread = () if case.outcome in ("ok", "partial") or case.hit == ("clusters",) else case.hit
    wanted = {
        (cluster, resource): rows
        for (cluster, resource), rows in usual.items()
        if cluster in read_clusters(case, fleet) and not (cluster == WEB and resource in unread)
    }
    changed = {(WEB, resource) for resource in case.changed}
    assert without(found, changed) == without(wanted, changed)


def assert_views(case: Case, fleet: Fleet) -> None:
    """What an analyst sees: everything as before, and where it is from before, that it is."""
    changed = {(WEB, resource) for resource in case.changed}
    assert without(fleet.rows(prefix=""), changed) == without(fleet.rows(usual=True), changed)
    rows = fleet.query(
        "SELECT project_id || '/' || location || '/' || coalesce(cluster, 'None'), resource, status, "
        "read_snapshot_id = snapshot_id FROM coverage"
    )
    for cluster, resource, status, is_new in rows:
        outcome, _, _ = expected(case, cluster, resource)
        is_tried = cluster in read_clusters(case, fleet) or resource == "clusters"
        is_read = is_tried and outcome in ("ok", "partial")
        assert (cluster, resource, status) == (cluster, resource, outcome if is_read else "stale")
        assert is_new == is_read or not is_tried
    carried = fleet.query("SELECT count(*) FROM pods WHERE read_status = 'stale' AND cluster = 'web-1'")
    is_carried = "pods" in case.hit and case.outcome not in ("ok", "partial")
    is_carried = is_carried or WEB not in read_clusters(case, fleet)
    assert (carried[0][0] > 0) == is_carried


def without(rows: Rows, changed: set[tuple[str, str]]) -> Rows:
    return {key: found for key, found in rows.items() if key not in changed}
