"""Small fleets for tests of the report."""

from __future__ import annotations

from pathlib import Path

import warehouse
from made import sink_at
from warehouse import (
    Read,
    container,
    gke_cluster,
    image_parts,
    node,
    node_pool,
    pod,
    pod_container,
    pod_of,
    run_of,
    workload,
)

from job.sinks.duckdb import DuckDBSink
from job.tables import Key, Record, Service, ServicePort
from job.tables.record import KeyValue, OtherApiVersion
from job.tables.workloads import Condition

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}</style>--><img src=x onerror=alert(2)>\x1b[2J"
"""A name that is markup, a template, an attribute's end and a terminal's command."""

GIB = 2**30
ONE, TWO = (f"sha256:{letter * 64}" for letter in "ab")


def rows(name: str = "web") -> list[list[tuple[Key, Record]]]:
    """The rows of two runs: a cluster in full, one whose pods are forbidden, and one that only the second run finds.

    Args:
        name: of all that people name: a namespace, a workload, its container, an image, a node pool.
    """
    since = warehouse.FIRST
    failed = Condition(type="Progressing", status="False", reason="ProgressDeadlineExceeded", last_transition_at=since)
    counts = {"replicas_wanted": 2, "replicas": 2, "replicas_updated": 1, "replicas_ready": 1, "replicas_available": 1}
    applied = OtherApiVersion(api_version="extensions/v1beta1", source="last-applied")
    deployment = workload(
        name, namespace=name, generation=1, observed_generation=1, conditions=(failed,), other_api_versions=(applied,),
        **counts,
    )  # fmt: skip
    template = container(name, name, namespace=name, **image_parts(f"{name}:1"))
    team = (KeyValue(key="team", value=name),)
    wanted = {
        "labels": team,
        "namespace": name,
        "node": "n1",
        "cpu_request_millicores": 500,
        "memory_request_bytes": GIB,
    }
    pods = [
        pod_of(name, f"{name}-1", ready=True, status="Running", **wanted),
        pod_of(name, f"{name}-2", ready=False, status="CrashLoopBackOff", restarts=3, **wanted),
        pod("lone", namespace=name, status="Running", ready=True),
    ]

    def containers(restarts: int) -> list[Record]:
        return [
            pod_container(f"{name}-1", f"{name}:1", namespace=name, name=name, privileged=True, restarts=0,
                          running_digest=ONE),
            pod_container(f"{name}-2", f"{name}:1", namespace=name, name=name, restarts=restarts, running_digest=TWO),
            pod_container("lone", f"{name}@{ONE}", namespace=name, name=name, restarts=0, running_digest=TWO),
        ]  # fmt: skip

    allocatable = {"cpu_allocatable_millicores": 4000, "memory_allocatable_bytes": 16 * GIB, "pods_allocatable": 110}
    nodes = [
        node("n1", name, ready=True, kubelet_version="v1.31.2", machine_type="e2-standard-4", **allocatable),
        node("n2", name, ready=False, kubelet_version="v1.27.1", **allocatable),
    ]
    gke = [gke_cluster("1.31.2-gke.100"), node_pool(name, "1.31.2")]
    service = Service(
        namespace=name, name=name, uid="uid-service", type="LoadBalancer", internal=False, selector=team,
        headless=False, publish_not_ready_addresses=False, ports=(ServicePort(port=80),),
    )  # fmt: skip
    kinds = {"nodes": nodes, "deployments": [deployment, template], "services": [service]}
    before = Read("whole", [name], [*pods[:2], *containers(0)[:2]], more=kinds | {"nodes": nodes[:1]}, gke=gke)
    after = Read("whole", [name], [*pods, *containers(3)], more=kinds, gke=gke)
    denied = Read("denied", ["default"], "forbidden", more={"nodes": nodes[:1]}, gke=[gke_cluster("1.30.1-gke.1")])
    return [run_of(0, before), run_of(1, after, denied)]


def published(path: Path, name: str = "web") -> str:
    """The address of a DuckDB file with the rows of both runs."""
    address = sink_at(path)
    for run in rows(name):
        warehouse.publish(DuckDBSink(path, timeout_seconds=5), run)
    return address
