"""A Kubernetes API server that costs next to nothing: pages of realistic objects, made in advance, sent over TLS.

A process of its own, so that the client's CPU time is the client's. The objects are those of `tests/recordings`,
multiplied: names, UIDs, owners, times, addresses, container ids and image tags differ as they do in a large cluster,
and they come in etcd's order, in which what has one controller comes one after another. They are sent in such pieces as
kube-apiserver sends them in, which cost the client more than whole pages would. All clusters of its fleet are this one
server. Real ones take their time for a page, so `--think` makes it wait that many milliseconds for 500 objects, and
less for less, and `--latency` so many before each answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit

import grpc
from google.cloud import container_v1

from job.kinds import KINDS, RESOURCES
from job.simulator.certificates import authority, server_certificate
from job.simulator.fleet import Fleet, make_fleet
from job.simulator.gke import message

RECORDINGS = Path(__file__).parent.parent / "recordings"
LIMIT = 500
VARIANTS = 16  # pages made in advance of a kind; later pages are these with other namespaces and UIDs

SHARES = {
    "namespaces": 0.02,
    "nodes": 0.03,
    "deployments": 0.10,
    "statefulsets": 0.03,
    "daemonsets": 0.03,
    "cronjobs": 0.03,
    "jobs": 0.06,
    "replicasets": 0.20,
    "pods": 0.50,
}
"""The part of all objects of a cluster that is of the kind; there are none of any other."""

ALIKE = {"pods": 5, "replicasets": 2, "jobs": 2}
"""So many objects of the kind have one controller."""

PATHS = {kind.path: kind.resource for kind in KINDS}
_KINDS = {kind.resource: kind for kind in KINDS}
_CONTROLLERS = {kind.controls: kind.resource for kind in KINDS if kind.controls}
TOKEN = "benchmark"


def _told(**document: Any) -> bytes:
    return json.dumps(document).encode()


_DOCUMENTS = {
    "/version": _told(major="1", minor="34", gitVersion="v1.34.1-gke.2037000"),
    # as much of the discovery as kubectl needs to know what pods are
    "/api": _told(kind="APIVersions", versions=["v1"]),
    "/apis": _told(kind="APIGroupList", apiVersion="v1", groups=[]),
    "/api/v1": _told(
        kind="APIResourceList",
        groupVersion="v1",
        resources=[{"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["list"]}],
    ),
}


class Body(NamedTuple):
    """The items of one page, and where they differ from page to page."""

    text: bytes
    namespaces: list[int]
    uids: list[int]


class Pages:
    """All pages of one kind, of a cluster with so many objects of it."""

    def __init__(self, resource: str, count: int, counts: dict[str, int]) -> None:
        self._resource, self.count, self._counts = resource, count, counts
        listed = [json.loads(file.read_text())["response"]["body"] for file in _files(resource) if count]
        kind = _KINDS[resource]
        self._head = f'{{"kind":"{kind.name}List","apiVersion":"{kind.api_version}",'
        self._items = [json.dumps(item) for text in listed for item in json.loads(text)["items"]]
        if resource == "replicasets":  # most are old ones of Deployments, and become no row
            self._items = [item for item in self._items if len(item) > 5000]
        self._bodies: dict[tuple[int, int], Body] = {}
        for number in range(min(VARIANTS, -(-count // LIMIT))):
            self.body(number, min(LIMIT, count - number * LIMIT))

    def body(self, number: int, size: int) -> Body:
        """The items of the page of this number, but for namespaces and UIDs."""
        key = (number % VARIANTS, size)
        if key not in self._bodies:
            self._bodies[key] = self._make(*key)
        return self._bodies[key]

    def page(self, start: int, limit: int) -> tuple[bytes, bytes]:
        """Head and rest of the page that begins with this object."""
        size = min(limit, self.count - start)
        number, after = start // limit, start + size
        text, namespaces, uids = self.body(number, size)
        metadata = {"resourceVersion": "408000"}
        if after < self.count:
            metadata |= {"continue": f"page-{after}", "remainingItemCount": self.count - after}  # type: ignore[dict-item]
        head = f'{self._head}"metadata":{json.dumps(metadata, separators=(",", ":"))},"items":['
        if number >= VARIANTS:
            changed, name, uid = bytearray(text), b"%06d" % number, b"%08x" % number
            for at in namespaces:
                changed[at : at + 6] = name
            for at in uids:
                changed[at : at + 8] = uid
            text = bytes(changed)
        return head.encode(), text

    def _make(self, number: int, size: int) -> Body:
        draw = random.Random(f"{self._resource}/{number}")
        namespace = f"team-{number:06d}"
        text = bytearray()
        namespaces, uids = [], []
        for position in range(size):
            item = json.loads(self._items[self._group(position) % len(self._items)])
            self._change(item, number, position, namespace, draw)
            encoded = json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode()
            encoded = _TIME.sub(
                lambda found: found[1] + b"%02d:%02dZ" % (draw.randrange(60), draw.randrange(60)), encoded
            )
            at = len(text)
            text += encoded + b","
            cluster_wide = "namespace" not in item["metadata"]
            name = encoded.index(b'"name":"' if cluster_wide else b'"namespace":"team-') + (8 if cluster_wide else 18)
            namespaces.append(at + name)
            uids.append(at + encoded.index(b'"uid":"' + item["metadata"]["uid"].encode()) + 7)
        text[-1:] = b"]}"
        return Body(bytes(text), namespaces, uids)

    def _change(self, item: dict[str, Any], number: int, position: int, namespace: str, draw: random.Random) -> None:
        metadata = item["metadata"]
        word = "".join(draw.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        if "namespace" in metadata:
            metadata["namespace"] = namespace
            metadata["name"] = f"{position:03d}-{metadata['name'][:40]}-{word}"
        else:
            metadata["name"] = f"{number:06d}-{position:03d}-{word}"
        metadata["uid"] = _uid(self._resource, number, position)
        for owner in metadata.get("ownerReferences", ()):
            resource = _CONTROLLERS.get(owner["kind"])
            if resource:
                owner["uid"] = _uid(resource, 0, self._group(position) % min(LIMIT, max(self._counts[resource], 1)))
        for container in _containers(item):
            if "@" not in container.get("image", "@"):
                container["image"] += f".{number}.{self._group(position)}"
        status = item.get("status", {})
        if "podIP" in status:
            status["podIP"] = f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
        for container in status.get("containerStatuses", []) + status.get("initContainerStatuses", []):
            container["containerID"] = f"containerd://{draw.getrandbits(256):064x}"

    def _group(self, position: int) -> int:
        return position // ALIKE.get(self._resource, 1)


_TIME = re.compile(rb"(T\d\d:)\d\d:\d\dZ")


def _files(resource: str) -> list[Path]:
    names = [f"pods.page{page}" for page in range(1, 5)] if resource == "pods" else [f"list.{resource}"]
    return [RECORDINGS / f"{name}.json" for name in names]


def _uid(resource: str, number: int, position: int) -> str:
    digits = f"{random.Random(f'{resource}/{number % VARIANTS}/{position}').getrandbits(96):024x}"
    return f"{number:08x}-{digits[:4]}-4{digits[4:7]}-8{digits[7:10]}-{digits[10:22]}"


def _containers(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = item.get("spec", {})
    spec = spec.get("jobTemplate", spec).get("spec", spec) if "jobTemplate" in spec else spec
    spec = spec.get("template", {}).get("spec", spec)
    yield from spec.get("containers", [])
    yield from spec.get("initContainers", [])


class Connections:
    """Answers on as many connections as there are, each in a thread of its own."""

    def __init__(self, pages: dict[str, Pages], pem: Path, think: float, latency: float) -> None:
        self._pages, self._think, self._latency = pages, think, latency
        self._packed: dict[SplitResult, bytes] = {}
        self._packing = threading.Lock()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with self._tls.wrap_socket(connection, server_side=True) as stream:
                received = b""
                while chunk := stream.recv(65536):
                    received += chunk
                    while b"\r\n\r\n" in received:
                        request, _, received = received.partition(b"\r\n\r\n")
                        self._answer(stream, request)
        except OSError:  # the client has gone
            pass

    def _answer(self, stream: ssl.SSLSocket, request: bytes) -> None:
        target = urlsplit(request.split(b" ", 2)[1].decode())
        headers = request.lower()
        if self._latency:
            time.sleep(self._latency / 1000)
        if b"\r\nauthorization: bearer " not in headers:
            stream.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return
        resource = PATHS.get(target.path)
        if resource is None:
            body = _DOCUMENTS.get(target.path, b"")
            status = b"200 OK" if body else b"404 Not Found"
            stream.sendall(_head(status, len(body)) + body)
            return
        query = parse_qs(target.query)
        start, limit = int(query.get("continue", ["page-0"])[0].removeprefix("page-")), int(query["limit"][0])
        pages = self._pages[resource]
        head, rest = pages.page(start, limit)
        if self._think:
            time.sleep(self._think / 1000 * min(len(rest) / 4_000_000, 1))
        if b"gzip" in headers.partition(b"accept-encoding:")[2].partition(b"\r")[0] and len(rest) > 128 * 1024:
            with self._packing:
                if target not in self._packed:
                    self._packed[target] = gzip.compress(head + rest, 1)  # as kube-apiserver does, from that size on
                    if len(self._packed) > _MAX_PACKED:
                        del self._packed[next(iter(self._packed))]
                packed = self._packed[target]
            _send_chunked(stream, packed, 0, b"Content-Encoding: gzip\r\n")
        else:
            _send_chunked(stream, head + rest, len(rest) // max(min(limit, pages.count - start), 1))


_MAX_PACKED = 500  # pages, of about 0.4 MB


def _send_chunked(stream: ssl.SSLSocket, body: bytes, item: int, more: bytes = b"") -> None:
    """Sends a list as kube-apiserver does since v1.33, which writes one item after another (KEP-5116).

    Go's net/http makes of each a chunk of 2 KiB and one of the rest, and writes them 4 KiB at a time, each a TLS record
    (`bufferBeforeChunkingSize` and `newBufioWriterSize` in https://go.dev/src/net/http/server.go). Gzip arrives there
    240 bytes at a time (`bufferFlushSize` in https://go.dev/src/compress/flate/huffman_bit_writer.go), and leaves in
    chunks of 2 KiB.

    Args:
        item: bytes of an item, on average.
        more: headers.
    """
    text, sent, at = memoryview(body), bytearray(_CHUNKED % more), 0
    sizes = cycle([2048, item - 2048] if item > 4096 else [2048])
    while at < len(text):
        chunk = text[at : at + next(sizes)]
        sent += b"%x\r\n%b\r\n" % (len(chunk), chunk)
        at += len(chunk)
    sent += b"0\r\n\r\n"
    for start in range(0, len(sent), 4096):
        stream.sendall(memoryview(sent)[start : start + 4096])


_CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%bTransfer-Encoding: chunked\r\n\r\n"


class Tokens(BaseHTTPRequestHandler):
    """The token endpoint."""

    def do_POST(self) -> None:
        """One token for all."""
        body = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


class Gke(grpc.GenericRpcHandler):
    """`ListClusters`, for whoever asks."""

    def __init__(self, fleet: Fleet) -> None:
        self._messages = {name: [message(cluster) for cluster in fleet.of(name)] for name in fleet.projects}

    def service(self, handler_call_details: Any) -> Any:
        """The only method there is."""
        return grpc.unary_unary_rpc_method_handler(
            self._list,
            request_deserializer=container_v1.ListClustersRequest.deserialize,
            response_serializer=container_v1.ListClustersResponse.serialize,
        )

    async def _list(self, request: Any, context: Any) -> container_v1.ListClustersResponse:
        return container_v1.ListClustersResponse(clusters=self._messages[request.parent.split("/")[1]])


def _head(status: bytes, length: int) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, length)


@dataclass(frozen=True)
class Served:
    """Where everything is."""

    host: str
    token: str
    ca: str
    configuration: dict[str, Any]
    """Keys of the job's configuration; for a real API server there are none."""
    environment: dict[str, str]


@contextmanager
def serve(options: argparse.Namespace, *, clusters: int = 1, counts: dict[str, int]) -> Iterator[Served]:
    """Starts the server, or takes the real one that the options name."""
    if options.url:
        yield Served(urlsplit(options.url).netloc, options.token, Path(options.ca).read_text(), {}, {})
        return
    with tempfile.TemporaryDirectory(prefix="gke-inventory-pages-") as directory:
        command = [
            sys.executable, __file__, "--directory", directory, "--clusters", str(clusters),
            "--counts", json.dumps(counts), "--think", str(options.think), "--latency", str(options.latency),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin
        assert process.stdout
        try:
            served = json.loads(process.stdout.readline())
            yield Served(**served)
        finally:
            process.stdin.close()
            process.wait(10)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", help="a real API server: https://HOST:PORT; with --token and --ca")
    parser.add_argument("--token", default="")
    parser.add_argument("--ca", default="", metavar="FILE")
    parser.add_argument("--think", type=float, default=0, metavar="MS", help="how long a page of 500 takes the server")
    parser.add_argument("--latency", type=float, default=0, metavar="MS", help="how long any answer takes to begin")
    return parser


def counts_of(objects: int) -> dict[str, int]:
    """So many objects, by kind."""
    return {resource: round(objects * SHARES.get(resource, 0)) for resource in RESOURCES}


async def _serve(options: argparse.Namespace) -> None:
    directory = options.directory
    private = authority("benchmark CA")
    (directory / "server.pem").write_bytes(server_certificate(private, "127.0.0.1"))
    counts = {**dict.fromkeys(RESOURCES, 0), **json.loads(options.counts)}
    pages = {resource: Pages(resource, count, counts) for resource, count in counts.items()}
    connections = Connections(pages, directory / "server.pem", options.think, options.latency)
    fleet = make_fleet(clusters=options.clusters, pods=counts["pods"], seed=1, special=False)
    for cluster in fleet.clusters:
        cluster.port, cluster.ca_pem = connections.port, private.pem
    gke = grpc.aio.server()
    gke.add_generic_rpc_handlers((Gke(fleet),))
    container = gke.add_insecure_port("127.0.0.1:0")
    await gke.start()
    tokens = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    user = {"type": "authorized_user", "client_id": "b", "client_secret": "b", "refresh_token": "b"}
    (directory / "user.json").write_text(json.dumps(user))
    served = {
        "host": f"127.0.0.1:{connections.port}",
        "token": TOKEN,
        "ca": private.pem.decode(),
        "configuration": {
            "projects": list(fleet.projects),
            "api_endpoints": {
                "container": f"grpc://127.0.0.1:{container}",
                "oauth2": f"http://127.0.0.1:{tokens.server_port}",
            },
        },
        "environment": {"GOOGLE_APPLICATION_CREDENTIALS": str(directory / "user.json")},
    }
    sys.stdout.write(json.dumps(served) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)  # whoever started this has ended
    os._exit(0)


def main() -> None:
    """Serves until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--clusters", type=int, default=1)
    parser.add_argument("--counts", default="{}", help="JSON: objects of each kind")
    parser.add_argument("--think", type=float, default=0)
    parser.add_argument("--latency", type=float, default=0)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
