"""What a refused request says, whoever refuses it: Kubernetes, Google, or a layer in front."""

from __future__ import annotations

import json
import re
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.reasons import REASONS
from job.collect.refusals import response_failure

ROOT = Path(__file__).parents[2]

PAGE = """<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error {code} ({phrase})!!1</title>
  <p><b>{code}.</b> <ins>That’s an error.</ins>
  <p>Your client does not have permission to get URL <code>/version</code> from this server.  <ins>That’s all we know.</ins>
"""  # noqa: E501, RUF001 (as Google sends it)
KUBERNETES = {"X-Kubernetes-Pf-Flowschema-Uid": "2315fa64"}


def refused(status: int, body: str | bytes | dict[str, Any] | list[Any], **options: Any) -> ReadFailure:
    if isinstance(body, dict | list):
        body = json.dumps(body)
    text = body.encode() if isinstance(body, str) else body
    headers = options.pop("headers", {})
    return response_failure(status, headers, memoryview(text), options.pop("token", "a-token"), **options)


def google(status: str, message: str, reason: str | None = None, /, **metadata: str) -> dict[str, Any]:
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    return {"error": {"code": 403, "message": message, "status": status, "details": [detail] if reason else []}}


def older(reason: str) -> dict[str, Any]:
    """https://cloud.google.com/storage/docs/json_api/v1/status-codes"""
    text = "In the older form."
    one = {"domain": "usageLimits", "reason": reason, "message": text}
    return {"error": {"code": 403, "message": text, "errors": [one]}}


def kubernetes(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


@pytest.mark.parametrize(
    ("body", "outcome", "reason", "words"),
    [
        pytest.param(
            google(
                "PERMISSION_DENIED", "Permission 'container.clusters.connect' denied (or it may not exist).",
                "IAM_PERMISSION_DENIED", permission="container.clusters.connect",
                resource="//container.googleapis.com/projects/p/locations/l/clusters/c",
            ),
            "forbidden", "IamPermissionMissing",
            "grant container.clusters.connect on projects/p/locations/l/clusters/c, for instance with "
            "roles/container.clusterViewer",
            id="a permission in ErrorInfo",
        ),
        pytest.param(
            google("PERMISSION_DENIED", 'Required "container.clusters.connect" permission(s) for "projects/p".'),
            "forbidden", "IamPermissionMissing", "grant container.clusters.connect on the project",
            id="a permission in the text alone",
        ),
        pytest.param(
            google("PERMISSION_DENIED", "Missing permissions: gkehub.gateway.get."),
            "forbidden", "IamPermissionMissing", "for instance with roles/gkehub.gatewayReader", id="a gateway",
        ),
        pytest.param(
            google(
                "PERMISSION_DENIED", "Kubernetes Engine API has not been used in project 123 before or it is disabled.",
                "SERVICE_DISABLED", consumer="projects/123456789012", service="container.googleapis.com",
            ),
            "disabled", "ApiDisabled",
            "`gcloud services enable container.googleapis.com --project 123456789012`", id="an API that is off",
        ),
        pytest.param(
            google("PERMISSION_DENIED", "The Gateway API has not been used in project 77 before or it is disabled."),
            "disabled", "ApiDisabled", "--project 77`", id="an API that is off, by its text",
        ),
        pytest.param(
            [google("PERMISSION_DENIED", "", "SERVICE_DISABLED", consumer="projects/8", service="x.googleapis.com")],
            "disabled", "ApiDisabled", "`gcloud services enable x.googleapis.com --project 8`", id="a list of errors",
        ),
        pytest.param(
            google("PERMISSION_DENIED", "Billing is off.", "BILLING_DISABLED", consumer="projects/9"),
            "forbidden", "BillingDisabled", "enable billing for 9", id="billing",
        ),
        pytest.param(
            google(
                "PERMISSION_DENIED",
                "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: x1",
            ),
            "forbidden", "VpcServiceControls", "x1; allow this identity in an ingress rule", id="a service perimeter",
        ),
        pytest.param(
            google("PERMISSION_DENIED", "Request had insufficient authentication scopes."),
            "forbidden", "TokenScopeMissing", "https://www.googleapis.com/auth/cloud-platform", id="scopes",
        ),
        *(
            pytest.param(older(reason), outcome, word, words, id=f"{reason}, in the older form")
            for reason, outcome, word, words in (
                ("rateLimitExceeded", "throttled", "QuotaExceeded", "or run less often"),
                ("userRateLimitExceeded", "throttled", "QuotaExceeded", "or run less often"),
                ("quotaExceeded", "throttled", "QuotaExceeded", "raise the quota"),
                ("accessNotConfigured", "disabled", "ApiDisabled", "`gcloud services enable"),
                ("forbidden", "forbidden", None, "In the older form"),
            )
        ),
        pytest.param(
            google("PERMISSION_DENIED", "No.", "SOMETHING_NEW"), "forbidden", "SOMETHING_NEW", "No", id="a new word",
        ),
        pytest.param(
            google("PERMISSION_DENIED", "The caller does not have permission"), "forbidden", "PERMISSION_DENIED",
            "The caller does not have permission", id="no cause",
        ),
        pytest.param(
            {"error": {"message": "No.", "status": "PERMISSION_DENIED", "details": [7, {"@type": 5}, {"reason": []}]}},
            "forbidden", "PERMISSION_DENIED", "No", id="details of odd types",
        ),
    ],
)  # fmt: skip
def test_google_says_what_to_grant_or_enable(body: Any, outcome: str, reason: str, words: str) -> None:
    cause = refused(403, body).cause
    assert (cause.outcome, cause.reason, cause.http_status) == (outcome, reason, 403)
    assert words in str(cause.message)


def test_a_quota_passes_with_time_whatever_the_status() -> None:
    assert refused(403, older("rateLimitExceeded"), headers={"Retry-After": "7"}).retry_after == 7
    assert refused(403, older("forbidden")).retry_after is None


def test_googles_page_at_the_dns_endpoint_means_that_external_traffic_is_off() -> None:
    page = PAGE.format(code=403, phrase="Forbidden")
    cause = refused(403, page, by_google=True).cause
    assert (cause.outcome, cause.reason) == ("forbidden", "ExternalTrafficDisabled")
    assert "--enable-dns-access" in str(cause.message)
    elsewhere = refused(403, page).cause  # an IP address is not behind Google's frontend
    assert (elsewhere.outcome, elsewhere.reason) == ("forbidden", "GoogleFrontend")
    plainer = "<html><head><title>403 Forbidden</title></head><body><h1>Error: Forbidden</h1>"
    plainer += (
        "<h2>Your client does not have permission to get URL <code>/api</code> from this server.</h2></body></html>"
    )
    assert refused(403, plainer, by_google=True).cause.reason == "ExternalTrafficDisabled"
    proxy = refused(403, "<html><title>Access denied</title></html>", by_google=True).cause
    assert proxy.reason == "Intermediary"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, "unauthorized"), (404, "not_found"), (429, "throttled"), (500, "server_error"), (502, "server_error"),
     (503, "server_error"), (407, "refused"), (451, "refused")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (PAGE.format(code=499, phrase="Some Words"), "GoogleFrontend", "API server: Error 499 (Some Words)"),
        ("<!doctype html><HTML><TITLE>Blocked\n by &lt;b&gt; policy</TITLE>", "Intermediary", ": Blocked by b> policy"),
        ("<html><body><h1>Denied <i>here</i></h1></body></html>", "Intermediary", ": Denied here"),
        ("upstream connect error or disconnect/reset before headers\n", "Intermediary", ": upstream connect error"),
        ("<title>502 Server Error</title><h1>Error: Server Error</h1>", "GoogleFrontend", "502 Server Error"),
        ("\ufeff \r\n RBAC: access denied", "Intermediary", ": RBAC: access denied"),
        ({"code": 16, "message": "no healthy upstream"}, "Intermediary", ": no healthy upstream"),
        ({"error": "invalid_grant", "error_description": "who are you"}, "Intermediary", ": who are you"),
        ('{"kind": "Status", "message": "cut in the', "Intermediary", "in place of the API server with "),
        ("", "Intermediary", "in place of the API server with "),
        (b"\xff\xfe\x00\x1b[31mred", "Intermediary", "[31mred"),
    ],
)  # fmt: skip
def test_a_layer_in_front_is_told_from_kubernetes(
    status: int, outcome: str, body: Any, reason: str, words: str
) -> None:
    cause = refused(status, body).cause
    assert (cause.outcome, cause.reason, cause.http_status) == (outcome, reason, status)
    assert words in str(cause.message)
    assert "<" not in str(cause.message)
    assert "\x1b" not in str(cause.message)


def test_rbac_names_user_verb_resource_and_both_ways_to_grant_it() -> None:
    said = (
        'pods is forbidden: User "job@p.iam.gserviceaccount.com" cannot list resource "pods" in API group "" at the '
        'cluster scope: requires one of ["container.pods.list"] permission(s) in Cloud IAM or a Kubernetes RBAC role '
        'with verb "list" for resource "pods".'
    )
    cause = refused(403, kubernetes(403, "Forbidden", said), headers=KUBERNETES).cause
    assert (cause.outcome, cause.reason) == ("forbidden", "Rbac")
    assert cause.message == (
        'pods is forbidden: User "job@p.iam.gserviceaccount.com" cannot list resource "pods" in API group "" at the '
        "cluster scope; grant the IAM permission container.pods.list on the project, or bind a ClusterRole with verb "
        '"list" for resource "pods" to the user'
    )
    plain = said.partition(": requires")[0]
    odd = plain.replace("job@", 'a\\"b' + "x" * 400)
    assert refused(403, kubernetes(403, "Forbidden", odd)).cause.reason == "Rbac"
    assert "or bind a ClusterRole" in str(refused(403, kubernetes(403, "Forbidden", plain)).cause.message)
    anonymous = plain.replace("job@p.iam.gserviceaccount.com", "system:anonymous")
    assert "no proxy removes" in str(refused(403, kubernetes(403, "Forbidden", anonymous)).cause.message)
    other = refused(403, kubernetes(403, "Forbidden", "exceeded quota")).cause  # not by RBAC
    assert (other.reason, other.message) == ("Forbidden", "exceeded quota")


def test_kubernetes_own_words_stay() -> None:
    assert refused(401, kubernetes(401, "Unauthorized", "Unauthorized")).cause[2] == "Unauthorized"
    assert refused(404, "404 page not found\n").cause == ("not_served", "404 page not found ".strip(), None, 404)
    assert refused(404, kubernetes(404, "NotFound", "no such resource")).cause[0] == "not_served"
    busy = refused(429, "Too many requests, please try again later.\n", headers=KUBERNETES).cause
    assert (busy.outcome, busy.reason) == ("throttled", None)
    audited = refused(503, "service unavailable\n", headers={"Audit-Id": "1"}).cause
    assert (audited.outcome, audited.reason, audited.message) == ("server_error", None, "service unavailable")


def test_reason_and_message_are_cut_to_a_line() -> None:
    failure = refused(409, kubernetes(409, "R\x00" + "r" * 100_000, "a\x1bb" + "m" * 100_000))
    assert (failure.cause.reason, failure.cause.message) == ("R " + "r" * 98, "a b" + "m" * 297)
    assert len(str(refused(403, google("PERMISSION_DENIED", "m" * 100_000)))) == 300
    assert len(str(refused(403, "t" * 100_000))) < 500
    assert len(str(refused(403, "<title>" + "t" * 100_000))) < 500


TOKEN = "abc.CANARY~/+=x"


@pytest.mark.parametrize(
    "body",
    [
        kubernetes(400, TOKEN, f"Bearer {TOKEN}"),
        google("PERMISSION_DENIED", f"x {TOKEN}", TOKEN, permission=TOKEN, resource=TOKEN),
        f"x {TOKEN}",
        f"<html><title>Authorization: Bearer {TOKEN}</title>",
        {"message": TOKEN},
        "x" * 290 + TOKEN,  # cut in its middle
        "authorization: bearer abc.CANA",  # cut by the server
        "x ya29.CANARY-other",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 410, 503])
def test_a_repeated_token_is_removed(body: Any, status: int) -> None:
    try:
        cause = refused(status, body, token=TOKEN).cause
    except ContinueTokenExpired as error:
        cause = ReadFailure("expired", str(error)).cause
    assert "CANA" not in f"{cause.reason} {cause.message}"
    assert "abc." not in f"{cause.reason} {cause.message}"


@pytest.mark.parametrize("text", ["9" * 5000, "Mon, 01 Jan 99999 00:00:00 GMT", "soon", "-1", ""])
def test_an_unusable_retry_after_is_no_wait(text: str) -> None:
    assert refused(429, "", headers={"Retry-After": text}).retry_after == 0.0


def test_a_wait_in_the_header_or_in_the_body_is_kept() -> None:
    assert refused(503, "", headers={"Retry-After": "7"}).retry_after == 7.0
    date = formatdate(time.time() + 20, usegmt=True)
    assert 10 < (refused(429, "", headers={"Retry-After": date}).retry_after or 0) <= 20
    limited = google("RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED", consumer="projects/5")
    limited["error"]["details"].append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.5s"})
    failure = refused(429, limited)
    assert (failure.retry_after, failure.cause.reason) == (3.5, "QuotaExceeded")
    assert "of 5" in str(failure)
    assert refused(403, limited).retry_after == 3.5
    denied = google("PERMISSION_DENIED", "No.")
    denied["error"]["details"] = limited["error"]["details"][1:]
    assert refused(403, denied).retry_after is None


def test_every_reason_of_ours_is_in_the_reference() -> None:
    folders = [ROOT / "job" / layer for layer in ("collect", "connect", "discover")]
    source = "\n".join(path.read_text() for folder in folders for path in sorted(folder.glob("*.py")))
    used = re.findall(r'reason(?:"?: |=)"([A-Z][A-Za-z]+)"|_Refusal\(\s*"([A-Z]\w+)"|: \("([A-Z]\w+)", _', source)
    words = {word for found in used for word in found if word}
    words = {word for word in words if word == "TLS" or not word.isupper()}  # Google's own codes are in capitals
    assert len(words) > 20
    assert words <= set(REASONS), words - set(REASONS)
