"""A second witness: what Cloud Asset Inventory knows, however it lags or lies, through Google's client."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from job.config import Config
from job.connect.identity import default_identity
from job.discover.cloud_asset_inventory import Search, Searches, scopes_of
from job.discover.projects import ProjectListing, list_projects
from job.discover.witness import Comparison, compare
from job.simulator import Simulator, simulate
from job.simulator.hierarchy import ACQUIRED, LAB, ORGANIZATION, SHOP

NUMBER = ORGANIZATION.removeprefix("organizations/")
RESOURCE = "cloud_asset_inventory"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=5, pods=1, bigquery=False) as found:
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
        endpoints["cloudasset"] = fleet.asset_inventory_rest_endpoint
    limits = {"retry_seconds": 0.3, "request_seconds": 5, "connect_seconds": 5}
    return msgspec.convert({"timeouts": limits, "api_endpoints": endpoints} | keys, Config, strict=False)


def searched(config: Config, *, seconds: float = 20) -> list[Search]:
    return list(Searches(config, default_identity(config.api_endpoints.oauth2), "run-1").results(seconds))


class Found:
    """What a run that reads no cluster would write to the ledger."""

    def __init__(self, config: Config) -> None:
        identity = default_identity(config.api_endpoints.oauth2)
        searches = Searches(config, identity, "run-1")
        self.listings: list[ProjectListing] = list_projects(config, identity, "run-1")
        self.comparison: Comparison = compare(searches.results(20), self.listings, config, identity, "run-1")
        own = [row for row in self.comparison.rows if row.collection.resource == "clusters"]
        self.rows = {"/".join(map(str, row.key.values())): row.collection for row in own}
        of_scopes = [(row.key["project_id"], row.collection) for row in self.comparison.rows if row not in own]
        of_scopes += [(each.project_id, each.collection) for each in self.comparison.listings]
        self.scopes = dict(of_scopes)

    @property
    def listed(self) -> set[str]:
        return {f"{each.project_id}/{path}" for each in self.listings for path in each.collection.listed_clusters}


@pytest.mark.parametrize("rest", [False, True])
def test_it_knows_the_clusters_below_each_scope_page_by_page(fleet: Simulator, rest: bool) -> None:
    whole, shop = searched(configured(fleet, rest=rest, organizations=[NUMBER], folders=[SHOP]))
    assert set(whole.clusters) == set(fleet.clusters)
    assert set(shop.clusters) == {path for path in fleet.clusters if path.startswith("shop-prod/")}
    found = whole.collection
    assert (found.outcome, found.http_status, found.objects, found.pages) == ("ok", 200, 5, 2)
    assert found.listed_clusters == tuple(sorted(fleet.clusters))
    assert all("environment" in labels for labels in whole.clusters.values())


def test_projects_alone_are_searched_only_if_the_configuration_says_so(fleet: Simulator) -> None:
    projects = {"projects": ["shop-prod"], "folders": [SHOP]}
    assert scopes_of(configured(fleet, **projects)) == (SHOP,)
    assert scopes_of(configured(fleet, **projects, cloud_asset_inventory=False)) == ()
    config = configured(fleet, **projects, cloud_asset_inventory=True)
    assert scopes_of(config) == (SHOP, "projects/shop-prod")
    of_folder, of_project = searched(config)
    assert of_folder.clusters == of_project.clusters != {}


@pytest.mark.parametrize("rest", [False, True])
@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "message"),
    [
        ("asset_denied", "forbidden", "IamPermissionMissing", "cloudasset.assets.searchAllResources"),
        ("asset_disabled", "disabled", "ApiDisabled", "gcloud services enable cloudasset.googleapis.com"),
        ("asset_unavailable", "unreachable", "UNAVAILABLE", ""),
        ("asset_invalid", None, None, ""),
        ("asset_nameless", "partial", None, "1 clusters in a form"),
        ("asset_endless", "invalid", None, "repeats a page token"),
    ],
)
def test_whatever_it_answers_is_an_outcome(
    fleet: Simulator, rest: bool, fault: str, outcome: str | None, reason: str | None, message: str
) -> None:
    fleet.fault(ORGANIZATION, fault, RESOURCE)
    config = configured(fleet, rest=rest, organizations=[NUMBER])
    (found,) = searched(config)
    if fault == "asset_invalid":  # gRPC takes such bytes for an error of its own
        outcome, reason = ("invalid", None) if rest else ("server_error", "INTERNAL")
    assert (found.collection.outcome, found.collection.reason) == (outcome, reason)
    assert message in (found.collection.message or "")
    if fault == "asset_nameless":
        assert found.collection.unreadable == ("//container.googleapis.com/CANARY",)
        assert set(found.clusters) == set(fleet.clusters)


def test_a_disabled_api_costs_one_request_and_each_scope_has_a_row(fleet: Simulator) -> None:
    fleet.fault("*", "asset_disabled", RESOURCE)
    before = len(fleet.requests())
    found = searched(configured(fleet, organizations=[NUMBER], folders=[SHOP, LAB]))
    assert [(each.scope, each.collection.reason, each.collection.requests) for each in found] == [
        (ORGANIZATION, "ApiDisabled", 1), (SHOP, "ApiDisabled", 0), (LAB, "ApiDisabled", 0),
    ]  # fmt: skip
    assert len(fleet.requests()) == before + 1


def test_it_is_not_waited_for_longer_than_the_run_says(fleet: Simulator) -> None:
    fleet.fault(SHOP, "hang", RESOURCE)
    found = searched(configured(fleet, folders=[LAB, SHOP]), seconds=1.0)
    assert [(each.scope, each.collection.outcome) for each in found] == [(LAB, "ok"), (SHOP, "timed_out")]
    fleet.clear()
    fleet.fault(ORGANIZATION, "delay", RESOURCE, seconds=0.5)
    (slow,) = searched(configured(fleet, organizations=[NUMBER]))
    assert (slow.collection.outcome, slow.collection.objects) == ("ok", 5)


def test_deleted_clusters_that_it_still_knows_are_in_its_own_row_alone(fleet: Simulator) -> None:
    fleet.change_assets(known=["shop-prod/europe-west1/old", "shop-staging/us-east1-d/older"])
    found = Found(configured(fleet, organizations=[NUMBER]))
    assert found.rows == {}
    row = found.scopes[ORGANIZATION]
    assert row.message == (
        "it still knows 2 that the GKE API does not know: shop-prod/europe-west1/old, shop-staging/us-east1-d/older"
    )
    assert {"shop-prod/europe-west1/old", "shop-staging/us-east1-d/older"} <= set(row.listed_clusters)


def test_new_clusters_that_it_does_not_know_yet_are_in_its_own_row(fleet: Simulator) -> None:
    new = next(path for path in fleet.clusters if path.startswith("shop-prod/"))
    fleet.change_assets(unknown=[new])
    found = Found(configured(fleet, organizations=[NUMBER]))
    assert found.rows == {}
    assert found.scopes[ORGANIZATION].message == f"it does not know 1 that the GKE API lists: {new}"


def test_clusters_of_projects_that_could_not_be_listed_are_known_elsewhere(fleet: Simulator) -> None:
    fleet.change_assets(known=["acquired-company/europe-west4/crm"])  # its project is denied to the identity
    fleet.fault("shop-prod", "gke_denied", "clusters")
    config = configured(fleet, organizations=[NUMBER])
    found = Found(config)
    shop = {path for path in fleet.clusters if path.startswith("shop-prod/")}
    assert set(found.rows) == {"acquired-company/europe-west4/crm", *shop}
    assert {(row.outcome, row.reason) for row in found.rows.values()} == {("known_elsewhere", "ProjectNotListed")}
    assert "container.clusters.list" in str(found.rows["acquired-company/europe-west4/crm"].message)
    fleet.clear()
    fleet.fault("data-platform", "missing_zones", "clusters", zones="us-east1-d")
    fleet.change_assets(known=["data-platform/us-east1-d/unreachable", "data-platform/us-east1-c/gone"])
    assert set(Found(config).rows) == {"data-platform/us-east1-d/unreachable"}


def test_many_deleted_clusters_cost_one_list_of_their_project(fleet: Simulator) -> None:
    fleet.change_assets(known=[f"shop-prod/europe-west1/deleted-{number}" for number in range(150)])
    before = len(fleet.requests())
    assert Found(configured(fleet, organizations=[NUMBER])).rows == {}
    lists = [each for each in fleet.requests()[before:] if "projects/shop-prod/" in each["path"]]
    assert len(lists) == 2


def test_clusters_of_a_folder_that_could_not_be_listed_are_known_elsewhere(fleet: Simulator) -> None:
    fleet.fault(SHOP, "node_denied")
    found = Found(configured(fleet, organizations=[NUMBER]))
    assert set(found.rows) == {path for path in fleet.clusters if path.startswith("shop-prod/")}
    assert {row.message for row in found.rows.values()} == {
        f"Cloud Asset Inventory knows it; its project was not found: {SHOP} could not be listed"
    }


def test_what_the_configuration_leaves_out_is_not_missed(fleet: Simulator) -> None:
    crm, toy = "acquired-company/europe-west4/crm", "sandbox-ben/europe-west1/toy"
    fleet.change_assets(known=[crm, toy, "shop-old/europe-west1/old"])  # shop-old is being deleted
    assert set(Found(configured(fleet, organizations=[NUMBER])).rows) == {crm}
    fleet.fault(ACQUIRED, "node_denied")
    fleet.fault(LAB, "node_denied")
    staging = {path for path in fleet.clusters if path.startswith("shop-staging/")}
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {crm, *staging}),  # toy's project answers, and has no such cluster
        ({"exclude_projects": ["acq*", "shop-staging", "sandbox-*"]}, set()),
        ({"clusters": {"exclude": ["acquired-company/*", "toy"]}}, staging),
        ({"clusters": {"locations": ["europe-west4"]}}, {crm, *(each for each in staging if "/europe-west4/" in each)}),
        ({"clusters": {"labels": {"environment": "staging"}}}, staging),
    ]
    for more, expected in cases:
        assert set(Found(configured(fleet, organizations=[NUMBER], **more)).rows) == expected, more


def test_a_refusal_is_a_gap_only_of_who_asked_for_it(fleet: Simulator) -> None:
    fleet.fault(ORGANIZATION, "asset_denied", RESOURCE)
    silent = Found(configured(fleet, organizations=[NUMBER])).comparison
    assert (silent.listings, [row.collection.outcome for row in silent.rows]) == ((), ["forbidden"])
    loud = Found(configured(fleet, organizations=[NUMBER], cloud_asset_inventory=True)).comparison
    assert [(each.project_id, each.is_complete, each.is_project) for each in loud.listings] == [
        (ORGANIZATION, False, False)
    ]
    assert loud.rows == ()


@pytest.mark.parametrize("seed", range(12))
def test_no_cluster_that_any_witness_knows_is_silently_absent(fleet: Simulator, seed: int) -> None:
    draw = random.Random(seed)
    projects = [*fleet.projects, "sandbox-ben", "nobodys-project"]
    lies = [f"{draw.choice(projects)}/europe-west{draw.randrange(1, 5)}/lie-{number}" for number in range(8)]
    fleet.change_assets(known=lies, unknown=draw.sample(sorted(fleet.clusters), 2))
    for node in draw.sample([SHOP, LAB, ACQUIRED, ORGANIZATION], draw.randrange(3)):
        fleet.fault(node, draw.choice(["node_denied", "node_unavailable"]), draw.choice(["*", "folders", "projects"]))
    for project in draw.sample(sorted(fleet.projects), draw.randrange(3)):
        kind = draw.choice(["gke_denied", "gke_unavailable", "gke_disabled", "missing_zones"])
        fleet.fault(project, kind, "clusters", **({"times": 1} if draw.random() < 0.5 else {}))
    found = Found(configured(fleet, organizations=[NUMBER], timeouts={"retry_seconds": 0.01, "connect_seconds": 5}))
    known = set(found.scopes[ORGANIZATION].listed_clusters)
    assert set(lies) <= known
    for path in known & fleet.clusters.keys():
        assert path in found.listed or path in found.rows, path
    outcomes = {each.project_id: each.collection.outcome for each in found.listings}
    for path in lies:  # no alarm, where the GKE API could say that there is no such cluster
        assert path not in found.rows or outcomes.get(path.partition("/")[0]) != "ok", path
