"""Listing the clusters of a project over REST; whole runs test it over gRPC."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job.config import ApiEndpoints, Config
from job.connect.identity import default_identity
from job.discover.container_api import container_client
from job.discover.projects import ProjectListing, clusters_in

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
    return clusters_in(PROJECT, container_client(config, identity), config.timeouts)


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
