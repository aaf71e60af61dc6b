"""Clusters whose endpoints do not all answer: the next one is tried, and `snapshots` says what happened."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kubernetes.client import CoreV1Api
from made import sink_at

from job.client import kubernetes_client
from job.commands.plan import PlannedEndpoint, plan
from job.commands.show import show
from job.config import Config
from job.errors import InventoryError
from job.run.one_task import run
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=4, pods=3, plain=True, bigquery=False) as found:
        yield found


def collected(fleet: Simulator, folder: Path, **keys: Any) -> dict[str, tuple[Any, ...]]:
    """Cluster -> status, endpoint_type, endpoint, reason, message and failed_endpoints of its snapshot."""
    settings = {
        **fleet.configuration, "sink": sink_at(folder / "x.duckdb"),
        "timeouts": {"connect_seconds": 1, "retry_seconds": 1}, **keys,
    }  # fmt: skip
    config = msgspec.convert(settings, Config)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fleet.environment.items():
            patch.setenv(name, value)
        run(config)
    sql = "SELECT cluster, status, endpoint_type, endpoint, reason, message, failed_endpoints FROM snapshots"
    return {row[0]: row[1:] for row in open_warehouse(config).query(sql).rows}


def test_each_endpoint_is_tried_until_one_answers(fleet: Simulator, tmp_path: Path) -> None:
    names = list(fleet.clusters)
    live = {name: f"127.0.0.1:{port}" for name, port in fleet.clusters.items()}
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"127.0.0.1:{closed.getsockname()[1]}"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"127.0.0.1:{silent.getsockname()[1]}"  # accepts TCP, and never speaks TLS
        fleet.set_endpoints(names[0], {"public": live[names[0]], "private": dead})
        fleet.set_endpoints(names[1], {"public": dead, "private": live[names[1]]})
        fleet.set_endpoints(names[2], {"public": mute, "private": dead}, membership="three")
        fleet.set_endpoints(names[3], {"public": dead, "private": mute})
        found = collected(fleet, tmp_path)
    first, second, third, fourth = (found[name.rpartition("/")[2]] for name in names)
    gateway = fleet.connect_gateway_endpoint.removeprefix("https://")
    assert first == ("complete", "public", live[names[0]], None, None, [])
    assert second[:3] == ("complete", "private", live[names[1]])
    assert [(each["endpoint_type"], each["endpoint"], each["reason"]) for each in second[5]] == [
        ("public", dead, "ConnectionRefused")
    ]
    assert third[:3] == ("complete", "connect_gateway", gateway)
    assert [(each["endpoint_type"], each["endpoint"]) for each in third[5]] == [("public", mute), ("private", dead)]
    assert 0.9 < third[5][0]["seconds"] < 30
    assert (*fourth[:4],) == ("failed", None, None, "unreachable")
    assert f"public endpoint {dead}: " in fourth[4]
    assert f"private endpoint {mute}: " in fourth[4]
    assert [each["endpoint_type"] for each in fourth[5]] == ["public", "private"]
    gone = [each for each in fleet.requests() if each["cluster"] == names[2] and each["path"] == "/version"]
    assert len(gone) == 1


def test_a_refusal_in_front_of_the_api_server_leads_to_the_next_endpoint(fleet: Simulator, tmp_path: Path) -> None:
    names = list(fleet.clusters)
    live = {name: f"127.0.0.1:{port}" for name, port in fleet.clusters.items()}
    for name in names:
        fleet.set_endpoints(name, {"public": live[name], "private": f"localhost:{fleet.clusters[name]}"})
    fleet.fault(names[0], "in_front", "version", code=403, form="google_json", permission="container.clusters.connect",
                reason="IAM_PERMISSION_DENIED", times=1)  # fmt: skip
    fleet.forbid(names[1], "*")
    found = collected(fleet, tmp_path)
    fleet.clear()
    first, second, *_ = (found[name.rpartition("/")[2]] for name in names)
    assert first[:2] == ("complete", "private")
    (failed,) = first[5]
    assert (failed["endpoint_type"], failed["reason"]) == ("public", "IamPermissionMissing")
    assert "container.clusters.connect" in failed["message"]
    # the API server itself refuses the lists: no other endpoint would help
    assert (second[:2], second[5]) == (("failed", "public"), [])


def test_an_order_of_endpoints_is_kept(fleet: Simulator, tmp_path: Path) -> None:
    for name, port in fleet.clusters.items():
        addresses = {"public": f"127.0.0.1:{port}", "private": f"127.0.0.1:{port}"}
        fleet.set_endpoints(name, addresses, membership=name.replace("/", "-"))
    found = collected(fleet, tmp_path, endpoints=["connect_gateway", "private"])
    assert {row[1] for row in found.values()} == {"connect_gateway"}


def test_endpoints_that_do_not_answer_yet_are_tried_again(fleet: Simulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"127.0.0.1:{closed.getsockname()[1]}"
    for name, port in fleet.clusters.items():
        fleet.set_endpoints(name, {"public": dead, "private": f"127.0.0.1:{port}"})
    fleet.fault("*/*/*", "refuse")
    back = threading.Timer(1.5, fleet.clear)
    back.start()
    found = collected(fleet, tmp_path, timeouts={"connect_seconds": 1, "retry_seconds": 60})
    back.join()
    assert {row[1] for row in found.values()} == {"private"}
    assert {each["endpoint_type"] for row in found.values() for each in row[5]} == {"public"}


def test_a_client_of_one_cluster_takes_the_first_endpoint_that_answers(fleet: Simulator) -> None:
    one, two, *_ = fleet.clusters
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"127.0.0.1:{closed.getsockname()[1]}"
    fleet.set_endpoints(one, {"public": dead, "private": f"127.0.0.1:{fleet.clusters[one]}"})
    fleet.set_endpoints(two, {"public": dead, "private": dead})
    settings = {**fleet.configuration, "timeouts": {"connect_seconds": 1, "retry_seconds": 60}}
    config = msgspec.convert(settings, Config)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fleet.environment.items():
            patch.setenv(name, value)
        with kubernetes_client(*one.split("/"), config=config) as client:
            assert CoreV1Api(client).read_namespace("kube-system").metadata.name == "kube-system"
        assert "name: kube-system" in show(one, "namespace", "kube-system", None, config)
        with pytest.raises(InventoryError, match=f"{two}: unreachable: public endpoint {dead}: .*; private endpoint"):
            show(two, "namespace", "kube-system", None, config)
        planned = {each.name: each for each in plan(config)}
    assert (planned[one].endpoint_type, planned[one].endpoint) == ("public", dead)
    assert planned[one].next_endpoints == (PlannedEndpoint("private", f"127.0.0.1:{fleet.clusters[one]}"),)
