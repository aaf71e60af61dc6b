"""Faults that are more than an answer: clusters that come and go, tokens, and discovery."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import msgspec
import pytest
from declared import EVERY_KIND, UID_TABLES
from faults.cases import KINDS, WEB
from faults.fleet import NEWEST, Fleet
from made import sink_at

from job.config import Config
from job.run.one_task import run
from job.simulator import simulate
from job.tables import TABLES

TWIN = "shop-prod/europe-west4/web-1"


@pytest.fixture
def twin(fleet: Fleet) -> str:
    """A second cluster of the same project and name, in another location."""
    fleet.simulator.create_cluster(TWIN)
    return TWIN


def test_two_clusters_of_one_name_are_two_clusters(
    twin: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault(WEB, "forbidden", "pods")
    clusters = fleet.simulator.inventory()["clusters"]
    (served,) = (one["objects"] for one in clusters if twin.endswith(f"/{one['location']}/{one['name']}"))
    try:
        ended = fleet.run(monkeypatch, capsys)
    finally:
        fleet.simulator.delete_cluster(twin)
    assert ended.exit_code == 3
    assert ended.collected()[WEB] == ("WARNING", "partial", "forbidden")
    assert ended.collected()[twin] == ("INFO", "complete", None)
    sql = (
        f"SELECT location, count(DISTINCT snapshot_id), count(*) FROM collections WHERE cluster = 'web-1' "
        f"AND outcome <> 'off' AND resource <> 'upgrade_info' AND {NEWEST}"
    )
    assert fleet.query(f"{sql} GROUP BY ALL ORDER BY 1") == [
        (location, 1, len(KINDS)) for location in ("asia-southeast1", "europe-west4")
    ]
    found, usual = fleet.rows(prefix=""), fleet.rows(usual=True)
    assert {key: rows for key, rows in found.items() if key[0] != twin} == usual
    assert {resource for cluster, resource in found if cluster == twin} == {"clusters", *KINDS} & {"clusters", *served}
    uids = "SELECT location, list_sort(list(uid)) FROM pods WHERE cluster = 'web-1' GROUP BY 1 ORDER BY 1"
    (_, ours), (_, theirs) = fleet.query(uids)
    assert len(ours) > 10 < len(theirs)
    assert not set(ours) & set(theirs)


def test_a_cluster_that_is_deleted_meanwhile_is_unreachable_and_then_gone(
    twin: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    there = "SELECT count(*) > 0 FROM pods WHERE location = 'europe-west4'"
    assert fleet.query(there) == [(True,)]
    fleet.configure(timeouts={"retry_seconds": 1.0})
    fleet.simulator.fault(twin, "deleted", "clusters")
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 3
    assert ended.collected()[twin] == ("WARNING", "failed", "unreachable")
    sql = "SELECT DISTINCT outcome, http_status, reason FROM collections WHERE location = 'europe-west4' "
    sql += f"AND outcome <> 'off' AND {NEWEST}"
    assert fleet.query(sql) == [("unreachable", None, "ConnectionRefused")]
    assert fleet.query(there) == [(True,)]  # not read is not gone
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    assert fleet.query(there) == [(False,)]
    assert fleet.rows(prefix="") == fleet.rows(usual=True)


def test_a_glob_that_matches_no_cluster_is_a_warning_and_a_row(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(clusters={"include": ["web-1", "shop-prod/asia-southeast1/wbe-1", "batch-*"]})
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 0
    assert ended.collected() == {WEB: ("INFO", "complete", None)}
    assert ended.err.count('"pattern matches no cluster"') == 2
    sql = "SELECT project_id, location, cluster, status, outcome, reason FROM coverage WHERE reason = 'NotListed'"
    assert fleet.query(f"{sql} ORDER BY 1") == [
        ("*", "*", "batch-*", "never_read", "not_found", "NotListed"),
        ("shop-prod", "asia-southeast1", "wbe-1", "never_read", "not_found", "NotListed"),
    ]
    shown = fleet.run(monkeypatch, capsys, "plan", "--json")
    problems = [planned["problem"] for planned in json.loads(shown.out)]
    assert [bool(problem and problem.startswith("not_found: ")) for problem in problems] == [True, True, False]
    fleet.configure()
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    assert fleet.query(sql) == []


@pytest.mark.parametrize(
    ("kind", "repeated"), [("repeat_object", 3), pytest.param("duplicate_uid", 4, marks=pytest.mark.exhaustive)]
)
def test_no_object_has_two_rows_in_one_snapshot(
    kind: str, repeated: int, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault(WEB, kind, "*")
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 0
    assert ended.collected() == dict.fromkeys(fleet.simulator.clusters, ("INFO", "complete", None))
    keys = [(table, ("snapshot_id", "uid")) for table in UID_TABLES]
    keys += [(table, record.primary_key) for table, record in TABLES.items() if record.primary_key]
    for table, key in keys:
        twice = f"SELECT {', '.join(key)} FROM raw_{table} GROUP BY ALL HAVING count(*) > 1"
        assert fleet.query(twice) == [], table
    assert fleet.rows(prefix="") == fleet.rows(usual=True)
    sql = "SELECT outcome, pages, restarts, message FROM collections WHERE cluster = 'web-1' AND resource = 'pods'"
    message = f"{repeated} objects were listed more than once; each has one row"
    assert fleet.query(f"{sql} AND {NEWEST}") == [("ok", 4, 0, message)]


def test_a_list_that_never_holds_still_is_begun_anew_five_times(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault(WEB, "expired_continue", "pods", page=2)
    assert fleet.run(monkeypatch, capsys).exit_code == 3
    sql = "SELECT outcome, pages, requests, restarts FROM collections WHERE cluster = 'web-1' AND resource = 'pods'"
    assert fleet.query(f"{sql} AND {NEWEST}") == [("expired", 6, 12, 5)]


def test_a_dns_endpoint_without_external_traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with simulate(clusters=2, pods=10) as special:
        for name, value in special.environment.items():
            monkeypatch.setenv(name, value)
        (dns,) = (path for path in special.clusters if "/payments-" in path)
        special.fault(dns, "in_front", "*", form="google_page")
        asked = {"kinds": EVERY_KIND, "projects": ["shop-staging"], "sink": sink_at(tmp_path / "x.duckdb")}
        settings = {**special.configuration, **asked}
        summary = run(msgspec.convert(settings, Config))
    (gap,) = summary.gaps
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        sql = "SELECT DISTINCT outcome, http_status, reason FROM collections WHERE cluster IS NOT NULL"
        sql += " AND resource <> 'upgrade_info'"  # the GKE API says it
        assert connection.execute(sql).fetchall() == [("forbidden", 403, "ExternalTrafficDisabled")]
        assert connection.execute("SELECT endpoint_type FROM snapshots").fetchall() == [("dns",)]
    assert "--enable-dns-access" in str(gap.message)


@pytest.mark.parametrize("kind", ["refuse", "hang_tls"])
def test_a_cluster_that_is_back_within_the_retry_time_is_read(kind: str, fleet: Fleet) -> None:
    fleet.configure(timeouts={"connect_seconds": 2.0, "retry_seconds": 60.0}, workers=1)
    fleet.simulator.fault(WEB, kind)
    started = fleet.start()
    started.wait_for("waiting for cluster")
    while started.read.count('"cluster collected"') < 2:  # the only worker reads the others meanwhile
        started.wait_for("cluster collected")
    fleet.simulator.clear()
    ended = started.end()
    assert ended.exit_code == 0, ended.err
    assert fleet.rows(where=NEWEST) == fleet.rows(usual=True)
    waits = [event for event in ended.events if event["message"] == "waiting for cluster"]
    assert [(event["cluster"], event["seconds"]) for event in waits] == [("web-1", 60.0)]


def test_every_refused_token_of_a_run_is_renewed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fleet.simulator.tokens()
    fleet.configure(clusters={"include": [WEB]})
    fleet.simulator.fault(WEB, "revoke_tokens", "deployments", times=1)
    fleet.simulator.fault(WEB, "revoke_tokens", "pods", times=1)
    fleet.simulator.fault(WEB, "revoke_tokens", "pods", page=2, times=1, after=1)
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 0, ended.err
    assert fleet.simulator.tokens() - before == 4
    assert fleet.query(f"SELECT outcome, retries FROM collections WHERE resource = 'pods' AND {NEWEST}") == [("ok", 2)]


def test_a_cluster_that_refuses_every_token_costs_one_new_token(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fleet.simulator.tokens()
    fleet.simulator.fault(WEB, "unauthorized")
    assert fleet.run(monkeypatch, capsys).exit_code == 3
    assert fleet.simulator.tokens() - before == 2


def test_a_token_that_expires_is_renewed_within_a_list(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.tokens(lifetime=1)
    fleet.simulator.fault(WEB, "delay", "pods", page=2, seconds=1)
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    asked = [request for request in fleet.asked() if (request["cluster"], request["path"]) == (WEB, "/api/v1/pods")]
    assert [(request["status"], request["authorized"]) for request in asked] == [(200, True)] * 4  # over three seconds


def test_a_token_endpoint_that_fails_in_mid_run_is_waited_for(fleet: Fleet) -> None:
    fleet.configure(clusters={"include": [WEB]})
    fleet.simulator.tokens(lifetime=1)
    fleet.simulator.fault(WEB, "delay", "pods", seconds=3, times=1)
    started = fleet.start()
    fleet.wait_until_asked(WEB, "/api/v1/pods")
    fleet.simulator.fault("token", "token_status", "token", code=500, times=3)
    ended = started.end()
    assert ended.exit_code == 0, ended.err
    sql = f"SELECT outcome, retries > 0 FROM collections WHERE resource = 'pods' AND {NEWEST}"
    assert fleet.query(sql) == [("ok", True)]


def test_a_broken_aggregated_api_hides_no_kind(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault(WEB, "broken_api", "discovery")
    known = fleet.run(monkeypatch, capsys, "show", WEB, "rollout", "x")
    assert (known.exit_code, known.out) == (2, "")
    assert 'rollouts.argoproj.io "x" not found' in known.err
    unknown = fleet.run(monkeypatch, capsys, "show", WEB, "podmetrics", "x")
    assert unknown.exit_code == 2
    assert "has no kind 'podmetrics'; discovery failed for /apis/metrics.k8s.io/v1beta1" in unknown.err
    assert any(
        request["path"] == "/apis/metrics.k8s.io/v1beta1" and request["status"] == 503 for request in fleet.asked()
    )
