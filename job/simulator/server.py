"""Runs the whole simulated fleet in one event loop: its listeners, and their control API."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
import msgspec
from aiohttp import web

from job.simulator.asset_inventory import AssetInventory, Assets
from job.simulator.bigquery import application as bigquery_application
from job.simulator.bigquery import refusing_application
from job.simulator.buckets import Buckets
from job.simulator.certificates import OLD_FORMS, Authority, authority, server_certificate
from job.simulator.connect_gateway import ConnectGateway
from job.simulator.faults import CONNECTION, Fault, Faults, UnknownFaultError, make_fault
from job.simulator.fleet import PROJECTS, Cluster, Fleet, make_fleet
from job.simulator.gke import ClusterManager
from job.simulator.gke_hub import GkeHub
from job.simulator.hierarchy import Folder, Hierarchy, Project
from job.simulator.identity import Identity
from job.simulator.kubernetes import ApiServer
from job.simulator.resource_manager import ResourceManager

LOOPBACK = "127.0.0.1"


class Listener:
    """The listening socket of one cluster."""

    def __init__(self, server: ApiServer, directory: Path, public: Authority) -> None:
        self.api = server
        cluster = server.cluster
        self._path = directory / f"cluster-{cluster.number}.pem"
        self._private = authority(f"{cluster.path} CA")
        self._issuer = public if cluster.endpoint == "dns" else self._private
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._http = web.Server(server.handle, access_log=None)
        self._listening: asyncio.Server | None = None
        cluster.ca_pem = self._private.pem
        (directory / f"cluster-{cluster.number}-ca.pem").write_bytes(self._issuer.pem)

    async def start(self) -> None:
        """Starts to listen, on the same port each time."""
        if self._listening is None:
            self.present_certificate(None)
            loop = asyncio.get_running_loop()
            cluster = self.api.cluster
            self._listening = await loop.create_server(self._http, LOOPBACK, cluster.port, ssl=self._tls, backlog=256)
            cluster.port = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the socket and every connection."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
            await self._http.shutdown(0.05)  # 0 would wait for handlers that never finish

    async def hang(self) -> None:
        """Accepts connections, and never answers on them."""
        await self.stop()
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(asyncio.Protocol, LOOPBACK, self.api.cluster.port, backlog=256)

    def cut(self) -> int:
        """Aborts every open connection; returns their number."""
        connections = self._http.connections
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        return len(connections)

    def present_certificate(self, fault: str | None) -> None:
        """Presents the valid certificate to new connections, or the invalid one of the fault."""
        issuer = authority("somebody else's CA") if fault == "tls_unknown_ca" else self._issuer
        hosts = ("10.99.99.99",) if fault == "tls_wrong_host" else (LOOPBACK, "localhost")
        forms = OLD_FORMS if fault == "tls_old_forms" else frozenset()
        if forms:
            issuer = authority("an older CA", forms)
        self.api.cluster.ca_pem = issuer.pem if forms else self._private.pem
        self._path.write_bytes(server_certificate(issuer, *hosts, expired=fault == "tls_expired", forms=forms))
        self._tls.load_cert_chain(self._path)


class Simulation:
    """The fleet and all its servers."""

    def __init__(
        self,
        fleet: Fleet,
        directory: Path,
        *,
        token_lifetime: int = 3600,
        bigquery: bool = True,
        googlesql: bool = False,
    ) -> None:
        self.fleet = fleet
        self.directory = directory
        self._has_bigquery = bigquery
        self._googlesql = googlesql
        self.faults = Faults([])
        self.log: list[dict[str, Any]] = []
        self.identity = Identity(self.faults, PROJECTS[0], lifetime=token_lifetime)
        self._public = authority("simulated public CA")
        self._listeners = [self._listener_of(cluster) for cluster in fleet.clusters]
        self._grpc = grpc.aio.server()

    async def start(self) -> dict[str, Any]:
        """Starts all listeners; returns their addresses."""
        for listener in self._listeners:
            await listener.start()
        manager = ClusterManager(self.fleet, self.identity, self.faults, self.log, self.delete_cluster)
        resource_manager = ResourceManager(self.fleet, self.identity, self.faults, self.log)
        self._assets = AssetInventory(self.fleet, self.identity, self.faults, self.log)
        self._grpc.add_generic_rpc_handlers((manager, resource_manager, self._assets))
        container = self._grpc.add_insecure_port(f"{LOOPBACK}:0")
        await self._grpc.start()
        identity = await self._serve(self.identity.application())
        folders = await self._serve(resource_manager.application())
        assets = await self._serve(self._assets.application())
        buckets = await self._serve(Buckets(self.fleet, self.identity).application())
        bigquery = await self._serve(self._bigquery())
        control = await self._serve(self._control())
        hub = await self._serve(GkeHub(self.fleet, self.identity, self.faults, self.log).application())
        gateway = await ConnectGateway(self._member, self.directory, self._public).start()
        token_uri = f"http://{LOOPBACK}:{identity}/token"
        self.identity.write_credentials(self.directory, token_uri)
        # replaces the system's root certificates: DNS endpoints present certificates of a public authority
        (self.directory / "ca-certificates.pem").write_bytes(self._public.pem)
        return {
            "container": f"grpc://{LOOPBACK}:{container}",
            "resource_manager": f"grpc://{LOOPBACK}:{container}",
            "resource_manager_rest": f"http://{LOOPBACK}:{folders}",
            "asset_inventory": f"grpc://{LOOPBACK}:{container}",
            "asset_inventory_rest": f"http://{LOOPBACK}:{assets}",
            "connectgateway": f"https://{LOOPBACK}:{gateway}",
            "gkehub": f"http://{LOOPBACK}:{hub}",
            "bigquery": f"http://{LOOPBACK}:{bigquery}",
            "storage": f"http://{LOOPBACK}:{buckets}",
            "token_uri": token_uri,
            "metadata_host": f"{LOOPBACK}:{identity}",
            "control": f"http://{LOOPBACK}:{control}",
            "projects": list(self.fleet.projects),
            "clusters": {cluster.path: cluster.port for cluster in self.fleet.clusters},
            "directory": str(self.directory),
        }

    async def add_fault(self, fault: Fault) -> None:
        """Activates a fault."""
        self.faults.all.append(fault)
        for listener in self._matching(fault):
            if fault.kind == "refuse":
                await listener.stop()
            elif fault.kind == "hang_tls":
                await listener.hang()
            elif fault.kind in CONNECTION:
                listener.present_certificate(fault.kind)

    async def clear_faults(self) -> None:
        """Removes all faults; Cloud Asset Inventory knows the fleet again."""
        self._assets.assets = Assets()
        connection = [fault for fault in self.faults.all if fault.kind in CONNECTION]
        self.faults.all.clear()
        for fault in connection:
            for listener in self._matching(fault):
                if fault.kind == "hang_tls":
                    await listener.stop()
                await listener.start()
                listener.present_certificate(None)

    async def change_fleet(self, fleet: Fleet) -> dict[str, int]:
        """Replaces the fleet, and removes all faults; returns the ports of its clusters."""
        await self.clear_faults()
        for listener in self._listeners:
            await listener.stop()
        self.log.clear()
        vars(self.fleet).update(vars(fleet))
        self._listeners = [self._listener_of(cluster) for cluster in fleet.clusters]
        for listener in self._listeners:
            await listener.start()
        return {cluster.path: cluster.port for cluster in fleet.clusters}

    def change_hierarchy(self, hierarchy: Hierarchy) -> None:
        """Replaces the folders and projects of Resource Manager."""
        self.fleet.hierarchy = hierarchy

    async def create_cluster(self, path: str, attached: str = "") -> int:
        """Adds a cluster to the fleet; returns its port."""
        listener = self._listener_of(self.fleet.add(path, attached))
        await listener.start()
        self._listeners.append(listener)
        return listener.api.cluster.port

    async def delete_cluster(self, cluster: Cluster) -> None:
        """Deletes a cluster and its API server."""
        listener = self._listener(cluster.path)
        self._listeners.remove(listener)
        self.fleet.clusters.remove(cluster)
        await listener.stop()

    def _listener_of(self, cluster: Cluster) -> Listener:
        return Listener(ApiServer(cluster, self.identity, self.faults, self.log), self.directory, self._public)

    def _matching(self, fault: Fault) -> list[Listener]:
        return [listener for listener in self._listeners if Faults([fault]).take(listener.api.cluster.path, "*")]

    async def _serve(self, app: web.Application) -> int:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        return int(runner.addresses[0][1])

    def _bigquery(self) -> web.Application:
        if not self._has_bigquery:
            return refusing_application()
        return bigquery_application(self._may_query, googlesql=self._googlesql)

    def _may_query(self, authorization: str | None) -> bool:
        is_bq = authorization == "Bearer fake"  # as in the instructions for `bq`
        return is_bq or self.identity.is_valid(authorization)

    def _control(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        for route in (
            web.post("/faults", self._post_fault),
            web.delete("/faults", self._delete_faults),
            web.get("/inventory", self._get_inventory),
            web.get("/requests", self._get_requests),
            web.post("/objects", self._post_objects),
            web.post("/clusters", self._post_clusters),
            web.post("/fleet", self._post_fleet),
            web.post("/hierarchy", self._post_hierarchy),
            web.post("/assets", self._post_assets),
            web.post("/identity", self._post_identity),
            web.delete("/connections", self._delete_connections),
        ):
            app.router.add_routes([route])
        return app

    async def _post_fault(self, request: web.Request) -> web.Response:
        try:
            await self.add_fault(make_fault(**await request.json()))
        except (UnknownFaultError, TypeError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)

    async def _delete_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002
        await self.clear_faults()
        return web.Response(status=204)

    async def _get_inventory(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The oracle: everything that exists, readable or not."""
        clusters = [
            {
                "project": listener.api.cluster.project,
                "location": listener.api.cluster.location,
                "name": listener.api.cluster.name,
                "id": listener.api.cluster.id,
                "status": listener.api.cluster.status,
                "endpoint": listener.api.cluster.endpoint,
                "version": listener.api.cluster.version,
                "node_pools": [asdict(pool) for pool in listener.api.cluster.node_pools],
                "forbidden": sorted(listener.api.cluster.forbidden),
                "objects": listener.api.store.everything(),
            }
            for listener in self._listeners
        ]
        body = {"projects": list(self.fleet.projects), "denied": sorted(self.fleet.denied), "clusters": clusters}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    async def _get_requests(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self.log)

    async def _post_objects(self, request: web.Request) -> web.Response:
        body = await request.json()
        store = self._listener(body["cluster"]).api.store
        if body["do"] == "create":
            store.create(body["resource"], body["object"])
        elif body["do"] == "delete":
            if not store.delete(body["resource"], body["key"]):
                return web.Response(status=404, text=f"no {body['resource']} {body['key']}")
        else:
            store.compact()
        return web.Response(status=204)

    async def _post_clusters(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["do"] == "create":
            return web.json_response({"port": await self.create_cluster(body["cluster"], body.get("attached", ""))})
        cluster = self._listener(body["cluster"]).api.cluster
        if body["do"] == "delete":
            await self.delete_cluster(cluster)
        elif body["do"] == "endpoints":
            cluster.addresses, cluster.membership = body["addresses"], body["membership"]
        elif body["do"] == "forbid":
            cluster.forbidden = frozenset(body["resources"])
        else:
            cluster.status = body["status"]
        return web.Response(status=204)

    async def _post_fleet(self, request: web.Request) -> web.Response:
        return web.json_response(await self.change_fleet(make_fleet(**await request.json())))

    async def _post_hierarchy(self, request: web.Request) -> web.Response:
        body = await request.json()
        folders = tuple(Folder(**each) for each in body["folders"])
        self.change_hierarchy(Hierarchy(folders, tuple(Project(**each) for each in body["projects"])))
        return web.Response(status=204)

    async def _post_assets(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._assets.assets = Assets(tuple(body["known"]), tuple(body["unknown"]))
        return web.Response(status=204)

    async def _post_identity(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body.get("revoke"):
            self.identity.revoke()
        self.identity.lifetime = int(body.get("lifetime", self.identity.lifetime))
        self.identity.owners = body.get("owners", self.identity.owners)
        if "permissions" in body:
            granted = body["permissions"]
            for cluster in self.fleet.clusters:
                cluster.permissions = None if granted is None else frozenset(granted)
        return web.json_response({"issued": self.identity.issued})

    async def _delete_connections(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response({"cut": sum(listener.cut() for listener in self._listeners)})

    def _member(self, project: str, location: str, kind: str, membership: str) -> ApiServer | None:
        """The API server of a member of a fleet."""
        for listener in self._listeners:
            cluster = listener.api.cluster
            place = (cluster.project, "global", "gkeMemberships", cluster.membership)
            if cluster.attached:
                place = (cluster.project, cluster.location, "memberships", cluster.name.partition(":")[2])
            if place == (project, location, kind, membership):
                return listener.api
        return None

    def _listener(self, path: str) -> Listener:
        for listener in self._listeners:
            if listener.api.cluster.path == path:
                return listener
        raise web.HTTPNotFound(text=f"no cluster {path}")
