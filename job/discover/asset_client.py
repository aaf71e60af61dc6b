"""The client of Cloud Asset Inventory, which only a run that asks it imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from job.config import Config
from job.connect.identity import Identity
from job.discover.api_client import api_client, check_api

if TYPE_CHECKING:
    from google.cloud.asset_v1 import AssetServiceClient

_KEY = "cloudasset"


def asset_client(config: Config, identity: Identity) -> AssetServiceClient:
    """A client that sends the identity's token to Cloud Asset Inventory, or to `api_endpoints.cloudasset`.

    Raises:
        ConfigError: the endpoint would get tokens without TLS.
    """
    address = config.api_endpoints.cloudasset
    check_api(_KEY, address)
    from google.cloud.asset_v1 import AssetServiceClient
    from google.cloud.asset_v1.services.asset_service.transports import AssetServiceGrpcTransport

    return api_client(AssetServiceClient, AssetServiceGrpcTransport, _KEY, address, identity)
