"""What a run refuses to start with, although the types of the settings accept it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import msgspec

from job.config import ENVIRONMENT_VARIABLE, MOST_DAYS_OF_HOURS, Config, has_scope, named
from job.config_file import did_you_mean
from job.config_words import in_one
from job.errors import ConfigError
from job.printable import without_password
from job.secret_fields import may_hold_secrets

# https://cloud.google.com/resource-manager/docs/creating-managing-projects; old projects have a domain as a prefix
_PROJECT_ID = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")

_A_NODE = {"folders": "a folder", "organizations": "an organization"}
_GCLOUD_LIST = {
    "folders": "resource-manager folders list --organization ORGANIZATION",
    "organizations": "organizations list",
}

# Without what one parser of URLs takes for the end of a host and another for a part of it
_CLEAR = re.compile(r"[^\s\\?#]+")

_TLS_ENDPOINTS = ("api_endpoints.connectgateway",)
_GRPC_ENDPOINTS = ("api_endpoints.container", "api_endpoints.cloudresourcemanager", "api_endpoints.cloudasset")


def check_config(config: Config, *, resources: Sequence[str]) -> None:
    """Rejects what the types accept but a run cannot use.

    Args:
        resources: the names that `kinds` may have.

    Raises:
        ConfigError: no project, folder or organization, malformed ids or endpoints, unknown kinds, and times of expiry
            that contradict one another: all that there are.
    """
    if problems := [*_problems(config, resources)]:
        raise ConfigError(in_one(problems))


def check_kinds(config: Config, resources: Sequence[str]) -> None:
    """Rejects kinds that do not exist.

    Raises:
        ConfigError: naming them.
    """
    if problems := [*_unknown_kinds(config, resources)]:
        raise ConfigError(in_one(problems))


def check_object_columns(config: Config) -> None:
    """Rejects columns of `objects.columns` that a run refuses, before views have them.

    Raises:
        ConfigError: naming them.
    """
    if problems := [*_object_columns(config)]:
        raise ConfigError(in_one(problems))


def _problems(config: Config, resources: Sequence[str]) -> Iterator[str]:
    if not has_scope(config):
        yield (
            "no projects are configured: set `projects`, `folders` or `organizations` in the configuration file, which "
            f"--config or {ENVIRONMENT_VARIABLE} names, set GKE_INVENTORY_PROJECTS, pass --project, --folder or "
            "--organization, or set the project of the environment, for instance with `gcloud config set project`"
        )
    yield from _malformed_ids(config)
    yield from _unknown_kinds(config, resources)
    rows, ledger = config.bigquery.partition_expiration_days, config.bigquery.ledger_expiration_days
    if ledger is not None and (rows is None or rows > ledger):
        key = named("bigquery.ledger_expiration_days", ledger)
        yield (
            f"{key}: {ledger} is shorter than partition_expiration_days "
            f"({'null' if rows is None else rows}): a row counts only while `runs` has its run; keep the ledger longer"
        )
    if config.bigquery.partition_by == "hour" and (rows is None or rows > MOST_DAYS_OF_HOURS):
        yield (
            f"{named('bigquery.partition_by', 'hour')}: a table can have 10,000 "
            f"partitions, so hours need partition_expiration_days of at most {MOST_DAYS_OF_HOURS}"
        )
    yield from _object_columns(config)
    for name, url in msgspec.structs.asdict(config.api_endpoints).items():
        if url is not None:
            try:
                check_endpoint(f"api_endpoints.{name}", url)
            except ConfigError as error:
                yield str(error)


def _unknown_kinds(config: Config, resources: Sequence[str]) -> Iterator[str]:
    for resource in config.kinds:
        if resource not in resources:
            yield f"{named('kinds', config.kinds)}: unknown kind {resource!r}{did_you_mean(resource, resources)}"


def _object_columns(config: Config) -> Iterator[str]:
    """Columns whose values a run may not read, or would not."""
    from job.kinds.objects import is_custom

    where = named("objects.columns", config.objects.columns)
    for name, column in config.objects.columns.items():
        place = f"{where}.{name}"
        if not is_custom(column.kind.partition(".")[2]):
            yield (
                f"{place}: {column.kind} is a kind of Kubernetes itself: columns are for custom resources, since "
                "others hold environments, commands and data"
            )
        elif not config.objects.chooses(column.kind):
            yield (
                f"{place}: `objects` does not choose {column.kind}: add it to `objects.include`, and leave it out of "
                "`objects.exclude`"
            )
        if refused := next(filter(may_hold_secrets, column.path.split(".")), None):
            yield (
                f"{place}: {column.path} is refused, as fields called {refused!r} may hold secrets, labels or "
                "annotations: choose another field"
            )
        if name in config.columns:
            yield f"{place}: `columns` has a column of this name too: choose another, such as {name}_field"


def _malformed_ids(config: Config) -> Iterator[str]:
    for project in config.projects:
        if not _PROJECT_ID.fullmatch(project):
            yield (
                f"{named('projects', config.projects)}: {project!r} is not a project id: 6 to 30 lower-case "
                "letters, digits and hyphens, starting with a letter (use the id, not the number or the display name)"
            )
    if (quota := config.identity.quota_project) is not None and not _PROJECT_ID.fullmatch(quota):
        yield f"{named('identity.quota_project', quota)}: {quota!r} is not a project id (use the id, not the number)"
    yield from _malformed_identities(config)
    for key, ids in (("folders", config.folders), ("organizations", config.organizations)):
        for each in ids:
            if not re.fullmatch(rf"(?:{key}/)?[0-9]{{1,20}}", each):
                yield (
                    f"{named(key, ids)}: {each!r} is not the id of {_A_NODE[key]}: digits such as "
                    f"'123456789012', which `gcloud {_GCLOUD_LIST[key]}` shows (use the id, not the display name)"
                )


def _malformed_identities(config: Config) -> Iterator[str]:
    for number, each in enumerate(config.identity.by_project):
        key, quota = f"identity.by_project[{number}]", each.quota_project
        if quota is not None and not _PROJECT_ID.fullmatch(quota):
            yield f"{key}.quota_project: {quota!r} is not a project id (use the id, not the number)"
        if each.delegates and each.impersonate_service_account is None:
            yield f"{key}.delegates: they lead to no account: name it in impersonate_service_account"
        if each.impersonate_service_account is None and quota is None:
            yield f"{key}: it changes nothing: name an impersonate_service_account or a quota_project"
        if any(not glob or "/" in glob for glob in each.projects):
            yield f"{key}.projects: write ids of projects, or globs such as bank-*"


def check_endpoint(key: str, url: str) -> None:
    """Rejects an address that is not a URL, or that has neither TLS nor a loopback address.

    Whatever makes a client calls it: no command may send a token where a run would refuse to.

    Raises:
        ConfigError: naming the key.
    """
    schemes: tuple[str, ...] = ("https",) if key in _TLS_ENDPOINTS else ("https", "http")
    schemes += ("grpc",) if key in _GRPC_ENDPOINTS else ()
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an address, a port that is no number
        is_url = False
    if not is_url or not _CLEAR.fullmatch(url) or "@" in parts.netloc:
        raise ConfigError(
            f"{named(key, url)}: {without_password(url)!r} is not a URL such as https://container.googleapis.com"
        )
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{named(key, url)}: {url!r} would send tokens unencrypted: use https:// ({parts.scheme}:// is "
            "only for loopback)"
        )


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine.

    >>> [_is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "10.0.0.1", "localhost.example.com")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
