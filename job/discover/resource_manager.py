"""The clients of Resource Manager, which only a run of folders or organizations imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from job.config import Config
from job.connect.identity import Identity
from job.discover.api_client import api_client, check_api

if TYPE_CHECKING:
    from google.cloud.resourcemanager_v3 import FoldersClient, ProjectsClient

_KEY = "cloudresourcemanager"


def resource_manager_clients(config: Config, identity: Identity) -> tuple[FoldersClient, ProjectsClient]:
    """Clients that send the identity's token to Resource Manager, or to `api_endpoints.cloudresourcemanager`.

    Raises:
        ConfigError: the endpoint would get tokens without TLS.
    """
    address = config.api_endpoints.cloudresourcemanager
    check_api(_KEY, address)
    from google.cloud.resourcemanager_v3 import FoldersClient, ProjectsClient
    from google.cloud.resourcemanager_v3.services.folders.transports import FoldersGrpcTransport
    from google.cloud.resourcemanager_v3.services.projects.transports import ProjectsGrpcTransport

    folders = api_client(FoldersClient, FoldersGrpcTransport, _KEY, address, identity)
    return folders, api_client(ProjectsClient, ProjectsGrpcTransport, _KEY, address, identity)
