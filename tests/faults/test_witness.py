"""Clusters that Cloud Asset Inventory knows and no list has, from run to run."""

from __future__ import annotations

import json

import pytest
from faults.fleet import Fleet

from job.simulator.hierarchy import ORGANIZATION

CRM, DELETED = "shop-billing/europe-west1/crm", "shop-prod/europe-west1/deleted"
KNOWN_ELSEWHERE = """\
SELECT concat_ws('/', project_id, location, cluster), resource, status, reason
FROM coverage
WHERE outcome = 'known_elsewhere'"""
LAST_SEARCH = """\
SELECT project_id, outcome, reason, objects, message
FROM collections
WHERE resource = 'cloud_asset_inventory'
QUALIFY rank() OVER (ORDER BY snapshot_time DESC) = 1"""

SEARCHED = """\
SELECT project_id, status, outcome, reason, objects
FROM coverage
WHERE resource = 'cloud_asset_inventory'"""


def test_a_cluster_that_no_list_has_is_in_coverage_until_the_witness_or_a_list_says_otherwise(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(projects=[], organizations=[ORGANIZATION])
    new = next(path for path in fleet.simulator.clusters if path.startswith("shop-prod/"))
    fleet.simulator.change_assets(known=[CRM, DELETED], unknown=[new])
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 0  # the GKE API of its project is off: no list of this run is missing
    assert fleet.query(KNOWN_ELSEWHERE) == [(CRM, "*", "never_read", "ProjectNotListed")]
    (search,) = fleet.query(LAST_SEARCH)
    assert search == (
        ORGANIZATION, "ok", None, len(fleet.simulator.clusters) + 1,
        f"it still knows 1 that the GKE API does not know: {DELETED}; it does not know 1 that the GKE API lists: {new}",
    )  # fmt: skip
    assert fleet.query(f"SELECT count(*) FROM coverage WHERE project_id = '{ORGANIZATION}'") == [(1,)]  # its projects
    (warning,) = [event for event in ended.events if event["message"] == "clusters known elsewhere"]
    assert (warning["clusters"], warning["names"]) == (1, CRM)
    fleet.simulator.clear()
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    assert fleet.query(KNOWN_ELSEWHERE) == []
    assert fleet.query(LAST_SEARCH) == [(ORGANIZATION, "ok", None, len(fleet.simulator.clusters), None)]


def test_a_refusal_costs_a_run_nothing_unless_it_has_asked_for_the_witness(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault("*", "asset_disabled", "cloud_asset_inventory")
    fleet.configure(projects=[], organizations=[ORGANIZATION])
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    assert [row[:4] for row in fleet.query(LAST_SEARCH)] == [(ORGANIZATION, "disabled", "ApiDisabled", 0)]
    assert fleet.query(SEARCHED) == []
    clusters = sum(path.startswith("shop-prod/") for path in fleet.simulator.clusters)
    fleet.configure(projects=["shop-prod"], cloud_asset_inventory=True)
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 3
    (gap,) = json.loads(ended.out)["unread"]
    assert (gap["name"], gap["reason"]) == ("shop-prod (cloud_asset_inventory)", "disabled")
    assert "gcloud services enable cloudasset.googleapis.com" in gap["message"]
    assert fleet.query(SEARCHED) == [("shop-prod", "never_read", "disabled", "ApiDisabled", None)]
    fleet.simulator.clear()
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    ((*found, objects),) = fleet.query(SEARCHED)
    assert (found, objects) == (["shop-prod", "ok", "ok", None], clusters)
    fleet.simulator.fault("*", "asset_denied", "cloud_asset_inventory")
    assert fleet.run(monkeypatch, capsys).exit_code == 3
    assert fleet.query(SEARCHED) == [("shop-prod", "stale", "forbidden", "IamPermissionMissing", clusters)]
    before = len(fleet.asked())
    fleet.configure(projects=["shop-prod"])
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    assert not any("searchAllResources" in request["path"] for request in fleet.asked()[before:])
    assert fleet.query(SEARCHED) == []
