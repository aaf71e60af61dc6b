"""Cloud Storage for whoever writes reports: uploads, whole or in portions, and downloads.

https://cloud.google.com/storage/docs/json_api/v1/objects/insert
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from email import message_from_bytes
from typing import Any

import google_crc32c
from aiohttp import web

from job.simulator.fleet import DENIED_PROJECT, Fleet
from job.simulator.identity import Identity

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


class Buckets:
    """One bucket a project, `PROJECT-reports`. The identity may not write to that of the project that denies it."""

    def __init__(self, fleet: Fleet, identity: Identity) -> None:
        self._fleet, self._identity = fleet, identity
        self._objects: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._sessions: dict[str, tuple[str, dict[str, Any], bytearray]] = {}

    def application(self) -> web.Application:
        """The JSON API."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/upload/storage/v1/b/{bucket}/o", self._insert)
        app.router.add_put("/upload/storage/v1/b/{bucket}/o", self._append)
        app.router.add_get("/download/storage/v1/b/{bucket}/o/{name:.+}", self._get)
        return app

    async def _insert(self, request: web.Request) -> web.Response:
        bucket = request.match_info["bucket"]
        if refusal := self._refused(request, bucket, "storage.objects.create"):
            return refusal
        body = await request.read()
        if request.query.get("uploadType") == "resumable":
            metadata = json.loads(body)
            session = uuid.uuid4().hex
            self._sessions[session] = (f"{bucket}/{metadata['name']}", metadata, bytearray())
            where = request.url.with_query(uploadType="resumable", upload_id=session)
            return web.Response(headers={"Location": str(where)})
        header = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        parts: Any = message_from_bytes(header + body).get_payload()
        about, content = (part.get_payload(decode=True) for part in parts)
        return self._kept(bucket, json.loads(about), content)

    async def _append(self, request: web.Request) -> web.Response:
        """A portion: https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload"""
        name, metadata, content = self._sessions[request.query["upload_id"]]
        found = _CONTENT_RANGE.fullmatch(request.headers["Content-Range"])
        content += await request.read()
        if found is None or len(content) < int(found[3]):
            return web.Response(status=308, headers={"Range": f"bytes=0-{len(content) - 1}"})
        return self._kept(name.partition("/")[0], metadata, bytes(content))

    def _kept(self, bucket: str, metadata: dict[str, Any], content: bytes) -> web.Response:
        self._objects[f"{bucket}/{metadata['name']}"] = (metadata, content)
        checksum: Any = google_crc32c.Checksum  # it has no types
        crc32c = base64.b64encode(checksum(content).digest()).decode()
        return web.json_response({**metadata, "bucket": bucket, "size": str(len(content)), "crc32c": crc32c})

    async def _get(self, request: web.Request) -> web.Response:
        bucket, name = request.match_info["bucket"], request.match_info["name"]
        if refusal := self._refused(request, bucket, "storage.objects.get"):
            return refusal
        if f"{bucket}/{name}" not in self._objects:
            return _error(404, f"No such object: {bucket}/{name}", "notFound")
        metadata, content = self._objects[f"{bucket}/{name}"]
        return web.Response(body=content, headers={"Content-Type": metadata.get("contentType", "")})

    def _refused(self, request: web.Request, bucket: str, permission: str) -> web.Response | None:
        if not self._identity.is_valid(request.headers.get("Authorization")):
            return _error(401, "Invalid Credentials", "authError")
        if bucket == f"{DENIED_PROJECT}-reports":
            text = f"the account does not have {permission} access to the Google Cloud Storage object."
            return _error(
                403, f"{text} Permission '{permission}' denied on resource (or it may not exist).", "forbidden"
            )
        if bucket.removesuffix("-reports") not in self._fleet.projects:
            return _error(404, "The specified bucket does not exist.", "notFound")
        return None


def _error(code: int, message: str, reason: str) -> web.Response:
    one = {"message": message, "domain": "global", "reason": reason}
    return web.json_response({"error": {"code": code, "message": message, "errors": [one]}}, status=code)
