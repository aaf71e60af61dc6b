"""Requests without TLS: never through a proxy, which would read their token.

They go to this machine alone (`job.config_checks.check_endpoint`), and to the metadata server on the link of this
machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from google.auth.transport.requests import Request


def send_plain_directly(session: Session) -> None:
    """Lets the session use the environment's proxies for HTTPS alone: requests sends even loopback through them."""
    session.mount("http://", _DirectAdapter())


def token_request() -> Request:
    """What credentials request tokens with. It follows no redirect: a login or a signed request goes along."""
    from google.auth.transport.requests import Request

    session = Session()
    session.max_redirects = 0
    session.mount("http://", _TokenAdapter())
    return Request(session)


class _DirectAdapter(HTTPAdapter):
    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        return super().send(request, *arguments, **options | {"proxies": {}})


class _TokenAdapter(_DirectAdapter):
    """Names the type of a response that does not: google-auth reads no metadata server that leaves it out."""

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        response = super().send(request, *arguments, **options)
        if "Content-Type" not in response.headers:
            is_json = response.content.lstrip()[:1] in (b"{", b"[")
            response.headers["Content-Type"] = "application/json" if is_json else "text/plain"
        return response
