"""Every fault that the simulator plays on the wire, and what a person sees of it, as data.

The tests of this folder run the cases; the README prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from job.kinds import RESOURCES

WEB = "shop-prod/asia-southeast1/web-1"
"""The cluster in which things go wrong."""
PROJECT = "shop-prod"
KINDS = RESOURCES


def fault(kind: str, resource: str = "pods", *, cluster: str = WEB, **options: Any) -> dict[str, Any]:
    """What `Simulator.fault` takes."""
    return {"kind": kind, "cluster": cluster, "resource": resource, **options}


@dataclass(frozen=True)
class Case:
    """Something that goes wrong, and what becomes of what it hits; everything else is as without it."""

    name: str
    """In the README's words; cases that read alike share a row there."""
    faults: tuple[dict[str, Any], ...] = ()
    outcome: str = "ok"
    http_status: int | None = 200
    reason: str | None = None
    hit: tuple[str, ...] = ("pods",)
    """The kinds that come to this; `clusters` where the project's list does."""
    message: str = ""
    """Words of the message."""
    retried: bool = False
    """Whether requests are sent again, or a list is started again."""
    changed: tuple[str, ...] = ()
    """The kinds whose rows are others than without the fault, though they are read."""
    config: dict[str, Any] = field(default_factory=dict)
    timeouts: dict[str, float] = field(default_factory=dict)
    token_lifetime: int = 3600
    unlisted: bool = False
    """Whether the cluster is therefore not read at all."""
    by: str = ""
    """The test that plays it, where that is one of its own."""

    @property
    def exit_code(self) -> int:
        return 0 if self.outcome == "ok" else 3

    @property
    def id(self) -> str:
        told = [f"{key}={value}" for one in self.faults for key, value in one.items() if key in ("kind", "code")]
        return "-".join([self.name.replace(" ", "_"), *told])


QUICK = {"retry_seconds": 1.0}  # where trying again is in vain
IMPATIENT = {"request_seconds": 2.0}  # where an answer never comes


def status(name: str, code: int, outcome: str, reason: str | None, **options: Any) -> Case:
    """A status code for ever; where the server asks to wait longer than there is time, nothing is sent again."""
    played = fault("status", code=code, **options)
    retried, message = "retry_after" not in options, "by the FlowSchema with UID" if code == 429 else ""
    return Case(name, (played,), outcome, code, reason, retried=retried, message=message, timeouts=QUICK)


CASES = (
    # who asks
    Case(
        "401 from the start", (fault("unauthorized", "*"),), "unauthorized", 401, "Unauthorized", KINDS,
        retried=False,
    ),
    Case("401 in mid-run, and a new token can be had", (fault("revoke_tokens", page=2, times=1),), retried=True),
    Case(
        "401 in mid-run, and none can be had",
        (fault("revoke_tokens"), fault("token_invalid_grant", "token", cluster="token", after=1)),
        "unauthorized", 401, "Unauthorized", config={"clusters": {"include": [WEB]}},
    ),
    Case(
        "a token that expires while a long list runs", (fault("delay", page=2, seconds=1),), token_lifetime=2,
    ),
    Case(
        "the token endpoint fails for a while", (fault("token_status", "token", cluster="token", times=1),),
    ),
    Case(
        "the token endpoint fails for a while, when the token has expired", retried=True,
        by="test_a_token_endpoint_that_fails_in_mid_run_is_waited_for",
    ),
    Case("403, on one kind or on all", (fault("forbidden"),), "forbidden", 403, "Forbidden", message="cannot list"),
    Case("403, on one kind or on all", (fault("forbidden", "*"),), "forbidden", 403, "Forbidden", KINDS),
    # what the server answers
    Case("404: the kind is not served", (fault("not_served"),), "not_served", 404, message="page not found"),
    Case("406", (fault("not_acceptable"),), "refused", 406, "NotAcceptable"),
    Case("an aggregated API that is broken, as discovery tells", (fault("broken_api", "discovery"),)),
    *(
        Case("a redirect, which is not followed", (fault("redirect", **form),), "refused", 302)
        for form in ({}, {"to": "https://[::1/"})
    ),
    Case(
        "400, with the token in what is said", (fault("echo_token"),), "refused", 400, "BadRequest",
        message="cannot read the header Authorization: Bearer ...",
    ),
    Case("an interim answer (103)", (fault("interim"),), "refused", 103),
    Case("410 in mid-list, once", (fault("expired_continue", page=2, times=1),), retried=True),
    Case("410 in mid-list, each time", (fault("expired_continue", page=2),), "expired", 410, "Expired", retried=True),
    Case("429 for a while, with or without `Retry-After`", (fault("status", code=429, times=1),), retried=True),
    Case(
        "429 for a while, with or without `Retry-After`",
        (fault("status", code=429, times=1, retry_after=2),), retried=True,
    ),
    Case(
        "429 for a while, with or without `Retry-After`",
        (fault("status", code=429, times=1, retry_date=3),), retried=True,
    ),
    status("429 for ever", 429, "throttled", "TooManyRequests"),
    status("429 for ever", 429, "throttled", "TooManyRequests", retry_after=30),
    *(
        Case("500, 502, 503 or 504 for a while", (fault("status", code=code, times=2),), retried=True)
        for code in (500, 502, 503, 504)
    ),
    status("500 for ever", 500, "server_error", "InternalError"),
    status("502 for ever, from a proxy", 502, "server_error", None),
    status("503 for ever", 503, "server_error", "ServiceUnavailable"),
    status("504 for ever, from a proxy", 504, "server_error", None),
    # the way there
    Case(
        "connection refused", (fault("refuse", "*"),), "unreachable", None, "ConnectionRefused", KINDS,
        message="refused", timeouts=QUICK,
    ),
    Case("connection cut in mid-body, once", (fault("reset", page=2, times=1),), retried=True),
    Case(
        "connection cut in mid-body, each time", (fault("reset"),), "unreachable", None, "ConnectionBroken",
        retried=True, timeouts=QUICK,
    ),
    Case("no answer, once", (fault("hang", times=1),), retried=True, timeouts=IMPATIENT),
    Case("no answer, once", (fault("hang", "version", times=1),), timeouts=IMPATIENT, hit=()),
    Case(
        "no answer, each time or to anything", (fault("hang"),), "timed_out", None, "ReadTimeout", retried=True,
        timeouts=IMPATIENT,
    ),
    Case(
        "no answer, each time or to anything", (fault("hang", "*"),), "timed_out", None, "ReadTimeout", KINDS,
        message="no answer within 2 s", timeouts=IMPATIENT,
    ),
    Case(
        "no TLS handshake", (fault("hang_tls", "*"),), "timed_out", None, "ConnectTimeout", KINDS,
        message="no TLS handshake within the connect timeout", timeouts={"connect_seconds": 2.0},
    ),
    Case(
        "one byte a second", (fault("slow"),), "timed_out", 200, "ReadTimeout", message="too slowly", retried=True,
        timeouts=IMPATIENT,
    ),
    Case(
        "one byte a second, from the headers on", (fault("slow", headers=1),), "timed_out", None, "ReadTimeout",
        message="no answer within 2 s", retried=True, timeouts=IMPATIENT,
    ),
    *(
        Case(
            "a certificate of an unknown CA, for another host, or expired", (fault(kind, "*"),), "unreachable", None,
            "Certificate", KINDS, message=words,
        )
        for kind, words in (
            ("tls_unknown_ca", "unable to get local issuer certificate"),
            ("tls_wrong_host", "certificate is not valid for '127.0.0.1'"),
            ("tls_expired", "certificate has expired"),
        )
    ),
    Case(
        "the endpoint's name cannot be resolved", (fault("unresolvable", "clusters"),), "unreachable", None,
        "NameResolution", KINDS, message="name cannot be resolved", timeouts=QUICK, changed=("clusters",),
    ),
    Case(
        "the CA certificate that GKE tells is none", (fault("bad_ca", "clusters"),), "unreachable", None, "TLS", KINDS,
        timeouts=QUICK,
    ),
    # what is in the answer
    Case("a gzip stream that breaks off, once", (fault("truncate_gzip", times=1),), retried=True),
    Case(
        "a gzip stream that breaks off, each time", (fault("truncate_gzip"),), "invalid", 200, retried=True,
        timeouts=QUICK,
    ),
    Case(
        "an answer that is not packed as it says", (fault("corrupt_gzip"),), "invalid", 200, retried=True,
        message="cannot be unpacked", timeouts=QUICK,
    ),
    Case(
        "a chunk of negative length", (fault("bad_chunk"),), "invalid", None, retried=True,
        message="not HTTP as it should be", timeouts=QUICK,
    ),
    Case("a Content-Length that is too small, once", (fault("desync", times=1),), retried=True),
    Case("two continue tokens in one answer", (fault("two_tokens", page=1),), "invalid", 200, message="two continue"),
    Case(
        "a list of another kind", (fault("wrong_kind"),), "invalid", 200,
        message="the answer is of kind EndpointsList, not PodList",
    ),
    Case(
        "no continue token, though there is more", (fault("untold_rest", page=1),), "invalid", 200,
        message="more objects, but not how to read them",
    ),
    Case("JSON that breaks off, once", (fault("invalid_json", page=2, times=1),), retried=True),
    Case(
        "JSON that breaks off, each time", (fault("invalid_json"),), "invalid", 200, retried=True,
        message="not JSON", timeouts=QUICK,
    ),
    Case("`null` where a list belongs: an empty list", (fault("null_items"),), changed=("pods",)),
    Case("`null` where a list belongs: an empty list", (fault("null_lists"),), changed=("pods",)),
    Case(
        "a number where a text belongs, in one object", (fault("wrong_type", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    Case(
        "a time without an offset, or no name, in one object", (fault("naive_time", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    Case(
        "a time without an offset, or no name, in one object", (fault("nameless", page=1),), "partial", 200,
        message="1 objects could not be decoded: page item 0", changed=("pods",),
    ),
    Case(
        "a byte that is not UTF-8, in one object", (fault("invalid_utf8", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    Case(
        "lists nested 100,000 deep", (fault("deep"),), "invalid", 200, retried=True, timeouts=QUICK,
    ),
    Case("fields that nobody knows", (fault("unknown_fields", "*"),)),
    Case("kinds that nobody knows", (fault("unknown_kind"),), changed=("pods",)),
    Case(
        "a continue token that repeats itself", (fault("repeat_continue"),), "invalid", 200, message="again and again",
        retried=True,
    ),
    Case(
        "a continue token that repeats itself", (fault("repeat_continue", tokens=3),), "invalid", 200,
        message="again and again", retried=True,
    ),
    Case("an object of 20 MB", (fault("big_object", bytes=20 << 20, page=1),)),
    Case(
        "an object that becomes a row of more than 32 MiB", (fault("big_object", bytes=40 << 20, label=1, page=1),),
        "partial", 200, message="1 objects could not be decoded, or are too large: ", changed=("pods",),
        timeouts={"request_seconds": 60.0},
    ),
    Case(
        "a number that is too large, in one object", (fault("many_restarts", page=1),), "partial", 200,
        message="1 objects could not be decoded: ", changed=("pods",),
    ),
    *(
        Case(
            "a page of more than 96 MiB", (fault("big_page", bytes=200_000_000, **form),), "invalid", 200, "TooLarge",
            message="larger than 96 MiB; a lower page_limit", timeouts={"request_seconds": 60.0},
        )
        for form in ({}, {"told": 1}, {"gzip": 1})
    ),
    Case("an object that comes twice", by="test_no_object_has_two_rows_in_one_snapshot"),
    Case(
        "a cluster that is deleted once it has been listed", outcome="unreachable", http_status=None,
        reason="ConnectionRefused", by="test_a_cluster_that_is_deleted_meanwhile_is_unreachable_and_then_gone",
    ),
    Case("two clusters of one name in two locations", by="test_two_clusters_of_one_name_are_two_clusters"),
    # the GKE API
    Case(
        "a cluster that the GKE API describes in a way that cannot be decoded", (fault("bad_time", "clusters"),),
        "partial", hit=("clusters",), message="asia-southeast1/web-1 could not be decoded", unlisted=True,
    ),
    Case(
        "the GKE API is unavailable for a while",
        (fault("gke_unavailable", "clusters", cluster=PROJECT, times=2),), retried=True, hit=("clusters",),
    ),
    Case(
        "the GKE API is unavailable for ever", (fault("gke_unavailable", "clusters", cluster=PROJECT),), "unreachable",
        503, "ServiceUnavailable", ("clusters",), retried=True, timeouts=QUICK, unlisted=True,
    ),
    Case(
        "the GKE API does not answer", (fault("hang", "clusters", cluster=PROJECT),), "timed_out", 504,
        "DeadlineExceeded", ("clusters",), timeouts=IMPATIENT | QUICK, unlisted=True,
    ),
    Case(
        "no permission in the project", (fault("gke_denied", "clusters", cluster=PROJECT),), "forbidden", 403,
        "IAM_PERMISSION_DENIED", ("clusters",), message="grant container.clusters.list", unlisted=True,
    ),
    Case(
        "the GKE API is not enabled", (fault("gke_disabled", "clusters", cluster=PROJECT),), "disabled", 403,
        "SERVICE_DISABLED", ("clusters",), message="gcloud services enable container.googleapis.com",
        unlisted=True,
    ),
    Case(
        "a project that does not exist", (fault("gke_not_found", "clusters", cluster=PROJECT),), "not_found", 404,
        "NotFound", ("clusters",), message="check the project id", unlisted=True,
    ),
    Case(
        "zones that GKE cannot ask", (fault("missing_zones", "clusters", cluster=PROJECT, zones="us-east1-d"),),
        "partial", 200, "MissingZones", ("clusters",), message="us-east1-d",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """Something that ends or shakes a whole run."""

    name: str
    exit_code: int
    told: str
    """Words of what is written to stderr; none where the run goes on."""
    by: str
    """The test that plays it."""


ENDINGS = {
    ending.by: ending
    for ending in (
        Ending("the token endpoint fails for ever", 2, "no access token", "test_no_token_at_all"),
        Ending("the login has expired", 2, "Token has been expired or revoked", "test_an_expired_login"),
        Ending(
            "the disk of the temporary folder is full", 2, "cannot write rows to a temporary file",
            "test_a_full_temporary_folder",
        ),
        Ending("the disk of the DuckDB file is full", 2, "nothing was written", "test_a_full_disk_under_the_sink"),
        Ending(
            "the folder of the DuckDB file is gone once all is read", 2, "cannot be opened",
            "test_an_output_folder_that_goes_away",
        ),
        Ending(
            "another program keeps the DuckDB file open for longer than `sink_seconds`", 2,
            "close the program that has it open", "test_a_file_that_stays_locked",
        ),
        Ending("two runs at once on one DuckDB file: one waits", 0, "", "test_two_runs_at_once"),
        Ending(
            "SIGTERM, with some clusters read: those are committed, and the others recorded as `stopped`", 143,
            "stopped by SIGTERM; 2 of 3 clusters were complete, and are committed",
            "test_sigterm_with_clusters_complete",
        ),
        Ending("SIGTERM before a cluster is complete", 143, "stopped by SIGTERM; nothing was written", "test_sigterm"),
        Ending("Ctrl-C", 130, "interrupted; nothing was written", "test_ctrl_c_once"),
        Ending("Ctrl-C twice: at once", 130, "", "test_ctrl_c_twice"),
        Ending(
            "SIGTSTP, all connections lost, SIGCONT: the run goes on", 0, "", "test_a_migration_of_the_machine",
        ),
    )
}  # fmt: skip


def table_of_cases() -> str:
    """What stands in the README."""
    lines = ["| what goes wrong | outcome | HTTP | reason | exit code |", "| --- | --- | --- | --- | --- |"]
    for case in CASES:
        outcome = f"`{case.outcome}`" + (", after another try" if case.retried and case.outcome == "ok" else "")
        reason = f"`{case.reason}`" if case.reason else ""
        line = f"| {case.name} | {outcome} | {case.http_status or ''} | {reason} | {case.exit_code} |"
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def table_of_endings() -> str:
    """What stands below it."""
    lines = ["| what goes wrong | exit code | what is told |", "| --- | --- | --- |"]
    for ending in ENDINGS.values():
        lines.append(f"| {ending.name} | {ending.exit_code} | {ending.told} |")
    return "\n".join(lines)
