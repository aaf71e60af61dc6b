"""Projects -> their clusters, and what could not be listed."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from job.config import Clusters, Config, Timeouts
from job.connect.identity import Identity
from job.discover.container_api import container_client
from job.errors import CredentialsError
from job.log import log
from job.tables import Collection
from job.wire import gke
from job.workers import map_unordered

if TYPE_CHECKING:
    from google.cloud.container_v1 import ClusterManagerClient

RESOURCE = "clusters"
_PROJECTS_AT_ONCE = 8

# msgspec learns a struct when it first meets it, and crashes or drops fields where two threads are the first: no worker
# may be, so whatever they decode has its decoder made at import
msgspec.json.Decoder(gke.Cluster)


class ProjectListing(msgspec.Struct, frozen=True):
    """The answer of one project, whatever it was."""

    project_id: str
    clusters: tuple[gke.Cluster, ...]
    collection: Collection


def list_projects(config: Config, identity: Identity, run_id: str) -> list[ProjectListing]:
    """One listing a project, in the order of the configuration."""
    projects = tuple(dict.fromkeys(config.projects))

    def listing(project: str) -> ProjectListing:
        found = clusters_in(project, client, identity, config.timeouts, run_id=run_id)
        told = found.collection
        if told.outcome == "ok":
            log.info("project listed", project=project, clusters=told.objects, seconds=told.duration_seconds)
        else:
            log.warning("project not listed in full", project=project, outcome=told.outcome, detail=told.message)
        return found

    with container_client(config, identity) as client:
        found = {answer.project_id: answer for answer in map_unordered(projects, listing, _PROJECTS_AT_ONCE)}
    return [found[project] for project in projects]


def clusters_in(
    project_id: str, client: ClusterManagerClient, identity: Identity, timeouts: Timeouts, *, run_id: str = ""
) -> ProjectListing:
    """Lists the clusters of one project, in all locations, with one request, sent again while that may help.

    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/list

    Never raises for what the API answers: a denied project, a disabled API, an unknown project or missing zones are
    the outcome of the collection.
    """
    from google.api_core import exceptions
    from google.api_core.retry import Retry, if_exception_type
    from google.auth.exceptions import GoogleAuthError

    failures: list[Exception] = []
    retry = Retry(
        predicate=if_exception_type(
            exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.ResourceExhausted,
            exceptions.InternalServerError,
        ),
        initial=0.25, multiplier=2.0, maximum=16.0, timeout=timeouts.retry_seconds, on_error=failures.append,
    )  # fmt: skip
    started_at, clock = datetime.now(UTC), monotonic()
    clusters: tuple[gke.Cluster, ...] = ()
    told: dict[str, Any] = {"outcome": "ok", "http_status": 200}
    try:
        # On a plain loopback channel nothing else would authenticate us.
        metadata = [("authorization", f"Bearer {identity.token()}")] if _is_plain(client) else []
        answer = client.list_clusters(
            parent=f"projects/{project_id}/locations/-",
            metadata=metadata,
            retry=retry,
            timeout=timeouts.request_seconds,
        )
        found = {f"{cluster.location}/{cluster.name}": _decoded(cluster) for cluster in answer.clusters}
        clusters = tuple(cluster for cluster in found.values() if cluster is not None)
        told["listed_clusters"] = tuple(sorted(found))
        if unreadable := tuple(sorted(name for name, cluster in found.items() if cluster is None)):
            told |= {"outcome": "partial", "unreadable": unreadable, "unreadable_objects": len(unreadable)}
            told["message"] = f"GKE's description of {', '.join(unreadable)} could not be decoded"
        if answer.missing_zones:
            zones = tuple(sorted(answer.missing_zones))
            told |= {"outcome": "partial", "reason": "MissingZones", "missing_zones": zones}
            told["message"] = f"GKE could not list the clusters of {', '.join(zones)}"
    except CredentialsError as error:
        told = {"outcome": "unauthorized", "reason": "Credentials", "message": str(error)}
    except (exceptions.GoogleAPICallError, exceptions.RetryError, GoogleAuthError) as error:
        told = _outcome(error, project_id)
    # the failure that ends it is told to `on_error` too, where its like is tried again
    retries = len(failures) - (1 if failures and told["outcome"] not in ("ok", "partial") else 0)
    return ProjectListing(
        project_id=project_id,
        clusters=clusters,
        collection=Collection(
            run_id=run_id,
            resource=RESOURCE,
            pages=1 if clusters or told["outcome"] in ("ok", "partial") else 0,
            objects=len(clusters),
            bytes=0,
            requests=1 + retries,
            retries=retries,
            restarts=0,
            waited_seconds=0.0,
            started_at=started_at,
            duration_seconds=round(monotonic() - clock, 3),
            **{"unreadable_objects": 0, **told},
        ),
    )


def is_wanted(project_id: str, cluster: gke.Cluster, wanted: Clusters) -> bool:
    """Whether the globs on `project/location/name` let the cluster in; a `*` crosses the slashes."""
    name = f"{project_id}/{cluster.location}/{cluster.name}"
    return any(fnmatch.fnmatchcase(name, glob) for glob in wanted.include) and not any(
        fnmatch.fnmatchcase(name, glob) for glob in wanted.exclude
    )


def _is_plain(client: ClusterManagerClient) -> bool:
    """Whether the channel was made by `_loopback_transport`: it alone has no credentials."""
    return getattr(client.transport, "_credentials", None) is None


def _decoded(cluster: Any) -> gke.Cluster | None:
    """The message as our struct: by way of its JSON form, so that REST's and gRPC's answers read the same; None where
    it is none, which costs no other cluster anything."""
    from google.protobuf.json_format import Error, MessageToDict

    try:
        return msgspec.convert(MessageToDict(type(cluster).pb(cluster)), gke.Cluster, strict=False)
    except (msgspec.ValidationError, Error):
        return None


# Makes msgspec look at the class now: it crashes when threads are the first to use one, at the same time.
_ = msgspec.json.Decoder(gke.Cluster)


_OUTCOMES = {
    400: "refused",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    429: "throttled",
    500: "server_error",
    503: "unreachable",
    504: "timed_out",
}
_ADVICE = {
    "disabled": "enable it: `gcloud services enable container.googleapis.com --project {project}`",
    "forbidden": "grant container.clusters.list on the project, for instance by roles/container.clusterViewer; "
    "an id that does not exist is refused the same way",
    "not_found": "check the project id",
    "unauthorized": "check the Application Default Credentials",
}


def _outcome(error: Any, project_id: str) -> dict[str, Any]:
    cause = getattr(error, "cause", None) or error  # a RetryError's cause is the last answer
    code = getattr(cause, "code", None)
    status = int(code) if code is not None else None
    outcome = _OUTCOMES.get(status or 0, "unauthorized" if status is None else "refused")
    reason = getattr(cause, "reason", None) or type(cause).__name__
    if reason == "SERVICE_DISABLED":
        outcome = "disabled"
    text = " ".join(str(getattr(cause, "message", None) or cause).split())[:300].rstrip(".")
    advice = _ADVICE.get(outcome)
    message = f"{text}; {advice.format(project=project_id)}" if advice else text
    return {"outcome": outcome, "http_status": status, "reason": reason, "message": message}
