"""`doctor`: checks all that a run needs, and says what mends each finding. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from job.commands.doctor.clusters import check_clusters
from job.commands.doctor.credentials import Identities, check_credentials
from job.commands.doctor.finding import Check, skipped, without_secrets
from job.commands.doctor.output import print_as_json, print_checks, print_end
from job.commands.doctor.permissions import check_permissions
from job.commands.doctor.projects import check_projects
from job.commands.doctor.sink import check_sink
from job.commands.live_line import cluster_counter
from job.config import Config
from job.config_checks import check_config
from job.connect.identity import configured_identity
from job.errors import Interrupted, InventoryError
from job.kinds import RESOURCES
from job.sinks.open_sink import open_sink

__all__ = ["Check", "diagnose", "examine"]


def examine(load: Callable[[], Config], *, as_json: bool, is_quiet: bool = False) -> bool:
    """Prints all checks; returns whether none has a finding.

    Args:
        load: gives the configuration.
        as_json: prints one JSON document, also where an error ends the checks.
        is_quiet: shows no progress.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    checks: list[Check] = []
    try:
        for found in diagnose(load(), is_quiet=is_quiet):
            checks += found
            if not as_json:
                print_checks(found)
    except BaseException as error:
        if as_json:
            print_as_json(checks, _words(error))
        raise
    if as_json:
        print_as_json(checks, None)
    else:
        print_end(checks)
    return not any(check.status == "finding" for check in checks)


def diagnose(config: Config, *, is_quiet: bool = True) -> Iterator[list[Check]]:
    """The checks, a category at a time.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    check_config(config, resources=RESOURCES)
    config = _patient(config)
    open_sink(config, partial(configured_identity, config))
    checks, identities = check_credentials(config)
    yield _printable(checks, identities)
    if identities.kubernetes is None:
        because = "there is no access token"
        yield [skipped("projects", "all projects", "list the clusters", because)]
        yield [skipped("clusters", "all clusters", "list their objects", because)]
    else:
        checks, targets = check_projects(config, identities.kubernetes)
        yield _printable(checks, identities)
        projects = sorted({target.project_id for target in targets})
        yield _printable(check_permissions(config, identities.kubernetes, projects), identities)
        checks = check_clusters(config, identities.kubernetes, targets, None if is_quiet else cluster_counter())
        yield _printable(checks, identities)
    yield _printable(check_sink(config, identities), identities)


def _printable(checks: Sequence[Check], identities: Identities) -> list[Check]:
    return [without_secrets(check, identities.tokens) for check in checks]


def _patient(config: Config) -> Config:
    """The configuration, with no more retries than a person waits for."""
    limits = config.timeouts
    return msgspec.structs.replace(
        config,
        timeouts=msgspec.structs.replace(
            limits,
            retry_seconds=min(limits.retry_seconds, limits.connect_seconds),
        ),
    )


def _words(error: BaseException) -> str:
    if isinstance(error, InventoryError):
        return str(error)
    if isinstance(error, (KeyboardInterrupt, Interrupted)):
        return "interrupted"
    return f"a bug in gke-inventory: {type(error).__name__}"
