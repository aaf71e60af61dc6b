"""Folders that Resource Manager does not list."""

from __future__ import annotations

import json

import pytest
import urllib3
from faults.fleet import Fleet

from job.simulator.hierarchy import LAB, ORGANIZATION, PRODUCTION, SHOP

OF_SHOP = f"""\
SELECT project_id, resource, status, outcome, reason
FROM coverage
WHERE project_id IN ('shop-prod', 'shop-billing', '{SHOP}') AND resource IN ('clusters', 'projects', 'pods')
ORDER BY 1, 2"""
OF_PROJECT = """\
SELECT project_number, map_from_entries(project_labels), ancestors
FROM clusters
WHERE project_id = 'shop-prod'"""


def test_a_fault_of_a_folder_is_its_own(fleet: Fleet) -> None:
    fleet.simulator.fault(LAB, "node_denied", "projects")
    fleet.simulator.fault("folders/*", "node_unavailable", "folders", times=1)
    token = "Bearer " + (fleet.simulator.directory / "kubectl-token").read_text()

    def status(resource: str, parent: str) -> int:
        url = f"{fleet.simulator.resource_manager_rest_endpoint}/v3/{resource}"
        return urllib3.request("GET", url, fields={"parent": parent}, headers={"Authorization": token}).status

    assert (status("projects", LAB), status("projects", ORGANIZATION)) == (403, 200)
    assert (status("folders", LAB), status("folders", LAB)) == (503, 200)


def test_a_folder_that_cannot_be_listed_is_a_gap_and_nothing_below_it_looks_deleted(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fleet.query(OF_PROJECT) == [(None, {}, [])]  # only the configuration has named it
    fleet.configure(projects=[], organizations=[ORGANIZATION], timeouts={"retry_seconds": 0.5})
    assert fleet.run(monkeypatch, capsys).exit_code == 0
    clusters = fleet.query("SELECT project_id, cluster FROM clusters ORDER BY 1, 2")
    assert fleet.query(OF_SHOP) == [
        (SHOP, "projects", "ok", "ok", None),
        ("shop-billing", "clusters", "off", "off", "ApiDisabled"),  # it costs one call, and is no gap
        ("shop-prod", "clusters", "ok", "ok", None),
        ("shop-prod", "pods", "ok", "ok", None),
    ]
    assert fleet.query(OF_PROJECT) == [
        ("300000000001", {"env": "production", "team": "shop"}, [ORGANIZATION, PRODUCTION, SHOP])
    ]
    assert sum("shop-billing" in request["path"] for request in fleet.asked()) == 1
    for fault, outcome, reason in (
        ("node_denied", "forbidden", "IamPermissionMissing"),
        ("node_unavailable", "unreachable", "UNAVAILABLE"),
    ):
        fleet.simulator.fault(SHOP, fault)
        ended = fleet.run(monkeypatch, capsys)
        fleet.simulator.clear()
        assert ended.exit_code == 3
        (gap,) = json.loads(ended.out)["unread"]
        assert (gap["name"], gap["reason"]) == (SHOP, outcome)
        assert fleet.query(OF_SHOP) == [
            (SHOP, "projects", "stale", outcome, reason),
            ("shop-billing", "clusters", "never_read", outcome, reason),
            ("shop-prod", "clusters", "stale", outcome, reason),
            ("shop-prod", "pods", "stale", outcome, reason),
        ]
        assert fleet.query("SELECT project_id, cluster FROM clusters ORDER BY 1, 2") == clusters
    fleet.configure(projects=[], organizations=[ORGANIZATION], timeouts={"retry_seconds": 0.5}, fail_on="below:50%")
    fleet.simulator.fault(LAB, "node_denied", "folders")
    assert fleet.run(monkeypatch, capsys).exit_code == 0  # the projects beside it are read


def test_a_plan_shows_the_folders_with_how_many_projects_are_in_each(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.simulator.fault(LAB, "node_denied", "folders")
    scope = ("--folder", SHOP, "--folder", LAB, "--project", "data-platform")
    planned = json.loads(fleet.run(monkeypatch, capsys, "plan", "--json", *scope).out)
    folders = {entry["name"]: entry for entry in planned if entry["name"].startswith("folders/")}
    assert {name: (entry["projects"], entry["projects_without_api"]) for name, entry in folders.items()} == {
        SHOP: (2, 1), LAB: (3, 1),
    }  # fmt: skip
    assert "grant resourcemanager.folders.list" in folders[LAB]["problem"]
    clusters = [entry["name"].partition("/")[0] for entry in planned if entry["endpoint"]]
    assert sorted(clusters) == ["data-platform", "shop-prod", "shop-staging"]
    fleet.simulator.clear()
    ended = fleet.run(monkeypatch, capsys, "plan", *scope)
    assert ended.exit_code == 0
    (line,) = (line for line in ended.out.splitlines() if line.startswith(SHOP))
    assert line.endswith("2 projects, 1 without the GKE API")


def test_an_organization_of_which_nothing_can_be_listed_is_no_success(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = fleet.run(monkeypatch, capsys, "run", "--json", "--organization", "404", "--folder", "404")
    summary = json.loads(ended.out)
    assert (ended.exit_code, summary["status"], summary["projects"]) == (3, "incomplete", 0)
    assert {gap["name"] for gap in summary["unread"]} == {"clusters", "folders/404", "organizations/404"}
