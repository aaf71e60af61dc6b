"""Listing the clusters of a project over REST; whole runs test it over gRPC."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from google.api_core import exceptions
from google.api_core.exceptions import DataLoss, Unknown
from google.rpc import error_details_pb2
from ports import closed_port, forwarding
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job.config import ApiEndpoints, Config, Timeouts
from job.connect.identity import default_identity
from job.discover import retries
from job.discover.container_api import container_client
from job.discover.failures import failure_columns
from job.discover.projects import ProjectListing, clusters_in, list_projects
from job.discover.retries import retried

LISTED = {
    "clusters": [
        {
            "name": CLUSTER,
            "location": LOCATION,
            "status": "RUNNING",
            "endpoint": "127.0.0.1:6443",
            "currentNodeCount": 3,
            "createTime": "2026-01-02T03:04:05+00:00",
            "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": "x.gke.goog"}},
            "fieldOfNextYear": {"deep": True},
        }
    ],
    "missingZones": ["us-east1-d"],
}


def refused(status: str, code: int, message: str, reason: str | None = None) -> dict[str, Any]:
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    return {"error": {"code": code, "message": message, "status": status, "details": [detail] if reason else []}}


@contextmanager
def rest_api(status: int, body: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A GKE API over REST with one answer: its URL, and the path and Authorization of each request."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append((self.path.partition("?")[0], self.headers.get("Authorization", "")))
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listed(replay: Replay, url: str) -> ProjectListing:
    config = Config(projects=(PROJECT,), api_endpoints=ApiEndpoints(container=url, oauth2=replay.token_uri))
    identity = default_identity(replay.token_uri)
    return clusters_in(PROJECT, lambda: container_client(config, identity), config.timeouts)


def test_a_rest_api_gives_the_same_clusters(replay: Replay) -> None:
    with rest_api(200, LISTED) as (url, asked):
        listing = listed(replay, url)
    assert asked == [(f"/v1/projects/{PROJECT}/locations/-/clusters", f"Bearer {replay.tokens[-1]}")]
    (cluster,) = listing.clusters
    assert (cluster.name, cluster.status, cluster.endpoint, cluster.current_node_count) == (
        CLUSTER, "RUNNING", "127.0.0.1:6443", 3,
    )  # fmt: skip
    assert (listing.collection.outcome, listing.collection.missing_zones) == ("partial", ("us-east1-d",))


def test_a_malformed_cluster_costs_no_other(replay: Replay) -> None:
    odd = {"name": "odd", "location": "us-east1", "createTime": "yesterday"}
    with rest_api(200, {"clusters": [odd, *LISTED["clusters"]]}) as (url, _):
        listing = listed(replay, url)
    assert [cluster.name for cluster in listing.clusters] == [CLUSTER]
    collection = listing.collection
    assert (collection.outcome, collection.unreadable, collection.unreadable_objects) == (
        "partial",
        ("us-east1/odd",),
        1,
    )
    assert collection.listed_clusters == (
        f"{LOCATION}/{CLUSTER}",
        "us-east1/odd",
    )  # it exists: it must not look deleted


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (403, refused("PERMISSION_DENIED", 403, "denied"), ("forbidden", 403, "PERMISSION_DENIED")),
        (403, refused("PERMISSION_DENIED", 403, "off", "SERVICE_DISABLED"), ("disabled", 403, "ApiDisabled")),
        (404, refused("NOT_FOUND", 404, "no such project"), ("not_found", 404, "NOT_FOUND")),
        (401, refused("UNAUTHENTICATED", 401, "who?"), ("unauthorized", 401, "UNAUTHENTICATED")),
    ],
)
def test_a_refusal_is_the_outcome_of_the_project(
    replay: Replay, status: int, body: dict[str, Any], outcome: tuple[str, int, str]
) -> None:
    with rest_api(status, body) as (url, _):
        collection = listed(replay, url).collection
    assert (collection.outcome, collection.http_status, collection.reason) == outcome
    assert msgspec.json.encode(collection)


def test_a_disabled_api_names_the_project_that_google_names(replay: Replay) -> None:
    body = refused("PERMISSION_DENIED", 403, "off", "SERVICE_DISABLED")
    body["error"]["details"][0]["metadata"] = {"consumer": "projects/42", "service": "container.googleapis.com"}
    with rest_api(403, body) as (url, _):
        collection = listed(replay, url).collection
    assert (collection.outcome, collection.reason) == ("disabled", "ApiDisabled")
    assert "`gcloud services enable container.googleapis.com --project 42`" in str(collection.message)


def grpc_config(replay: Replay, port: int, retry_seconds: float) -> Config:
    endpoints = ApiEndpoints(container=f"grpc://127.0.0.1:{port}", oauth2=replay.token_uri)
    return Config(projects=(PROJECT,), api_endpoints=endpoints, timeouts=Timeouts(retry_seconds=retry_seconds))


def test_a_gke_api_that_comes_back_in_time_is_read(replay: Replay) -> None:
    target = ("127.0.0.1", int(replay.container.rpartition(":")[2]))
    with forwarding(target, after=4.0) as port:
        (listing,) = list_projects(grpc_config(replay, port, 60.0), default_identity(replay.token_uri), "")
    assert listing.collection.outcome == "ok"
    assert listing.collection.retries >= 1
    assert listing.collection.waited_seconds > 1.0


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_an_unreachable_gke_api_is_not_waited_for_by_each_project(replay: Replay, scheme: str) -> None:
    projects = tuple(f"project-{number}" for number in range(80))
    with closed_port() as port:
        endpoints = ApiEndpoints(container=f"{scheme}://127.0.0.1:{port}", oauth2=replay.token_uri)
        config = Config(projects=projects, api_endpoints=endpoints, timeouts=Timeouts(retry_seconds=3.0))
        began = time.monotonic()
        listings = list_projects(config, default_identity(replay.token_uri), "")
    assert {(each.collection.outcome, each.collection.reason) for each in listings} == {("unreachable", "UNAVAILABLE")}
    assert time.monotonic() - began < 15.0  # eight at a time, for three seconds each: 30 s
    assert sum(each.collection.retries == 0 for each in listings) >= 60


class Clock:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("asked", [0, 5, 59, 600])
def test_the_last_call_is_at_the_end_whatever_google_asks_for(asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = Clock(), []
    monkeypatch.setattr(retries, "time", clock)
    info = error_details_pb2.RetryInfo(retry_delay={"seconds": asked})

    def call() -> None:
        calls.append(clock.now)
        raise exceptions.ServiceUnavailable("no", details=[info])

    answer = retries.retried(call, 60.0)
    assert isinstance(answer.error, exceptions.ServiceUnavailable)
    assert calls[-1] == pytest.approx(60.0)
    assert calls[1] >= min(asked, 60)
    assert answer.waited_seconds == pytest.approx(60.0)
    assert len(calls) == answer.retries + 1 < 20


def test_a_stream_that_breaks_is_tried_again_and_says_nothing_of_credentials() -> None:
    broken = [Unknown("Stream removed"), DataLoss("cut"), None]

    def call() -> str:
        if error := broken.pop(0):
            raise error
        return "read"

    answer = retried(call, 60.0)
    assert (answer.result, answer.retries) == ("read", 2)
    found = failure_columns(Unknown("Stream removed"))
    assert (found["outcome"], found["http_status"], found["reason"]) == ("server_error", None, "UNKNOWN")
    assert "Credentials" not in found["message"]
