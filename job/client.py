"""The Kubernetes client of a cluster, by the cluster's name: for other programs, and for `show`."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from job.collect.api_reader import ApiReader
from job.collect.contact import Attempts, Greeting
from job.collect.deadlines import Deadline
from job.collect.failures import ReadFailure
from job.collect.throttle import Throttle
from job.config import Config, Timeouts, load_config
from job.connect.connect_gateway import gateway_endpoint
from job.connect.endpoints import Endpoint, choose_endpoints
from job.connect.identity import Identity, configured_identity
from job.connect.kubernetes import connect
from job.connect.reachability import Reachability
from job.discover.container_api import container_client
from job.discover.memberships import memberships_in
from job.discover.projects import clusters_in
from job.errors import InventoryError, NotFoundError
from job.waiting import waiting_for
from job.wire import gke
from job.wire.gke_hub import PREFIX

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


def kubernetes_client(
    project_id: str, location: str, cluster: str, *, config: Config | None = None, identity: Identity | None = None
) -> ApiClient:
    """An official Kubernetes client for a GKE cluster, from Application Default Credentials alone.

    Needs neither kubeconfig nor gcloud: the endpoint and the CA certificate come from the GKE API and stay in memory.
    The client refreshes its token, so it can be kept for any time. Threads may share it.

        from kubernetes.client import CoreV1Api
        CoreV1Api(kubernetes_client("shop-prod", "europe-west1", "web")).read_namespace("kube-system")

    Args:
        project_id: the project's id.
        location: region or zone.
        cluster: the cluster's name; of an attached one, `membership:` and the name of its membership.
        config: for `endpoints`, of which it takes the first that answers, `timeouts` and `api_endpoints`; without it,
            that of `load_config()`.
        identity: lets several clients share one token; without it, the client has its own.

    Raises:
        CredentialsError: there are no usable credentials.
        NotFoundError: the project has no such cluster.
        InventoryError: the project's clusters cannot be listed, the cluster has no usable endpoint, or of
            several none answers.
    """
    config = config or load_config()
    identity = (identity or configured_identity(config)).of(project_id)
    identity.token()
    if cluster.startswith(PREFIX):
        own = identity
        listing = memberships_in(project_id, lambda: own, config)
    else:
        with container_client(config, identity) as container:
            listing = clusters_in(project_id, lambda: container, config.timeouts)
    name = f"{project_id}/{location}/{cluster}"
    for found in listing.clusters:
        if (found.location, found.name) == (location, cluster):
            gateway = gateway_endpoint(found, identity.universe_domain, config.api_endpoints.connectgateway)
            return _answering(found, choose_endpoints(found, config.endpoints, gateway), name, config, identity)
    if listing.collection.outcome not in ("ok", "partial"):
        raise InventoryError(
            f"{name}: cannot list the clusters of {project_id}: "
            f"{listing.collection.outcome}: {listing.collection.message}"
        )
    there = [f"{project_id}/{found}" for found in listing.collection.listed_clusters]
    close = difflib.get_close_matches(name, there, n=1)
    hint = f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(there) or 'none'}"
    zones = listing.collection.message
    raise NotFoundError(f"{name}: no such cluster{hint}" + (f" ({zones})" if zones else ""))


def _answering(
    cluster: gke.Cluster, endpoints: Sequence[Endpoint], name: str, config: Config, identity: Identity
) -> ApiClient:
    """The client of the first endpoint that answers, as in a run; an only one is not asked.

    Raises:
        InventoryError: none answers.
    """
    if len(endpoints) == 1:
        return connect(cluster, endpoints[0], identity)
    timeouts, stop = msgspec.structs.replace(config.timeouts, retry_seconds=0.0), threading.Event()
    seconds = timeouts.cluster_seconds
    deadline = Deadline(monotonic() + seconds, "ClusterTimeout", f"the cluster did not answer within {seconds:g} s")

    def greeting(client: ApiClient, endpoint: Endpoint, timeouts: Timeouts) -> Greeting:
        by_google = endpoint.is_google_frontend
        return Greeting(ApiReader(client, identity, timeouts, stop, Throttle(), by_google=by_google), deadline)

    attempts = Attempts(
        partial(connect, cluster, identity=identity), greeting, timeouts, Reachability(), stop, deadline
    )
    with ExitStack() as opened, waiting_for(f"{name} to answer", timeouts.connect_seconds):
        try:
            _, client, _ = attempts.first_that_answers(cluster, endpoints, opened, lambda _: None)
        except ReadFailure as error:
            raise InventoryError(f"{name}: {error.cause.outcome}: {error}") from error
        opened.pop_all()
        return client
