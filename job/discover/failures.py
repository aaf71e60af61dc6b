"""Why the clusters of a project, or the projects of a folder, could not be listed, as a row of `collections`."""

from __future__ import annotations

from typing import Any, NamedTuple

from job.connect.google_errors import OUTCOMES, described, disabled_in, refusal
from job.errors import CredentialsError
from job.printable import printable, without_tokens
from job.tables import Outcome


class _Status(NamedTuple):
    outcome: Outcome
    reason: str


# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto gives the HTTP status of each code
_STATUSES = {
    400: _Status("refused", "INVALID_ARGUMENT"),
    401: _Status("unauthorized", "UNAUTHENTICATED"),
    403: _Status("forbidden", "PERMISSION_DENIED"),
    404: _Status("not_found", "NOT_FOUND"),
    429: _Status("throttled", "RESOURCE_EXHAUSTED"),
    500: _Status("server_error", "INTERNAL"),
    501: _Status("not_served", "UNIMPLEMENTED"),
    503: _Status("unreachable", "UNAVAILABLE"),
    504: _Status("timed_out", "DEADLINE_EXCEEDED"),
}


class Api(NamedTuple):
    """A Google API, in the words of its errors."""

    name: str
    advice: dict[Outcome, str]
    """What to do where nothing more exact is known."""
    service: str = "container.googleapis.com"
    unknown: str = ""
    """What a missing permission may also mean."""


_CREDENTIALS: dict[Outcome, str] = {"unauthorized": "check the Application Default Credentials"}
GKE_API = Api(
    "GKE API",
    _CREDENTIALS
    | {
        "forbidden": "grant container.clusters.list on the project, for instance with roles/container.clusterViewer",
        "not_found": "check the project id",
    },
    unknown="; GKE refuses a project id that does not exist in the same way",
)
UPGRADE_INFO_API = Api(
    GKE_API.name,
    _CREDENTIALS
    | {
        "forbidden": "grant container.clusters.get on the project, for instance with roles/container.clusterViewer",
        "not_served": "this GKE API has no such method: switch `upgrade_info` off",
    },
)
GKE_HUB_API = Api(
    "GKE Hub API",
    _CREDENTIALS
    | {
        "forbidden": "grant gkehub.memberships.list on the project, for instance with roles/gkehub.viewer",
        "not_found": "check the project id",
    },
    "gkehub.googleapis.com",
)
RESOURCE_MANAGER_API = Api(
    "Resource Manager API",
    _CREDENTIALS
    | {
        "forbidden": "grant resourcemanager.folders.list and resourcemanager.projects.list on it, for instance with "
        "roles/resourcemanager.folderViewer",
        "not_found": "check the id",
    },
    "cloudresourcemanager.googleapis.com",
)
CLOUD_ASSET_API = Api(
    "Cloud Asset API",
    _CREDENTIALS
    | {
        "forbidden": "grant cloudasset.assets.searchAllResources on it, for instance with roles/cloudasset.viewer, or "
        "set `cloud_asset_inventory: false`",
    },
    "cloudasset.googleapis.com",
)


def failure_columns(error: Any, api: Api = GKE_API) -> dict[str, Any]:
    """The columns of `collections` for an error of an API, its connection, google-auth, or our credentials."""
    if isinstance(error, CredentialsError):
        return {"outcome": "unauthorized", "reason": "Credentials", "message": str(error)}
    if isinstance(error, OSError):
        return _connection_columns(error, api)
    code = getattr(error, "code", None)
    http_status = int(code) if code is not None else None
    status = _Status("unauthorized", "Credentials")
    if http_status is None and (grpc := getattr(error, "grpc_status_code", None)) is not None:
        status = _Status("server_error", grpc.name)  # UNKNOWN, DATA_LOSS: a stream that broke
    elif http_status is not None:
        status = _STATUSES.get(http_status, _Status("refused", f"HTTP {http_status}"))
    found = described(error, status.reason, service=api.service)
    reason, message = refusal(found, default_advice=api.advice.get(status.outcome, ""))
    outcome = OUTCOMES.get(reason, status.outcome)
    if reason in ("IamPermissionMissing", "PERMISSION_DENIED"):
        message += api.unknown
    return {"outcome": outcome, "http_status": http_status, "reason": reason, "message": message}


def as_account(columns: dict[str, Any], account: str | None) -> dict[str, Any]:
    """The columns, whose message says which service account was refused, if a project has one of its own."""
    message = columns.get("message") or ""
    if account is None or columns["outcome"] not in ("forbidden", "unauthorized") or account in message:
        return columns
    return columns | {"message": f"as {account}: {message}"}


def is_disabled_in(error: Any, *names: str) -> bool:
    """Whether the API is disabled in the project itself, which has these names, and not in that of the identity."""
    return disabled_in(described(error)) in names


def _connection_columns(error: OSError, api: Api) -> dict[str, Any]:
    """For an error of requests, which REST goes through: the innermost error says what happened."""
    import requests

    if isinstance(error, requests.Timeout):
        return {
            "outcome": "timed_out",
            "reason": "DEADLINE_EXCEEDED",
            "message": f"no response of the {api.name} in time",
        }
    reason = getattr(error.args[0], "reason", error) if error.args else error
    if isinstance(error, requests.exceptions.ProxyError):
        text = f"the proxy refuses the connection: {getattr(reason, 'original_error', reason)}"
        return {"outcome": "unreachable", "reason": "Proxy", "message": printable(without_tokens(text), 300)}
    text = f"no connection to the {api.name}: {reason}"
    return {"outcome": "unreachable", "reason": "UNAVAILABLE", "message": printable(without_tokens(text), 300)}
