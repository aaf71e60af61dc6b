"""CPU time for all pods of a cluster: against throwing the same pages away, the official client, and kubectl."""

from __future__ import annotations

import base64
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bare import throw_away
from google.oauth2.credentials import Credentials
from kubernetes.client import CoreV1Api, V1PodOS, V1PodSecurityContext, V1SecurityContext
from page_server import LIMIT, Served, arguments, serve

from job.collect.api_reader import ApiReader
from job.collect.cluster import ClusterCollector
from job.collect.deadlines import Deadline
from job.collect.page_limit import PageLimit
from job.collect.paging import read_list
from job.collect.rows import RowBuilder
from job.collect.stats import ReadStats
from job.collect.throttle import Throttle
from job.config import Config
from job.connect.endpoints import Endpoint
from job.connect.identity import Identity
from job.connect.kubernetes import connect
from job.kinds import KINDS
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.run.memory import infrequent_gc
from job.spool import Spool
from job.tables import Record
from job.task import Task
from job.wire import gke

PODS = next(kind for kind in KINDS if kind.resource == "pods")
TABLES = ("pods", "pod_containers", "workloads", "containers")


class Taken(NamedTuple):
    """CPU seconds of this process, all its threads, and what came of them."""

    seconds: float
    result: Any


def main() -> None:
    """Prints the ratios."""
    parser = arguments(__doc__)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--best-of", type=int, default=5)
    parser.add_argument(
        "--typed", type=int, default=2_000, metavar="PODS", help="read with the official client, slowly"
    )
    options = parser.parse_args()
    with serve(options, counts={"pods": options.pods}) as served:
        rows(served)  # the server compresses each page once
        goes: list[Callable[[Served], Any]] = [bare, rows, spooled]
        best = [
            min(taken)
            for taken in zip(*([cpu(go, served) for go in goes] for _ in range(options.best_of)), strict=True)
        ]
        printed = kubectl(served)
    with serve(options, counts={"pods": options.typed}) as served:
        typed = min(cpu(typed_rows, served) for _ in range(2))
    thrown, made, kept = best
    pods, made_rows, received = made.result
    print(f"{pods} pods, {made_rows} rows, {thrown.result / 1e6:.0f} MB of pages; least of {options.best_of}")
    print(f"received: {received / thrown.result:.3f} of the bytes that urllib3 reads, which asks for no compression")
    print(f"{'':28} us/pod  ratio to urllib3  less than the official client")
    official = typed.seconds / typed.result
    for name, taken in (("urllib3, thrown away", thrown), ("all rows", made), ("all rows, spooled", kept)):
        each = taken.seconds / pods
        print(f"{name:28} {each * 1e6:6.1f} {taken.seconds / thrown.seconds:17.2f} {official / each:29.1f}x")
    print(f"{'official client, all rows':28} {official * 1e6:6.1f}")
    if printed is not None:
        each, times = printed.seconds / pods * 1e6, printed.seconds / kept.seconds
        print(f"{'kubectl get pods -A -o json':28} {each:6.1f}, {times:.0f} times all rows, spooled")
    plain, packed = kept.result
    print(f"spool: {packed / pods:.0f} bytes a pod, all its rows; {plain / pods:.0f} before gzip")


def cpu(go: Callable[[Served], Any], served: Served) -> Taken:
    """One go at it."""
    clock = time.process_time()
    result = go(served)
    return Taken(time.process_time() - clock, result)


def kubectl(served: Served) -> Taken | None:
    """What `kubectl get pods` takes to print them all as JSON, where it is installed."""
    if shutil.which("kubectl") is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        ca = Path(directory) / "ca.pem"
        ca.write_text(served.ca)
        command = [
            "kubectl", "--kubeconfig=/dev/null", f"--cache-dir={directory}", f"--server=https://{served.host}",
            f"--token={served.token}", f"--certificate-authority={ca}", "get", "pods", "-A", "-o", "json",
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, None)


def bare(served: Served) -> int:
    """Reads all pages and keeps nothing; returns their bytes."""
    return throw_away(served, PODS.path)


def cluster(served: Served) -> gke.Cluster:
    """The cluster as the GKE API would tell it."""
    auth = gke.MasterAuth(cluster_ca_certificate=base64.b64encode(served.ca.encode()).decode())
    return gke.Cluster(name="b", location="europe-west1", endpoint=served.host, status="RUNNING", master_auth=auth)


def identity(served: Served) -> Identity:
    """Whoever has the token."""
    return Identity(Credentials(served.token))  # type: ignore[no-untyped-call]


class Counted:
    """Stands where a segment does, and only counts rows."""

    def __init__(self) -> None:
        self.rows = 0

    def add(self, records: Iterable[Record]) -> None:
        """Lets go of them."""
        self.rows += len(list(records))


def scope_of_a_run() -> Scope:
    """What rows depend on where no list but that of pods was read."""
    owners = Owners()
    for kind in KINDS:
        if kind.controls or kind.whole_list:
            owners.expect(kind.name, kind.group)
    return Scope(owners)


def rows(served: Served) -> tuple[int, int, int]:
    """Reads all pods and makes all their rows; returns how many of both, and the bytes that arrived."""
    known, counted, stats = identity(served), Counted(), ReadStats()
    with infrequent_gc(), connect(cluster(served), Endpoint("public", served.host), known) as client:
        server = ApiReader(client, known, Config().timeouts, threading.Event(), Throttle())
        reading = RowBuilder(PODS, scope_of_a_run(), counted)  # type: ignore[arg-type]
        deadline = Deadline(time.monotonic() + 3600, "", "")
        read_list(server, PODS.path, PageLimit(LIMIT), reading, deadline, stats)
    return reading.counts.objects, counted.rows, stats.received_bytes


def spooled(served: Served) -> tuple[int, int]:
    """Reads all pods as a run does, into the spool; returns its bytes, plain and compressed."""
    config = Config(kinds={kind.resource: kind is PODS for kind in KINDS})
    with tempfile.TemporaryDirectory() as directory:
        spool = Spool(Path(directory))
        collector = ClusterCollector(
            config, identity(served), spool, Task("benchmark", datetime.now(UTC)), threading.Event()
        )
        with infrequent_gc():  # as in a run
            done = collector.collect("benchmark", cluster(served))
        assert done.snapshot.status == "complete", done.snapshot
        files = [file for table, file in spool.save().files.items() if table in TABLES]
        plain = sum(int.from_bytes(file.read_bytes()[-4:], "little") for file in files)
        return plain, sum(file.stat().st_size for file in files)


def typed_rows(served: Served) -> int:
    """The official client's typed list, and the same rows: its models have our attributes; returns how many pods."""
    for model in (V1PodOS, V1PodSecurityContext, V1SecurityContext):  # keys of our caches
        model.__hash__ = object.__hash__
    known, token, pods = identity(served), None, 0
    with connect(cluster(served), Endpoint("public", served.host), known) as client:
        api, scope = CoreV1Api(client), Scope(Owners())
        while True:
            page = api.list_pod_for_all_namespaces(limit=LIMIT, **({"_continue": token} if token else {}))
            for pod in page.items:
                PODS.rows(pod, scope)
            pods += len(page.items)
            token = page.metadata.var_continue
            if not token:
                return pods


if __name__ == "__main__":
    main()
