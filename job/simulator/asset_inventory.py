"""Serves Cloud Asset Inventory's search for clusters, over gRPC and over REST, from the same messages.

It knows the clusters of the fleet, unless a test makes it lag or lie.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.json_format import MessageToDict

from job.simulator.api_refusal import ApiRefusedError, abort, over_rest
from job.simulator.faults import ASSETS, Faults
from job.simulator.fleet import Fleet
from job.simulator.gke import message
from job.simulator.hierarchy import Hierarchy
from job.simulator.identity import Identity

_KINDS = ASSETS | {"hang", "delay"}
_METHOD = "/google.cloud.asset.v1.AssetService/SearchAllResources"
_DOMAIN = "cloudasset.googleapis.com"
_CLUSTER = "container.googleapis.com/Cluster"
_RESOURCE = "cloud_asset_inventory"
_MAX_PAGE = 3  # servers may return fewer than a request asks for
_HOST_PROJECT = "700000000001"


@dataclass
class Assets:
    """How Cloud Asset Inventory differs from the fleet."""

    known: tuple[str, ...] = ()
    """`project/location/name` of clusters that it knows besides: deleted ones, or some that never were."""
    unknown: tuple[str, ...] = ()
    """Those that it does not know yet."""


class AssetInventory(grpc.GenericRpcHandler):
    """Serves `SearchAllResources`."""

    def __init__(self, fleet: Fleet, identity: Identity, faults: Faults, log: list[dict[str, Any]]) -> None:
        self._fleet, self._identity, self._faults, self._log = fleet, identity, faults, log
        self.assets = Assets()

    def service(self, handler_call_details: Any) -> Any:
        """The handler of the method; None for all others."""
        if handler_call_details.method != _METHOD:
            return None
        from google.cloud import asset_v1 as asset

        return grpc.unary_unary_rpc_method_handler(
            self._over_grpc,
            request_deserializer=asset.SearchAllResourcesRequest.deserialize,
            response_serializer=lambda found: (
                found if isinstance(found, bytes) else asset.SearchAllResourcesResponse.serialize(found)
            ),
        )

    def application(self) -> web.Application:
        """The same over REST: https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel"""
        app = web.Application()
        app.router.add_get("/v1/{scope:[a-z]+/[^:/]+}:searchAllResources", self._over_rest)
        return app

    async def _over_grpc(self, request: Any, context: Any) -> Any:
        authorization = dict(context.invocation_metadata()).get("authorization")
        try:
            return await self._search(
                authorization, request.scope, tuple(request.asset_types), request.page_size, request.page_token
            )
        except ApiRefusedError as error:
            await abort(context, error, _DOMAIN)

    async def _over_rest(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            found = await self._search(
                request.headers.get("Authorization"),
                request.match_info["scope"],
                tuple(query.getall("assetTypes", ())),
                int(query.get("pageSize", "0")),
                query.get("pageToken", ""),
            )
        except ApiRefusedError as error:
            return over_rest(error, _DOMAIN)
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="application/json")
        return web.json_response(MessageToDict(type(found).pb(found)))

    async def _search(
        self, authorization: str | None, scope: str, types: tuple[str, ...], size: int, token: str
    ) -> Any:
        """One page of the clusters below a scope; bytes that are no message, if a fault says so.

        Raises:
            ApiRefusedError: the request is refused.
        """
        from google.cloud import asset_v1 as asset

        asked = {"assetTypes": ",".join(types), **({"pageToken": token} if token else {})}
        self._log.append({"cluster": None, "method": "GET", "path": f"/v1/{scope}:searchAllResources", "query": asked})
        if not self._identity.is_valid(authorization):
            raise ApiRefusedError("UNAUTHENTICATED", "Request had invalid authentication credentials.")
        fault = self._faults.take(scope, _RESOURCE, page=2 if token else 1, kinds=_KINDS, is_named=True)
        kind = fault.kind if fault else None
        if fault and kind in ("hang", "delay"):
            await asyncio.sleep(fault.seconds)
        self._check(kind, scope)
        if kind == "asset_invalid":
            return b"CANARY: no message"
        paths = self._paths(scope) if types == (_CLUSTER,) else []
        start, length = int(token or 0), min(size or _MAX_PAGE, _MAX_PAGE)
        end = start + length
        named = {f"//container.googleapis.com/{_name(path)}": path for path in paths[start:end]}
        if kind == "asset_nameless":
            named = {"//container.googleapis.com/CANARY": "//", **named}
        following = str(end) if end < len(paths) else ""
        return asset.SearchAllResourcesResponse(
            results=[
                asset.ResourceSearchResult(
                    name=name, asset_type=_CLUSTER, location=path.split("/")[1], labels=self._labels(path)
                )
                for name, path in named.items()
            ],
            next_page_token=token or "0" if kind == "asset_endless" else following,
        )

    def _check(self, kind: str | None, scope: str) -> None:
        if kind == "asset_unavailable":
            raise ApiRefusedError("UNAVAILABLE", "The service is currently unavailable.")
        if kind == "asset_disabled":
            message = f"Cloud Asset API has not been used in project {_HOST_PROJECT} before or it is disabled."
            consumer = f"projects/{_HOST_PROJECT}"
            raise ApiRefusedError("PERMISSION_DENIED", message, "SERVICE_DISABLED", service=_DOMAIN, consumer=consumer)
        hierarchy = self._fleet.hierarchy
        kind_of_node, _, name = scope.partition("/")
        is_there = hierarchy.knows(scope)
        if kind_of_node == "projects":
            is_there = hierarchy.project(name) is not None or name in self._fleet.projects
        if kind == "asset_denied" or not is_there:
            permission = "cloudasset.assets.searchAllResources"
            raise ApiRefusedError(
                "PERMISSION_DENIED",
                f"Permission '{permission}' denied on resource '//cloudresourcemanager.googleapis.com/{scope}' "
                "(or it may not exist).",
                "IAM_PERMISSION_DENIED",
                permission=permission,
                resource=scope,
            )

    def _paths(self, scope: str) -> list[str]:
        """`project/location/name` of the clusters that it knows below a node. Those of other projects are anywhere."""
        paths = {cluster.path for cluster in self._fleet.clusters if not cluster.attached} | set(self.assets.known)
        return sorted(
            path
            for path in paths - set(self.assets.unknown)
            if _is_below(path.partition("/")[0], scope, self._fleet.hierarchy)
        )

    def _labels(self, path: str) -> dict[str, str]:
        for cluster in self._fleet.clusters:
            if cluster.path == path:
                return dict(message(cluster).resource_labels)
        return {}


def _is_below(project_id: str, scope: str, hierarchy: Hierarchy) -> bool:
    if scope == f"projects/{project_id}":
        return True
    project = hierarchy.project(project_id)
    node = project.parent if project else scope
    parents = {folder.name: folder.parent for folder in hierarchy.folders}
    while node in parents and node != scope:
        node = parents[node]
    return node == scope


def _name(path: str) -> str:
    """A cluster's name. Those in a zone have it in the older form.

    >>> _name("shop-prod/europe-west1/web"), _name("shop-prod/us-east1-d/web")
    ('projects/shop-prod/locations/europe-west1/clusters/web', 'projects/shop-prod/zones/us-east1-d/clusters/web')
    """
    project, location, name = path.split("/")
    kind = "zones" if location.count("-") > 1 else "locations"
    return f"projects/{project}/{kind}/{location}/clusters/{name}"
