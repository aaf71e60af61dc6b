"""`init`: a configuration file, from what the environment names and the GKE API lists."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from job.commands.commented import commented
from job.commands.output import counted
from job.commands.output_file import new_file
from job.config import ENVIRONMENT_VARIABLE, Config, has_scope
from job.config_checks import check_config
from job.connect.identity import configured_identity
from job.discover.projects import list_projects
from job.discover.selection import select
from job.errors import ConfigError, InventoryError
from job.kinds import RESOURCES
from job.printable import escaped_lines
from job.regular_file import check_regular
from job.sinks.open_sink import open_sink

_MAX_CLUSTERS = 20  # that the file names
_HEAD = (
    "The configuration of gke-inventory, written by `gke-inventory init`. A setting in a comment shows its default or "
    "an example. Environment variables such as GKE_INVENTORY_SINK override this file, and flags override both."
)
_NO_PROJECT = (
    "neither flags nor the configuration name one, and gcloud has no default; write the ids of yours into `projects`, "
    "or try --project, --folder or --organization"
)


class Problem(NamedTuple):
    """What was not found, and why."""

    subject: str
    reason: str


class Found(NamedTuple):
    """What the GKE API and Resource Manager list."""

    projects: int = 0
    clusters: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def forget_missing_file() -> None:
    """Lets GKE_INVENTORY_CONFIG name a file that is yet to be written."""
    if (path := os.environ.get(ENVIRONMENT_VARIABLE)) and not os.path.lexists(path):
        del os.environ[ENVIRONMENT_VARIABLE]


def init(config: Config, output: str, *, replaces: bool) -> Found:
    """Writes a file that gives this configuration, with comments.

    Without credentials or network the file is the same, without the clusters' names in its comments.

    Raises:
        InventoryError: the file exists and `replaces` is false, it cannot be written, or a setting is invalid.
    """
    if not replaces and os.path.lexists(output):
        raise ConfigError(f"{output} exists, and was not changed: choose another --output, or replace it with --force")
    valid = config if has_scope(config) else msgspec.structs.replace(config, projects=("no-project",))
    check_config(valid, resources=RESOURCES)
    open_sink(config, lambda: configured_identity(config))
    found = _find(config)
    try:
        text = commented(config, _head(found)).encode()
        if replaces and os.path.lexists(output):
            check_regular(output)
            with new_file(output) as path:  # the old one stays until the new one is whole
                path.write_bytes(text)
        else:
            with Path(output).open("xb") as file:
                file.write(text)
    except (OSError, ValueError) as error:  # ValueError: a name or a value that is no text
        reason = error.strerror if isinstance(error, OSError) else "a value is not UTF-8 text"
        raise ConfigError(f"cannot write {output}: {reason}") from error
    return found


def print_found(found: Found, output: str) -> None:
    """What was found and what was not, and the commands to go on with."""
    if found.projects or not found.problems:
        click.echo(f"found {_counts(found)}")
    for problem in found.problems:
        click.echo(escaped_lines(f"not found: {problem.subject}: {problem.reason}".replace("\n", " "), max_length=2000))
    name = shlex.quote(output)
    click.echo(escaped_lines(f"wrote {output}\n\nNext:"))
    for command, meaning in (
        ("doctor", "check all that a run needs"),
        ("plan", "list the clusters that a run would read"),
        ("run", "take a snapshot"),
    ):
        click.echo(escaped_lines(f"  gke-inventory {f'{command} --config {name}':<32}  # {meaning}"))


def _counts(found: Found) -> str:
    return f"{counted(len(found.clusters), 'cluster')} of {counted(found.projects, 'project')}"


def _find(config: Config) -> Found:
    """Lists the clusters once, with no more retries than a person waits for. Never raises for what it cannot list."""
    if not has_scope(config):
        return Found(problems=(Problem("a project", _NO_PROJECT),))
    limits = config.timeouts
    limits = msgspec.structs.replace(
        limits,
        connect_seconds=min(limits.connect_seconds, 5.0),
        request_seconds=min(limits.request_seconds, 20.0),
        retry_seconds=min(limits.retry_seconds, 5.0),
    )
    patient = msgspec.structs.replace(config, timeouts=limits)
    try:
        identity = configured_identity(patient)
        identity.token()
        listings = list_projects(patient, identity, "")
    except InventoryError as error:
        return Found(problems=(Problem("the clusters", str(error)),))
    problems = [
        Problem(f"all clusters of {each.project_id}", each.collection.message or each.collection.outcome)
        for each in listings
        if not each.is_complete
    ]
    projects = sum(each.is_project and each.collection.outcome in ("ok", "off", "partial") for each in listings)
    try:
        selection = select(listings, config.clusters)
    except InventoryError as error:
        return Found(projects, problems=(*problems, _unmatched(str(error))))
    problems += [_unmatched(each.message) for each in selection.unmatched]
    return Found(projects, tuple(sorted(target.name for target in selection.targets)), tuple(problems))


def _unmatched(message: str) -> Problem:
    key, _, reason = message.partition(": ")
    return Problem(f"all of {key}", reason)


def _head(found: Found) -> list[str]:
    lines = [_HEAD, ""]
    if found.projects or not found.problems:
        lines.append(f"When this was written, there were {_counts(found)}{':' if found.clusters else '.'}")
    lines += [f"  {name}" for name in found.clusters[:_MAX_CLUSTERS]]
    if len(found.clusters) > _MAX_CLUSTERS:
        lines.append(f"  and {len(found.clusters) - _MAX_CLUSTERS} more, which `gke-inventory plan` lists")
    if found.problems:
        lines.append(f"Not found: {', '.join(problem.subject for problem in found.problems)}.")
    return lines
