"""The simulated Resource Manager answers Google's client alike over gRPC and over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import grpc
import pytest
import urllib3
from google.api_core.exceptions import PermissionDenied
from google.cloud import resourcemanager_v3 as rm
from google.cloud.resourcemanager_v3.services.projects.transports import ProjectsGrpcTransport

from job.simulator import Simulator, simulate
from job.simulator.hierarchy import ORGANIZATION, SHOP, Folder, Project

PUBLISHED = json.loads(
    files("googleapiclient.discovery_cache").joinpath("documents/cloudresourcemanager.v3.json").read_text()
)["schemas"]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=1, pods=1, plain=True, bigquery=False) as simulator:
        yield simulator


@pytest.fixture
def token(fleet: Simulator) -> str:
    return "Bearer " + (fleet.directory / "kubectl-token").read_text()


def over_rest(fleet: Simulator, token: str, resource: str, **query: str) -> dict[str, Any]:
    url = f"{fleet.resource_manager_rest_endpoint}/v3/{resource}"
    return dict(urllib3.request("GET", url, fields=query, headers={"Authorization": token}).json())


def test_both_transports_list_the_same_pages_of_direct_children(fleet: Simulator, token: str) -> None:
    channel = grpc.insecure_channel(fleet.resource_manager_endpoint.removeprefix("grpc://"))
    with rm.ProjectsClient(transport=ProjectsGrpcTransport(channel=channel)) as client:
        pages = client.list_projects(parent=SHOP, metadata=[("authorization", token)])
        found = {project.project_id: project for project in pages}
    assert {name: project.state.name for name, project in found.items()} == {
        "shop-prod": "ACTIVE", "shop-billing": "ACTIVE", "shop-old": "DELETE_REQUESTED",
    }  # fmt: skip
    project = found["shop-prod"]
    assert (project.name, project.parent, dict(project.labels)) == (
        "projects/300000000001", SHOP, {"env": "production", "team": "shop"},
    )  # fmt: skip
    first = over_rest(fleet, token, "projects", parent=SHOP, pageSize="2")
    second = over_rest(fleet, token, "projects", parent=SHOP, pageSize="2", pageToken=first["nextPageToken"])
    assert [each["projectId"] for each in (*first["projects"], *second["projects"])] == list(found)
    assert "nextPageToken" not in second
    assert set(first) <= set(PUBLISHED["ListProjectsResponse"]["properties"])
    assert set(first["projects"][0]) <= set(PUBLISHED["Project"]["properties"])
    (folder,) = over_rest(fleet, token, "folders", parent="folders/200000000001")["folders"]
    assert (folder["name"], folder["state"]) == (SHOP, "ACTIVE")
    assert set(folder) <= set(PUBLISHED["Folder"]["properties"])


def test_an_unknown_folder_and_a_token_that_is_not_valid_are_refused(fleet: Simulator, token: str) -> None:
    assert over_rest(fleet, "Bearer nobody", "folders", parent=ORGANIZATION)["error"]["status"] == "UNAUTHENTICATED"
    channel = grpc.insecure_channel(fleet.resource_manager_endpoint.removeprefix("grpc://"))
    with (
        rm.ProjectsClient(transport=ProjectsGrpcTransport(channel=channel)) as projects,
        pytest.raises(PermissionDenied) as raised,
    ):
        projects.list_projects(parent="folders/1", metadata=[("authorization", token)])
    assert raised.value.reason == "IAM_PERMISSION_DENIED"


def test_the_hierarchy_can_be_replaced(fleet: Simulator, token: str) -> None:
    folders = [
        Folder(f"folders/{number}", f"folders/{number - 1}" if number > 1 else ORGANIZATION) for number in (1, 2)
    ]
    fleet.change_hierarchy(folders, [Project("deep-project", 7, "folders/2")])
    (folder,) = over_rest(fleet, token, "folders", parent="folders/1")["folders"]
    (project,) = over_rest(fleet, token, "projects", parent=folder["name"])["projects"]
    assert (project["projectId"], project["name"]) == ("deep-project", "projects/7")
