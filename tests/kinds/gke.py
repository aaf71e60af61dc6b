"""From a cluster of the GKE API to its rows as the spool writes them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from google.cloud import container_v1
from google.protobuf.json_format import MessageToDict
from kinds.objects import Rows, as_spooled

from job.kinds.clusters import cluster_rows
from job.wire import gke

NAMED = {"name": "c", "location": "europe-west1"}


def rows(cluster: dict[str, Any]) -> Rows:
    """The rows of a cluster, by way of the client library's own message."""
    return of_message(container_v1.Cluster.from_json(json.dumps(NAMED | cluster)))


def of_message(message: container_v1.Cluster) -> Rows:
    """The rows of a message."""
    decoded = MessageToDict(container_v1.Cluster.pb(message))
    return as_spooled(list(cluster_rows(msgspec.convert(decoded, gke.Cluster, strict=False))))


def a_cluster(**fields: Any) -> dict[str, Any]:
    """The cluster's row."""
    (row,) = rows(fields)["clusters"]
    return row


def a_pool(**fields: Any) -> dict[str, Any]:
    """The node pool's row."""
    (row,) = rows({"nodePools": [{"name": "p"} | fields]})["node_pools"]
    return row
