"""Which clusters patterns select, and which patterns select none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from replay import CLUSTER, LOCATION, PROJECT

from job.cli import cli
from job.config import Clusters
from job.discover.projects import ProjectListing
from job.discover.selection import Selection, select
from job.errors import NotFoundError
from job.tables import Collection
from job.tables.collections import Outcome
from job.wire import gke


def listing(project: str, *paths: str, outcome: Outcome = "ok", undecoded: str = "") -> ProjectListing:
    clusters = tuple(
        gke.Cluster(name=name, location=location, resource_labels={"team": name.partition("-")[0], location: ""})
        for location, _, name in (path.partition("/") for path in paths)
    )
    collection = Collection(
        run_id="run-1", resource="clusters", outcome=outcome, pages=1, objects=len(paths), bytes=0, requests=1,
        retries=0, restarts=0, waited_seconds=0.0, started_at=datetime(2026, 1, 1, tzinfo=UTC), duration_seconds=0.1,
        unreadable_objects=0, listed_clusters=(*paths, *([undecoded] if undecoded else [])),
    )  # fmt: skip
    return ProjectListing(project, clusters, collection)


SHOP = listing("shop-prod", "europe-west1/web-1", "europe-west4/web-1", "us-east1/batch-1")


def selected(*include: str, exclude: tuple[str, ...] = (), listings: tuple[ProjectListing, ...] = (SHOP,)) -> list[str]:
    selection = select(listings, Clusters(include=include, exclude=exclude))
    return [target.name for target in selection.targets]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("web-1", ["shop-prod/europe-west1/web-1", "shop-prod/europe-west4/web-1"]),
        ("shop-prod/europe-west4/web-1", ["shop-prod/europe-west4/web-1"]),
        ("*/us-*/*", ["shop-prod/us-east1/batch-1"]),
        ("shop-*/batch-1", ["shop-prod/us-east1/batch-1"]),
        ("*-1", [f"shop-prod/{path}" for path in SHOP.collection.listed_clusters]),
        ("*", [f"shop-prod/{path}" for path in SHOP.collection.listed_clusters]),
    ],
)
def test_a_pattern_is_a_path_or_a_name(pattern: str, names: list[str]) -> None:
    assert selected(pattern) == names
    assert set(selected("*", exclude=(pattern,))) == {f"shop-prod/{p}" for p in SHOP.collection.listed_clusters} - {
        *names
    }


@pytest.mark.parametrize(
    ("pattern", "nearest"),
    [
        ("wbe-1", "shop-prod/europe-west1/web-1, shop-prod/europe-west4/web-1"),
        ("shop-prod/us-east1/bach-1", "shop-prod/us-east1/batch-1"),
        ("europe-west4/web-1", "shop-prod/europe-west4/web-1"),
        ("shop-*", "shop-prod/"),
    ],
)
def test_patterns_that_all_match_nothing_are_an_error_with_the_nearest_names(pattern: str, nearest: str) -> None:
    with pytest.raises(NotFoundError, match="matches no cluster") as raised:
        selected(pattern, pattern, listings=(SHOP, listing("lab-one")))
    assert f"clusters.include: {pattern} matches no cluster" in str(raised.value)
    assert f"the nearest are {nearest}" in str(raised.value)


def test_one_pattern_of_several_that_matches_nothing_is_named() -> None:
    selection = select((SHOP,), Clusters(include=("web-1", "lab-one/*", "wbe-?")))
    assert [unmatched.pattern for unmatched in selection.unmatched] == ["lab-one/*", "wbe-?"]
    assert [unmatched.key for unmatched in selection.unmatched] == [
        {"project_id": "lab-one", "location": "*", "cluster": "*"},
        {"project_id": "*", "location": "*", "cluster": "wbe-?"},
    ]


@pytest.mark.parametrize("pattern", ["lab-one/us-east1/web-9", "web-9", "*/web-9", "lab-*/web-9"])
@pytest.mark.parametrize("outcome", ["forbidden", "partial"])
def test_what_a_project_that_was_not_listed_may_have_is_not_called_missing(pattern: str, outcome: Outcome) -> None:
    assert select((SHOP, listing("lab-one", outcome=outcome)), Clusters(include=(pattern,))).unmatched == ()


def test_what_no_unlisted_project_can_have_is_missing() -> None:
    with pytest.raises(NotFoundError, match="shop-prod/us-east1/web-1"):
        selected("shop-prod/us-east1/web-1", listings=(SHOP, listing("lab-one", outcome="forbidden")))


def test_a_cluster_that_could_not_be_decoded_is_there() -> None:
    listings = (listing("shop-prod", outcome="partial", undecoded="us-east1/odd"),)
    assert select(listings, Clusters(include=("odd",))) == Selection((), ())


def test_projects_without_clusters_are_an_empty_selection() -> None:
    assert select((listing("lab-one"),), Clusters()) == Selection((), ())
    assert select((SHOP,), Clusters(include=())) == Selection((), ())


def chosen(*listings: ProjectListing, **filters: Any) -> list[str]:
    return [target.name for target in select(listings or (SHOP,), Clusters(**filters)).targets]


def test_locations_and_labels_choose_among_the_clusters_that_patterns_match() -> None:
    web_1, web_4, batch = (f"shop-prod/{path}" for path in SHOP.collection.listed_clusters)
    assert chosen(locations=("europe-*",)) == [web_1, web_4]
    assert chosen(locations=("europe-west4", "us-east1")) == [web_4, batch]
    assert chosen(locations=("*",)) == [web_1, web_4, batch]
    assert chosen(locations=("us-east1",), include=("web-*",)) == []
    assert chosen(labels={"team": "web"}) == [web_1, web_4]
    assert chosen(labels={"team": "web", "europe-west4": ""}) == [web_4]
    assert chosen(labels={"team": "web", "us-east1": ""}) == []
    assert chosen(labels={"team": "web"}, exclude=("*/europe-west1/*",)) == [web_4]
    zonal = listing("shop-prod", "us-east1/a", "us-east1-b/b")
    assert chosen(zonal, locations=("us-east1",)) == ["shop-prod/us-east1/a"]
    assert len(chosen(zonal, locations=("us-east1*",))) == 2
    assert len(chosen(ProjectListing("x", (gke.Cluster(name="a", location="l"),), zonal.collection))) == 1


@pytest.mark.parametrize(("location", "problem"), [("europe-*", None), ("us-east1", "us-east1 matches no cluster")])
@pytest.mark.usefixtures("configured")
def test_the_flag_replaces_the_locations_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, location: str, problem: str | None
) -> None:
    monkeypatch.setenv("GKE_INVENTORY_CLUSTERS_LOCATIONS", "asia-south1")
    done = CliRunner().invoke(cli, ["plan", "--json", "--location", location], standalone_mode=False)
    if problem is None:
        assert [each["name"] for each in json.loads(done.stdout)] == [f"{PROJECT}/{LOCATION}/{CLUSTER}"]
    else:
        assert isinstance(done.exception, NotFoundError)
        assert problem in str(done.exception)


def test_a_location_without_a_cluster_is_named_with_the_nearest() -> None:
    (unmatched,) = select((SHOP,), Clusters(locations=("europe-west1", "us-east4"))).unmatched
    assert unmatched.message == (
        "clusters.locations: us-east4 matches no cluster of the configured projects; the nearest are us-east1, "
        "europe-west4, europe-west1"
    )
    assert unmatched.key == {"project_id": "*", "location": "us-east4", "cluster": "*"}
    with pytest.raises(
        NotFoundError, match=r"clusters\.locations: us-east4 matches no cluster .* Write a region or a zone"
    ):
        chosen(locations=("us-east4", "asia-*"))


def test_a_label_that_no_cluster_has_is_an_error_with_the_values_that_there_are() -> None:
    with pytest.raises(
        NotFoundError, match=r"has the label team=wbe; there is team=batch, team=web\. Nothing was read"
    ):
        chosen(labels={"team": "wbe"})
    with pytest.raises(NotFoundError, match=r"has the label env=prod; none has a label env\. Nothing was read"):
        chosen(labels={"env": "prod"})


@pytest.mark.parametrize("outcome", ["forbidden", "partial"])
def test_a_project_that_was_not_listed_may_have_any_location_and_label(outcome: Outcome) -> None:
    listings = (SHOP, listing("lab-one", outcome=outcome))
    for filters in ({"locations": ("us-east4",)}, {"labels": {"env": "prod"}}):
        assert select(listings, Clusters(**filters)) == Selection((), ())  # type: ignore[arg-type]
