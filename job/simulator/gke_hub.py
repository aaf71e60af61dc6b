"""Serves the memberships of fleets, as the GKE Hub API lists them."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from job.simulator.api_refusal import ApiRefusedError, over_rest
from job.simulator.faults import PROJECT, Faults
from job.simulator.fleet import Cluster, Fleet
from job.simulator.identity import Identity

_DOMAIN = "gkehub.googleapis.com"
_KINDS = PROJECT | {"hang", "delay", "status", "invalid_json", "repeat_continue", "bad_time"}
_MAX_PAGE = 2  # servers may return fewer than a request asks for


class GkeHub:
    """https://cloud.google.com/kubernetes-engine/fleet-management/docs/reference/rest/v1/projects.locations.memberships"""

    def __init__(self, fleet: Fleet, identity: Identity, faults: Faults, log: list[dict[str, Any]]) -> None:
        self._fleet, self._identity, self._faults, self._log = fleet, identity, faults, log

    def application(self) -> web.Application:
        """The method `projects.locations.memberships.list`."""
        app = web.Application()
        app.router.add_get("/v1/projects/{project}/locations/-/memberships", self._list)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        project, authorization = request.match_info["project"], request.headers.get("Authorization")
        self._log.append({"cluster": None, "method": "GET", "path": request.path, "query": dict(request.query)})
        fault = self._faults.take(project, "memberships", kinds=_KINDS, is_named=True)
        kind = fault.kind if fault else None
        if fault and kind in ("hang", "delay"):
            await asyncio.sleep(fault.seconds)
        if fault and kind == "status":
            return web.Response(status=int(fault.options["code"]), text="CANARY")
        if kind == "invalid_json":
            return web.Response(body=b'{"resources": [{"na', content_type="application/json")
        try:
            self._check(project, authorization, kind)
        except ApiRefusedError as error:
            return over_rest(error, _DOMAIN)
        members = self._fleet.members(project)
        start, size = int(request.query.get("pageToken", "0")), int(request.query.get("pageSize", _MAX_PAGE))
        end = start + min(size, _MAX_PAGE)
        resources = [_membership(cluster) for cluster in members[start:end]]
        if kind == "bad_time" and resources:
            resources[0]["createTime"] = "yesterday"
        body: dict[str, Any] = {"resources": resources} if resources else {}  # as the JSON of protocol buffers
        if end < len(members):
            body["nextPageToken"] = str(end)
        if kind == "repeat_continue":
            body["nextPageToken"] = "0"
        if kind == "missing_zones":
            zones = str(fault.options.get("zones", "us-east1") if fault else "").split("+")
            body["resources"] = [each for each in resources if each["name"].split("/")[3] not in zones]
            body["unreachable"] = [f"projects/{project}/locations/{zone}" for zone in zones]
        return web.json_response(body)

    def _check(self, project: str, authorization: str | None, fault: str | None) -> None:
        """Raises:
        ApiRefusedError: the request is refused.
        """
        if not self._identity.is_valid(authorization):
            raise ApiRefusedError("UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if fault == "gke_unavailable":
            raise ApiRefusedError("UNAVAILABLE", "The service is currently unavailable.")
        if fault == "gke_disabled":
            text = f"GKE Hub API has not been used in project {project} before or it is disabled."
            named = {"service": _DOMAIN, "consumer": f"projects/{project}"}
            raise ApiRefusedError("PERMISSION_DENIED", text, "SERVICE_DISABLED", **named)
        permission = "gkehub.memberships.list"
        granted = [each.permissions for each in self._fleet.of(project) if each.permissions is not None]
        is_granted = all(permission in permissions for permissions in granted)
        may_read = self._identity.may_read(authorization, project) and project not in self._fleet.denied
        if fault == "gke_denied" or not (is_granted and may_read):
            text = f"Permission '{permission}' denied on resource 'projects/{project}/locations/-'."
            named = {"permission": permission, "resource": f"projects/{project}"}
            raise ApiRefusedError("PERMISSION_DENIED", text, "IAM_PERMISSION_DENIED", **named)


def _membership(cluster: Cluster) -> dict[str, Any]:
    """A membership as the API returns it. Of an attached cluster, `status` is its state."""
    location = cluster.location if cluster.attached else "global"
    name = cluster.name.partition(":")[2] if cluster.attached else cluster.membership
    kind = cluster.attached or "gkeCluster"
    link = f"//container.googleapis.com/projects/{cluster.project}/locations/{cluster.location}/clusters/{cluster.name}"
    metadata = {
        "kubernetesApiServerVersion": f"v{cluster.version.partition('-')[0]}",
        "nodeProviderId": "CANARY-node-provider",
        "nodeCount": sum(pool.nodes for pool in cluster.node_pools),
        "updateTime": cluster.created_at.isoformat(),
    }
    return {
        "name": f"projects/{cluster.project}/locations/{location}/memberships/{name}",
        "endpoint": {
            **({} if kind == "kubernetes" else {kind: {"resourceLink": link}}),
            "kubernetesMetadata": metadata,
            "kubernetesResource": {"membershipCrManifest": "CANARY-manifest"},
        },
        "labels": {"team": "attached"},
        "state": {"code": cluster.status if cluster.attached else "READY"},
        "createTime": cluster.created_at.isoformat(),
        "lastConnectionTime": cluster.created_at.isoformat(),
        "uniqueId": cluster.id[:36],
        "externalId": cluster.id[:32],
        "authority": {
            "issuer": "https://issuer.example",
            "workloadIdentityPool": f"{cluster.project}.svc.id.goog",
        },
    }
