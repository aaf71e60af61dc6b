"""Why there is no access token, with advice that fits the credentials and the cause."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from job.connect.credentials import first_words
from job.connect.google_errors import refusal
from job.errors import CredentialsError
from job.wire.rpc import GoogleError, google_error

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_NETWORK = "check the network between this machine and the token endpoint: proxy, DNS, firewall"
_PAGE = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_RAW = re.compile(r"[{\[\"\\]|\bb'")
_FAILURES = ("ABORTED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNKNOWN")
_LATER = "the token endpoint fails: try again later"
_ADVICE = {  # by the module of google-auth that has the credentials
    "google.oauth2.credentials": "log in again: `gcloud auth application-default login`",
    "google.auth.external_account_authorized_user": "log in again: `gcloud auth application-default login`",
    "google.oauth2.service_account": "the key may be deleted or disabled, or the clock of this machine wrong: make a "
    "new key, or log in yourself by `gcloud auth application-default login`",
    "google.auth.impersonated_credentials": "grant roles/iam.serviceAccountTokenCreator on that service account to the "
    "identity that impersonates it",
    "google.auth.compute_engine.credentials": "check that the Cloud Run job or VM has a service account, and that "
    "nothing blocks the metadata server",
}
_FEDERATED = "check the workload identity pool, its provider, and the `credential_source` of the file"


class MalformedTokenError(ValueError):
    """What a token endpoint sent is no token. The message says why, without it."""


def token_error(credentials: Credentials, error: Exception) -> CredentialsError:
    """The error of a refresh, for people: of the credentials, or of those that impersonate with them.

    A retry may help (`may_pass`) where the endpoint could not be reached, or failed.
    """
    step = ""
    source = getattr(credentials, "_source_credentials", None)
    if source is not None and not source.valid:
        credentials, step = source, f", needed to impersonate {_who(credentials)}"
    is_network, is_retryable = _is_network(error), may_pass_soon(error)
    module = type(credentials).__module__
    advice = _ADVICE.get(module, _FEDERATED)
    if (is_network and "compute_engine" not in module) or _is_of_something_else(error):
        advice = _NETWORK
    elif is_retryable:
        advice = _LATER
    answer = _answer(error)
    if answer is not None:
        text = f"{first_words(error)}: {refusal(answer, default_advice=advice).message}"
    else:
        text = f"{_words(error)}; {advice}"
    return CredentialsError(
        f"no access token for {_who(credentials)}{step}: {text}",
        may_pass=is_network or is_retryable,
        is_refused=not _is_of_something_else(error),
    )


def may_pass_soon(error: Exception) -> bool:
    """Whether the token endpoint failed, in the words of google-auth or of `google.rpc.Status`."""
    answer = _answer(error)
    return bool(getattr(error, "retryable", False)) or (answer is not None and answer.status in _FAILURES)


def _answer(error: Exception) -> GoogleError | None:
    """The `google.rpc.Status` that an endpoint of Google sent."""
    body = error.args[1] if len(error.args) > 1 else None
    return google_error(memoryview(body.encode())) if isinstance(body, str) else None


def _is_of_something_else(error: Exception) -> bool:
    """Whether what came is no answer of a token endpoint: a web page, or no token."""
    from google.auth.exceptions import GoogleAuthError

    is_malformed = not isinstance(error, (GoogleAuthError, OSError)) or "No access token" in str(error.args[:1])
    return is_malformed or bool(_PAGE.search(str(error.args)))


def _words(error: Exception) -> str:
    """What went wrong, without the response: it may be a page, or have a token."""
    from google.auth.exceptions import GoogleAuthError

    if isinstance(error, MalformedTokenError):
        return str(error)
    if not isinstance(error, (GoogleAuthError, OSError)):
        return "the response is malformed"
    text = first_words(error)
    if _PAGE.search(text) or _PAGE.search(str(error.args)):
        return "a web page came in place of a token: a proxy or the login page of a network answers"
    if _RAW.search(text):  # google-auth quotes a whole response where it finds no reason in it
        return "the token endpoint refuses, and says no reason"
    return text


def _is_network(error: Exception) -> bool:
    """Whether the endpoint could not be reached. google-auth wraps such errors, some of them twice."""
    from google.auth.exceptions import TransportError

    chain: list[object] = [error, error.__cause__, *error.args[:1]]
    return any(isinstance(each, (TransportError, TimeoutError)) for each in chain)


def _who(credentials: Credentials) -> str:
    account = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
    if not account:
        return "the Application Default Credentials"
    chain = getattr(credentials, "_delegates", None) or ()
    return f"{account}, by way of {', then '.join(chain)}" if chain else str(account)
