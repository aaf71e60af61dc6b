"""A GKE project on loopback whose one cluster gives the answers recorded from a real API server."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from google.cloud import container_v1

RECORDINGS = Path(__file__).parent / "recordings"
PROJECT, LOCATION, CLUSTER = "replayed-project", "europe-west1", "recorded"


def recording(name: str) -> dict[str, Any]:
    """One recorded exchange; `name` without `.json`."""
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def items(name: str) -> list[dict[str, Any]]:
    """The items of a recorded list."""
    return json.loads(recording(name)["response"]["body"])["items"]


@dataclass
class Replay:
    """Where the replayed project is, and the requests that it got."""

    container: str
    token_uri: str
    directory: Path
    requests: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """Path -> an answer in place of the recorded one."""
    clusters: list[container_v1.Cluster] = field(default_factory=list)
    token_lifetime: int = 3600
    token_error: tuple[int, bytes] | None = None

    @property
    def credentials(self) -> str:
        return str(self.directory / "service-account.json")

    @property
    def configuration(self) -> dict[str, Any]:
        endpoints = {"container": self.container, "cloudresourcemanager": self.container, "oauth2": self.token_uri}
        return {"projects": [PROJECT], "api_endpoints": endpoints}


@contextmanager
def replayed(directory: Path) -> Iterator[Replay]:
    """Starts a token endpoint, a GKE API and one API server; all of them end with the block."""
    replay = Replay("", "", directory)
    no_events = b'{"kind": "EventList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}'
    replay.answers["/api/v1/events"] = 200, {"Content-Type": "application/json"}, no_events  # none were recorded
    ca, certificate, key = _certificates()
    (directory / "server.pem").write_bytes(key + certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "server.pem")
    kubernetes = _serve(_kubernetes_handler(replay), tls)
    tokens = _serve(_token_handler(replay))
    replay.token_uri = f"http://127.0.0.1:{tokens.server_port}/token"
    replay.clusters.append(
        container_v1.Cluster(
            name=CLUSTER,
            location=LOCATION,
            status="RUNNING",
            endpoint=f"127.0.0.1:{kubernetes.server_port}",
            id="0123456789abcdef",
            current_master_version="1.36.2-gke.100",
            master_auth=container_v1.MasterAuth(
                cluster_ca_certificate=base64.b64encode(ca).decode(), client_key="CANARY-client-key"
            ),
        )
    )
    gke = grpc.server(futures.ThreadPoolExecutor(4))
    gke.add_generic_rpc_handlers((_Gke(replay),))
    replay.container = f"grpc://127.0.0.1:{gke.add_insecure_port('127.0.0.1:0')}"
    gke.start()
    write_service_account(directory / "service-account.json", replay.token_uri)
    try:
        yield replay
    finally:
        gke.stop(0).wait()
        for server in (kubernetes, tokens):
            server.shutdown()
            server.server_close()


def write_service_account(path: Path, token_uri: str) -> None:
    """A service account's key file, with a real key, whose tokens come from `token_uri`."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": f"inventory@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))


_ABOUT_UPGRADES = {
    "FetchClusterUpgradeInfo": (container_v1.FetchClusterUpgradeInfoRequest, container_v1.ClusterUpgradeInfo),
    "FetchNodePoolUpgradeInfo": (container_v1.FetchNodePoolUpgradeInfoRequest, container_v1.NodePoolUpgradeInfo),
    "GetServerConfig": (container_v1.GetServerConfigRequest, container_v1.ServerConfig),
}
"""Methods whose answers say nothing."""


class _Gke(grpc.GenericRpcHandler):
    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def service(self, details: Any) -> Any:
        if details.method == "/google.container.v1.ClusterManager/ListClusters":
            return grpc.unary_unary_rpc_method_handler(
                self._list_clusters,
                request_deserializer=container_v1.ListClustersRequest.deserialize,
                response_serializer=container_v1.ListClustersResponse.serialize,
            )
        if answer := _ABOUT_UPGRADES.get(details.method.rpartition("/")[2]):
            request, response = answer
            return grpc.unary_unary_rpc_method_handler(
                lambda _request, _context: response(),
                request_deserializer=request.deserialize,
                response_serializer=response.serialize,
            )
        return None

    def _list_clusters(self, request: Any, context: Any) -> Any:
        if request.parent != f"projects/{PROJECT}/locations/-":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, f"denied: {request.parent}")
        return container_v1.ListClustersResponse(clusters=self._replay.clusters)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _kubernetes_handler(replay: Replay) -> type[_Handler]:
    recorded, metadata_only = {}, {}
    for file in sorted(RECORDINGS.glob("*.json")):
        exchange = json.loads(file.read_text())
        request = exchange["request"]
        is_plain = file.name.startswith(("list.", "pods.", "get.", "version", "discovery.api", "discovery.apps"))
        if is_plain and "aggregated" not in file.name:
            recorded[_key(request["path"])] = exchange["response"]
        if file.name.startswith("metadata-only."):
            metadata_only[_key(request["path"])] = exchange["response"]

    class Kubernetes(_Handler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
            sent = {"user_agent": self.headers["User-Agent"], "accept": self.headers["Accept"]}
            replay.requests.append({"path": self.path, "token": token, **sent})
            asked = metadata_only if "PartialObjectMetadataList" in self.headers["Accept"] else recorded
            found = asked.get(_key(self.path))
            if token not in replay.tokens:
                found = recording("error.401.bad-token")["response"]
            elif path in replay.answers:
                return self.answer(*replay.answers[path])
            if found is None:
                found = recording("error.404.group-version-gone")["response"]
            headers = {"Content-Type": found["headers"]["content-type"]}
            return self.answer(found["status"], headers, found["body"].encode())

        def do_POST(self) -> None:
            """A self-subject review, which allows everything."""
            self.rfile.read(int(self.headers["Content-Length"]))
            replay.requests.append({"path": self.path, "user_agent": self.headers["User-Agent"], "token": ""})
            found = recording("review.admin.list-pods")["response"]
            answer = found["status"], {"Content-Type": "application/json"}, found["body"].encode()
            return self.answer(*replay.answers.get(self.path, answer))

    return Kubernetes


def _key(path: str) -> tuple[str, str, str]:
    query = parse_qs(urlsplit(path).query)
    return urlsplit(path).path, query.get("limit", [""])[0], query.get("continue", [""])[0]


def _token_handler(replay: Replay) -> type[_Handler]:
    class Tokens(_Handler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if replay.token_error is not None:
                return self.answer(replay.token_error[0], {"Content-Type": "application/json"}, replay.token_error[1])
            return self._token()

        def do_GET(self) -> None:
            """The metadata server, as in Cloud Run."""
            body = {
                "/": "computeMetadata/",
                "/computeMetadata/v1/project/project-id": PROJECT,
                "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
                "/computeMetadata/v1/instance/service-accounts/default/": json.dumps(
                    {"email": "job@example.com", "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}
                ),
            }.get(urlsplit(self.path).path)
            if urlsplit(self.path).path.endswith("/token"):
                return self._token()
            kind = "application/json" if (body or "").startswith("{") else "text/plain"
            headers = {"Metadata-Flavor": "Google", "Content-Type": kind}
            return self.answer(200 if body else 404, headers, (body or "not found").encode())

        def _token(self) -> None:
            replay.tokens.append(f"CANARY-token-{len(replay.tokens)}")
            token = {"access_token": replay.tokens[-1], "expires_in": replay.token_lifetime, "token_type": "Bearer"}
            headers = {"Metadata-Flavor": "Google", "Content-Type": "application/json"}
            self.answer(200, headers, json.dumps(token).encode())

    return Tokens


class _Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """A client that was killed or has gone away is no news."""


def _serve(handler: type[_Handler], tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def _certificates() -> tuple[bytes, bytes, bytes]:
    """A private CA, and a certificate and key for 127.0.0.1."""
    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "replayed cluster CA")])

    def certificate(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca = (
        certificate(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ca.public_bytes(pem), leaf.public_bytes(pem), private
