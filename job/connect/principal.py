"""Who an identity is, in the words that IAM and RBAC grant rights to."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_PROJECT_OF_ACCOUNT = re.compile(r"[^@]+@([a-z0-9-]+)\.iam\.gserviceaccount\.com")


class Principal(NamedTuple):
    """An identity, by name."""

    name: str
    """For people: an email address where it is known."""
    member: str
    """For `--member` of gcloud, as a word of a shell."""

    @property
    def is_named(self) -> bool:
        """Whether the name is an email address."""
        return "@" in self.name


def service_account(email: str) -> Principal:
    """The service account with this email address."""
    return Principal(email, shlex.quote(f"serviceAccount:{email}"))


def principal(credentials: Credentials) -> Principal:
    """Who these credentials are. Those of the metadata server say so once they have a token.

    A login seldom says whose it is: gcloud then fills in the account that it uses itself.
    """
    email = getattr(credentials, "service_account_email", None)
    if email and email != "default":
        return service_account(str(email))
    if account := getattr(credentials, "account", None):
        return Principal(str(account), shlex.quote(f"user:{account}"))
    audience = str(getattr(credentials, "_audience", None) or "")
    pool, has_provider, _ = audience.removeprefix("//").partition("/providers/")
    if has_provider:  # https://cloud.google.com/iam/docs/principal-identifiers
        return Principal(f"a federated identity of {pool}", shlex.quote(f"principal://{pool}/subject/SUBJECT"))
    return Principal("a user's login", '"user:$(gcloud config get account)"')


def project_of(email: str) -> str | None:
    """The project of a service account; None for those that Google makes.

    >>> project_of("inventory@ops.iam.gserviceaccount.com"), project_of("1-compute@developer.gserviceaccount.com")
    ('ops', None)
    """
    found = _PROJECT_OF_ACCOUNT.fullmatch(email)
    return found[1] if found else None
