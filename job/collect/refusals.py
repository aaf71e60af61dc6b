"""Why a server refuses a request: its `Status`, or the words of a layer in front of it."""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple

from job.collect.failures import ContinueTokenExpired, ReadFailure, retry_after
from job.connect.google_errors import OUTCOMES, refusal
from job.printable import printable, said, without_tokens
from job.tables import Outcome
from job.wire import meta
from job.wire.decoders import decoder
from job.wire.rpc import google_error

_MAX_TEXT_BYTES = 4096  # read of an error that is no JSON: its first words say what happened
_OUTCOMES: dict[int, Outcome] = {401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "throttled"}


class _Refusal(NamedTuple):
    reason: str
    message: str
    retry_after: float = 0.0
    outcome: Outcome | None = None
    """None where the HTTP status decides."""


def response_failure(
    status: int, headers: Any, body: memoryview, token: str, *, by_google: bool = False
) -> ReadFailure:
    """The failure that a response with another status than 200 means.

    A Kubernetes API server answers with a `Status`. Anything else comes from a layer in front of it: Google's frontend,
    which answers before Kubernetes does, a proxy, a load balancer or a firewall.

    Args:
        token: the bearer token of the request, which some servers repeat.
        by_google: Google's frontend serves the endpoint, as it does the DNS endpoint.

    Raises:
        ContinueTokenExpired: the status is 410.
    """
    if token and token.encode() in bytes(body):
        body = memoryview(bytes(body).replace(token.encode(), b"..."))
    own = _of_kubernetes(status, headers, body)
    found = own or _of_google(status, body) or _of_a_layer_in_front(status, headers, body, by_google=by_google)
    message = printable(without_tokens(found.message, [token]), 700) or f"HTTP status {status}"
    if status == 410:
        raise ContinueTokenExpired(message)
    outcome = found.outcome or _OUTCOMES.get(status, "server_error" if status >= 500 else "refused")
    may_pass = outcome == "throttled" or status >= 500
    return ReadFailure(
        outcome,
        message,
        reason=printable(without_tokens(found.reason, [token]), 100) or None,
        http_status=status,
        retry_after=max(retry_after(headers), found.retry_after) if may_pass else None,
        is_in_front=own is None,
    )


def _of_kubernetes(status: int, headers: Any, body: memoryview) -> _Refusal | None:
    """What a `Status` says, or the plain text of an API server; None where neither is there."""
    try:
        answer = _STATUS.decode(body)
    except meta.NOT_DECODABLE:
        answer = meta.Status()
    if answer.kind == "Status":
        reason, message = answer.reason or "", said(answer.message or "")
    elif text := _plain_text(headers, body):
        reason, message = "", said(text)
    else:
        return None
    if status == 401:
        advice = "the API server does not accept the token: check the Application Default Credentials"
        return _Refusal(reason, _joined(message, advice))
    if status == 403 and reason == "Forbidden" and (found := _RBAC.search(answer.message or "")):
        return _Refusal(
            "Rbac", _joined(message.partition(": requires one of ")[0], _grant(answer.message or "", found))
        )
    if status == 429 and (flow := headers.get("X-Kubernetes-PF-FlowSchema-UID")):
        # https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#diagnostics
        message += f" (by the FlowSchema with UID {printable(flow, 36)})"
    return _Refusal(reason, message, outcome="not_served" if status == 404 else None)


def _grant(message: str, denied: re.Match[str]) -> str:
    """Both ways to permit it: GKE asks IAM and RBAC, and either is enough.

    https://cloud.google.com/kubernetes-engine/docs/how-to/iam#interaction_with_iam. GKE names the permission.
    """
    user, verb, resource = denied["user"], denied["verb"], denied["resource"]
    if user == "system:anonymous":
        return "the request arrived without its token: check that no proxy removes the header Authorization"
    named = _IAM.search(message)
    in_iam = f"grant the IAM permission {named[1]} on the project" if named else "grant the permission in IAM"
    return f'{in_iam}, or bind a ClusterRole with verb "{verb}" for resource "{resource}" to the user'


def _plain_text(headers: Any, body: memoryview) -> str:
    """The text of an API server that is no `Status`, as for a group that is not served.

    An audit id or a FlowSchema shows that an API server sent it: the latter is in every answer after authentication.
    https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Event
    """
    text = _text(body)
    is_its_own = text.startswith("404 page not found") or "Audit-Id" in headers or _FLOW in headers
    return text if is_its_own and not text.startswith(("<", "{", "[")) else ""


def _of_google(status: int, body: memoryview) -> _Refusal | None:
    """What a `google.rpc.Status` says."""
    error = google_error(body)
    if error is None:
        return None
    advice = "check the Application Default Credentials" if status == 401 else ""
    reason, message = refusal(error, default_advice=advice)
    return _Refusal(reason, message, error.retry_delay, OUTCOMES.get(reason))


def _of_a_layer_in_front(status: int, headers: Any, body: memoryview, *, by_google: bool) -> _Refusal:
    text = _text(body)
    is_html = text.startswith("<") or "html" in headers.get("Content-Type", "")
    if is_html and _GOOGLES_PAGE.search(text):
        if status == 403 and by_google:
            return _Refusal("ExternalTrafficDisabled", _EXTERNAL_TRAFFIC)
        words = _title(text).partition("!!")[0]
        return _Refusal("GoogleFrontend", f"Google's frontend answers in place of the API server: {said(words)}")
    try:
        found = _PROXY.decode(body)
        text = found.message or found.error_description or ""
    except meta.NOT_DECODABLE:
        text = _title(text) if is_html else "" if text.startswith(("{", "[")) else text
    quoted = f": {said(text).rstrip('. ')}" if text else f" with {status}"
    message = f"a proxy, load balancer or firewall answers in place of the API server{quoted}"
    if status < 500 and status != 429:
        message += "; let it pass requests to the endpoint, or use another `endpoint`"
    return _Refusal("Intermediary", message)


def not_json(body: memoryview) -> ReadFailure:
    """The failure that a response with the status 200 means which is not JSON, such as the login page of a network."""
    text, reason = "the response is not JSON", None
    if _text(body).startswith("<"):
        text, reason = "a web page came in place of a list: a proxy or a network's login answers", "Intermediary"
    return ReadFailure("invalid", text, reason=reason, http_status=200, retry_after=0.0)


def _text(body: memoryview) -> str:
    return bytes(body[:_MAX_TEXT_BYTES]).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")


def _title(page: str) -> str:
    """The title of an HTML page, else its first heading, without tags."""
    found = _TITLE.search(page) or _HEADING.search(page)
    return " ".join(html.unescape(_TAG.sub(" ", found[1])).replace("<", " ").split()) if found else ""


def _joined(message: str, advice: str) -> str:
    return f"{message.rstrip('. ')}; {advice}" if message else advice


class _ProxyError(meta.Wire, frozen=True, rename=None):
    message: str | None = None
    error_description: str | None = None


_STATUS, _PROXY = decoder(meta.Status), decoder(_ProxyError)
_FLOW = "X-Kubernetes-Pf-Flowschema-Uid"
_RBAC = re.compile(
    r'User "(?P<user>(?:[^"\\]|\\.){0,2000})" cannot (?P<verb>[a-z]+) (?:resource|path) "(?P<resource>[^"]{1,200})"'
)
_IAM = re.compile(r'requires one of \["([A-Za-z.]{1,100})"')
_TITLE = re.compile(r"(?is)<title[^>]*>(.{1,300}?)</title>")
_HEADING = re.compile(r"(?is)<h[12][^>]*>(.{1,300}?)</h[12]>")
_TAG = re.compile(r"<[^>]*>")
# "Error 403 (Forbidden)!!1", and the plainer page of Google's load balancers
_GOOGLES_PAGE = re.compile(
    r"Error \d{3} \([^)]{1,60}\)!!|does not have permission to get URL <code>|<ins>That.s all we know"
    r"|<h1>Error: Server Error</h1>"
)
# https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation#dns-based_endpoint
_EXTERNAL_TRAFFIC = (
    "the DNS endpoint refuses traffic from outside its VPC network; run `gcloud container clusters update "
    "--enable-dns-access` for the cluster, run the job in the VPC network, or use another `endpoint`"
)
