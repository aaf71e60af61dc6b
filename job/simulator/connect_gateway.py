"""Connect Gateway: one address for all clusters that are members of a fleet, with a certificate of a public CA."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from job.simulator.certificates import Authority, server_certificate
from job.simulator.kubernetes import ApiServer

_PATH = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/(gkeMemberships|memberships)/([^/]+)(/.*)")


class ConnectGateway:
    """Passes requests on to the API server of the cluster that a membership names.

    https://cloud.google.com/kubernetes-engine/enterprise/multicluster-management/gateway/using
    """

    def __init__(
        self, server_of: Callable[[str, str, str, str], ApiServer | None], directory: Path, public: Authority
    ) -> None:
        self._server_of = server_of
        path = directory / "connect-gateway.pem"
        path.write_bytes(server_certificate(public, "127.0.0.1"))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(path)

    async def start(self) -> int:
        """Starts to listen; returns the port."""
        server = web.Server(self._handle, access_log=None)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(server, "127.0.0.1", 0, ssl=self._tls, backlog=256)
        return int(listening.sockets[0].getsockname()[1])

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        found = _PATH.fullmatch(request.path)
        server = self._server_of(*found.groups()[:4]) if found else None
        if found is None or server is None:
            error = {"code": 404, "message": "Resource was not found", "status": "NOT_FOUND"}
            return web.json_response({"error": error}, status=404)
        return await server.handle(request.clone(rel_url=request.rel_url.with_path(found[5])))
