"""The clusters that Cloud Asset Inventory knows: a second witness beside the lists of the GKE API.

Its search is eventually consistent: it knows deleted clusters for a while, and new ones only after a while. So it never
decides what there is, and a run never waits for it while there is something else to read.
https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel/searchAllResources
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from job.config import Config, Timeouts
from job.connect.identity import Identity
from job.connect.reachability import Network, Reachability
from job.discover.asset_client import asset_client
from job.discover.failures import CLOUD_ASSET_API, failure_columns
from job.discover.hierarchy import node_name
from job.discover.retries import Answer, retried
from job.errors import InventoryError
from job.tables import Collection
from job.waiting import waiting_for

RESOURCE = "cloud_asset_inventory"
_ASSET_TYPE = "container.googleapis.com/Cluster"
_PAGE_SIZE = 500  # the most that it gives
# https://cloud.google.com/asset-inventory/docs/asset-names: clusters in a zone may have the older form
_NAME = re.compile(
    r"//container\.googleapis\.com/projects/([a-z0-9.:-]{1,100})/(?:locations|zones)/([a-z0-9-]{1,63})"
    r"/clusters/([a-z0-9-]{1,63})"
)
_CLOUD_ASSET_API = Network(CLOUD_ASSET_API.name, "public")


class Search(NamedTuple):
    """What Cloud Asset Inventory knows below one organization, folder or project."""

    scope: str
    """`organizations/NUMBER`, `folders/NUMBER` or `projects/ID`."""
    clusters: dict[str, dict[str, str]]
    """`project/location/name` -> its labels. The project may be a number."""
    collection: Collection

    @property
    def project_id(self) -> str:
        """The scope, as the ledger has it."""
        return self.scope.removeprefix("projects/")


def scopes_of(config: Config) -> tuple[str, ...]:
    """What Cloud Asset Inventory is asked for, one call each."""
    if config.cloud_asset_inventory is False:
        return ()
    scopes = [node_name("organizations", each) for each in config.organizations]
    scopes += [node_name("folders", each) for each in config.folders]
    if config.cloud_asset_inventory:
        scopes += [f"projects/{each}" for each in config.projects]
    return tuple(dict.fromkeys(scopes))


def search(config: Config, identity: Identity, run_id: str) -> Iterator[Search]:
    """Searches all scopes, one after the other; only the first where the API is disabled for the identity.

    Never raises for an answer of the API: it is the outcome of the collection.
    """
    reachability = Reachability()
    with asset_client(config, identity) as client:
        for scope in scopes_of(config):
            found = _search_in(scope, client, config, run_id, reachability)
            yield found
            if found.collection.reason == "ApiDisabled":
                return


class Searches:
    """The searches of one run, which a thread of their own makes."""

    def __init__(self, config: Config, identity: Identity, run_id: str) -> None:
        self._config, self._identity, self._run_id = config, identity, run_id
        self._done: list[Search] = []
        self._started_at, self._clock = datetime.now(UTC), monotonic()
        self._is_given_up = False
        self._thread = threading.Thread(target=self._work, name=RESOURCE, daemon=True)
        self._thread.start()

    def results(self, seconds: float) -> tuple[Search, ...]:
        """What is found; of a search that takes longer than this, that it was given up."""
        with waiting_for("Cloud Asset Inventory", seconds):
            self._thread.join(seconds)
        self._is_given_up = True
        done = tuple(self._done)
        scopes = scopes_of(self._config)
        if not self._thread.is_alive() or len(done) == len(scopes):
            return done
        message = "Cloud Asset Inventory had not answered when all else was read, nor `connect_seconds` after that"
        columns = {"outcome": "timed_out", "reason": "DEADLINE_EXCEEDED", "message": message}
        return (*done, *(self._failed(scope, columns) for scope in scopes[len(done) :]))

    def _work(self) -> None:
        try:
            for found in search(self._config, self._identity, self._run_id):
                self._done.append(found)
                if self._is_given_up:
                    return
            last = self._done[-1].collection  # the API is disabled for the identity: the rest was not asked
            for scope in scopes_of(self._config)[len(self._done) :]:
                self._done.append(Search(scope, {}, msgspec.structs.replace(last, requests=0)))
        except InventoryError as error:
            self._fail({"outcome": "unauthorized", "reason": "Credentials", "message": str(error)})
        except Exception as error:  # noqa: BLE001 (a second witness costs no run)
            message = f"a bug in gke-inventory: {type(error).__name__}"
            self._fail({"outcome": "bug", "reason": "Bug", "message": message})

    def _fail(self, columns: dict[str, Any]) -> None:
        for scope in scopes_of(self._config)[len(self._done) :]:
            self._done.append(self._failed(scope, columns))

    def _failed(self, scope: str, columns: dict[str, Any]) -> Search:
        return Search(scope, {}, _Calls(self._started_at, self._clock).collection(self._run_id, columns))


class _Calls:
    """What a search has taken, and why it ended early."""

    def __init__(self, started_at: datetime, clock: float) -> None:
        self._started_at, self.clock = started_at, clock
        self.pages = self.requests = self.retries = 0
        self.waited_seconds = 0.0
        self.failure: dict[str, Any] | None = None

    def collection(self, run_id: str, columns: dict[str, Any]) -> Collection:
        """The row of the ledger."""
        counted = {"objects": 0, "unreadable_objects": 0} | columns
        return Collection(
            run_id=run_id, resource=RESOURCE, pages=self.pages, bytes=0, requests=self.requests, retries=self.retries,
            restarts=0, waited_seconds=round(self.waited_seconds, 3), started_at=self._started_at,
            duration_seconds=round(monotonic() - self.clock, 3), **counted,
        )  # fmt: skip


def _search_in(scope: str, client: Any, config: Config, run_id: str, reachability: Reachability) -> Search:
    calls = _Calls(datetime.now(UTC), monotonic())
    clusters: dict[str, dict[str, str]] = {}
    unreadable: set[str] = set()
    for page in _pages(scope, client, config.timeouts, reachability, calls):
        for each in page.results:
            if named := _NAME.fullmatch(each.name):
                clusters["/".join(named.groups())] = dict(each.labels)
            else:
                unreadable.add(each.name[:200])
    columns = calls.failure or {"outcome": "ok", "http_status": 200}
    if unreadable and calls.failure is None:
        message = f"it names {len(unreadable)} clusters in a form that this program does not know"
        columns |= {"outcome": "partial", "message": message}
    columns |= {
        "objects": len(clusters), "listed_clusters": tuple(sorted(clusters)), "unreadable_objects": len(unreadable),
        "unreadable": tuple(sorted(unreadable)[:100]),
    }  # fmt: skip
    return Search(scope, clusters, calls.collection(run_id, columns))


def _pages(scope: str, client: Any, limits: Timeouts, reachability: Reachability, calls: _Calls) -> Iterator[Any]:
    """The pages of a search, up to the end or to a failure, which `calls` then has."""
    from google.protobuf.json_format import Error

    request: dict[str, Any] = {"scope": scope, "asset_types": [_ASSET_TYPE], "page_size": _PAGE_SIZE}
    tokens = [""]

    def call() -> Any:
        asked = request | {"page_token": tokens[-1], "read_mask": "name,labels"}
        pager = client.search_all_resources(request=asked, retry=None, timeout=limits.request_seconds)
        return next(iter(pager.pages))  # the one that it has asked for

    while calls.failure is None:
        try:
            answer: Answer[Any] = retried(
                call, limits.retry_seconds, lambda: reachability.is_worth_waiting(_CLOUD_ASSET_API)
            )
        except (Error, ValueError):  # over REST: the body is no JSON, or none of this message
            calls.failure = {"outcome": "invalid", "http_status": 200, "message": "the answer could not be decoded"}
            return
        calls.requests += 1 + answer.retries
        calls.retries += answer.retries
        calls.waited_seconds += answer.waited_seconds
        if answer.error is not None or answer.result is None:
            calls.failure = failure_columns(answer.error, CLOUD_ASSET_API)
            if calls.failure["outcome"] in ("unreachable", "timed_out"):
                reachability.waited_in_vain(_CLOUD_ASSET_API)
            return
        calls.pages += 1
        yield answer.result
        token = answer.result.next_page_token
        if not token:
            return
        if token in tokens:
            calls.failure = {"outcome": "invalid", "http_status": 200, "message": "it repeats a page token"}
        elif monotonic() - calls.clock > limits.kind_seconds:
            message = f"it was not read within {limits.kind_seconds:g} s"
            calls.failure = {"outcome": "timed_out", "reason": "KindTimeout", "message": message}
        tokens.append(token)
