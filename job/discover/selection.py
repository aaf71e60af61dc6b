"""Which of the listed clusters the configuration selects, and which of its patterns match no cluster."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

from job.config import Clusters
from job.config_identity import ProjectIdentity
from job.discover.projects import ProjectListing
from job.errors import NotFoundError
from job.wire import gke
from job.wire.projects import FoundProject

_MAX_NEAREST = 3
_BY_PROJECT = "identity.by_project"
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
    """A pattern of `clusters.include` or `clusters.locations` that matches no cluster, or of `identity.by_project` that
    matches no project."""

    pattern: str
    nearest: tuple[str, ...]
    """The listed clusters, or their locations, with the most similar names, at most three."""
    setting: str = "clusters.include"

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        nearest = f"; the nearest are {', '.join(self.nearest)}" if self.nearest else ""
        if self.setting == _BY_PROJECT:
            return f"{self.setting}: {self.pattern} matches none of the configured projects{nearest}"
        return f"{self.setting}: {self.pattern} matches no cluster of the configured projects{nearest}"

    @property
    def key(self) -> dict[str, str | None]:
        """Its columns `project_id`, `location` and `cluster`; `*` where it names none."""
        if self.setting == "clusters.locations":
            return {"project_id": "*", "location": self.pattern, "cluster": "*"}
        if self.setting == _BY_PROJECT:
            return {"project_id": self.pattern, "location": "*", "cluster": "*"}
        project, _, rest = _whole(self.pattern).partition("/")
        location, _, cluster = rest.partition("/")
        return {"project_id": project, "location": location, "cluster": cluster or "*"}


class Selection(NamedTuple):
    """What the configuration selects of the listed clusters."""

    targets: tuple[Target, ...]
    unmatched: tuple[Unmatched, ...]
    is_whole: bool = True
    """Whether all projects were listed, or tried: only then a configuration that selects nothing is seen."""

    @property
    def is_empty(self) -> bool:
        """Whether the configuration selects no cluster at all."""
        return self.is_whole and not self.targets


def select(
    listings: Sequence[ProjectListing],
    patterns: Clusters,
    *,
    is_whole: bool = True,
    identities: Sequence[ProjectIdentity] = (),
) -> Selection:
    """The selected clusters, and the patterns of `clusters.include` and `clusters.locations` that match none.

    What could match a cluster of a project that was not listed in full counts as matching.

    Args:
        is_whole: False where another task has other projects: then that task says what matches no cluster.
        identities: whose projects are looked for, too.

    Raises:
        NotFoundError: no pattern of one of them matches a cluster, or no cluster has one of `clusters.labels`.
    """
    listed = [
        Target(listing.project_id, cluster, listing.found) for listing in listings for cluster in listing.clusters
    ]
    targets = tuple(
        target
        for target in listed
        if may_be_selected(target.name, patterns)
        and patterns.labels.items() <= (target.cluster.resource_labels or {}).items()
    )
    if not is_whole:
        return Selection(targets, (), is_whole=False)
    unmatched = _unmatched(listings, patterns.include)
    if all(listing.is_complete for listing in listings):
        _check_labels([target.cluster for target in listed], patterns.labels)
        unmatched += _unmatched_locations(listings, patterns.locations)
    return Selection(targets, unmatched + _unmatched_identities(listings, identities))


def _unmatched_identities(
    listings: Sequence[ProjectListing], identities: Sequence[ProjectIdentity]
) -> tuple[Unmatched, ...]:
    """The globs that match no project. A folder that could not be listed may have any."""
    if any(listing.is_folder and not listing.is_complete for listing in listings):
        return ()
    projects = [listing.project_id for listing in listings if listing.is_project]
    globs = dict.fromkeys(glob for each in identities for glob in each.projects)
    return tuple(
        Unmatched(glob, tuple(get_close_matches(glob, projects, _MAX_NEAREST, cutoff=0)), _BY_PROJECT)
        for glob in globs
        if not fnmatch.filter(projects, glob)
    )


def is_selected(name: str, patterns: Clusters) -> bool:
    """Whether `clusters.include` and `clusters.exclude` select `project/location/cluster`."""
    return any(matches(name, pattern) for pattern in patterns.include) and not any(
        matches(name, pattern) for pattern in patterns.exclude
    )


def may_be_selected(name: str, patterns: Clusters) -> bool:
    """Whether all but `clusters.labels` select `project/location/cluster`."""
    return is_selected(name, patterns) and _is_in(name.split("/")[1], patterns.locations)


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
    if any(listing.is_folder for listing in gaps):  # a folder may have any project
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


def _is_in(location: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatch.fnmatchcase(location, glob) for glob in globs)


def _unmatched_locations(listings: Sequence[ProjectListing], globs: Sequence[str]) -> tuple[Unmatched, ...]:
    paths = [path for listing in listings for path in listing.collection.listed_clusters]
    locations = sorted({path.partition("/")[0] for path in paths})
    unmatched = tuple(
        Unmatched(glob, tuple(get_close_matches(glob, locations, _MAX_NEAREST, cutoff=0)), "clusters.locations")
        for glob in dict.fromkeys(globs)
        if glob.strip("*") and not any(_is_in(location, [glob]) for location in locations)
    )
    if unmatched and len(unmatched) == len(set(globs)):
        raise NotFoundError(
            f"{unmatched[0].message}. Nothing was read. Write a region or a zone; `*` stands for any characters"
        )
    return unmatched


def _check_labels(clusters: Sequence[gke.Cluster], labels: Mapping[str, str]) -> None:
    for key, value in labels.items():
        values = {(cluster.resource_labels or {}).get(key) for cluster in clusters} - {None}
        if value not in values:
            found = ", ".join(sorted(f"{key}={each}" for each in values)[:_MAX_NEAREST])
            raise NotFoundError(
                f"clusters.labels: no cluster of the configured projects has the label {key}={value}; "
                f"{f'there is {found}' if found else f'none has a label {key}'}. Nothing was read"
            )


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
