"""One identity for the whole process, refreshed under a lock before its token expires."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from functools import cached_property, partial
from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec

from job.config import Config
from job.config_checks import check_endpoint
from job.config_identity import Identity as Settings
from job.config_identity import Service
from job.connect.bounded import within
from job.connect.credentials import DEFAULT_UNIVERSE, SCOPES, default_credentials, universe_of
from job.connect.proxies import check_proxies
from job.connect.token_errors import MalformedTokenError, may_pass_soon, token_error
from job.errors import CredentialsError
from job.waiting import waiting_for

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_PAUSE_SECONDS = 5.0  # after a failure
_PAUSES_SECONDS = (0.5, 1.0, 2.0)  # between tries
_TOKEN = re.compile(r"[!-~]{1,65536}")  # what a header can carry
_REMEMBERED_TOKENS = 8


class Identity:
    """Credentials that any number of threads and clients share."""

    def __init__(
        self, credentials: Credentials, *, seconds: float = 10.0, by_project: ProjectIdentities | None = None
    ) -> None:
        """
        Args:
            seconds: for one request for a token, with the retries that google-auth makes.
            by_project: those of projects that are read by others.
        """
        self.credentials = credentials
        self._seconds = seconds
        self._lock = threading.Lock()
        self._failed_at = 0.0
        self._failure: Exception | None = None
        self._next_refresh_at = 0.0
        self._refused_again = ("", 0.0)
        self._tokens: tuple[str, ...] = ()
        self._by_project = by_project

    @property
    def tokens(self) -> tuple[str, ...]:
        """The newest tokens, also of other projects' identities, in case that a server repeats one."""
        others = self._by_project.made if self._by_project else ()
        return (*self._tokens, *(token for each in others for token in each.tokens))

    def of(self, project_id: str) -> Identity:
        """The identity that reads a project: this one, unless the configuration has another.

        Raises:
            CredentialsError: the other one's credentials cannot be used.
        """
        other = self._by_project.of(project_id) if self._by_project else None
        return other or self

    @cached_property
    def universe_domain(self) -> str:
        """The domain of Google's APIs for these credentials: `googleapis.com`, or that of a sovereign cloud.

        https://google.aip.dev/auth/4116

        Raises:
            CredentialsError: the metadata server does not say.
        """
        try:
            return within(self._seconds, lambda: universe_of(self.credentials))
        except Exception as error:  # google-auth raises whatever a malformed response leads to
            raise token_error(self.credentials, error) from error

    def token(self) -> str:
        """A bearer token that stays valid for minutes, or for as long as its source lets it.

        google-auth itself does not lock: eight threads with a stale token would request eight new ones.

        Raises:
            CredentialsError: there is no token.
        """
        if self._needs_refresh():
            with self._lock:
                if self._needs_refresh():
                    self._refresh()
        return str(self.credentials.token)

    def headers(self) -> dict[str, str]:
        """What a request to an API of Google has to have: a bearer token, and the quota project if there is one.

        Raises:
            CredentialsError: there is no token.
        """
        headers: dict[str, str] = {}
        self.credentials.apply(headers, token=self.token())  # type: ignore[no-untyped-call]
        return headers

    def renew(self, refused: str) -> bool:
        """Gets a new token after a server refused this one; returns whether there is another one to try.

        Where the source gives the same token again, as a metadata server does, it is not asked again for a while.
        """
        with self._lock:
            if self.credentials.token == refused:
                again, until = self._refused_again
                if again == refused and monotonic() < until:
                    return False
                try:
                    self._refresh(is_refused=True)
                except CredentialsError:
                    return False
                if self.credentials.token == refused:
                    self._refused_again = refused, monotonic() + _PAUSE_SECONDS
            return bool(self.credentials.token != refused)

    def shared(self) -> Credentials:
        """Credentials for Google's own clients: they send this identity's token, and nothing more.

        With the bare credentials those clients would refresh without a lock, sign tokens themselves where a service
        account allows it (and never call its `token_uri`), and look up allowed locations in the background.
        """
        from google.auth.credentials import Credentials

        identity = self

        class Shared(Credentials):
            def refresh(self, request: object) -> None:  # noqa: ARG002
                identity.renew(str(identity.credentials.token))

            def before_request(self, request: object, method: str, url: str, headers: dict[str, str]) -> None:  # noqa: ARG002
                headers.update(identity.headers())

        shared = Shared()  # type: ignore[no-untyped-call]
        shared._universe_domain = self.universe_domain
        return shared

    def _needs_refresh(self) -> bool:
        """A token near its end is valid: where its source gives no longer one, it is asked for after a pause."""
        from google.auth.credentials import TokenState

        state = self.credentials.token_state
        return state is TokenState.INVALID or (state is TokenState.STALE and monotonic() >= self._next_refresh_at)

    def _refresh(self, *, is_refused: bool = False) -> None:
        """Gets a new token. A failure is ignored while the old token is valid.

        After a failure it pauses for five seconds: otherwise each worker in turn would wait for a broken endpoint, with
        the lock held.
        """
        from google.auth.credentials import TokenState

        if self._failure is None or monotonic() > self._failed_at + _PAUSE_SECONDS:
            self._failure = None
            try:
                with waiting_for("an access token", self._seconds):
                    self.credentials = within(self._seconds, self._refreshed)
                self._remember_token()
            except Exception as error:  # noqa: BLE001 (google-auth raises whatever a malformed response leads to)
                self._failed_at, self._failure = monotonic(), error.with_traceback(None)
            self._next_refresh_at = monotonic() + self._seconds_left() / 2
        if self._failure is not None and (is_refused or self.credentials.token_state is TokenState.INVALID):
            raise token_error(self.credentials, self._failure) from self._failure

    def _refreshed(self) -> Credentials:
        """A copy of the credentials with a new token: a response that is malformed or late costs no valid token.

        Raises:
            Exception: of google-auth.
            MalformedTokenError: what came is no token.
        """
        from job.connect.plaintext import token_request

        made: Credentials = copy(self.credentials)
        for pause in (*_PAUSES_SECONDS, None):
            try:
                made.refresh(partial(token_request(), timeout=self._seconds))  # type: ignore[no-untyped-call]
                break
            except Exception as error:
                # google-auth retries what it calls `retryable` itself, but nothing of impersonation
                if pause is None or getattr(error, "retryable", False) or not may_pass_soon(error):
                    raise
            sleep(pause)
        if not isinstance(made.token, str) or not _TOKEN.fullmatch(made.token):
            raise MalformedTokenError("the response has no access token")
        if made.expiry is not None and not isinstance(made.expiry, datetime):
            raise MalformedTokenError("the response has no valid time of expiry")
        return made

    def _remember_token(self) -> None:
        token = str(self.credentials.token or "")
        if token not in self._tokens:
            self._tokens = (*self._tokens, token)[-_REMEMBERED_TOKENS:]

    def _seconds_left(self) -> float:
        expiry = self.credentials.expiry
        return 0.0 if expiry is None else (expiry - datetime.now(UTC).replace(tzinfo=None)).total_seconds()


class ProjectIdentities:
    """The identities of `identity.by_project`. Each is made once, when a project first needs it."""

    def __init__(self, config: Config) -> None:
        self._config, self._lock = config, threading.Lock()
        self._made: dict[Settings, Identity] = {}

    @property
    def made(self) -> tuple[Identity, ...]:
        """Those that some project has needed."""
        with self._lock:
            return tuple(self._made.values())

    def of(self, project_id: str) -> Identity | None:
        """The identity of a project; None where it has none of its own.

        Raises:
            CredentialsError: its credentials cannot be used.
        """
        own = self._config.identity.of_project(project_id)
        if own == msgspec.structs.replace(self._config.identity, by_project=()):
            return None
        with self._lock:
            if own not in self._made:
                self._made[own] = configured_identity(msgspec.structs.replace(self._config, identity=own))
            return self._made[own]


def configured_identity(config: Config, service: Service = "kubernetes") -> Identity:
    """The identity of a configuration: Application Default Credentials, or the service account that they impersonate.

    It requests no token yet.

    Raises:
        CredentialsError: there are no credentials, or their file cannot be used.
        ConfigError: an endpoint would get secrets without TLS, or the environment has something else than a proxy's
            address.
    """
    seconds = config.timeouts.connect_seconds
    identity = default_identity(config.api_endpoints.oauth2, seconds=seconds)
    by_project = ProjectIdentities(config) if config.identity.by_project else None
    account, endpoint = config.identity.account(service), config.api_endpoints.iamcredentials
    quota_project = config.identity.quota_project
    if account is None:
        if quota_project is not None and hasattr(identity.credentials, "with_quota_project"):
            identity.credentials = identity.credentials.with_quota_project(quota_project)
        return Identity(identity.credentials, seconds=seconds, by_project=by_project)
    from google.auth.impersonated_credentials import Credentials

    if endpoint is not None:
        check_endpoint("api_endpoints.iamcredentials", endpoint)
    path = f"/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    source = identity.credentials
    if hasattr(source, "_universe_domain_cached"):  # those of a metadata server, which google-auth would ask here
        source = source.with_universe_domain(identity.universe_domain)  # type: ignore[attr-defined]
    impersonated = Credentials(
        source,
        account,
        list(SCOPES),
        delegates=list(config.identity.delegates),
        quota_project_id=quota_project,
        iam_endpoint_override=endpoint.rstrip("/") + path if endpoint else None,
    )  # type: ignore[no-untyped-call]
    return Identity(impersonated, seconds=seconds, by_project=by_project)


def bigquery_identity(config: Config, kubernetes: Callable[[], Identity]) -> Identity:
    """The identity for BigQuery: the same as for the clusters, unless the configuration has another."""
    accounts = config.identity
    if accounts.account("bigquery") == accounts.account("kubernetes"):
        return kubernetes()
    return configured_identity(config, "bigquery")


def default_identity(token_uri: str | None = None, *, seconds: float = 10.0) -> Identity:
    """The identity of Application Default Credentials (https://google.aip.dev/auth/4110).

    A user's login, a service account's key, the metadata server of Cloud Run or GKE, workload identity federation and
    impersonation all work. It requests no token yet.

    Args:
        token_uri: another OAuth 2.0 token endpoint for a user's or service account's credentials.
        seconds: for one request for a token.

    Raises:
        CredentialsError: there are no credentials, or their file cannot be used.
        ConfigError: the endpoint would get secrets without TLS, or the environment has something else than a proxy's
            address.
    """
    from google.oauth2.credentials import Credentials

    if token_uri is not None:
        check_endpoint("api_endpoints.oauth2", token_uri)
    check_proxies()
    credentials = default_credentials(seconds=seconds)
    if token_uri is None and isinstance(credentials, Credentials) and credentials.universe_domain != DEFAULT_UNIVERSE:
        token_uri = f"https://oauth2.{credentials.universe_domain}/token"  # google-auth has Google's own for users
    if token_uri is not None and hasattr(credentials, "with_token_uri"):
        credentials = credentials.with_token_uri(token_uri)
    return Identity(credentials, seconds=seconds)
