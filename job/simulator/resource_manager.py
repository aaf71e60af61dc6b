"""Serves the folders and projects of Resource Manager, over gRPC and over REST, from the same messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.json_format import MessageToDict

from job.simulator.api_refusal import ApiRefusedError, abort, over_rest
from job.simulator.faults import NODE, Faults
from job.simulator.fleet import Fleet
from job.simulator.identity import Identity

_KINDS = NODE | {"hang", "delay"}
_SERVICE = "/google.cloud.resourcemanager.v3."
_MAX_PAGE = 3  # servers may return fewer than a request asks for
_DOMAIN = "cloudresourcemanager.googleapis.com"


class ResourceManager(grpc.GenericRpcHandler):
    """Serves `ListFolders` and `ListProjects`: direct children alone, in pages. And what IAM grants in a project."""

    def __init__(self, fleet: Fleet, identity: Identity, faults: Faults, log: list[dict[str, Any]]) -> None:
        self._fleet, self._identity, self._faults, self._log = fleet, identity, faults, log

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a gRPC method; None for those of other services."""
        if not handler_call_details.method.startswith(_SERVICE):
            return None
        from google.cloud import resourcemanager_v3 as rm
        from google.iam.v1 import iam_policy_pb2 as iam  # type: ignore[import-untyped]

        if handler_call_details.method == f"{_SERVICE}Projects/TestIamPermissions":
            return grpc.unary_unary_rpc_method_handler(
                self._over_grpc(self._granted),
                request_deserializer=iam.TestIamPermissionsRequest.FromString,
                response_serializer=iam.TestIamPermissionsResponse.SerializeToString,
            )
        methods: dict[str, tuple[str, Any, Any]] = {
            "Folders/ListFolders": ("folders", rm.ListFoldersRequest, rm.ListFoldersResponse),
            "Projects/ListProjects": ("projects", rm.ListProjectsRequest, rm.ListProjectsResponse),
        }
        found = methods.get(handler_call_details.method.removeprefix(_SERVICE))
        if found is None:
            return None
        resource, request, response = found
        return grpc.unary_unary_rpc_method_handler(
            self._over_grpc(partial(self._children, resource)),
            request_deserializer=request.deserialize,
            response_serializer=response.serialize,
        )

    def application(self) -> web.Application:
        """The same over REST: https://cloud.google.com/resource-manager/reference/rest"""
        app = web.Application()
        app.router.add_get("/v3/{resource:folders|projects}", self._list_over_rest)
        app.router.add_post("/v3/{resource:projects/[^/:]+}:testIamPermissions", self._test_over_rest)
        return app

    def _over_grpc(self, answer: Callable[[str | None, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        async def serve(request: Any, context: Any) -> Any:
            authorization = dict(context.invocation_metadata()).get("authorization")
            try:
                return await answer(authorization, request)
            except ApiRefusedError as error:
                await abort(context, error, _DOMAIN)

        return serve

    async def _children(self, resource: str, authorization: str | None, request: Any) -> Any:
        return await self._list(resource, authorization, request.parent, request.page_size, request.page_token)

    async def _granted(self, authorization: str | None, request: Any) -> Any:
        """https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions"""
        from google.iam.v1 import iam_policy_pb2 as iam

        self._log.append({"cluster": None, "method": "POST", "path": f"/v3/{request.resource}:testIamPermissions"})
        if not self._identity.is_valid(authorization):
            raise ApiRefusedError("UNAUTHENTICATED", "Request had invalid authentication credentials.")
        project = request.resource.removeprefix("projects/")
        await self._check("permissions", request.resource, is_known=project in self._fleet.projects)
        granted = [cluster.permissions for cluster in self._fleet.of(project) if cluster.permissions is not None]
        names = [name for name in request.permissions if all(name in permissions for permissions in granted)]
        if not self._identity.may_read(authorization, project):
            names = []
        return iam.TestIamPermissionsResponse(permissions=names)

    async def _list_over_rest(self, request: web.Request) -> web.Response:
        query, resource = request.query, request.match_info["resource"]
        page = int(query.get("pageSize", "0")), query.get("pageToken", "")
        return await self._over_rest(self._list(resource, _authorization(request), query.get("parent", ""), *page))

    async def _test_over_rest(self, request: web.Request) -> web.Response:
        from google.iam.v1 import iam_policy_pb2 as iam

        asked = iam.TestIamPermissionsRequest(resource=request.match_info["resource"], **await request.json())
        return await self._over_rest(self._granted(_authorization(request), asked))

    async def _over_rest(self, answer: Awaitable[Any]) -> web.Response:
        try:
            found = await answer
        except ApiRefusedError as error:
            return over_rest(error, _DOMAIN)
        return web.json_response(MessageToDict(type(found).pb(found) if hasattr(type(found), "pb") else found))

    async def _list(self, resource: str, authorization: str | None, parent: str, size: int, token: str) -> Any:
        """One page of the children of a node.

        Raises:
            ApiRefusedError: the request is refused.
        """
        from google.cloud import resourcemanager_v3 as rm

        asked = {"parent": parent, **({"pageToken": token} if token else {})}
        self._log.append({"cluster": None, "method": "GET", "path": f"/v3/{resource}", "query": asked})
        if not self._identity.is_valid(authorization):
            raise ApiRefusedError("UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if not parent.startswith(("folders/", "organizations/")):
            raise ApiRefusedError("INVALID_ARGUMENT", "Request contains an invalid argument.")
        await self._check(resource, parent, is_known=self._fleet.hierarchy.knows(parent))
        hierarchy = self._fleet.hierarchy
        if resource == "folders":
            folders = [each for each in hierarchy.folders if each.parent == parent and each.state == "ACTIVE"]
            page, following = _page(folders, size, token)
            messages = [rm.Folder(name=each.name, parent=parent, state=each.state) for each in page]
            return rm.ListFoldersResponse(folders=messages, next_page_token=following)
        projects = [each for each in hierarchy.projects if each.parent == parent]  # as with `show_deleted`
        page, following = _page(projects, size, token)
        return rm.ListProjectsResponse(
            projects=[
                rm.Project(
                    name=f"projects/{each.number}",
                    parent=parent,
                    project_id=each.id,
                    state=each.state,
                    display_name=each.id.title(),
                    labels=each.labels,
                )
                for each in page
            ],
            next_page_token=following,
        )

    async def _check(self, resource: str, parent: str, *, is_known: bool) -> None:
        """Refuses what a fault says, and a node that does not exist, which Google does not tell from a denied one."""
        fault = self._faults.take(parent, resource, kinds=_KINDS)
        if fault and fault.kind in ("hang", "delay"):
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "node_unavailable":
            raise ApiRefusedError("UNAVAILABLE", "The service is currently unavailable.")
        if (fault and fault.kind == "node_denied") or not is_known:
            permission = f"resourcemanager.{resource}.list"
            name = f"//cloudresourcemanager.googleapis.com/{parent}"
            raise ApiRefusedError(
                "PERMISSION_DENIED",
                f"Permission '{permission}' denied on resource '{name}' (or it may not exist).",
                "IAM_PERMISSION_DENIED",
                permission=permission,
                resource=parent,
            )


def _authorization(request: web.Request) -> str | None:
    return request.headers.get("Authorization")


def _page(children: Sequence[Any], size: int, token: str) -> tuple[Sequence[Any], str]:
    start, length = int(token or 0), min(size or _MAX_PAGE, _MAX_PAGE)
    end = start + length
    return children[start:end], str(end) if end < len(children) else ""
