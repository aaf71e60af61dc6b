"""Issues tokens: an OAuth 2.0 endpoint, Cloud Run's metadata server, and files of Application Default Credentials."""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from job.simulator.faults import TOKEN, Faults

ACCOUNT = "inventory@simulated.iam.gserviceaccount.com"
READER = "inventory"
"""The account's user name in the clusters: it may read everything that a cluster does not forbid."""
VIEWER = "viewer"
"""Another user, with the rights of the ClusterRole `view`: no Secrets, no nodes."""
IMPERSONATED = "reader@simulated.iam.gserviceaccount.com"
"""An account that every identity may impersonate."""
_REFRESH_TOKEN, _SUBJECT_TOKEN = "simulated-refresh-token", "CANARY-subject-token"
_FLAVOR = {"Metadata-Flavor": "Google"}


class Identity:
    """Issues tokens and validates them."""

    def __init__(self, faults: Faults, project: str, *, lifetime: int = 3600) -> None:
        self._faults = faults
        self._project = project
        self._key = rsa.generate_private_key(65537, 2048)
        self._expires: dict[str, float] = {}
        self.lifetime = lifetime
        self.issued = 0
        self.owners: dict[str, str] = {}
        """Project -> the only account that may read it, which every identity may impersonate."""
        self._accounts: dict[str, str] = {}
        self._in_files = {user: self._new_token(10 * 365 * 86400) for user in (READER, VIEWER)}

    def user(self, authorization: str | None) -> str | None:
        """The user whose token the Authorization header carries; None if the token is unknown or expired."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme == "Bearer" and token.count(".") == 2 and self._is_signed(token, "iss", "scope"):
            return READER  # a JWT that the account signed itself: https://google.aip.dev/auth/4111
        if scheme != "Bearer" or self._expires.get(token, 0.0) <= time.time():
            return None
        return VIEWER if token == self._in_files[VIEWER] else READER

    def is_valid(self, authorization: str | None) -> bool:
        """True if the Authorization header carries a token that was issued and has not expired."""
        return self.user(authorization) is not None

    def may_read(self, authorization: str | None, project: str) -> bool:
        """True unless the project is another account's alone."""
        token = (authorization or "").partition(" ")[2]
        return self.owners.get(project) in (None, self._accounts.get(token, ACCOUNT))

    def revoke(self) -> None:
        """Revokes every token, except those in files."""
        self._expires = {token: self._expires[token] for token in self._in_files.values()}

    def application(self) -> web.Application:
        """The token endpoint at `/token`, those of federation and impersonation, and the metadata server."""
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_post("/v1/token", self._exchange)
        app.router.add_post("/v1/projects/-/serviceAccounts/{account}", self._impersonate)
        app.router.add_get("/{path:.*}", self._metadata)
        return app

    def write_credentials(self, directory: Path, token_uri: str) -> None:
        """Writes all kinds of credentials, and one token each for kubectl and the viewer, into the directory."""
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key = self._key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
        service_account = {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": "1",
            "private_key": key,
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": token_uri,
        }
        user = {
            "type": "authorized_user",
            "client_id": "simulated",
            "client_secret": "simulated",
            "refresh_token": _REFRESH_TOKEN,
        }
        federated = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/one",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": token_uri.replace("/token", "/v1/token"),
            "credential_source": {"file": str(directory / "subject-token")},
        }
        sovereign = service_account | {"universe_domain": "s3nsapis.fr"}
        for name, text in (
            ("service-account.json", json.dumps(service_account)),
            ("sovereign-service-account.json", json.dumps(sovereign)),
            ("federated.json", json.dumps(federated)),
            ("subject-token", _SUBJECT_TOKEN),
            ("authorized-user.json", json.dumps(user)),
            ("kubectl-token", self._in_files[READER]),
            ("viewer-token", self._in_files[VIEWER]),
        ):
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(text)

    def _new_token(self, lifetime: int) -> str:
        token = f"ya29.CANARY-token-{secrets.token_urlsafe(24)}"
        self._expires[token] = time.time() + lifetime
        return token

    def _answer(self) -> dict[str, Any]:
        self.issued += 1
        return {"access_token": self._new_token(self.lifetime), "expires_in": self.lifetime, "token_type": "Bearer"}

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if fault := self._faults.take("token", "token", kinds=TOKEN):
            if fault.kind == "token_status":
                return web.json_response({"error": "internal_failure"}, status=int(fault.options.get("code", 500)))
            return _refused("invalid_grant", "Token has been expired or revoked.")
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != _REFRESH_TOKEN:
                return _refused("invalid_grant", "Bad Request")
            return web.json_response(self._answer())
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return _refused("unsupported_grant_type", "Invalid grant_type")
        if not self._is_signed(str(form.get("assertion", ""))):
            return _refused("invalid_grant", "Invalid JWT Signature.")
        return web.json_response(self._answer())

    async def _exchange(self, request: web.Request) -> web.Response:
        """https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token"""
        form = await request.post()
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange":
            return _refused("unsupported_grant_type", "Invalid grant_type")
        if form.get("subject_token") != _SUBJECT_TOKEN:
            return _refused("invalid_grant", "The subject token is not valid.")
        issued = "urn:ietf:params:oauth:token-type:access_token"
        return web.json_response(self._answer() | {"issued_token_type": issued})

    async def _impersonate(self, request: web.Request) -> web.Response:
        """https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken"""
        account, _, method = request.match_info["account"].partition(":")
        if method != "generateAccessToken" or not self.is_valid(request.headers.get("Authorization")):
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        delegates = (await request.json()).get("delegates") or []
        if not {account, *delegates} <= {IMPERSONATED, ACCOUNT, *self.owners.values()}:
            text = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
            return _error(403, "PERMISSION_DENIED", text)
        answer = self._answer()
        self._accounts[answer["access_token"]] = account
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime))
        return web.json_response({"accessToken": answer["access_token"], "expireTime": ends})

    def _is_signed(self, assertion: str, *claimed: str) -> bool:
        signed, _, signature = assertion.rpartition(".")
        try:
            self._key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            claims = json.loads(_decoded(signed.split(".")[1]))
        except (InvalidSignature, ValueError, IndexError):
            return False
        has_all = all(claims.get(claim) for claim in claimed)
        return bool(has_all and claims.get("iss") == ACCOUNT and claims.get("exp", 0) > time.time())

    async def _metadata(self, request: web.Request) -> web.Response:
        """https://cloud.google.com/run/docs/container-contract#metadata-server"""
        path = request.path
        account = "/computeMetadata/v1/instance/service-accounts/default/"
        if path.startswith("/computeMetadata/") and request.headers.get("Metadata-Flavor") != "Google":
            return web.Response(status=403, text="Missing Metadata-Flavor:Google header.")
        if path == account + "token":
            return web.json_response(self._answer(), headers=_FLAVOR)
        if path == account:
            details = {
                "aliases": ["default"],
                "email": ACCOUNT,
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
            return web.json_response(details, headers=_FLAVOR)
        text = {
            "/": "computeMetadata/\n",
            "/computeMetadata/v1/project/project-id": self._project,
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
        }.get(path)
        return web.Response(status=200 if text else 404, text=text or "Not Found", headers=_FLAVOR)


def _error(code: int, status: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message, "status": status}}, status=code)


def _refused(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=400)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
