"""Checks of the credentials: whether there are any, whether they get a token, and whom they may impersonate."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from job.commands.doctor.finding import Check, Mend, commands_in, finding, passed
from job.config import Config
from job.config_identity import Service
from job.connect.credentials import VARIABLE, Source, credentials_source
from job.connect.identity import Identity, configured_identity, default_identity
from job.connect.principal import Principal, principal, project_of, service_account
from job.errors import CredentialsError

_COST = "nothing can be read: every table keeps its last rows, and `coverage` says that they are stale"
_COST_OF_SINK = "nothing can be written: every table keeps its last rows"
_LOGIN = Mend("log in as yourself", "gcloud auth application-default login")
_NETWORK = Mend("check the way from this machine to the token endpoint: proxy, DNS, firewall")


class Identities(NamedTuple):
    """Whose tokens there are."""

    kubernetes: Identity | None
    """For the GKE API and the clusters; None where there is no token."""
    bigquery: Identity | None
    """For BigQuery."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All of them, in case that a server repeats one."""
        return tuple(token for each in self if each for token in each.tokens)


def check_credentials(config: Config) -> tuple[list[Check], Identities]:
    """The checks, and the identities that have a token.

    Raises:
        ConfigError: the configuration would send secrets unencrypted, or a proxy's address is malformed.
    """
    checks: list[Check] = []
    own = _application_default(config, checks)
    if own is None:
        return checks, Identities(None, None)
    found: dict[str | None, Identity | None] = {None: own}
    services: tuple[Service, ...] = ("kubernetes", "bigquery")
    for service in services:
        account = config.identity.account(service)
        if account not in found:
            found[account] = _impersonated(config, service, own, checks)
    identities = Identities(*(found[config.identity.account(service)] for service in services))
    if identities.kubernetes is not None and config.identity.by_project:
        for entry in config.identity.by_project:
            if entry.impersonate_service_account is not None:
                settings = config.identity.with_entry(entry)
                projects = ", ".join(entry.projects)
                _impersonated(msgspec.structs.replace(config, identity=settings), "kubernetes", own, checks, projects)
        identities = identities._replace(kubernetes=configured_identity(config))
    return checks, identities


def _application_default(config: Config, checks: list[Check]) -> Identity | None:
    """The Application Default Credentials, with a token."""
    subject, source = "Application Default Credentials", credentials_source()
    where = source.name if source.path is None else f"{source.name}: {source.path}"
    try:
        identity = default_identity(config.api_endpoints.oauth2, seconds=config.timeouts.connect_seconds)
    except CredentialsError as error:
        action, mends = "find credentials", _mends_of_file(source)
        checks.append(finding("credentials", subject, action, str(error), costs=[_COST], mends=mends))
        return None
    checks.append(passed("credentials", subject, "find credentials", f"in {where}"))
    try:
        identity.token()
    except CredentialsError as error:
        mends = [_NETWORK] if error.is_of_network else _mends_of_token(identity, source.path, str(error))
        checks.append(finding("credentials", subject, "get an access token", str(error), costs=[_COST], mends=mends))
        return None
    who = principal(identity.credentials)
    checks.append(passed("credentials", subject, "get an access token", f"as {who.name}"))
    return identity


def _mends_of_file(source: Source) -> list[Mend]:
    if source.name == VARIABLE:
        return [Mend("use your own login in place of the file", f"unset {VARIABLE} && {_LOGIN.command}")]
    if job := os.environ.get("CLOUD_RUN_JOB"):
        return [
            Mend(
                "give the job a service account", f"gcloud run jobs update {shlex.quote(job)} --service-account=ACCOUNT"
            )
        ]
    return [_LOGIN]


def _mends_of_token(identity: Identity, path: str | None, message: str) -> list[Mend]:
    credentials = identity.credentials
    module = type(credentials).__module__
    who = principal(credentials)
    if module == "google.auth.impersonated_credentials":
        source = principal(credentials._source_credentials)  # type: ignore[attr-defined] # of impersonated ones
        return [_may_impersonate(source, who.name)]
    if module == "google.oauth2.service_account" and path is not None:
        account = shlex.quote(who.name)
        return [
            Mend(
                "see whether the key is still there", f"gcloud iam service-accounts keys list --iam-account={account}"
            ),
            Mend(
                "make a new key",
                f"gcloud iam service-accounts keys create {shlex.quote(path)} --iam-account={account}",
            ),
        ]
    if module == "google.auth.compute_engine.credentials":
        return [Mend("give the Cloud Run job or the VM a service account, and let it reach the metadata server")]
    return commands_in(message) or [Mend("as the error says")]


def _impersonated(
    config: Config, service: Service, own: Identity, checks: list[Check], projects: str | None = None
) -> Identity | None:
    """The identity of a service, once each link of its chain was tried.

    Args:
        projects: the globs of those that it is for, if it is not for all.
    """
    cost = _COST if service == "kubernetes" else _COST_OF_SINK
    if projects is not None:
        cost = f"the projects {projects} cannot be read: their rows stay, and `coverage` says that they are stale"
    before = principal(own.credentials)
    for account, partial in _links(config, service):
        action, subject = f"impersonate it as {before.name}", f"service account {account}"
        try:
            identity = configured_identity(partial, service)
            identity.token()
        except CredentialsError as error:
            advised = [*commands_in(str(error)), _may_impersonate(before, account)]
            mends = [_NETWORK] if error.is_of_network else advised
            checks.append(finding("credentials", subject, action, str(error), costs=[cost], mends=mends))
            return None
        purpose = _purpose(config, service, account)
        if projects is not None and account == config.identity.account(service):
            purpose = f"the projects {projects}"
        checks.append(passed("credentials", subject, action, f"for {purpose}"))
        before = service_account(account)
    return identity


def _links(config: Config, service: Service) -> Iterator[tuple[str, Config]]:
    """Each account of the chain, with a configuration that impersonates it."""
    last = config.identity.account(service)
    chain = (*config.identity.delegates, *([last] if last else []))
    for index, account in enumerate(chain):
        changed = {service: account, "delegates": chain[:index]}
        yield account, msgspec.structs.replace(config, identity=msgspec.structs.replace(config.identity, **changed))


def _purpose(config: Config, service: Service, account: str) -> str:
    if account != config.identity.account(service):
        return "the next account of `identity.delegates`"
    if config.identity.account("kubernetes") == config.identity.account("bigquery"):
        return "the clusters and BigQuery"
    return "the clusters" if service == "kubernetes" else "BigQuery"


def _may_impersonate(who: Principal, account: str) -> Mend:
    """Lets an identity impersonate a service account: https://cloud.google.com/iam/docs/service-account-permissions"""
    project = project_of(account)
    return Mend(
        f"let {who.name} impersonate {account}",
        f"gcloud iam service-accounts add-iam-policy-binding {shlex.quote(account)} --member={who.member} "
        "--role=roles/iam.serviceAccountTokenCreator" + (f" --project={project}" if project else ""),
    )
