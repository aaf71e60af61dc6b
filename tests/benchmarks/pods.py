"""CPU time of the client for all pods of one cluster: against throwing the same pages away, and the official client."""

from __future__ import annotations

import base64
import gzip
import os
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
from page_server import LIMIT, Served, arguments, serve

from job.collect import Collector, Task
from job.config import Config
from job.connect import Endpoint, connect
from job.identity import Identity
from job.kinds import KINDS
from job.listing import Server, Tally, pages
from job.normalize.owners import Owners
from job.normalize.scope import Scope
from job.spool import Spool
from job.tables import Key
from job.wire import gke

PODS = next(kind for kind in KINDS if kind.resource == "pods")


def main() -> None:
    """Prints the ratios."""
    parser = arguments(__doc__)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--best-of", type=int, default=5)
    parser.add_argument("--typed", action="store_true", help="measure the official client's typed list too: slow")
    options = parser.parse_args()
    with serve(options, counts={"pods": options.pods}) as served:
        thrown = best(options.best_of, lambda: throw_away(served))
        rows = best(options.best_of, lambda: records(served))
        spooled = best(options.best_of, lambda: spool(served))
        print(f"{'pods':>8} {rows.result[0]}, {rows.result[1]} rows, {thrown.result / 1e6:.0f} MB, best of {options.best_of}")
        print(f"{'':>28}  CPU s   us/pod   ratio")
        for name, taken in (("urllib3, thrown away", thrown), ("with all rows", rows), ("with all rows spooled", spooled)):
            print(
                f"{name:>28} {taken.seconds:6.3f} {taken.seconds / rows.result[0] * 1e6:8.1f} "
                f"{taken.seconds / thrown.seconds:7.2f}"
            )
        plain, packed = spooled.result
        print(f"bytes of spool per pod, all its rows: {packed / rows.result[0]:.0f} ({plain / rows.result[0]:.0f} before gzip)")
        if options.typed:
            typed = best(1, lambda: typed_list(served))
            print(f"{'official client, typed list':>28} {typed.seconds:6.3f} {typed.seconds / typed.result * 1e6:8.1f}")
            print(f"{'of which the rows take':>28} {1 / (typed.seconds / rows.seconds):6.4f}, that is {typed.seconds / rows.seconds:.1f}x less")
            print(f"{'spooled':>28} {typed.seconds / spooled.seconds:.1f}x less")


class Taken:
    def __init__(self, seconds: float, result: Any) -> None:
        self.seconds, self.result = seconds, result


def best(times: int, work: Callable[[], Any]) -> Taken:
    """The least CPU time of this process, all its threads, in so many goes."""
    least = None
    for _ in range(times):
        clock = time.process_time()
        result = work()
        seconds = time.process_time() - clock
        if least is None or seconds < least.seconds:
            least = Taken(seconds, result)
    assert least is not None
    return least


def pool(served: Served) -> urllib3.HTTPSConnectionPool:
    """A bare connection pool to the server."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(served.ca)
        file.flush()
        host, _, port = served.host.partition(":")
        made = urllib3.HTTPSConnectionPool(host, int(port or 443), ca_certs=file.name, cert_reqs="CERT_REQUIRED")
        made.request("GET", "/version", headers=bearer(served))
        return made


def bearer(served: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.token}"}


def throw_away(served: Served, path: str = PODS.path) -> int:
    """Reads all pages and keeps nothing; returns how many bytes they had."""
    import msgspec

    class Meta(msgspec.Struct):
        continue_: str | None = msgspec.field(default=None, name="continue")

    size, token, there = 0, "", pool(served)
    while True:
        url = f"{path}?limit={LIMIT}" + (f"&continue={token}" if token else "")
        body = there.request("GET", url, headers=bearer(served)).data
        size += len(body)
        head = body[: body.index(b',"items"')] + b"}"
        token = msgspec.json.decode(msgspec.json.decode(head, type=dict[str, msgspec.Raw])["metadata"], type=Meta).continue_
        if not token:
            return size


def cluster(served: Served) -> gke.Cluster:
    encoded = base64.b64encode(served.ca.encode()).decode()
    auth = gke.MasterAuth(cluster_ca_certificate=encoded)
    return gke.Cluster(name="benchmark", location="europe-west1", endpoint=served.host, status="RUNNING", master_auth=auth)


def identity(served: Served) -> Identity:
    from google.oauth2.credentials import Credentials

    return Identity(Credentials(served.token))


def records(served: Served) -> tuple[int, int]:
    """Reads all pods and makes all their rows; returns how many of both."""
    known = identity(served)
    config = Config()
    pods, rows, scope = 0, 0, Scope(Owners())
    import msgspec

    from job.wire import core, meta
    decode = msgspec.json.Decoder(meta.Page[core.Pod]).decode
    with connect(cluster(served), Endpoint("public", served.host), known) as client:
        server = Server(client, known, config.timeouts, time.monotonic() + 3600, time.sleep)
        for page in pages(server, PODS.path, LIMIT, decode, Tally()):
            pods += len(page.items)
            for pod in page.items:
                for _ in PODS.rows(pod, scope):
                    rows += 1
    return pods, rows


def spool(served: Served) -> tuple[int, int]:
    """Reads all pods as a run does, into the spool; returns its bytes, plain and compressed."""
    known = identity(served)
    config = Config(kinds={kind.resource: kind is PODS for kind in KINDS})
    task = Task("benchmark", datetime.now(UTC))
    with tempfile.TemporaryDirectory() as directory:
        kept = Spool(Path(directory))
        done = Collector(config, known, kept, task, threading.Event()).collect("benchmark", cluster(served))
        assert done.snapshot.status == "complete", done.snapshot
        clock = time.process_time()
        files = kept.save()
        plain = packed = 0
        for table in ("pods", "pod_containers", "workloads", "containers"):
            if table in files:
                packed += files[table].stat().st_size
                size = int.from_bytes(files[table].read_bytes()[-4:], "little")
                plain += size
    return plain, packed


def typed_list(served: Served) -> int:
    """The official client's typed list, and rows made from it."""
    raise NotImplementedError


if __name__ == "__main__":
    main()
