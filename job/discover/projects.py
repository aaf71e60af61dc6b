"""The clusters of each project, configured or found in a folder, and what could not be listed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from job.config import Config, Timeouts
from job.connect.identity import Identity
from job.connect.reachability import Network, Reachability
from job.discover.container_api import container_clients
from job.discover.failures import as_account, failure_columns, is_disabled_in
from job.discover.hierarchy import NodeListing, walk
from job.discover.retries import retried
from job.log import log
from job.progress import RunProgress
from job.tables import Collection
from job.waiting import waiting_for
from job.wire import gke
from job.wire.decoders import converter
from job.wire.projects import FoundProject
from job.workers import map_unordered

if TYPE_CHECKING:
    from google.cloud.container_v1 import ClusterManagerClient

RESOURCE = "clusters"
MEMBERSHIPS = "memberships"
_MAX_CONCURRENT_PROJECTS = 8
_GKE_API = Network("GKE API", "public")

_convert = converter(gke.Cluster)


class ProjectListing(NamedTuple):
    """The clusters of one project that could be listed, those of its fleet apart; or a folder or organization, which
    has none itself."""

    project_id: str
    """Or `folders/NUMBER`, or `organizations/NUMBER`."""
    clusters: tuple[gke.Cluster, ...]
    collection: Collection
    found: FoundProject | None = None
    """The project in its folder, if that was asked for."""
    left_out: frozenset[str] = frozenset()
    """Of a folder or organization: ids of all projects that the configuration leaves out, or that are to be deleted."""

    @property
    def is_project(self) -> bool:
        """Whether it is the GKE API's list of one project: each project has one."""
        return self.collection.resource == RESOURCE

    @property
    def is_fleet(self) -> bool:
        """Whether it is the list of a project's memberships."""
        return self.collection.resource == MEMBERSHIPS

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder or organization."""
        return not self.is_project and not self.is_fleet

    @property
    def is_complete(self) -> bool:
        """Whether nothing that has clusters is missing."""
        return self.collection.outcome in ("ok", "off")


def list_projects(
    config: Config,
    identity: Identity,
    run_id: str,
    *,
    is_listed: Callable[[str], bool] = lambda _project_id: True,
    progress: RunProgress | None = None,
) -> list[ProjectListing]:
    """One listing a project, in the order of the configuration, then those in folders; and one a folder. With
    `attached_clusters`, also one of each project's fleet, after that of the project.

    Args:
        is_listed: which of the projects to list.
        progress: counts them.
    """
    progress = progress or RunProgress()
    walked, reachability = walk(config, identity, run_id), Reachability()
    for node in walked.nodes:
        _log_node(node)
    found = {project.project_id: project for project in walked.projects}
    projects = tuple(filter(is_listed, dict.fromkeys((*config.projects, *found))))
    progress.projects, progress.projects_done, listings = len(projects), 0, {}

    def list_project(project_id: str) -> list[ProjectListing]:
        project, account = found.get(project_id), config.identity.own_account(project_id)
        listing = clusters_in(
            project_id, partial(clients.of, project_id), config.timeouts, run_id=run_id, reachability=reachability,
            found=project, is_named=project_id in config.projects, account=account,
        )  # fmt: skip
        listed = [listing]
        if config.attached_clusters:
            from job.discover.memberships import memberships_in

            listed.append(
                memberships_in(
                    project_id, partial(identity.of, project_id), config, run_id=run_id, reachability=reachability,
                    found=project, account=account,
                )
            )  # fmt: skip
        for each in listed:
            _log(each)
        return listed

    with container_clients(config, identity) as clients:
        for listed in map_unordered(list_project, projects, _MAX_CONCURRENT_PROJECTS):
            listings[listed[0].project_id] = listed
            progress.projects_done += 1
    nodes = [ProjectListing(node.name, (), node.collection, left_out=walked.left_out) for node in walked.nodes]
    return [*(each for project in projects for each in listings[project]), *nodes]


def clusters_in(
    project_id: str,
    client: Callable[[], ClusterManagerClient],
    timeouts: Timeouts,
    *,
    run_id: str = "",
    reachability: Reachability | None = None,
    found: FoundProject | None = None,
    is_named: bool = True,
    account: str | None = None,
) -> ProjectListing:
    """Lists the clusters of one project in all locations, with one request, retried while a retry may help.

    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/list

    Never raises for an answer of the API: a denied project, a disabled API, an unknown project or missing zones are
    the outcome of the collection.

    Args:
        client: gives the client of the project's identity, or raises CredentialsError.
        found: the project in its folder.
        is_named: whether the configuration names the project. Of others, those without the GKE API have no clusters.
        account: the service account of the project alone, which a refusal then names.
    """
    reachability = reachability or Reachability()

    def list_clusters() -> Any:
        parent = f"projects/{project_id}/locations/-"
        return client().list_clusters(parent=parent, retry=None, timeout=timeouts.request_seconds)

    started_at, clock = datetime.now(UTC), monotonic()
    with waiting_for(f"the GKE API to list the clusters of {project_id}", timeouts.retry_seconds):
        answer = retried(list_clusters, timeouts.retry_seconds, lambda: reachability.is_worth_waiting(_GKE_API))
    clusters: tuple[gke.Cluster, ...] = ()
    if answer.error is None:
        clusters, columns = _decoded(answer.result)
    elif found is not None and not is_named and is_disabled_in(answer.error, project_id, found.number):
        columns = _SWITCHED_OFF
    else:
        columns = as_account(failure_columns(answer.error), account)
    if columns["outcome"] in ("unreachable", "timed_out"):
        reachability.waited_in_vain(_GKE_API)
    elif columns.get("reason") != "Credentials":
        reachability.answered(_GKE_API)
    columns = {"pages": 0, "unreadable_objects": 0} | columns
    collection = Collection(
        run_id=run_id,
        resource=RESOURCE,
        objects=len(clusters),
        bytes=0,
        requests=1 + answer.retries,
        retries=answer.retries,
        restarts=0,
        waited_seconds=round(answer.waited_seconds, 3),
        started_at=started_at,
        duration_seconds=round(monotonic() - clock, 3),
        ancestors=found.ancestors if found else (),
        **columns,
    )
    return ProjectListing(project_id, clusters, collection, found)


_SWITCHED_OFF = {
    "outcome": "off",
    "http_status": 403,
    "reason": "ApiDisabled",
    "message": "the GKE API is disabled in the project, so it has no clusters",
}


def _decoded(response: Any) -> tuple[tuple[gke.Cluster, ...], dict[str, Any]]:
    """The clusters of a response, and the columns of `collections` that it fills."""
    listed = {f"{cluster.location}/{cluster.name}": _cluster(cluster) for cluster in response.clusters}
    columns: dict[str, Any] = {
        "outcome": "ok", "http_status": 200, "pages": 1, "listed_clusters": tuple(sorted(listed)),
    }  # fmt: skip
    if unreadable := tuple(sorted(name for name, cluster in listed.items() if cluster is None)):
        columns |= {"outcome": "partial", "unreadable": unreadable, "unreadable_objects": len(unreadable)}
        columns["message"] = f"GKE's description of {', '.join(unreadable)} could not be decoded"
    if response.missing_zones:
        zones = tuple(sorted(response.missing_zones))
        columns |= {"outcome": "partial", "reason": "MissingZones", "missing_zones": zones}
        columns["message"] = f"GKE could not list the clusters of {', '.join(zones)}"
    return tuple(cluster for cluster in listed.values() if cluster is not None), columns


def _cluster(message: Any) -> gke.Cluster | None:
    """Our struct of a message, by way of its JSON, so that REST and gRPC give the same; None where it is malformed."""
    from google.protobuf.json_format import Error, MessageToDict

    try:
        return _convert(MessageToDict(type(message).pb(message)))
    except (msgspec.ValidationError, Error):
        return None


def _log(listing: ProjectListing) -> None:
    project, found = listing.project_id, listing.collection
    if listing.is_fleet and listing.is_complete:
        log.info("fleet listed", project=project, clusters=found.objects, seconds=found.duration_seconds)
    elif listing.is_fleet:
        log.warning("fleet not listed in full", project=project, outcome=found.outcome, detail=found.message)
    elif listing.is_complete:
        log.info("project listed", project=project, clusters=found.objects, seconds=found.duration_seconds)
    else:
        log.warning("project not listed in full", project=project, outcome=found.outcome, detail=found.message)


def _log_node(node: NodeListing) -> None:
    found = node.collection
    if found.outcome == "ok":
        log.info("folder listed", folder=node.name, projects=found.objects, seconds=found.duration_seconds)
    else:
        log.warning("folder not listed in full", folder=node.name, outcome=found.outcome, detail=found.message)
