"""The projects below folders and organizations, and what could not be listed.

`folders.list` and `projects.list` are strongly consistent, and refuse what the identity may not list. The search
methods leave that out without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from time import monotonic
from typing import Any, NamedTuple

from job.config import Config
from job.connect.identity import Identity
from job.connect.reachability import Network, Reachability
from job.discover.failures import RESOURCE_MANAGER_API, failure_columns
from job.discover.resource_manager import resource_manager_clients
from job.discover.retries import retried
from job.tables import Collection
from job.waiting import waiting_for
from job.wire.projects import FoundProject
from job.workers import map_unordered

RESOURCE = "projects"
_MAX_CONCURRENT_NODES = 8
_PAGE_SIZE = 300
_RESOURCE_MANAGER = Network(RESOURCE_MANAGER_API.name, "public")


class NodeListing(NamedTuple):
    """The direct children of one folder or organization that could be listed."""

    name: str
    folders: tuple[str, ...]
    projects: tuple[FoundProject, ...]
    collection: Collection
    deleted_projects: tuple[str, ...] = ()


class Walk(NamedTuple):
    """Everything below the configured folders and organizations."""

    projects: tuple[FoundProject, ...] = ()
    nodes: tuple[NodeListing, ...] = ()
    left_out: frozenset[str] = frozenset()
    """Ids of projects in them that the configuration leaves out, or that are to be deleted."""


def walk(config: Config, identity: Identity, run_id: str) -> Walk:
    """Lists the configured folders and organizations to the bottom, level by level; each folder once."""
    level = [node_name("organizations", each) for each in config.organizations]
    level += [node_name("folders", each) for each in config.folders]
    if not level:
        return Walk()
    nodes: dict[str, NodeListing] = {}
    parents: dict[str, str] = {}
    folders_client, projects_client = resource_manager_clients(config, identity)
    with folders_client, projects_client:
        lister = _Lister(config, folders_client.list_folders, projects_client.list_projects, run_id)
        while level := sorted(set(level) - nodes.keys()):
            for listing in map_unordered(lister.children_of, level, _MAX_CONCURRENT_NODES):
                nodes[listing.name] = listing
                parents |= dict.fromkeys(listing.folders, listing.name)
            level = [folder for name in level for folder in nodes[name].folders]
    projects = {
        project.project_id: project._replace(ancestors=_path(name, parents))
        for name, node in sorted(nodes.items())
        for project in node.projects
        if _is_selected(project, config)
    }
    seen = {project.project_id for node in nodes.values() for project in node.projects}
    seen |= {project_id for node in nodes.values() for project_id in node.deleted_projects}
    return Walk(
        tuple(projects[name] for name in sorted(projects)),
        tuple(nodes[name] for name in sorted(nodes)),
        frozenset(seen - projects.keys()),
    )


class _Lister:
    """What listing any folder takes."""

    def __init__(self, config: Config, list_folders: Any, list_projects: Any, run_id: str) -> None:
        self._timeouts, self._run_id = config.timeouts, run_id
        self._list_folders, self._list_projects = list_folders, list_projects
        self._reachability = Reachability()

    def children_of(self, name: str) -> NodeListing:
        """The folders and projects directly below a folder or organization, without those that are to be deleted.

        Never raises for an answer of the API: what was not listed is the outcome of the collection.
        """
        calls = _Calls(self._timeouts.kind_seconds)
        started_at = datetime.now(UTC)
        with waiting_for(f"Resource Manager to list {name}", self._timeouts.retry_seconds):
            listed = [each for page in self._pages(self._list_projects, name, calls) for each in page.projects]
            projects = [
                FoundProject(each.project_id, each.name.removeprefix("projects/"), dict(each.labels))
                for each in listed
                if not _is_deleted(each)
            ]
            folders = [
                each.name
                for page in self._pages(self._list_folders, name, calls)
                for each in page.folders
                if not _is_deleted(each)
            ]
        collection = Collection(
            run_id=self._run_id,
            resource=RESOURCE,
            objects=len(projects),
            bytes=0,
            restarts=0,
            pages=calls.pages,
            requests=calls.requests,
            retries=calls.retries,
            waited_seconds=round(calls.waited_seconds, 3),
            started_at=started_at,
            duration_seconds=round(monotonic() - calls.clock, 3),
            unreadable_objects=0,
            **(calls.failure or {"outcome": "ok", "http_status": 200}),
        )
        deleted = tuple(each.project_id for each in listed if _is_deleted(each))
        return NodeListing(name, tuple(folders), tuple(projects), collection, deleted)

    def _pages(self, list_page: Callable[..., Any], parent: str, calls: _Calls) -> Iterator[Any]:
        """The pages of a list, up to the end or to a failure, which `calls` then has."""
        token = ""
        while calls.has_time():
            request = {"parent": parent, "page_size": _PAGE_SIZE, "page_token": token}

            def call(request: dict[str, Any] = request) -> Any:
                pager = list_page(request=request, retry=None, timeout=self._timeouts.request_seconds)
                return next(iter(pager.pages))  # the one that it has asked for

            answer = retried(
                call, self._timeouts.retry_seconds, lambda: self._reachability.is_worth_waiting(_RESOURCE_MANAGER)
            )
            calls.requests += 1 + answer.retries
            calls.retries += answer.retries
            calls.waited_seconds += answer.waited_seconds
            if answer.error is not None:
                columns = failure_columns(answer.error, RESOURCE_MANAGER_API)
                if columns["outcome"] in ("unreachable", "timed_out"):
                    self._reachability.waited_in_vain(_RESOURCE_MANAGER)
                calls.failure = calls.failure or columns
                return
            self._reachability.answered(_RESOURCE_MANAGER)
            calls.pages += 1
            yield answer.result
            token = getattr(answer.result, "next_page_token", "")
            if not token:
                return


class _Calls:
    """What the calls for one folder have cost, and why one of them failed."""

    def __init__(self, seconds: float) -> None:
        self.clock = monotonic()
        self.pages = self.requests = self.retries = 0
        self.waited_seconds = 0.0
        self.failure: dict[str, Any] | None = None
        self._seconds = seconds

    def has_time(self) -> bool:
        """Whether another page may be asked for; otherwise, that is the failure."""
        if monotonic() - self.clock < self._seconds:
            return True
        message = f"it was not listed within {self._seconds:g} s"
        self.failure = self.failure or {"outcome": "timed_out", "reason": "KindTimeout", "message": message}
        return False


def _is_deleted(resource: Any) -> bool:
    """Whether a project or folder is to be deleted. The message has a number also for a state that is new to us."""
    return bool(type(resource).pb(resource).state == resource.State.DELETE_REQUESTED)


def node_name(kind: str, node: str) -> str:
    """The full name.

    >>> node_name("folders", "12"), node_name("folders", "folders/12")
    ('folders/12', 'folders/12')
    """
    return f"{kind}/{node.removeprefix(f'{kind}/')}"


def _path(name: str, parents: dict[str, str]) -> tuple[str, ...]:
    """A node and those above it, the highest first.

    >>> _path("folders/2", {"folders/2": "folders/1", "folders/1": "organizations/9"})
    ('organizations/9', 'folders/1', 'folders/2')
    """
    path = [name]
    while (parent := parents.get(path[0])) is not None and parent not in path:
        path.insert(0, parent)
    return tuple(path)


def _is_selected(project: FoundProject, config: Config) -> bool:
    if project.project_id in config.projects:
        return True
    return config.project_labels.items() <= project.labels.items() and not any(
        fnmatchcase(project.project_id, pattern) for pattern in config.exclude_projects
    )
