"""Which of the listed clusters the configuration selects, and which of its patterns match no cluster."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from job.config import Clusters
from job.discover.projects import ProjectListing
from job.errors import NotFoundError
from job.wire import gke
from job.wire.projects import FoundProject

_MAX_NEAREST = 3
_FORM = "Write PROJECT/LOCATION/CLUSTER, or a cluster's name alone; `*` stands for any characters"


class Target(NamedTuple):
    """A cluster to collect."""

    project_id: str
    cluster: gke.Cluster
    found: FoundProject | None = None
    """Its project, if it was found in a folder."""

    @property
    def name(self) -> str:
        """`project/location/cluster`."""
        return f"{self.project_id}/{self.cluster.location}/{self.cluster.name}"


class Unmatched(NamedTuple):
    """A pattern of `clusters.include` that matches no cluster."""

    pattern: str
    nearest: tuple[str, ...]
    """The listed clusters with the most similar names, at most three."""

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        nearest = f"; the nearest are {', '.join(self.nearest)}" if self.nearest else ""
        return f"clusters.include: {self.pattern} matches no cluster of the configured projects{nearest}"

    @property
    def key(self) -> dict[str, str | None]:
        """Its columns `project_id`, `location` and `cluster`; `*` where it names none."""
        project, _, rest = _whole(self.pattern).partition("/")
        location, _, cluster = rest.partition("/")
        return {"project_id": project, "location": location, "cluster": cluster or "*"}


class Selection(NamedTuple):
    """What the configuration selects of the listed clusters."""

    targets: tuple[Target, ...]
    unmatched: tuple[Unmatched, ...]


def select(listings: Sequence[ProjectListing], patterns: Clusters) -> Selection:
    """The selected clusters, and the patterns of `clusters.include` that match none.

    A pattern that could match a cluster of a project that was not listed in full counts as matching.

    Raises:
        NotFoundError: no pattern matches a cluster.
    """
    listed = [
        Target(listing.project_id, cluster, listing.found) for listing in listings for cluster in listing.clusters
    ]
    targets = tuple(
        target
        for target in listed
        if any(matches(target.name, pattern) for pattern in patterns.include)
        and not any(matches(target.name, pattern) for pattern in patterns.exclude)
    )
    return Selection(targets, _unmatched(listings, patterns.include))


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern matches `project/location/cluster`. A `*` also matches slashes.

    >>> matches("shop-prod/europe-west1/web-1", "web-1"), matches("shop-prod/europe-west1/web-1", "shop-*")
    (True, False)
    >>> matches("shop-prod/europe-west1/web-1", "shop-prod/*"), matches("shop-prod/europe-west1/web-1", "*")
    (True, True)
    """
    return fnmatch.fnmatchcase(name, _whole(pattern))


def _unmatched(listings: Sequence[ProjectListing], include: Sequence[str]) -> tuple[Unmatched, ...]:
    names = [f"{listing.project_id}/{path}" for listing in listings for path in listing.collection.listed_clusters]
    gaps = [listing for listing in listings if not listing.is_complete]
    if any(not listing.is_project for listing in gaps):  # a folder may have any project
        return ()
    unlisted = [listing.project_id for listing in gaps]
    unmatched = tuple(
        Unmatched(pattern, _nearest(pattern, names))
        for pattern in dict.fromkeys(include)
        if pattern.strip("*/")  # others select everything
        and not any(matches(name, pattern) for name in names)
        and not any(fnmatch.fnmatchcase(project, _whole(pattern).partition("/")[0]) for project in unlisted)
    )
    if unmatched and len(unmatched) == len(set(include)):
        raise NotFoundError(f"{unmatched[0].message}. Nothing was read. {_FORM}")
    return unmatched


def _whole(pattern: str) -> str:
    return pattern if "/" in pattern else f"*/*/{pattern}"


def _nearest(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names that are most like the pattern: the cluster's own name, then the whole one."""
    own = pattern.rpartition("/")[2]
    likeness = {
        name: SequenceMatcher(None, own, name.rpartition("/")[2]).ratio() + SequenceMatcher(None, pattern, name).ratio()
        for name in names
    }
    return tuple(sorted(names, key=lambda name: (-likeness[name], name))[:_MAX_NEAREST])
