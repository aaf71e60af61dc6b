"""The simulated Cloud Asset Inventory answers as the published API does."""

from __future__ import annotations

import json
from importlib.resources import files

import urllib3

from job.simulator import simulate
from job.simulator.hierarchy import SHOP

PUBLISHED = json.loads(files("googleapiclient.discovery_cache").joinpath("documents/cloudasset.v1.json").read_text())


def test_its_search_is_the_published_one() -> None:
    method = PUBLISHED["resources"]["v1"]["methods"]["searchAllResources"]
    assert (method["httpMethod"], method["path"]) == ("GET", "v1/{+scope}:searchAllResources")
    schemas = PUBLISHED["schemas"]
    with simulate(clusters=4, pods=1, plain=True, bigquery=False) as fleet:
        token = (fleet.directory / "kubectl-token").read_text()
        query = {"assetTypes": "container.googleapis.com/Cluster", "pageSize": "1", "readMask": "name,labels"}
        assert query.keys() <= method["parameters"].keys()
        url = f"{fleet.asset_inventory_rest_endpoint}/v1/{SHOP}:searchAllResources"
        answers = [
            urllib3.request("GET", url, fields=query | more, headers={"Authorization": f"Bearer {token}"}).json()
            for more in ({}, {"pageToken": "1"}, {"assetTypes": "compute.googleapis.com/Disk"})
        ]
        clusters = sorted(path for path in fleet.clusters if path.startswith("shop-prod/"))
    assert all(answer.keys() <= schemas["SearchAllResourcesResponse"]["properties"].keys() for answer in answers)
    found = [each for answer in answers for each in answer.get("results", ())]
    assert [each["name"].rpartition("/")[2] for each in found] == [path.rpartition("/")[2] for path in clusters]
    assert all(each.keys() <= schemas["ResourceSearchResult"]["properties"].keys() for each in found)
