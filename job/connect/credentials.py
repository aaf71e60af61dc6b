"""Application Default Credentials (https://google.aip.dev/auth/4110), loaded without a request to any network.

`google.auth.default()` does the same, and looks up a project id besides: with workload identity federation that takes a
token and the Resource Manager API. This program needs no project id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from job.config_checks import check_endpoint
from job.connect.bounded import within
from job.errors import ConfigError, CredentialsError
from job.regular_file import check_regular
from job.waiting import waiting_for

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
DEFAULT_UNIVERSE = "googleapis.com"
VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_UNIVERSE_VARIABLE = "GOOGLE_CLOUD_UNIVERSE_DOMAIN"  # https://google.aip.dev/auth/4116
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_MAX_FILE_BYTES = 1 << 20
_TEXTS = (
    "audience", "client_email", "client_id", "client_secret", "private_key", "private_key_id", "quota_project_id",
    "refresh_token", "service_account_impersonation_url", "subject_token_type", "token_uri", "token_url",
    "universe_domain",
)  # fmt: skip


class Source(NamedTuple):
    """Where Application Default Credentials come from."""

    name: str
    """The environment variable, the gcloud login or the metadata server."""
    path: str | None = None
    """Of their file; None without one."""


def credentials_source() -> Source:
    """The place where Application Default Credentials are looked for; nothing is opened yet."""
    from google.auth import _cloud_sdk

    if path := os.environ.get(VARIABLE, ""):
        return Source(VARIABLE, path)
    path = str(_cloud_sdk.get_application_default_credentials_path())  # type: ignore[no-untyped-call]
    return Source("the gcloud login", path) if Path(path).is_file() else Source("the metadata server")


def default_credentials(*, seconds: float = 10.0) -> Credentials:
    """The credentials of the file that GOOGLE_APPLICATION_CREDENTIALS names, else of the gcloud login, else of the
    metadata server.

    Args:
        seconds: to look for a metadata server.

    Raises:
        CredentialsError: there are none, or their file cannot be used.
    """
    source, path = credentials_source()
    if path is None:
        return _of_the_universe(_of_metadata_server(seconds), {}, source)
    where = f"{source}: {path}"
    info = _read(path, where)
    load = _LOADERS.get(str(info.get("type")))
    if load is None:
        raise CredentialsError(f"{where} {_not_credentials(info)}")
    wrong = [key for key in _TEXTS if info.get(key) is not None and not isinstance(info[key], str)]
    if wrong:
        raise CredentialsError(f"{where} is no usable {info['type']} file: {', '.join(wrong)} must be text")
    _check_addresses(info, where)
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials = load(info)
    except (GoogleAuthError, ValueError) as error:
        raise CredentialsError(f"{where} is no usable {info['type']} file: {first_words(error)}") from error
    except Exception as error:  # google-auth checks few types, and raises whatever those lead to
        raise CredentialsError(f"{where} is no usable {info['type']} file: its fields are malformed") from error
    if hasattr(credentials, "with_quota_project_from_environment"):
        credentials = credentials.with_quota_project_from_environment()
    return _of_the_universe(credentials, info, where)


def universe_of(credentials: Credentials) -> str:
    """The domain of Google's APIs for these credentials, which a metadata server is asked for.

    Raises:
        ValueError: the metadata server gives no domain.
        Exception: whatever google-auth raises for a malformed response.
    """
    from google.auth import compute_engine
    from google.auth.compute_engine import _metadata

    from job.connect.plaintext import token_request

    if isinstance(credentials, compute_engine.Credentials) and not credentials._universe_domain_cached:
        domain = str(_metadata.get_universe_domain(token_request()))  # type: ignore[no-untyped-call]
        if not _DOMAIN.fullmatch(domain):
            raise ValueError("it is no domain")
        return domain
    return str(credentials.universe_domain)


def first_words(error: Exception) -> str:
    """The first words of an error, in one line; google-auth's second argument is the whole response."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())[:200].rstrip(". ")


def _read(path: str, where: str) -> dict[str, Any]:
    try:
        check_regular(path)
        with Path(path).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES)
    except (OSError, ValueError) as error:  # ValueError: of a name with a zero byte
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise CredentialsError(f"{where} cannot be read: {reason}") from error
    if not content.strip():
        raise CredentialsError(f"{where} is empty")
    try:
        info = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsError(f"{where} is not JSON, and no credentials file") from None  # it may quote a secret
    if not isinstance(info, dict):
        raise CredentialsError(f"{where} is JSON, but no credentials file: it has no `type`")
    return info


def _check_addresses(info: dict[str, Any], where: str) -> None:
    """Rejects addresses that would get a login, a signed request or a token without TLS.

    Raises:
        CredentialsError: naming the key.
    """
    source = info.get("source_credentials")
    for fields in (info, source if isinstance(source, dict) else {}):
        for key, value in fields.items():
            if isinstance(value, str) and key.endswith(("_uri", "_url")) and value.strip().lower().startswith("http:"):
                try:
                    check_endpoint(key, value)
                except ConfigError as error:
                    raise CredentialsError(f"{where}: {error}") from error


def _not_credentials(info: dict[str, Any]) -> str:
    if "installed" in info or "web" in info:  # https://developers.google.com/identity/protocols/oauth2
        return (
            "has the secret of an OAuth client, which is no credentials file: run `gcloud auth application-default "
            "login --client-id-file` with it"
        )
    kind = f"has the type {str(info['type'])[:40]!r}" if info.get("type") else "has no `type`"
    return f"{kind}, and is no credentials file: the types are {', '.join(_LOADERS)}"


def _of_metadata_server(seconds: float) -> Credentials:
    import google.auth

    from job.connect.plaintext import token_request

    try:
        with waiting_for("the metadata server", seconds):
            request = token_request()
            credentials, _ = within(seconds, lambda: google.auth.default(scopes=list(SCOPES), request=request))
    except Exception as error:  # google-auth raises whatever a malformed response leads to
        raise CredentialsError(
            f"no Application Default Credentials: {first_words(error)}. Run `gcloud auth application-default login`, "
            "or set GOOGLE_APPLICATION_CREDENTIALS to a credentials file; on Cloud Run, give the job a service account"
        ) from error
    return credentials


def _of_the_universe(credentials: Credentials, info: dict[str, Any], where: str) -> Credentials:
    """The credentials, of the universe that GOOGLE_CLOUD_UNIVERSE_DOMAIN names where they name none."""
    asked, own = os.environ.get(_UNIVERSE_VARIABLE, ""), info.get("universe_domain") or ""
    for source, domain in ((_UNIVERSE_VARIABLE, asked), (f"universe_domain in {where}", own)):
        if domain and not _DOMAIN.fullmatch(domain):
            raise CredentialsError(f"{source} is {domain[:80]!r}, which is no domain such as googleapis.com")
    if asked and own and asked != own:
        raise CredentialsError(
            f"{_UNIVERSE_VARIABLE} is {asked}, but {where} is of the universe {own}: unset the variable, or use "
            "credentials of its universe"
        )
    if asked and not own and hasattr(credentials, "with_universe_domain"):
        return credentials.with_universe_domain(asked)  # type: ignore[no-any-return]
    return credentials


def _service_account(info: dict[str, Any]) -> Credentials:
    from google.oauth2.service_account import Credentials

    return Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-any-return, no-untyped-call]


def _user(info: dict[str, Any]) -> Credentials:
    from google.oauth2.credentials import Credentials

    return Credentials.from_authorized_user_info(info)  # type: ignore[no-any-return, no-untyped-call]


def _federated(info: dict[str, Any]) -> Credentials:
    """As `google.auth._default._get_external_account_credentials` chooses, without its look-up."""
    from google.auth import aws, identity_pool, pluggable

    source = info.get("credential_source") or {}
    kind: Any = identity_pool
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        kind = aws
    elif source.get("executable") is not None:
        kind = pluggable
    return kind.Credentials.from_info(info, scopes=SCOPES)  # type: ignore[no-any-return]


def _federated_user(info: dict[str, Any]) -> Credentials:
    from google.auth.external_account_authorized_user import Credentials

    return Credentials.from_info(info)  # type: ignore[no-any-return, no-untyped-call]


def _impersonated(info: dict[str, Any]) -> Credentials:
    from google.auth import impersonated_credentials

    kind: Any = impersonated_credentials.Credentials
    return kind.from_impersonated_service_account_info(info, scopes=SCOPES)  # type: ignore[no-any-return]


_LOADERS: dict[str, Callable[[dict[str, Any]], Credentials]] = {
    "authorized_user": _user,
    "service_account": _service_account,
    "external_account": _federated,
    "external_account_authorized_user": _federated_user,
    "impersonated_service_account": _impersonated,
}
