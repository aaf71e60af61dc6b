"""Which clusters patterns select, and which patterns select none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from job.config import Clusters
from job.discover.projects import ProjectListing
from job.discover.selection import select
from job.errors import NotFoundError
from job.tables import Collection
from job.tables.collections import Outcome
from job.wire import gke


def listing(project: str, *paths: str, outcome: Outcome = "ok", undecoded: str = "") -> ProjectListing:
    clusters = tuple(
        gke.Cluster(name=name, location=location) for location, _, name in (path.partition("/") for path in paths)
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
    assert select(listings, Clusters(include=("odd",))) == ((), ())


def test_projects_without_clusters_are_an_empty_selection() -> None:
    assert select((listing("lab-one"),), Clusters()) == ((), ())
    assert select((SHOP,), Clusters(include=())) == ((), ())
