"""Application Default Credentials: one identity for the whole process, refreshed under a lock before it expires."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from job.connect.proxies import check_proxies
from job.errors import CredentialsError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.auth.exceptions import GoogleAuthError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_PAUSE_SECONDS = 5.0


class Identity:
    """Credentials that any number of threads and clients share."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._lock = threading.Lock()
        self._failed_at = 0.0
        self._failure: GoogleAuthError | None = None

    def token(self) -> str:
        """A bearer token that stays valid for minutes.

        google-auth itself does not lock: eight threads with a stale token would request eight new ones.

        Raises:
            CredentialsError: there is no token.
        """
        from google.auth.credentials import TokenState

        if self.credentials.token_state is not TokenState.FRESH:
            with self._lock:
                if self.credentials.token_state is not TokenState.FRESH:
                    self._refresh()
        return str(self.credentials.token)

    def renew(self, refused: str) -> bool:
        """Gets a new token after a server refused this one; returns whether there is another one to try."""
        with self._lock:
            if self.credentials.token == refused:
                try:
                    self._refresh(is_refused=True)
                except CredentialsError:
                    return False
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
                identity.credentials.apply(headers, token=identity.token())  # type: ignore[no-untyped-call]

        return Shared()  # type: ignore[no-untyped-call]

    def _refresh(self, *, is_refused: bool = False) -> None:
        """Gets a new token. A failure is ignored while the old token is valid.

        After a failure it pauses for five seconds: otherwise each worker in turn would wait for a broken endpoint, with
        the lock held.
        """
        from google.auth.credentials import TokenState
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.auth.transport.requests import Request

        if self._failure is None or monotonic() > self._failed_at + _PAUSE_SECONDS:
            self._failure = None
            try:
                self.credentials.refresh(Request())  # type: ignore[no-untyped-call]
            except GoogleAuthError as error:
                self._failed_at, self._failure = monotonic(), error.with_traceback(None)
        if self._failure is not None and (is_refused or self.credentials.token_state is TokenState.INVALID):
            raise CredentialsError(
                f"no access token for {_who(self.credentials)}: {_reason(self._failure)}. Where a user's login has "
                "expired, run `gcloud auth application-default login`; on Cloud Run, check the service account",
                may_pass=self._failure.retryable or isinstance(self._failure, TransportError),
            ) from self._failure


def default_identity(token_uri: str | None = None) -> Identity:
    """The identity of Application Default Credentials (https://google.aip.dev/auth/4110).

    A user's login, a service account's key, the metadata server of Cloud Run or GKE, workload identity federation and
    impersonation all work. It requests no token yet.

    Args:
        token_uri: another OAuth 2.0 token endpoint for a user's or service account's credentials.

    Raises:
        CredentialsError: there are no credentials, or their file cannot be used.
        ConfigError: the environment has something else than a proxy's address.
    """
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    check_proxies()
    try:
        credentials, _ = google.auth.default(scopes=list(SCOPES))
    except (GoogleAuthError, ValueError, OSError) as error:
        raise CredentialsError(
            f"no Application Default Credentials: {_reason(error)}. Run `gcloud auth application-default login`, or "
            "set GOOGLE_APPLICATION_CREDENTIALS to a credentials file; on Cloud Run, give the job a service account"
        ) from error
    if token_uri is not None and hasattr(credentials, "with_token_uri"):
        credentials = credentials.with_token_uri(token_uri)
    return Identity(credentials)


def _who(credentials: Credentials) -> str:
    account = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
    return str(account) if account else "the Application Default Credentials"


def _reason(error: Exception) -> str:
    """The first words of the error, in one line; google-auth's second argument is the whole response."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())[:200].rstrip(". ")
