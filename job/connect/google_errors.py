"""Why Google refuses a request, in our words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from job.printable import said, without_tokens
from job.tables import Outcome
from job.wire.rpc import GoogleError


class Refusal(NamedTuple):
    """The cause of an error of a Google API or of the layer in front of an API server."""

    reason: str
    """For the column `reason` of `collections`."""
    message: str
    """What Google says, and what to do."""


def refusal(error: GoogleError, *, default_advice: str = "") -> Refusal:
    """The cause that an error names.

    The words in `ErrorInfo` are listed in
    https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto. Where an error has no
    `ErrorInfo`, the reason of the older form decides
    (https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden), or its text.

    Args:
        default_advice: what to do where nothing more exact is known.
    """
    code = error.reason or _OLDER.get(error.older_reason, "")
    code = code or next((code for code, text in _TEXTS if text.search(error.message)), "")
    reason, advise = _REASONS.get(code, (code or error.status, None))
    words = said(without_tokens(error.message[:4096])).rstrip(". ")
    advice = advise(error) if advise is not None else default_advice
    return Refusal(reason, "; ".join(filter(None, (words or error.status, advice))))


def described(error: Any, status: str = "", *, service: str = "") -> GoogleError:
    """The same, of an error of Google's clients.

    Args:
        service: the API that was called, where the error does not name it.
    """
    return GoogleError(
        message=str(getattr(error, "message", None) or error),
        status=status,
        reason=getattr(error, "reason", None) or "",
        metadata={"service": service} | dict(getattr(error, "metadata", None) or {}),
        older_reason=older_reason(error),
    )


def older_reason(error: Any) -> str:
    """The first reason of the older form, of an error of Google's clients over REST; "" without one."""
    found = (one.get("reason") for one in getattr(error, "errors", ()) if isinstance(one, dict))
    return next((reason for reason in found if isinstance(reason, str)), "")


def disabled_in(error: GoogleError) -> str | None:
    """Id or number of the project in which the API is disabled, if that is the cause and Google names it.

    Google charges a call to the project of the service account, which is often not the cluster's.
    """
    found = _API_OFF.search(error.message)
    if error.reason != "SERVICE_DISABLED" and found is None:
        return None
    return _consumer(error) or (found[1] if found else None)


def _enable_api(error: GoogleError) -> str:
    project, service = disabled_in(error) or "", error.metadata.get("service", "")
    # a command that a person copies: what is no name is not repeated
    project = project if _PROJECT.fullmatch(project) else "PROJECT"
    service = service if _SERVICE.fullmatch(service) else _GKE
    return f"enable it in the project that Google names: `gcloud services enable {service} --project {project}`"


def _enable_billing(error: GoogleError) -> str:
    return f"enable billing for {_consumer(error) or 'the project'}"


def _grant(error: GoogleError) -> str:
    found = _PERMISSION.search(error.message)
    permission = error.metadata.get("permission") or (found[1] if found else "the missing permission")
    role = _ROLES.get(permission)
    example = f", for instance with {role}" if role else ""
    resource = re.sub(r"^//[a-z]+\.googleapis\.com/", "", error.metadata.get("resource", ""))
    return f"grant {permission} on {resource or 'the project'}{example}"


def _allow_in_perimeter(_: GoogleError) -> str:
    return "allow this identity in an ingress rule or access level of the service perimeter"


def _add_scope(_: GoogleError) -> str:
    return "give the credentials the scope https://www.googleapis.com/auth/cloud-platform"


def _use_quota_project(error: GoogleError) -> str:
    return f"grant serviceusage.services.use on {_consumer(error) or 'the quota project'}, or unset the quota project"


def _raise_quota(error: GoogleError) -> str:
    quota = error.metadata.get("quota_metric", "").rpartition("/")[2]
    return f"raise the quota{f' {quota}' if quota else ''} of {_consumer(error) or 'the project'}, or run less often"


def _enable_account(_: GoogleError) -> str:
    return "enable the service account, or use another"


def _send_token(_: GoogleError) -> str:
    return "the request arrived without its token: check that no proxy removes the header Authorization"


def _consumer(error: GoogleError) -> str:
    return error.metadata.get("consumer", "").removeprefix("projects/")


_GKE = "container.googleapis.com"
_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{0,60}")
_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,60}\.googleapis\.com")
_API_OFF = re.compile(r"has not been used in project (\S+) before or it is disabled")
# "Permission 'P' denied on resource R", 'Required "P" permission(s) for R', "Missing permissions: P"
_PERMISSION = re.compile(r"(?:[Pp]ermissions?|[Rr]equired|one of)\W{1,4}([a-z]+(?:\.[A-Za-z]+){2,3})\b")
_TEXTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("SERVICE_DISABLED", _API_OFF),
    ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", re.compile("insufficient authentication scopes")),
    ("SECURITY_POLICY_VIOLATED", re.compile("vpcServiceControlsUniqueIdentifier")),
    ("IAM_PERMISSION_DENIED", _PERMISSION),
)
_REASONS: dict[str, tuple[str, Callable[[GoogleError], str]]] = {
    "SERVICE_DISABLED": ("ApiDisabled", _enable_api),
    "BILLING_DISABLED": ("BillingDisabled", _enable_billing),
    "IAM_PERMISSION_DENIED": ("IamPermissionMissing", _grant),
    "SECURITY_POLICY_VIOLATED": ("VpcServiceControls", _allow_in_perimeter),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": ("TokenScopeMissing", _add_scope),
    "USER_PROJECT_DENIED": ("QuotaProjectDenied", _use_quota_project),
    "RATE_LIMIT_EXCEEDED": ("QuotaExceeded", _raise_quota),
    "RESOURCE_QUOTA_EXCEEDED": ("QuotaExceeded", _raise_quota),
    "ACCOUNT_STATE_INVALID": ("AccountDisabled", _enable_account),
    "CREDENTIALS_MISSING": ("TokenMissing", _send_token),
}
OUTCOMES: dict[str, Outcome] = {"ApiDisabled": "disabled", "QuotaExceeded": "throttled"}
"""Reason -> outcome, where the HTTP status says less."""
_OLDER = {
    "accessNotConfigured": "SERVICE_DISABLED",
    "dailyLimitExceeded": "RATE_LIMIT_EXCEEDED",
    "insufficientPermissions": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "quotaExceeded": "RESOURCE_QUOTA_EXCEEDED",
    "rateLimitExceeded": "RATE_LIMIT_EXCEEDED",
    "userRateLimitExceeded": "RATE_LIMIT_EXCEEDED",
}
"""Reason of the older form of an error -> that of an `ErrorInfo`."""
_ROLES = {  # https://cloud.google.com/iam/docs/understanding-roles; the smallest predefined ones
    "container.clusters.list": "roles/container.clusterViewer",
    "container.clusters.get": "roles/container.clusterViewer",
    "container.clusters.connect": "roles/container.clusterViewer",
    "gkehub.gateway.get": "roles/gkehub.gatewayReader",
    "iam.serviceAccounts.getAccessToken": "roles/iam.serviceAccountTokenCreator",
    "resourcemanager.folders.list": "roles/resourcemanager.folderViewer",
    "resourcemanager.projects.list": "roles/resourcemanager.folderViewer",
    "serviceusage.services.use": "roles/serviceusage.serviceUsageConsumer",
}
