"""The client of the GKE API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from job.config import Config
from job.connect.identity import Identity
from job.discover.api_client import api_client, check_api

if TYPE_CHECKING:
    from google.cloud.container_v1 import ClusterManagerClient


def container_client(config: Config, identity: Identity) -> ClusterManagerClient:
    """A client that sends the identity's token to the GKE API, or to `api_endpoints.container`.

    Raises:
        ConfigError: the endpoint would get tokens without TLS.
    """
    address = config.api_endpoints.container
    check_api("container", address)
    from google.cloud.container_v1 import ClusterManagerClient
    from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerGrpcTransport

    return api_client(ClusterManagerClient, ClusterManagerGrpcTransport, "container", address, identity)
