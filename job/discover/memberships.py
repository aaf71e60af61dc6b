"""The clusters of a fleet that GKE does not run: attached ones, by the memberships of a project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote

import msgspec

from job.config import Config, Timeouts
from job.connect.identity import Identity
from job.connect.reachability import Network, Reachability
from job.discover.api_client import check_api
from job.discover.failures import GKE_HUB_API, as_account, failure_columns
from job.discover.projects import MEMBERSHIPS, ProjectListing
from job.discover.retries import Answer, retried
from job.tables import Collection
from job.version import USER_AGENT
from job.waiting import waiting_for
from job.wire import gke
from job.wire.decoders import decoder
from job.wire.gke_hub import PREFIX, AttachedCluster, Membership, MembershipEndpoint, MembershipName, MembershipsPage
from job.wire.projects import FoundProject

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession
    from requests import Response

_PAGE_SIZE = 500
_NETWORK = Network(GKE_HUB_API.name, "public")
_NAME = re.compile(r"projects/[\w.:-]+/locations/([a-z0-9-]{1,63})/memberships/([a-z0-9-]{1,63})")
_TYPES = ("on_prem_cluster", "multi_cloud_cluster", "edge_cluster", "appliance_cluster")
_OK: dict[str, Any] = {"outcome": "ok", "http_status": 200}
_INVALID: dict[str, Any] = {"outcome": "invalid", "http_status": 200, "message": "the answer could not be decoded"}

_decode_page = decoder(MembershipsPage).decode
_decode_membership = decoder(Membership).decode
_decode_name = decoder(MembershipName).decode


def memberships_in(
    project_id: str,
    identity: Callable[[], Identity],
    config: Config,
    *,
    run_id: str = "",
    reachability: Reachability | None = None,
    found: FoundProject | None = None,
    account: str | None = None,
) -> ProjectListing:
    """Lists the attached clusters of one project's fleet in all locations, page by page.

    A membership of a GKE cluster is none of them: the list of its project has the cluster.
    https://cloud.google.com/kubernetes-engine/fleet-management/docs/reference/rest/v1/projects.locations.memberships/list

    Never raises for an answer of the API: that is the outcome of the collection, as in `clusters_in`.

    Args:
        identity: gives the project's identity, or raises CredentialsError.
        found: the project in its folder.
        account: the service account of the project alone, which a refusal then names.

    Raises:
        ConfigError: `api_endpoints.gkehub` would get tokens without TLS.
    """
    check_api("gkehub", config.api_endpoints.gkehub)
    reachability = reachability or Reachability()
    started_at, calls = datetime.now(UTC), _Calls(monotonic())
    clusters: dict[str, AttachedCluster | None] = {}
    unreachable: set[str] = set()
    with waiting_for(f"the GKE Hub API to list the memberships of {project_id}", config.timeouts.retry_seconds):
        for page in _pages(project_id, identity, config, reachability, calls):
            try:
                clusters |= dict(filter(None, map(_named, page.resources or ())))
            except msgspec.MsgspecError:
                calls.failure = _INVALID
            unreachable |= {each.rpartition("/")[2][:63] for each in page.unreachable or ()}
    columns = _OK | _gaps(clusters, unreachable) | {"listed_clusters": tuple(sorted(clusters))}
    if calls.failure is not None:
        columns = as_account(calls.failure, account)
    kept = () if calls.failure else tuple(cluster for _, cluster in sorted(clusters.items()) if cluster is not None)
    collection = Collection(
        run_id=run_id, resource=MEMBERSHIPS, pages=calls.pages, objects=len(kept), bytes=calls.bytes,
        requests=calls.requests, retries=calls.retries, restarts=0, waited_seconds=round(calls.waited_seconds, 3),
        started_at=started_at, duration_seconds=round(monotonic() - calls.clock, 3),
        ancestors=found.ancestors if found else (), **{"unreadable_objects": 0} | columns,
    )  # fmt: skip
    return ProjectListing(project_id, kept, collection, found)


class _Calls:
    """What a list has taken, and why it ended early."""

    def __init__(self, clock: float) -> None:
        self.clock = clock
        self.pages = self.requests = self.retries = self.bytes = 0
        self.waited_seconds = 0.0
        self.failure: dict[str, Any] | None = None


class _Response(NamedTuple):
    page: MembershipsPage
    bytes: int


def _pages(
    project_id: str, identity: Callable[[], Identity], config: Config, reachability: Reachability, calls: _Calls
) -> Iterator[MembershipsPage]:
    """The pages of a list, up to the end or to a failure, which `calls` then has."""
    tokens = [""]
    while calls.failure is None:
        try:
            answer: Answer[_Response] = retried(
                lambda: _page(project_id, tokens[-1], identity(), config),
                config.timeouts.retry_seconds,
                lambda: reachability.is_worth_waiting(_NETWORK),
            )
        except msgspec.MsgspecError:
            calls.requests += 1
            calls.failure = _INVALID
            return
        calls.requests += 1 + answer.retries
        calls.retries += answer.retries
        calls.waited_seconds += answer.waited_seconds
        if answer.error is not None or answer.result is None:
            calls.failure = failure_columns(answer.error, GKE_HUB_API)
            if calls.failure["outcome"] in ("unreachable", "timed_out"):
                reachability.waited_in_vain(_NETWORK)
            return
        reachability.answered(_NETWORK)
        calls.pages += 1
        calls.bytes += answer.result.bytes
        yield answer.result.page
        if calls.failure is not None:
            return
        token = answer.result.page.next_page_token
        if not token:
            return
        calls.failure = _end_of(config.timeouts, calls.clock, is_repeated=token in tokens)
        tokens.append(token)


def _end_of(limits: Timeouts, clock: float, *, is_repeated: bool) -> dict[str, Any] | None:
    """Why the next page is not asked for."""
    if is_repeated:
        return {"outcome": "invalid", "http_status": 200, "message": "it repeats a page token"}
    if monotonic() - clock > limits.kind_seconds:
        message = f"it was not read within {limits.kind_seconds:g} s"
        return {"outcome": "timed_out", "reason": "KindTimeout", "message": message}
    return None


def _page(project_id: str, token: str, identity: Identity, config: Config) -> _Response:
    """One page.

    Raises:
        CredentialsError: the identity gets no token.
        GoogleAPICallError: the API refuses.
        OSError: there is no connection, or no answer in time.
        MsgspecError: the answer is no list of memberships.
    """
    identity.token()
    address = config.api_endpoints.gkehub or f"https://gkehub.{identity.universe_domain}"
    url = f"{address.rstrip('/')}/v1/projects/{quote(project_id, safe=':')}/locations/-/memberships"
    query = {"pageSize": str(_PAGE_SIZE), **({"pageToken": token} if token else {})}
    with _session(identity) as session:
        response = session.get(url, params=query, timeout=config.timeouts.request_seconds, allow_redirects=False)
        if response.status_code != 200:
            raise _refusal(response)
        body = response.content
    return _Response(_decode_page(body), len(body))


def _refusal(response: Response) -> Exception:
    """The error of the API, or of whatever answers in its place, whose words are left out."""
    from google.api_core.exceptions import from_http_response, from_http_status

    try:
        is_of_the_api = isinstance(response.json()["error"], dict)
    except (ValueError, LookupError, TypeError):
        is_of_the_api = False
    status = response.status_code
    found = from_http_response(response) if is_of_the_api else from_http_status(status, f"HTTP {status}")  # type: ignore[no-untyped-call]
    return cast("Exception", found)


@contextmanager
def _session(identity: Identity) -> Iterator[AuthorizedSession]:
    from google.auth.transport.requests import AuthorizedSession

    from job.connect.plaintext import send_plain_directly

    with AuthorizedSession(identity.shared()) as session:  # type: ignore[no-untyped-call]
        session.headers["User-Agent"] = USER_AGENT
        send_plain_directly(session)
        yield session


def _named(resource: msgspec.Raw) -> tuple[str, AttachedCluster | None] | None:
    """`location/membership:name` of an attached cluster, and the cluster if it can be decoded; None for a GKE cluster.

    Raises:
        MsgspecError: it is no membership.
    """
    named = _decode_name(resource)
    found = _NAME.fullmatch(named.name)
    if found is None:
        raise msgspec.ValidationError("a membership has no name")
    if "gkeCluster" in (named.endpoint or {}):
        return None
    location, name = found.groups()
    path = f"{location}/{PREFIX}{name}"
    try:
        return path, _attached(_decode_membership(resource), location, name)
    except msgspec.ValidationError:
        return path, None


def _attached(membership: Membership, location: str, name: str) -> AttachedCluster:
    endpoint = membership.endpoint or MembershipEndpoint()
    metadata = endpoint.kubernetes_metadata
    kind = next((each for each in _TYPES if getattr(endpoint, each) is not None), None)
    return AttachedCluster(
        name=f"{PREFIX}{name}",
        location=location,
        id=membership.unique_id,
        status=(membership.state.code if membership.state else None) or "CODE_UNSPECIFIED",
        create_time=membership.create_time,
        current_master_version=metadata.kubernetes_api_server_version if metadata else None,
        current_node_count=metadata.node_count if metadata else None,
        fleet=gke.Fleet(project=membership.name.split("/")[1], membership=f"//gkehub.googleapis.com/{membership.name}"),
        workload_identity_config=gke.WorkloadIdentityConfig(
            workload_pool=membership.authority.workload_identity_pool if membership.authority else None
        ),
        resource_labels=membership.labels,
        cluster_type=_camel(kind) if kind else "kubernetes",
        last_connection_time=membership.last_connection_time,
    )


def _camel(name: str) -> str:
    """The API's own form of a field's name.

    >>> _camel("multi_cloud_cluster")
    'multiCloudCluster'
    """
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def _gaps(clusters: dict[str, AttachedCluster | None], unreachable: set[str]) -> dict[str, Any]:
    """What a list that was read to its end lacks."""
    columns: dict[str, Any] = {}
    if unreadable := tuple(sorted(path for path, cluster in clusters.items() if cluster is None)):
        columns |= {"outcome": "partial", "unreadable": unreadable[:100], "unreadable_objects": len(unreadable)}
        columns["message"] = f"the memberships {', '.join(unreadable[:5])} could not be decoded"
    if unreachable:
        columns |= {"outcome": "partial", "reason": "MissingZones", "missing_zones": tuple(sorted(unreachable))}
        columns["message"] = f"GKE Hub could not list the memberships of {', '.join(sorted(unreachable))}"
    return columns
