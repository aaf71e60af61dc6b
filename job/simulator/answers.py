"""Errors and other plain answers of an API server, each `Status` in the real server's words."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from job.simulator.continue_tokens import token
from job.simulator.resources import RequestInfo, iam_permission

_NO_SNIFF = {"X-Content-Type-Options": "nosniff"}
_PLAIN_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """An HTTP answer, before faults change it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}  # noqa: RUF012 (never changed)


def json_answer(value: Any, code: int = 200) -> Answer:
    """The value as compact JSON."""
    return Answer(code, json.dumps(value, separators=(",", ":")).encode() + b"\n")


def text(body: str, code: int = 200) -> Answer:
    """Plain text: health checks, and the 404 of a group that is not served."""
    return Answer(code, body.encode(), _PLAIN_TEXT, _NO_SNIFF)


def indented(answer: Answer) -> Answer:
    """The answer as indented JSON: the form of `/version`, and of errors without a negotiated form."""
    if answer.content_type != "application/json":
        return answer
    return answer._replace(body=json.dumps(json.loads(answer.body), indent=2).encode())


def status(
    code: int,
    reason: str,
    message: str,
    *,
    details: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Answer:
    """A `Status`, with its members in the real server's order."""
    body: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata or {},
        "status": "Failure",
        "message": message,
    }
    body |= {"reason": reason} | ({"details": details} if details is not None else {}) | {"code": code}
    return json_answer(body, code)._replace(headers=headers or {})


def forbidden(user: str, verb: str, info: RequestInfo, *, gke: bool = False) -> Answer:
    """403 for a resource; in GKE's words it names the IAM permission that would do, too."""
    subject = f'{_qualified(info)} "{info.name}" is forbidden' if info.name else f"{_qualified(info)} is forbidden"
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    scope = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    message = f'{subject}: User "{user}" cannot {verb} resource "{resource}" in API group "{info.group}" {scope}'
    if gke:
        permission = iam_permission(info.resource, verb)
        message += (
            f': requires one of ["{permission}"] permission(s) in Cloud IAM or a Kubernetes RBAC role with '
            f'verb "{verb}" for resource "{resource}".'
        )
    return status(403, "Forbidden", message, details=_details(info), headers=_NO_SNIFF)


def forbidden_path(user: str, path: str) -> Answer:
    """403 for a non-resource path."""
    message = f'forbidden: User "{user}" cannot get path "{path}"'
    return status(403, "Forbidden", message, details={}, headers=_NO_SNIFF)


def not_found(info: RequestInfo) -> Answer:
    """404 for an object."""
    return status(404, "NotFound", f'{_qualified(info)} "{info.name}" not found', details=_details(info))


def not_served(*, group: bool) -> Answer:
    """404 for a path; its form depends on whether some version of the group is served."""
    if group:
        return status(404, "NotFound", "the server could not find the requested resource", details={})
    return text("404 page not found\n", 404)


def not_supported(verb: str, info: RequestInfo) -> Answer:
    """405."""
    message = f'{verb} is not supported on resources of kind "{_qualified(info)}"'
    return status(405, "MethodNotAllowed", message, details=_details(info._replace(name=None)))


def not_acceptable() -> Answer:
    """406."""
    message = (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )
    return status(406, "NotAcceptable", message, details={})


def expired(after: str) -> Answer:
    """410, with a fresh token that continues inconsistently."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return status(410, "Expired", message, metadata={"continue": token(None, after)})


def _qualified(info: RequestInfo) -> str:
    return f"{info.resource}.{info.group}" if info.group else info.resource


def _details(info: RequestInfo) -> dict[str, str]:
    details = {"name": info.name, "group": info.group, "kind": info.resource}
    return {key: value for key, value in details.items() if value}
