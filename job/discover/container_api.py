"""The client of the GKE API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


class ContainerClients:
    """The clients of the GKE API for any project: one for each identity, which threads share."""

    def __init__(self, config: Config, identity: Identity, opened: ExitStack) -> None:
        self._config, self._identity, self._opened = config, identity, opened
        self._lock = threading.Lock()
        self._clients: dict[Identity, ClusterManagerClient] = {}

    def of(self, project_id: str) -> ClusterManagerClient:
        """The client that sends the token of the project's identity.

        Raises:
            CredentialsError: that identity gets no token.
        """
        identity = self._identity.of(project_id)
        if identity is not self._identity:
            identity.token()
        return self.client_of(identity)

    def client_of(self, identity: Identity) -> ClusterManagerClient:
        """The client that sends this identity's token."""
        with self._lock:
            if identity not in self._clients:
                self._clients[identity] = self._opened.enter_context(container_client(self._config, identity))
            return self._clients[identity]


@contextmanager
def container_clients(config: Config, identity: Identity) -> Iterator[ContainerClients]:
    """The clients inside the context.

    Raises:
        ConfigError: `api_endpoints.container` would get tokens without TLS.
        CredentialsError: the universe of the identity is not known.
    """
    with ExitStack() as opened:
        clients = ContainerClients(config, identity, opened)
        clients.client_of(identity)
        yield clients
