"""What Resource Manager lists below folders and organizations, through Google's client over both transports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from google.api_core.exceptions import Forbidden
from google.cloud import resourcemanager_v3
from google.rpc.error_details_pb2 import ErrorInfo
from ports import closed_port

from job.config import Config
from job.connect.identity import Identity, default_identity
from job.discover.failures import is_disabled_in
from job.discover.hierarchy import Walk, _is_deleted, walk
from job.discover.projects import ProjectListing, list_projects
from job.simulator import Simulator, simulate
from job.simulator.hierarchy import ACQUIRED, LAB, ORGANIZATION, PRODUCTION, SHOP, Folder, Project

NUMBER = ORGANIZATION.removeprefix("organizations/")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=3, pods=1, bigquery=False) as found:
        yield found


@pytest.fixture
def fleet(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    yield simulator
    simulator.clear()


def configured(fleet: Simulator, *, rest: bool = False, **keys: Any) -> Config:
    endpoints = dict(fleet.configuration["api_endpoints"])
    if rest:
        endpoints["cloudresourcemanager"] = fleet.resource_manager_rest_endpoint
    settings = {"timeouts": {"retry_seconds": 0.5, "request_seconds": 5}, "api_endpoints": endpoints}
    return msgspec.convert(settings | keys, Config, strict=False)


def identity(fleet: Simulator) -> Identity:
    return default_identity(fleet.token_uri)


def walked(fleet: Simulator, **keys: Any) -> Walk:
    return walk(configured(fleet, **keys), identity(fleet), "run-1")


def listed(fleet: Simulator, **keys: Any) -> dict[str, ProjectListing]:
    listings = list_projects(configured(fleet, **keys), identity(fleet), "run-1")
    assert len({listing.project_id for listing in listings}) == len(listings)
    return {listing.project_id: listing for listing in listings}


@pytest.mark.parametrize("rest", [False, True])
def test_a_walk_finds_every_active_project_with_its_folders_number_and_labels(fleet: Simulator, rest: bool) -> None:
    found = walked(fleet, rest=rest, organizations=[NUMBER])
    assert {project.project_id: project.ancestors for project in found.projects} == {
        "acquired-company": (ORGANIZATION, ACQUIRED),
        "data-platform": (ORGANIZATION,),
        "sandbox-anna": (ORGANIZATION, LAB),
        "sandbox-ben": (ORGANIZATION, LAB),
        "shop-billing": (ORGANIZATION, PRODUCTION, SHOP),
        "shop-prod": (ORGANIZATION, PRODUCTION, SHOP),  # without shop-old, which is being deleted
        "shop-staging": (ORGANIZATION, LAB),
    }
    shop = next(project for project in found.projects if project.project_id == "shop-prod")
    assert (shop.number, shop.labels) == ("300000000001", {"env": "production", "team": "shop"})
    assert [(node.name, node.collection.outcome, node.collection.objects) for node in found.nodes] == [
        (PRODUCTION, "ok", 0), (SHOP, "ok", 2), (LAB, "ok", 3), (ACQUIRED, "ok", 1), (ORGANIZATION, "ok", 1),
    ]  # fmt: skip


def test_folders_projects_and_organizations_can_be_mixed_and_are_listed_once(fleet: Simulator) -> None:
    before = len(fleet.requests())
    listings = listed(fleet, projects=["shop-prod", "data-platform"], folders=[SHOP, PRODUCTION])
    assert list(listings) == ["shop-prod", "data-platform", "shop-billing", PRODUCTION, SHOP]
    assert listings["shop-prod"].collection.ancestors == (PRODUCTION, SHOP)
    assert listings["data-platform"].found is None
    assert listings["data-platform"].collection.ancestors == ()
    asked = [json.dumps(request, sort_keys=True) for request in fleet.requests()[before:]]
    assert len(asked) == len(set(asked)) == 4 + 3  # two lists of two folders, and the clusters of three projects


def test_a_project_without_the_gke_api_is_off_in_a_folder_and_a_gap_if_it_is_configured(fleet: Simulator) -> None:
    found = listed(fleet, projects=["sandbox-anna"], folders=[LAB, SHOP])
    outcomes = {name: found[name].collection.outcome for name in ("sandbox-anna", "sandbox-ben", "shop-billing")}
    assert outcomes == {"sandbox-anna": "disabled", "sandbox-ben": "ok", "shop-billing": "off"}
    assert [listing.project_id for listing in found.values() if not listing.is_complete] == ["sandbox-anna"]
    # disabled in the project of the identity: then no project can be listed, and that is a gap of each
    fleet.fault("shop-*", "gke_disabled", "clusters", consumer="42")
    found = listed(fleet, folders=[SHOP])
    assert {name: found[name].collection.outcome for name in ("shop-prod", "shop-billing")} == {
        "shop-prod": "disabled", "shop-billing": "disabled",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason", "is_own"),
    [
        ("Kubernetes Engine API has not been used in project 7 before or it is disabled.", None, True),
        ("Kubernetes Engine API has not been used in project 8 before or it is disabled.", None, False),
        ("off", "SERVICE_DISABLED", False),
        ("Permission denied", None, False),
    ],
)
def test_an_api_is_disabled_in_the_project_that_google_names(text: str, reason: str | None, is_own: bool) -> None:
    info = [ErrorInfo(reason=reason)] if reason else []
    assert (
        is_disabled_in(Forbidden(text, details=info, error_info=info[0] if info else None), "own-project", "7")
        is is_own
    )


def test_projects_are_chosen_by_globs_and_labels_unless_they_are_configured(fleet: Simulator) -> None:
    scope: dict[str, Any] = {"projects": ["sandbox-ben"], "organizations": [NUMBER]}
    found = walked(fleet, **scope, exclude_projects=["sandbox-*", "shop-b*"], project_labels={"env": "production"})
    assert [project.project_id for project in found.projects] == [
        "acquired-company", "data-platform", "sandbox-ben", "shop-prod",
    ]  # fmt: skip


@pytest.mark.parametrize("rest", [False, True])
def test_a_folder_that_is_not_listed_says_why_and_costs_no_other(fleet: Simulator, rest: bool) -> None:
    fleet.fault(LAB, "node_denied", "folders")
    fleet.fault(SHOP, "hang", "projects")
    fleet.fault(ACQUIRED, "node_unavailable", times=1)
    timeouts = {"retry_seconds": 2.0, "request_seconds": 0.5}
    found = walked(fleet, rest=rest, organizations=[NUMBER], folders=["404"], timeouts=timeouts)
    outcomes = {node.name: node.collection for node in found.nodes}
    assert {name: collection.outcome for name, collection in outcomes.items()} == {
        ORGANIZATION: "ok", PRODUCTION: "ok", SHOP: "timed_out", LAB: "forbidden", ACQUIRED: "ok",
        "folders/404": "forbidden",
    }  # fmt: skip
    assert outcomes[ACQUIRED].retries == 1
    assert outcomes[LAB].reason == "IamPermissionMissing"
    assert str(outcomes[LAB].message).endswith(
        f"; grant resourcemanager.folders.list on {LAB}, for instance with roles/resourcemanager.folderViewer"
    )
    assert {project.project_id for project in found.projects} >= {"shop-staging", "acquired-company"}  # of LAB too


def test_a_page_that_fails_leaves_those_before_it(fleet: Simulator) -> None:
    fleet.fault(LAB, "node_denied", "projects", after=1)
    children = [Project(f"project-{number}", number, LAB) for number in range(1, 6)]
    with replaced(fleet, [Folder(LAB, ORGANIZATION)], children):
        found = walked(fleet, organizations=[NUMBER])
    assert [project.project_id for project in found.projects] == ["project-1", "project-2", "project-3"]
    assert [node.collection.outcome for node in found.nodes] == ["forbidden", "ok"]


def test_a_list_that_never_ends_is_given_up(fleet: Simulator) -> None:
    found = walked(fleet, folders=[SHOP], timeouts={"kind_seconds": 1e-6})
    assert [(node.collection.outcome, node.collection.reason) for node in found.nodes] == [("timed_out", "KindTimeout")]


def test_three_hundred_projects_below_five_levels_of_folders_are_all_found(fleet: Simulator) -> None:
    names = [str(index) for index in range(1, 4)]
    for _ in range(3):
        names += [f"{name}{index}" for name in names for index in range(1, 4) if f"{name}{index}" not in names][:20]
    names += ["1111" + "1"]
    folders = [Folder(f"folders/{name}", f"folders/{name[:-1]}" if name[:-1] else ORGANIZATION) for name in names]
    assert max(map(len, names)) == 5
    projects = [Project(f"project-{number}", number, folders[number % len(folders)].name) for number in range(300)]
    with replaced(fleet, folders, projects):
        found = walked(fleet, organizations=[NUMBER])
    assert {project.project_id for project in found.projects} == {project.id for project in projects}
    deep = next(project for project in found.projects if project.ancestors[-1] == "folders/11111")
    assert deep.ancestors == (ORGANIZATION, *(f"folders/{'1' * depth}" for depth in range(1, 6)))
    assert {node.collection.outcome for node in found.nodes} == {"ok"}


def test_an_api_out_of_reach_is_not_waited_for_by_each_folder(fleet: Simulator) -> None:
    with closed_port() as port:
        config = configured(fleet, folders=[str(number) for number in range(40)])
        endpoints = msgspec.structs.replace(config.api_endpoints, cloudresourcemanager=f"http://127.0.0.1:{port}")
        found = walk(msgspec.structs.replace(config, api_endpoints=endpoints), identity(fleet), "")
    assert {(node.collection.outcome, node.collection.message) for node in found.nodes} == {
        ("unreachable", found.nodes[0].collection.message)
    }
    assert "no connection to the Resource Manager API" in str(found.nodes[0].collection.message)
    assert sum(node.collection.retries == 0 for node in found.nodes) >= 20


@contextmanager
def replaced(fleet: Simulator, folders: list[Folder], projects: list[Project]) -> Iterator[None]:
    """Inside the block, the fleet has other folders and projects."""
    fleet.change_hierarchy(folders, projects)
    yield
    fleet.change_fleet(clusters=3, pods=1, seed=1, plain=False)


def test_a_state_that_the_client_does_not_know_costs_nothing() -> None:
    assert not _is_deleted(resourcemanager_v3.Project(state=99))
    assert not _is_deleted(resourcemanager_v3.Folder(state=77))
    assert _is_deleted(resourcemanager_v3.Folder(state="DELETE_REQUESTED"))
