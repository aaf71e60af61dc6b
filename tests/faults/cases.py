"""Every fault that the simulator can play, and its result in the tables, as data.

The tests of this folder run the cases; config/reference/faults.md lists them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from declared import SOME_KINDS

WEB = "shop-prod/asia-southeast1/web-1"
"""The cluster that the faults hit."""
PROJECT = "shop-prod"
KINDS = tuple(kind for kind, is_on in SOME_KINDS.items() if is_on)


def fault(kind: str, resource: str = "pods", *, cluster: str = WEB, **options: Any) -> dict[str, Any]:
    """The arguments of `Simulator.fault`."""
    return {"kind": kind, "cluster": cluster, "resource": resource, **options}


@dataclass(frozen=True)
class Case:
    """A fault and the result for what it hits. Everything else must be as it is without the fault."""

    name: str
    """As the reference has it; cases with the same name and result share a row there."""
    faults: tuple[dict[str, Any], ...] = ()
    outcome: str = "ok"
    http_status: int | None = 200
    reason: str | None = None
    hit: tuple[str, ...] = ("pods",)
    """The kinds with this outcome; `clusters` is the project's list."""
    message: str = ""
    """Part of the message."""
    retried: bool = False
    """Whether a request is retried, or a list restarted."""
    changed: tuple[str, ...] = ()
    """The kinds that are read, but whose rows differ from those without the fault."""
    config: dict[str, Any] = field(default_factory=dict)
    timeouts: dict[str, float] = field(default_factory=dict)
    token_lifetime: int = 3600
    unlisted: bool = False
    """Whether the cluster is not read at all."""
    by: str = ""
    """The test that plays it, if the case has a test of its own."""

    @property
    def exit_code(self) -> int:
        return 0 if self.outcome == "ok" else 3

    @property
    def id(self) -> str:
        played = [f"{key}={value}" for one in self.faults for key, value in one.items() if key in ("kind", "code")]
        return "-".join([self.name.replace(" ", "_"), *played])


QUICK = {"retry_seconds": 1.0}  # if no retry can help
IMPATIENT = {"request_seconds": 2.0}  # if no response ever comes


def status(name: str, code: int, outcome: str, reason: str | None, **options: Any) -> Case:
    """A status code on every request. A `Retry-After` beyond the end is cut to it."""
    played = fault("status", code=code, **options)
    message = "by the FlowSchema with UID" if code == 429 else ""
    return Case(name, (played,), outcome, code, reason, retried=True, message=message, timeouts=QUICK)


def in_front(name: str, code: int, outcome: str, cause: str, message: str, form: str, /, **options: Any) -> Case:
    """A layer in front of the API server answers every request for pods."""
    played = fault("in_front", code=code, form=form, **options)
    retried = code in (401, 429) or code >= 500  # 401: with a new token
    return Case(name, (played,), outcome, code, cause, retried=retried, message=message, timeouts=QUICK)


CASES = (
    # credentials and permissions
    Case(
        "401 from the first request", (fault("unauthorized", "*"),), "unauthorized", 401, "Unauthorized", KINDS,
        retried=False,
    ),
    Case("401 in mid-run; a new token is available", (fault("revoke_tokens", page=2, times=1),), retried=True),
    Case(
        "401 in mid-run; no new token is available",
        (fault("revoke_tokens"), fault("token_invalid_grant", "token", cluster="token", after=1)),
        "unauthorized", 401, "Unauthorized", config={"clusters": {"include": [WEB]}},
    ),
    Case(
        "a token that expires during a long list", (fault("delay", page=2, seconds=1),), token_lifetime=2,
    ),
    Case(
        "the token endpoint fails temporarily", (fault("token_status", "token", cluster="token", times=1),),
    ),
    Case(
        "the token endpoint fails temporarily, after the token has expired", retried=True,
        by="test_a_token_endpoint_that_fails_in_mid_run_is_waited_for",
    ),
    Case("403 for one kind, or for all", (fault("forbidden"),), "forbidden", 403, "Rbac", message="cannot list"),
    Case("403 for one kind, or for all", (fault("forbidden", "*"),), "forbidden", 403, "Rbac", KINDS),
    Case(
        "403 for one kind, or for all", (fault("forbidden", gke=1),), "forbidden", 403, "Rbac",
        message="grant the IAM permission container.pods.list on the project, or bind a ClusterRole",
    ),
    # refusals by a layer in front of the API server
    Case(
        "403 at a DNS endpoint that admits no external traffic", outcome="forbidden", http_status=403,
        reason="ExternalTrafficDisabled", by="test_a_dns_endpoint_without_external_traffic",
    ),
    in_front(
        "403 by Google: an IAM permission is missing", 403, "forbidden", "IamPermissionMissing",
        "grant container.clusters.connect on the project", "google_json", reason="IAM_PERMISSION_DENIED",
        permission="container.clusters.connect",
    ),
    in_front(
        "403 by Google: an API is not enabled", 403, "disabled", "ApiDisabled", "--project 123456789012`",
        "google_json", reason="SERVICE_DISABLED", consumer="projects/123456789012",
    ),
    *(
        in_front(
            "401, 403 or 404 by a proxy, load balancer or firewall", code, outcome, "Intermediary",
            "a proxy, load balancer or firewall answers", form, echo=1,
        )
        for code, outcome in ((401, "unauthorized"), (403, "forbidden"), (404, "not_found"))
        for form in ("text", "page", "json")
    ),
    *(
        in_front("401 or 404 by Google's frontend", code, outcome, "GoogleFrontend", f"Error {code}", "google_page")
        for code, outcome in ((401, "unauthorized"), (404, "not_found"))
    ),
    in_front(
        "429 permanently, by Google", 429, "throttled", "QuotaExceeded", "raise the quota", "google_json",
        reason="RATE_LIMIT_EXCEEDED", retry_delay=30,
    ),
    in_front(
        "502 permanently, by Google's frontend", 502, "server_error", "GoogleFrontend", "Error 502", "google_page",
    ),
    in_front("503 permanently, by a load balancer", 503, "server_error", "Intermediary", "by policy", "text"),
    # statuses of the API server
    Case("404: the kind is not served", (fault("not_served"),), "not_served", 404, message="page not found"),
    Case(
        "404: Gateways or HTTPRoutes are not served", (fault("not_served", "gateways"),), "ok", 404, "NotServed",
        ("gateways",), message="does not serve gateways", changed=("gateways",),
    ),
    Case("406", (fault("not_acceptable"),), "refused", 406, "NotAcceptable"),
    Case("a broken aggregated API in the discovery document", (fault("broken_api", "discovery"),)),
    Case(
        "custom resources that are served no more", (fault("absent_group", "discovery", group="argoproj.io"),),
    ),
    *(
        Case("a redirect, which is not followed", (fault("redirect", **form),), "refused", 302, "Intermediary")
        for form in ({}, {"to": "https://[::1/"})
    ),
    Case(
        "400 with the token in the message", (fault("echo_token"),), "refused", 400, "BadRequest",
        message="cannot read the header Authorization: Bearer ...",
    ),
    Case("an interim response (103)", (fault("interim"),), "refused", 103, "Intermediary"),
    Case("410 in mid-list, once", (fault("expired_continue", page=2, times=1),), retried=True),
    Case("410 in mid-list, every time", (fault("expired_continue", page=2),), "expired", 410, "Expired", retried=True),
    Case("429 temporarily, with or without `Retry-After`", (fault("status", code=429, times=1),), retried=True),
    Case(
        "429 temporarily, with or without `Retry-After`",
        (fault("status", code=429, times=1, retry_after=2),), retried=True,
    ),
    Case(
        "429 temporarily, with or without `Retry-After`",
        (fault("status", code=429, times=1, retry_date=3),), retried=True,
    ),
    Case(
        "429 temporarily, with a `Retry-After` beyond `retry_seconds`",
        (fault("status", code=429, times=1, retry_after=30),), retried=True, timeouts=QUICK,
    ),
    status("429 permanently", 429, "throttled", "TooManyRequests"),
    status("429 permanently", 429, "throttled", "TooManyRequests", retry_after=30),
    *(
        Case("500, 502, 503 or 504 temporarily", (fault("status", code=code, times=2),), retried=True)
        for code in (500, 502, 503, 504)
    ),
    status("500 permanently", 500, "server_error", "InternalError"),
    status("502 permanently, from a proxy", 502, "server_error", "Intermediary"),
    status("503 permanently", 503, "server_error", "ServiceUnavailable"),
    status("504 permanently, from a proxy", 504, "server_error", "Intermediary"),
    # the connection
    Case(
        "connection refused", (fault("refuse", "*"),), "unreachable", None, "ConnectionRefused", KINDS,
        message="refused", timeouts=QUICK,
    ),
    Case("connection broken in mid-body, once", (fault("reset", page=2, times=1),), retried=True),
    Case(
        "connection broken in mid-body, every time", (fault("reset"),), "unreachable", None, "ConnectionBroken",
        retried=True, timeouts=QUICK,
    ),
    Case("no response, once", (fault("hang", times=1),), retried=True, timeouts=IMPATIENT),
    Case("no response, once", (fault("hang", "version", times=1),), timeouts=IMPATIENT, hit=()),
    Case(
        "no response, every time", (fault("hang"),), "timed_out", None, "ReadTimeout", retried=True,
        timeouts=IMPATIENT,
    ),
    Case(
        "no response, every time", (fault("hang", "*"),), "timed_out", None, "ReadTimeout", KINDS,
        message="no response within 2 s", timeouts=IMPATIENT,
    ),
    Case(
        "no TLS handshake", (fault("hang_tls", "*"),), "timed_out", None, "ConnectTimeout", KINDS,
        message="no TLS handshake within the connect timeout", timeouts={"connect_seconds": 2.0} | QUICK,
    ),
    Case(
        "no connection at first: the control plane is back within `retry_seconds`", retried=True,
        by="test_a_cluster_that_is_back_within_the_retry_time_is_read",
    ),
    Case(
        "a body of one byte a second", (fault("slow"),), "timed_out", 200, "ReadTimeout", message="too slowly",
        retried=True, timeouts=IMPATIENT,
    ),
    Case(
        "headers of one byte a second", (fault("slow", headers=1),), "timed_out", None, "ReadTimeout",
        message="no response within 2 s", retried=True, timeouts=IMPATIENT,
    ),
    *(
        Case(
            "a certificate from an unknown CA, for another host, or expired", (fault(kind, "*"),), "unreachable", None,
            "Certificate", KINDS, message=words,
        )
        for kind, words in (
            ("tls_unknown_ca", "unable to get local issuer certificate"),
            ("tls_wrong_host", "certificate is not valid for '127.0.0.1'"),
            ("tls_expired", "certificate has expired"),
        )
    ),
    Case("a CA and a certificate in the forms of older clusters", (fault("tls_old_forms", "*"),)),
    Case(
        "the endpoint's name cannot be resolved", (fault("unresolvable", "clusters"),), "unreachable", None,
        "NameResolution", KINDS, message="name cannot be resolved", timeouts=QUICK, changed=("clusters",),
    ),
    Case(
        "an invalid CA certificate from the GKE API", (fault("bad_ca", "clusters"),), "unreachable", None, "TLS", KINDS,
        timeouts=QUICK,
    ),
    # the content of the response
    Case("a truncated gzip stream, once", (fault("truncate_gzip", times=1),), retried=True),
    Case(
        "a truncated gzip stream, every time", (fault("truncate_gzip"),), "invalid", 200, retried=True,
        timeouts=QUICK,
    ),
    Case(
        "a body that does not match its Content-Encoding", (fault("corrupt_gzip"),), "invalid", 200, retried=True,
        message="cannot be decompressed", timeouts=QUICK,
    ),
    *(
        Case(
            "gzip with a wrong checksum or with more data after it, or an encoding that was not requested",
            (fault(kind),), "invalid", 200, retried=True, message="cannot be decompressed", timeouts=QUICK,
        )
        for kind in ("gzip_checksum", "gzip_trailer", "wrong_encoding")
    ),
    Case("several gzip members in one response: read as one", (fault("gzip_members"),)),
    Case(
        "a chunk with a negative length", (fault("bad_chunk"),), "invalid", None, retried=True,
        message="malformed HTTP", timeouts=QUICK,
    ),
    Case("a Content-Length that is too small, once", (fault("desync", times=1),), retried=True),
    Case("two continue tokens in one response", (fault("two_tokens", page=1),), "invalid", 200, message="two continue"),
    Case(
        "a list of another kind", (fault("wrong_kind"),), "invalid", 200,
        message="the response is of kind EndpointsList, not PodList",
    ),
    Case(
        "no continue token, although objects remain", (fault("missing_continue", page=1),), "invalid", 200,
        message="more objects remain",
    ),
    Case("truncated JSON, once", (fault("invalid_json", page=2, times=1),), retried=True),
    Case(
        "truncated JSON, every time", (fault("invalid_json"),), "invalid", 200, retried=True,
        message="not JSON", timeouts=QUICK,
    ),
    Case("`null` in place of a list: read as an empty list", (fault("null_items"),), changed=("pods",)),
    Case("`null` in place of a list: read as an empty list", (fault("null_lists"),), changed=("pods",)),
    Case(
        "a number in place of a string, in one object", (fault("wrong_type", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    Case(
        "a time without a UTC offset, or no name, in one object", (fault("naive_time", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    Case(
        "a time without a UTC offset, or no name, in one object", (fault("nameless", page=1),), "partial", 200,
        message="1 objects could not be decoded: page item 0", changed=("pods",),
    ),
    Case(
        "invalid UTF-8 in one object", (fault("invalid_utf8", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    Case(
        "lists nested 100,000 deep", (fault("deep"),), "invalid", 200, retried=True, timeouts=QUICK,
    ),
    Case("unknown fields", (fault("unknown_fields", "*"),)),
    Case("unknown kinds", (fault("unknown_kind"),), changed=("pods",)),
    Case(
        "a continue token that repeats", (fault("repeat_continue"),), "invalid", 200,
        message="repeats a continue token", retried=True,
    ),
    Case(
        "a continue token that repeats", (fault("repeat_continue", tokens=3),), "invalid", 200,
        message="repeats a continue token", retried=True,
    ),
    Case("an object of 20 MB", (fault("big_object", bytes=20 << 20, page=1),)),
    Case(
        "an object whose row is larger than 32 MiB", (fault("big_object", bytes=40 << 20, label=1, page=1),),
        "partial", 200, message="1 objects could not be decoded, or are too large: ", changed=("pods",),
        timeouts={"request_seconds": 60.0},
    ),
    Case(
        "a number out of range, in one object", (fault("many_restarts", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    *(
        Case(
            "a page larger than 96 MiB, at every `page_limit`", (fault("big_page", bytes=200_000_000, **form),),
            "invalid", 200, "TooLarge", message="larger than 96 MiB", retried=True,
            timeouts={"request_seconds": 60.0},
        )
        for form in ({}, {"content_length": 1}, {"gzip": 1})
    ),
    Case(
        "a page larger than 96 MiB, once: read in smaller pages", (fault("big_page", bytes=200_000_000, times=1),),
        retried=True, timeouts={"request_seconds": 60.0},
    ),
    Case(
        "an object larger than 96 MiB", (fault("big_object", bytes=97 << 20, page=1),), "partial", 200,
        message="1 objects could not be decoded, or are too large: ", retried=True, changed=("pods",),
        timeouts={"request_seconds": 60.0},
    ),
    Case("an object listed twice", by="test_no_object_has_two_rows_in_one_snapshot"),
    Case(
        "a cluster deleted after it was listed", outcome="unreachable", http_status=None,
        reason="ConnectionRefused", by="test_a_cluster_that_is_deleted_meanwhile_is_unreachable_and_then_gone",
    ),
    Case("two clusters with one name in two locations", by="test_two_clusters_of_one_name_are_two_clusters"),
    # the GKE API
    Case(
        "a cluster that cannot be decoded, in the GKE API's response", (fault("bad_time", "clusters"),),
        "partial", hit=("clusters",), message="asia-southeast1/web-1 could not be decoded", unlisted=True,
    ),
    Case(
        "the GKE API is unavailable temporarily",
        (fault("gke_unavailable", "clusters", cluster=PROJECT, times=2),), retried=True, hit=("clusters",),
    ),
    Case(
        "the GKE API is unavailable permanently", (fault("gke_unavailable", "clusters", cluster=PROJECT),),
        "unreachable", 503, "UNAVAILABLE", ("clusters",), retried=True, timeouts=QUICK, unlisted=True,
    ),
    Case(
        "the GKE API does not respond", (fault("hang", "clusters", cluster=PROJECT),), "timed_out", 504,
        "DEADLINE_EXCEEDED", ("clusters",), timeouts=IMPATIENT | QUICK, unlisted=True,
    ),
    Case(
        "no permission to list the project's clusters", (fault("gke_denied", "clusters", cluster=PROJECT),),
        "forbidden", 403, "IamPermissionMissing", ("clusters",), message="grant container.clusters.list",
        unlisted=True,
    ),
    Case(
        "no permission to get the clusters, once they are listed: their support and upgrades alone are not read",
        (fault("gke_denied", "upgrade_info"),), "forbidden", 403, "IamPermissionMissing", ("upgrade_info",),
        by="test_a_missing_permission_costs_the_upgrade_info_alone_and_is_asked_for_again",
    ),
    Case(
        "no answer of the GKE API about support and upgrades by the end of `cluster_seconds`",
        (fault("hang", "upgrade_info"),), "timed_out", None, "ClusterTimeout", ("upgrade_info",),
        by="test_a_gke_api_that_never_answers_holds_up_no_list_and_ends_with_its_cluster",
    ),
    Case(
        "the GKE API is not enabled", (fault("gke_disabled", "clusters", cluster=PROJECT),), "disabled", 403,
        "ApiDisabled", ("clusters",), unlisted=True,
        message=f"gcloud services enable container.googleapis.com --project {PROJECT}`",
    ),
    Case(
        "no permission to list the projects or folders in a folder", (), "forbidden", 403, "IamPermissionMissing",
        ("projects",), by="test_a_folder_that_cannot_be_listed_is_a_gap_and_nothing_below_it_looks_deleted",
    ),
    Case(
        "the Cloud Asset API is not enabled, with `cloud_asset_inventory: true`",
        (fault("asset_disabled", "cloud_asset_inventory", cluster="*"),), "disabled", 403, "ApiDisabled",
        ("cloud_asset_inventory",), by="test_a_refusal_costs_a_run_nothing_unless_it_has_asked_for_the_witness",
    ),
    Case(
        "the GKE API is not enabled in the project of the service account",
        (fault("gke_disabled", "clusters", cluster=PROJECT, consumer="123456789012"),), "disabled", 403,
        "ApiDisabled", ("clusters",), unlisted=True,
        message="gcloud services enable container.googleapis.com --project 123456789012`",
    ),
    Case(
        "a project that does not exist", (fault("gke_not_found", "clusters", cluster=PROJECT),), "not_found", 404,
        "NOT_FOUND", ("clusters",), message="check the project id", unlisted=True,
    ),
    Case(
        "zones that GKE could not list", (fault("missing_zones", "clusters", cluster=PROJECT, zones="us-east1-d"),),
        "partial", 200, "MissingZones", ("clusters",), message="us-east1-d",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """Something that ends or disturbs a whole run."""

    name: str
    exit_code: int
    stderr: str
    """Part of the message on stderr; empty if the run goes on."""
    by: str
    """The test that plays it."""


ENDINGS = {
    ending.by: ending
    for ending in (
        Ending("the token endpoint fails permanently", 2, "no access token", "test_no_token_at_all"),
        Ending("the login has expired", 2, "Token has been expired or revoked", "test_an_expired_login"),
        Ending(
            "no glob of `clusters.include` matches a cluster", 2, "matches no cluster of the configured projects",
            "test_clusters_that_are_not_there",
        ),
        Ending("no cluster is selected", 3, "no cluster is selected", "test_an_empty_selection"),
        Ending(
            "the disk of the temporary folder is full", 2, "cannot write rows to a temporary file",
            "test_a_full_temporary_folder",
        ),
        Ending("the disk of the DuckDB file is full", 2, "nothing was written", "test_a_full_disk_under_the_sink"),
        Ending(
            "the folder of the DuckDB file is deleted during the run", 2, "cannot write in",
            "test_an_output_folder_that_goes_away",
        ),
        Ending(
            "another program keeps the DuckDB file open longer than `sink_seconds`", 2,
            "close the program that has it open", "test_a_file_that_stays_locked",
        ),
        Ending("two runs at once on one DuckDB file: one waits for the other", 0, "", "test_two_runs_at_once"),
        Ending(
            "SIGTERM after some clusters are complete: they are committed, the others are recorded as `stopped`", 143,
            "stopped by SIGTERM; 2 of 3 clusters were complete, and are committed",
            "test_sigterm_with_clusters_complete",
        ),
        Ending(
            "SIGTERM before any cluster is complete",
            143,
            "stopped by SIGTERM; no snapshot was written",
            "test_sigterm",
        ),
        Ending("Ctrl-C", 130, "interrupted; no snapshot was written", "test_ctrl_c_once"),
        Ending("Ctrl-C twice: exits at once", 130, "", "test_ctrl_c_twice"),
        Ending(
            "SIGTSTP, all connections lost, SIGCONT: the run goes on", 0, "", "test_a_migration_of_the_machine",
        ),
    )
}  # fmt: skip


def table_of_cases() -> str:
    """The faults, for config/reference/faults.md."""
    lines = ["| fault | outcome | HTTP | reason | exit code |", "| --- | --- | --- | --- | --- |"]
    for case in CASES:
        outcome = f"`{case.outcome}`" + (", after a retry" if case.retried and case.outcome == "ok" else "")
        reason = f"`{case.reason}`" if case.reason else ""
        line = f"| {case.name} | {outcome} | {case.http_status or ''} | {reason} | {case.exit_code} |"
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def table_of_endings() -> str:
    """The endings, for config/reference/faults.md."""
    lines = ["| event | exit code | message |", "| --- | --- | --- |"]
    for ending in ENDINGS.values():
        lines.append(f"| {ending.name} | {ending.exit_code} | {ending.stderr} |")
    return "\n".join(lines)
