"""Compares the lists of clusters with what Cloud Asset Inventory knows.

The lists decide. Where only the witness knows a cluster, its project is listed once more: a cluster that the GKE API
still does not know is deleted, and an alarm for nobody, however long the witness lags behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

import msgspec

from job.config import Config
from job.connect.identity import Identity
from job.connect.reachability import Network, Reachability
from job.discover.cloud_asset_inventory import Search
from job.discover.container_api import container_clients
from job.discover.failures import failure_columns
from job.discover.projects import RESOURCE, ProjectListing
from job.discover.retries import retried
from job.discover.selection import may_be_selected
from job.log import log
from job.tables import Collection
from job.waiting import waiting_for
from job.workers import map_unordered

_MAX_NAMED = 5
_MAX_CONCURRENT_REQUESTS = 8
_GKE_API = Network("GKE API", "public")

_Answer = Literal["exists", "not_found", "unknown"]


class LedgerRow(NamedTuple):
    """A row of `collections`, and its columns `project_id`, `location` and `cluster`."""

    key: dict[str, str | None]
    collection: Collection


class Comparison(NamedTuple):
    """What the ledger has of the searches."""

    listings: tuple[ProjectListing, ...] = ()
    """The searches that count as lists of the run."""
    rows: tuple[LedgerRow, ...] = ()
    """All other rows: of searches that nobody asked for by name, and of clusters that no list has."""


class _Missing(NamedTuple):
    name: str
    """`project/location/name`."""
    listing: ProjectListing | None
    """Of its project."""


def compare(
    searches: Sequence[Search], listings: Sequence[ProjectListing], config: Config, identity: Identity, run_id: str
) -> Comparison:
    """The rows of the ledger.

    Args:
        listings: all of the run, not only those of one task.

    Raises:
        ConfigError: `api_endpoints.container` would get tokens without TLS.
    """
    numbers = {each.found.number: each.project_id for each in listings if each.found is not None}
    known = {search.scope: _by_project_id(search.clusters, numbers) for search in searches}
    listed = {f"{each.project_id}/{path}" for each in listings for path in each.collection.listed_clusters}
    unlisted = {name: labels for found in known.values() for name, labels in found.items() if name not in listed}
    missing = list(_missing(unlisted, listings, config))
    answers = _asked(missing, config, identity)
    deleted = {name for name, answer in answers.items() if answer == "not_found"}
    rows = [
        _row_of(each, listings, run_id, is_confirmed=answers.get(each.name) == "exists")
        for each in missing
        if each.name not in deleted
    ]
    if rows:
        names = [f"{row.key['project_id']}/{row.key['location']}/{row.key['cluster']}" for row in rows]
        log.warning("clusters known elsewhere", run_id=run_id, clusters=len(rows), names=_some(names))
    described = [_described(search, known[search.scope], listings, deleted) for search in searches]
    for each in described:
        _log(each, is_asked_for=bool(config.cloud_asset_inventory))
    if config.cloud_asset_inventory:
        return Comparison(
            tuple(ProjectListing(each.project_id, (), each.collection) for each in described), tuple(rows)
        )
    rows += [
        LedgerRow(
            {"project_id": each.project_id, "location": "-"},
            msgspec.structs.replace(each.collection, required=False),
        )
        for each in described
    ]
    return Comparison((), tuple(rows))


def _by_project_id(clusters: dict[str, dict[str, str]], numbers: dict[str, str]) -> dict[str, dict[str, str]]:
    renamed = {}
    for name, labels in clusters.items():
        project, _, path = name.partition("/")
        renamed[f"{numbers.get(project, project)}/{path}"] = labels
    return renamed


def _missing(
    unlisted: dict[str, dict[str, str]], listings: Sequence[ProjectListing], config: Config
) -> Iterator[_Missing]:
    """The clusters that the configuration selects. Of a project that was not found, nobody knows the labels."""
    by_project = {each.project_id: each for each in listings if each.is_project}
    left_out = {project_id for each in listings for project_id in each.left_out}
    nodes = [each for each in listings if each.is_folder]
    for name, labels in sorted(unlisted.items()):
        project_id = name.partition("/")[0]
        listing = by_project.get(project_id)
        is_left_out = project_id in left_out or any(fnmatchcase(project_id, each) for each in config.exclude_projects)
        if listing is None and (is_left_out or all(node.is_complete for node in nodes)):
            continue  # Resource Manager, which does not lag, has no such project here
        if may_be_selected(name, config.clusters) and config.clusters.labels.items() <= labels.items():
            yield _Missing(name, listing)


def _asked(missing: Sequence[_Missing], config: Config, identity: Identity) -> dict[str, _Answer]:
    """What the GKE API says of each, where its project may answer: one more list of the project, not one call each."""
    names: dict[str, list[str]] = {}
    for each in missing:
        if each.listing is None or each.listing.collection.outcome in _READ:
            names.setdefault(each.name.partition("/")[0], []).append(each.name)
    if not names:
        return {}
    reachability, seconds = Reachability(), config.timeouts.connect_seconds

    def ask(project_id: str) -> dict[str, _Answer]:
        if not reachability.is_worth_waiting(_GKE_API):
            return {}
        parent = f"projects/{project_id}/locations/-"
        answer = retried(lambda: clients.of(project_id).list_clusters(parent=parent, retry=None, timeout=seconds), 0)
        if answer.result is None:
            if failure_columns(answer.error)["outcome"] in ("unreachable", "timed_out"):
                reachability.waited_in_vain(_GKE_API)
            return {}
        listed = {f"{project_id}/{cluster.location}/{cluster.name}" for cluster in answer.result.clusters}
        zones = answer.result.missing_zones

        def said(name: str) -> _Answer:
            location = name.split("/")[1]
            is_unreachable = any(zone == location or zone.startswith(f"{location}-") for zone in zones)
            return "exists" if name in listed else "unknown" if is_unreachable else "not_found"

        return {name: said(name) for name in names[project_id]}

    with (
        container_clients(config, identity) as clients,
        waiting_for("the GKE API, for clusters known elsewhere", seconds),
    ):
        found = map_unordered(ask, names, _MAX_CONCURRENT_REQUESTS)
        return {name: answer for answers in found for name, answer in answers.items()}


_READ = ("ok", "partial")


def _row_of(missing: _Missing, listings: Iterable[ProjectListing], run_id: str, *, is_confirmed: bool) -> LedgerRow:
    project_id, location, cluster = missing.name.split("/")
    listing, reason = missing.listing, "ProjectNotListed"
    if listing is not None and listing.collection.outcome == "ok":
        reason, why = "NotListed", "the list of its project lacks it"
        why += ", though the GKE API knows it: it may be newer than the list" if is_confirmed else ""
    elif listing is not None:
        found = listing.collection
        why = f"the clusters of its project could not be listed: {found.message or found.outcome}"
    else:
        gaps = [each.project_id for each in listings if each.is_folder and not each.is_complete]
        why = f"its project was not found: {_some(gaps)} could not be listed"
    collection = Collection(
        run_id=run_id, resource=RESOURCE, outcome="known_elsewhere", reason=reason,
        message=f"Cloud Asset Inventory knows it; {why}",
        pages=0, objects=0, bytes=0, requests=0, retries=0, restarts=0, waited_seconds=0.0,
        started_at=datetime.now(UTC), duration_seconds=0.0, unreadable_objects=0,
    )  # fmt: skip
    return LedgerRow({"project_id": project_id, "location": location, "cluster": cluster}, collection)


def _described(
    search: Search, known: dict[str, dict[str, str]], listings: Iterable[ProjectListing], deleted: set[str]
) -> Search:
    """The search, with a message that says in what it and the lists differ."""
    found = search.collection
    words = [found.message] if found.message else []
    if gone := sorted(deleted & known.keys()):
        words.append(f"it still knows {len(gone)} that the GKE API does not know: {_some(gone)}")
    if found.outcome == "ok":
        names = {
            f"{each.project_id}/{path}"
            for each in listings
            if each.is_project and search.scope in (f"projects/{each.project_id}", *each.collection.ancestors)
            for path in each.collection.listed_clusters
        }
        if new := sorted(names - known.keys()):
            words.append(f"it does not know {len(new)} that the GKE API lists: {_some(new)}")
    message = "; ".join(words) or None
    listed = tuple(sorted(known))
    return search._replace(collection=msgspec.structs.replace(found, message=message, listed_clusters=listed))


def _log(search: Search, *, is_asked_for: bool) -> None:
    found = search.collection
    fields: dict[str, Any] = {"scope": search.scope, "clusters": found.objects, "seconds": found.duration_seconds}
    if found.outcome == "ok":
        log.info("cloud asset inventory read", **fields)
    elif is_asked_for:
        log.warning("cloud asset inventory not read in full", **fields, outcome=found.outcome, detail=found.message)
    else:
        log.info("cloud asset inventory not read in full", **fields, outcome=found.outcome, detail=found.message)


def _some(names: Sequence[str]) -> str:
    """The first names, in a message.

    >>> _some(["a", "b"]), _some(["a", "b", "c", "d", "e", "f", "g"])
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
