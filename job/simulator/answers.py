"""What an API server answers where it does not serve: each refusal, with its Status in the real server's words."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from job.simulator.continuation import token
from job.simulator.resources import Asked

_NO_SNIFF = {"X-Content-Type-Options": "nosniff"}
_PLAIN_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What goes out, but for faults."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}  # noqa: RUF012 (never changed)


def json_answer(value: Any, code: int = 200) -> Answer:
    """An object."""
    return Answer(code, json.dumps(value, separators=(",", ":")).encode() + b"\n")


def text(body: str, code: int = 200) -> Answer:
    """Plain text, as health is told, and that a group is not served."""
    return Answer(code, body.encode(), _PLAIN_TEXT, _NO_SNIFF)


def indented(given: Answer) -> Answer:
    """The same as a server writes it by hand: `/version`, and refusals of which no negotiated form can be made."""
    if given.content_type != "application/json":
        return given
    return given._replace(body=json.dumps(json.loads(given.body), indent=2).encode())


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


def forbidden(user: str, verb: str, what: Asked) -> Answer:
    """403 for a resource."""
    subject = f'{_qualified(what)} "{what.name}" is forbidden' if what.name else f"{_qualified(what)} is forbidden"
    resource = f"{what.resource}/{what.subresource}" if what.subresource else what.resource
    scope = f'in the namespace "{what.namespace}"' if what.namespace else "at the cluster scope"
    message = f'{subject}: User "{user}" cannot {verb} resource "{resource}" in API group "{what.group}" {scope}'
    return status(403, "Forbidden", message, details=_details(what), headers=_NO_SNIFF)


def forbidden_path(user: str, path: str) -> Answer:
    """403 for a path of no resource."""
    message = f'forbidden: User "{user}" cannot get path "{path}"'
    return status(403, "Forbidden", message, details={}, headers=_NO_SNIFF)


def not_found(what: Asked) -> Answer:
    """404 for an object."""
    return status(404, "NotFound", f'{_qualified(what)} "{what.name}" not found', details=_details(what))


def not_served(*, group: bool) -> Answer:
    """404 for a path: another, where its group is served in some version."""
    if group:
        return status(404, "NotFound", "the server could not find the requested resource", details={})
    return text("404 page not found\n", 404)


def not_supported(verb: str, what: Asked) -> Answer:
    """405."""
    message = f'{verb} is not supported on resources of kind "{_qualified(what)}"'
    return status(405, "MethodNotAllowed", message, details=_details(what._replace(name=None)))


def not_acceptable() -> Answer:
    """406."""
    message = (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )
    return status(406, "NotAcceptable", message, details={})


def expired(after: str) -> Answer:
    """410, with a fresh token that goes on inconsistently."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return status(410, "Expired", message, metadata={"continue": token(None, after)})


def _qualified(what: Asked) -> str:
    return f"{what.resource}.{what.group}" if what.group else what.resource


def _details(what: Asked) -> dict[str, str]:
    told = {"name": what.name, "group": what.group, "kind": what.resource}
    return {key: value for key, value in told.items() if value}
