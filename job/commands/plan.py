"""`plan`: the clusters that a run would collect."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial

import click
import msgspec

from job.commands.output import counted, print_json, print_table
from job.config import Config
from job.config_checks import check_config
from job.connect.connect_gateway import gateway_endpoint
from job.connect.endpoints import CONNECTABLE_STATUSES, Endpoint, choose_endpoints
from job.connect.identity import configured_identity
from job.discover.projects import ProjectListing, list_projects
from job.discover.selection import Target, select
from job.errors import InventoryError
from job.kinds import RESOURCES
from job.printable import escaped_lines
from job.sinks.open_sink import open_sink
from job.wire.gke_hub import AttachedCluster


class PlannedEndpoint(msgspec.Struct, frozen=True):
    """An endpoint that a run tries if those before it do not answer."""

    endpoint_type: str
    endpoint: str


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster that a run would collect, a folder, or a project or pattern that has a problem."""

    name: str
    status: str | None = None
    version: str | None = None
    nodes: int | None = None
    endpoint_type: str | None = None
    """Of the endpoint that a run tries first."""
    endpoint: str | None = None
    next_endpoints: tuple[PlannedEndpoint, ...] = ()
    """Those that it tries next, in this order, until one answers."""
    projects: int | None = None
    """Of a folder or organization: the projects directly in it."""
    projects_without_api: int | None = None
    """How many of them have the GKE API disabled, and so no clusters."""
    problem: str | None = None


def plan(config: Config) -> list[Planned]:
    """The clusters that `run` would collect, the endpoints that it tries in order, and the folders with their projects.

    Reads no cluster, writes nothing.

    Raises:
        NotFoundError: `clusters` selects nothing that is there.
        InventoryError: the configuration or credentials cannot be used.
    """
    check_config(config, resources=RESOURCES)
    identity = cache(partial(configured_identity, config))
    open_sink(config, identity)
    identity().token()
    listings = list_projects(config, identity(), "")
    selection = select(listings, config.clusters, identities=config.identity.by_project)
    planned = [
        Planned(name=unmatched.pattern, problem=f"not_found: {unmatched.message}") for unmatched in selection.unmatched
    ]
    for listing in listings:
        if listing.is_folder:
            planned.append(_folder(listing, listings))
        elif not listing.is_complete:
            name = f"{listing.project_id} (memberships)" if listing.is_fleet else listing.project_id
            planned.append(Planned(name=name, problem=_problem(listing)))
        planned += [
            _planned(target, config)
            for target in sorted(selection.targets, key=lambda target: target.name)
            if target.project_id == listing.project_id
            and isinstance(target.cluster, AttachedCluster) == listing.is_fleet
        ]
    return planned


def print_plan(planned: Iterable[Planned], *, as_json: bool = False) -> None:
    """The plan, as a table with its problems below it, or as JSON."""
    if as_json:
        print_json(planned)
        return
    entries = list(planned)
    shown = [entry for entry in entries if entry.status is not None or entry.projects is not None]
    if shown:
        headers = ("cluster", "status", "version", "nodes", "endpoint", "address")
        print_table(
            headers,
            [(entry.name, entry.status, entry.version, entry.nodes, _types(entry), _address(entry)) for entry in shown],
        )
    problems = [entry for entry in entries if entry.problem is not None]
    if problems:
        click.echo(("\n" if shown else "") + f"{counted(len(problems), 'problem')}:")
        for entry in problems:
            click.echo(escaped_lines(f"  {entry.name}: {entry.problem}".replace("\n", " "), max_length=2000))
    if not entries:
        click.echo("no clusters")


def _types(entry: Planned) -> str | None:
    """The types of the endpoints that a run tries, in order."""
    if entry.endpoint_type is None:
        return None
    return ", ".join([entry.endpoint_type, *(each.endpoint_type for each in entry.next_endpoints)])


def _address(entry: Planned) -> str | None:
    """Where a cluster is reached, or what a folder has in it."""
    if entry.projects is None:
        return entry.endpoint
    without = f", {entry.projects_without_api} without the GKE API" if entry.projects_without_api else ""
    return counted(entry.projects, "project") + without


def _folder(folder: ProjectListing, listings: Iterable[ProjectListing]) -> Planned:
    projects = [each for each in listings if each.found and each.found.ancestors[-1:] == (folder.project_id,)]
    return Planned(
        name=folder.project_id,
        projects=len(projects),
        projects_without_api=sum(each.collection.outcome == "off" for each in projects),
        problem=None if folder.is_complete else _problem(folder),
    )


def _problem(listing: ProjectListing) -> str:
    return f"{listing.collection.outcome}: {listing.collection.message}"


def _planned(target: Target, config: Config) -> Planned:
    cluster, problem = target.cluster, None
    endpoints: tuple[Endpoint, ...] = ()
    if str(cluster.status) not in CONNECTABLE_STATUSES:
        problem = f"not_running: the cluster is {cluster.status}"
    else:
        try:
            gateway = gateway_endpoint(cluster, address=config.api_endpoints.connectgateway)
            endpoints = choose_endpoints(cluster, config.endpoints, gateway)
        except InventoryError as error:
            problem = f"unreachable: {error}"
    return Planned(
        name=target.name,
        status=str(cluster.status),
        version=cluster.current_master_version,
        nodes=cluster.current_node_count,
        endpoint_type=endpoints[0].type if endpoints else None,
        endpoint=endpoints[0].host if endpoints else None,
        next_endpoints=tuple(PlannedEndpoint(each.type, each.host) for each in endpoints[1:]),
        problem=problem,
    )
