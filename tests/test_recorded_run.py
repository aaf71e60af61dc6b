"""Whole runs against answers recorded from a real API server, over real sockets, into DuckDB."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND, METADATA_ONLY, OWN_TABLES, WORKLOAD_KINDS
from made import sink_at
from replay import CLUSTER, LOCATION, PROJECT, Replay, items, recording

from job import latest, snapshot
from job.cli import cli
from job.commands.exits import BUG, COMPLETE, INCOMPLETE, USAGE
from job.commands.plan import plan
from job.config import Config, Timeouts
from job.kinds import KINDS, RESOURCES
from job.run.one_task import run
from job.sinks.duckdb import DuckDBSink

NOT_INSTALLED = {kind.resource for kind in KINDS if kind.optional}
"""Kinds that the recorded server does not serve."""


@pytest.fixture
def config(replay: Replay, tmp_path: Path) -> Config:
    asked = {"kinds": EVERY_KIND, "sink": sink_at(tmp_path / "x.duckdb")}
    return msgspec.convert(replay.configuration | asked, Config)


@pytest.fixture
def sink(tmp_path: Path) -> DuckDBSink:
    return DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)


def rows(sink: DuckDBSink, sql: str) -> list[tuple[Any, ...]]:
    return sink.query(sql).rows


def status_answer(name: str) -> tuple[int, dict[str, str], bytes]:
    found = recording(name)["response"]
    return found["status"], {"Content-Type": found["headers"]["content-type"]}, found["body"].encode()


@pytest.mark.parametrize("page_limit", [12, 500])
@pytest.mark.siblings(2)
def test_every_recorded_list_becomes_rows_without_loss(config: Config, sink: DuckDBSink, page_limit: int) -> None:
    if page_limit == 12:  # the lists but that of pods were recorded in one page
        config = msgspec.structs.replace(config, kinds={kind: kind == "pods" for kind in RESOURCES})
    config = msgspec.structs.replace(config, page_limit=page_limit)
    summary = run(config)
    assert (summary.run.status, summary.run.clusters_complete) == ("complete", 1)
    pods = [pod for page in range(1, 5) for pod in items(f"pods.page{page}")]
    assert {row[0] for row in rows(sink, "SELECT uid FROM raw_pods")} == {pod["metadata"]["uid"] for pod in pods}
    containers = Counter(
        (pod["metadata"]["uid"], container["name"])
        for pod in pods
        for key in ("initContainers", "containers", "ephemeralContainers")
        for container in pod["spec"].get(key, [])
    )
    assert Counter(rows(sink, "SELECT pod_uid, name FROM raw_pod_containers")) == containers
    sql = "SELECT outcome, pages, objects, restarts, resource_version FROM collections WHERE resource = 'pods'"
    assert rows(sink, sql) == [("ok", 4 if page_limit == 12 else 1, 45, 0, "408")]
    if page_limit == 500:
        for table, resource in OWN_TABLES.items():
            if resource not in ("pods", *NOT_INSTALLED):
                form = "metadata-only" if resource in METADATA_ONLY else "list"
                listed = {item["metadata"]["uid"] for item in items(f"{form}.{resource}")}
                assert {row[0] for row in rows(sink, f"SELECT uid FROM {table}")} == listed
        workloads = {
            item["metadata"]["uid"] for resource in WORKLOAD_KINDS for item in items(f"list.{resource}")
        }  # fmt: skip
        bare = {pod["metadata"]["uid"] for pod in pods if not pod["metadata"].get("ownerReferences")}
        of_rollouts = {
            item["metadata"]["uid"]
            for item in items("list.replicasets")
            if any(owner["kind"] == "Rollout" for owner in item["metadata"].get("ownerReferences", []))
        }
        known = "SELECT uid FROM raw_workloads WHERE known_through_pods"
        assert {row[0] for row in rows(sink, f"SELECT uid FROM raw_workloads WHERE uid NOT IN ({known})")} == (
            workloads | bare | of_rollouts
        )
        owners = [owner for item in items("list.replicasets") for owner in item["metadata"].get("ownerReferences", [])]
        rollouts = {owner["uid"] for owner in owners if owner["kind"] == "Rollout"}
        assert {row[0] for row in rows(sink, known)} == rollouts


def test_a_web_page_in_place_of_a_list_is_that_of_something_in_front(
    replay: Replay, config: Config, sink: DuckDBSink
) -> None:
    page = b"<!doctype html><title>Log in to the network</title>"
    replay.answers["/api/v1/pods"] = (200, {"Content-Type": "text/html"}, page)
    assert run(msgspec.structs.replace(config, timeouts=Timeouts(retry_seconds=1.0))).run.status == "incomplete"
    sql = "SELECT outcome, http_status, reason, message FROM collections WHERE resource = 'pods'"
    ((outcome, status, reason, message),) = rows(sink, sql)
    assert (outcome, status, reason) == ("invalid", 200, "Intermediary")
    assert message.startswith("a web page came in place of a list")


def test_pods_are_resolved_to_the_top(config: Config, sink: DuckDBSink) -> None:
    run(config)
    found = rows(
        sink,
        "SELECT DISTINCT owner_kind, workload_kind, workload_resolution FROM raw_pods ORDER BY ALL",
    )
    assert found == [
        ("DaemonSet", "DaemonSet", "resolved"),
        ("Job", "CronJob", "resolved"),
        ("ReplicaSet", "Deployment", "resolved"),
        ("ReplicaSet", "Rollout", "referenced"),
        ("StatefulSet", "StatefulSet", "resolved"),
        (None, "Pod", "uncontrolled"),
    ]


def test_no_secret_reaches_the_database_the_logs_or_the_summary(
    config: Config, replay: Replay, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = msgspec.structs.replace(config, annotations=("*",))
    replay.answers["/apis/batch/v1/jobs"] = (403, {"Content-Type": "application/json"}, b'{"message": "no"}')
    for resource in ("secrets", "configmaps"):  # of a server that sends whole objects, whatever it is asked for
        replay.answers[f"/api/v1/{resource}"] = (200, {"Content-Type": "application/json"}, whole_objects(resource))
    (tmp_path / "c.json").write_bytes(msgspec.json.encode(config))
    assert _command("run", "--config", str(tmp_path / "c.json"), "--json", "-v") == INCOMPLETE
    output = capfd.readouterr()
    dump = [output.out, output.err]
    with DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5).kept_open() as kept:
        for (table,) in kept.query("SELECT table_name FROM duckdb_tables()").rows:
            dump.append(json.dumps(kept.query(f"SELECT * FROM {table}").rows, default=str))
        names = kept.query("SELECT name FROM secrets UNION ALL SELECT name FROM config_maps").rows
        partial = kept.query("SELECT resource, unreadable FROM collections WHERE outcome = 'partial' ORDER BY 1").rows
    text = "\n".join(dump)
    canary = text.find("CANARY")
    # with every annotation allowed, this one is the person's own wish
    allowed = text.replace('{"key": "canary", "value": "CANARY-annotation"}', "")
    assert "CANARY" not in allowed, text[max(canary - 200, 0) : canary + 100]
    assert "last-applied" not in text
    assert "someone@example.com" in text  # the dump has what is allowed
    assert names == [("whole",), ("whole",)]
    assert partial == [("configmaps", ["n/broken"]), ("secrets", ["n/broken"])]


def whole_objects(resource: str) -> bytes:
    """A list of a whole object, and of one that cannot be decoded."""
    kind = {"secrets": "SecretList", "configmaps": "ConfigMapList"}[resource]
    data = {"data": {"key": "CANARY-data"}, "stringData": {"key": "CANARY-data"}, "type": "CANARY-type"}
    metadata = {"namespace": "n", "annotations": {"note": "CANARY-copy"}}
    found = [
        {"metadata": {"name": "broken", "uid": "1", "labels": ["CANARY-label"], **metadata}, **data},
        {"metadata": {"name": "whole", "uid": "2", **metadata}, **data},
    ]
    return json.dumps({"kind": kind, "metadata": {"resourceVersion": "1"}, "items": found}).encode()


def test_only_the_metadata_of_secrets_and_config_maps_is_requested(config: Config, replay: Replay) -> None:
    run(config)
    for resource in METADATA_ONLY:
        (accept,) = (request["accept"] for request in replay.requests if f"/{resource}?" in request["path"])
        assert accept == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def test_secrets_are_off_unless_they_are_switched_on(config: Config, sink: DuckDBSink, replay: Replay) -> None:
    run(msgspec.structs.replace(config, kinds={}))
    assert not any("/secrets" in request["path"] for request in replay.requests)
    assert rows(sink, "SELECT resource FROM collections WHERE outcome = 'off' ORDER BY 1") == [
        (resource,) for resource in sorted(kind.resource for kind in KINDS if not kind.default)
    ]  # fmt: skip


def test_annotations_are_kept_by_allow_list_alone(config: Config, sink: DuckDBSink) -> None:
    run(config)
    assert rows(sink, "SELECT DISTINCT annotations FROM raw_namespaces") == [([],)]
    run(msgspec.structs.replace(config, annotations=("own*",)))
    newest = "SELECT annotations FROM namespaces WHERE name = 'odd-shapes'"
    assert rows(sink, newest) == [([{"key": "owner", "value": "データ <someone@example.com>"}],)]


def test_what_is_refused_is_recorded_with_the_servers_words(config: Config, sink: DuckDBSink, replay: Replay) -> None:
    replay.answers["/api/v1/nodes"] = status_answer("error.403.viewer-secrets")
    replay.answers["/apis/batch/v1/jobs"] = status_answer("error.404.kind-not-served")
    replay.answers["/apis/apps/v1/replicasets"] = status_answer("error.406.accept")
    summary = run(config)
    assert (summary.run.status, summary.run.clusters_partial) == ("incomplete", 1)
    found = rows(
        sink, "SELECT resource, outcome, http_status, reason FROM collections WHERE outcome <> 'ok' ORDER BY resource"
    )
    assert found == [
        ("jobs", "not_served", 404, None),
        ("nodes", "forbidden", 403, "Rbac"),
        ("replicasets", "refused", 406, "NotAcceptable"),
    ]
    assert rows(sink, "SELECT DISTINCT workload_resolution FROM raw_pods WHERE owner_kind = 'ReplicaSet'") == [
        ("not_read",)
    ]
    assert 'User "viewer" cannot list' in summary.gaps[0].message


@pytest.mark.parametrize("answer", ["error.404.group-version-gone", "error.404.kind-not-served"])
@pytest.mark.siblings(2)
def test_a_kind_that_is_not_installed_is_read_and_has_no_objects(
    config: Config, sink: DuckDBSink, replay: Replay, answer: str
) -> None:
    for kind in KINDS:
        if kind.optional:
            replay.answers |= dict.fromkeys((kind.path, f"/apis/{kind.group}"), status_answer(answer))
    assert run(config).run.status == "complete"
    sql = "SELECT outcome, http_status, reason, message, objects FROM collections WHERE resource = 'gateways'"
    message = "the API server does not serve gateways (gateway.networking.k8s.io/v1): they are not installed"
    assert rows(sink, sql) == [("ok", 404, "NotServed", message, 0)]
    assert rows(sink, "SELECT status FROM coverage WHERE resource = 'gateways'") == [("ok",)]
    assert rows(sink, "SELECT count(*) FROM gateways") == [(0,)]


def test_a_kind_that_is_served_in_another_version_alone_is_not_read(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    group, ours = "/apis/gateway.networking.k8s.io", "/apis/gateway.networking.k8s.io/v1/gateways"
    versions = [
        {"version": version, "groupVersion": f"gateway.networking.k8s.io/{version}"}
        for version in ("v1", "v1alpha2", "v1beta1")
    ]
    served = {"kind": "APIResourceList", "resources": [{"name": "gateways"}, {"name": "gateways/status"}]}
    json_type = {"Content-Type": "application/json"}
    replay.answers |= {
        ours: status_answer("error.404.kind-not-served"),
        group: (200, json_type, json.dumps({"kind": "APIGroup", "versions": versions}).encode()),
        f"{group}/v1alpha2": status_answer("error.404.group-version-gone"),
        f"{group}/v1beta1": (200, json_type, json.dumps(served).encode()),
    }
    assert run(config).run.status == "incomplete"
    sql = "SELECT outcome, http_status, reason, message FROM collections WHERE resource = 'gateways'"
    message = "the API server serves gateways as v1beta1 alone, and not as gateway.networking.k8s.io/v1"
    assert rows(sink, sql) == [("not_served", 404, "OtherVersion", message)]
    assert rows(sink, "SELECT status FROM coverage WHERE resource = 'gateways'") == [("never_read",)]


@pytest.mark.parametrize("version", ["v1beta2", "v1beta1"])
def test_a_kind_that_an_older_server_has_in_beta_is_read_there(
    config: Config, sink: DuckDBSink, replay: Replay, version: str
) -> None:
    group, json_type = "/apis/resource.k8s.io", {"Content-Type": "application/json"}
    asked = {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 2}
    request = {"name": "gpu", **(asked if version == "v1beta1" else {"exactly": asked})}
    claim = {"metadata": {"name": "c", "namespace": "n", "uid": "u"}, "spec": {"devices": {"requests": [request]}}}
    documents = {
        group: {"kind": "APIGroup", "versions": [{"version": each} for each in ("v1alpha3", version)]},
        f"{group}/v1alpha3": {"kind": "APIResourceList", "resources": [{"name": "devicetaintrules"}]},
        f"{group}/{version}": {"kind": "APIResourceList", "resources": [{"name": "resourceclaims"}]},
        f"{group}/{version}/resourceclaims": {"kind": "ResourceClaimList", "metadata": {}, "items": [claim]},
    }
    replay.answers |= {path: (200, json_type, json.dumps(found).encode()) for path, found in documents.items()}
    replay.answers[f"{group}/v1/resourceclaims"] = status_answer("error.404.kind-not-served")
    assert run(config).run.status == "complete"
    sql = "SELECT outcome, http_status, reason, objects FROM collections WHERE resource = 'resourceclaims'"
    assert rows(sink, sql) == [("ok", 200, None, 1)]
    sql = "SELECT name, requests[1].device_class, requests[1].count, allocated FROM resource_claims"
    assert rows(sink, sql) == [("c", "gpu.nvidia.com", 2, False)]


def test_an_answer_that_is_no_discovery_document_does_not_mean_that_a_kind_is_not_installed(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    replay.answers |= {
        "/apis/gateway.networking.k8s.io/v1/gateways": status_answer("error.404.kind-not-served"),
        "/apis/gateway.networking.k8s.io": (200, {"Content-Type": "application/json"}, b'{"versions": "v1"}'),
    }
    assert run(config).run.status == "incomplete"
    sql = "SELECT outcome, message FROM collections WHERE resource = 'gateways'"
    message = "the response to /apis/gateway.networking.k8s.io is no discovery document"
    assert rows(sink, sql) == [("invalid", message)]


def test_a_404_of_something_in_front_does_not_mean_that_a_kind_is_not_installed(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    page = b"<!doctype html><title>404 Not Found</title>"
    replay.answers["/apis/gateway.networking.k8s.io/v1/gateways"] = (404, {"Content-Type": "text/html"}, page)
    assert run(config).run.status == "incomplete"
    sql = "SELECT outcome, http_status, reason FROM collections WHERE resource = 'gateways'"
    assert rows(sink, sql) == [("not_found", 404, "Intermediary")]


def test_a_list_that_keeps_expiring_is_given_up_and_leaves_no_rows(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    replay.answers["/api/v1/pods"] = status_answer("error.410.expired-continue")
    run(config)
    found = rows(sink, "SELECT outcome, reason, http_status, restarts FROM collections WHERE resource = 'pods'")
    assert found == [("expired", "Expired", 410, 5)]
    assert rows(sink, "SELECT count(*) FROM raw_pods") == [(0,)]


def test_one_bad_object_costs_one_object(config: Config, sink: DuckDBSink, replay: Replay) -> None:
    listed = json.loads(recording("list.namespaces")["response"]["body"])
    listed["items"][2]["metadata"]["labels"] = {"number": 1}
    listed["items"][3]["metadata"].pop("uid")
    bad = sorted(listed["items"][index]["metadata"]["name"] for index in (2, 3))
    replay.answers["/api/v1/namespaces"] = (200, {"Content-Type": "application/json"}, json.dumps(listed).encode())
    summary = run(config)
    found = rows(
        sink,
        "SELECT outcome, objects, unreadable_objects, list_sort(unreadable) FROM collections "
        "WHERE resource = 'namespaces'",
    )
    assert found == [("partial", 6, 2, bad)]
    assert summary.run.clusters_partial == 1
    assert rows(sink, "SELECT count(*) FROM namespaces") == [(6,)]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"metadata": {"resourceVersion": "1"}, "items": null}', "ok"),
        (b'{"metadata": {"resourceVersion": "1"}, "items": 3}', "invalid"),
        (b'{"metadata": {"resourceVersion": "1"}}', "invalid"),
        (b"[]", "invalid"),
        (b'{"metadata": {"resourceVersion": "1", "continue": "same"}, "items": []}', "invalid"),
    ],
)
@pytest.mark.siblings(2)
def test_answers_that_are_no_lists_are_recorded_as_such(
    config: Config, sink: DuckDBSink, replay: Replay, body: bytes, outcome: str
) -> None:
    replay.answers["/api/v1/nodes"] = (200, {"Content-Type": "application/json"}, body)
    run(config)
    assert rows(sink, "SELECT outcome FROM collections WHERE resource = 'nodes'") == [(outcome,)]


def test_a_kind_that_is_off_is_not_asked_for_and_leaves_the_snapshot_complete(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    summary = run(msgspec.structs.replace(config, kinds={"cronjobs": False}))
    assert summary.run.status == "complete"
    assert not any("cronjobs" in request["path"] for request in replay.requests)
    assert rows(sink, "SELECT outcome FROM collections WHERE resource = 'cronjobs'") == [("off",)]


@pytest.mark.parametrize("status", ["PROVISIONING", "STOPPING", "ERROR"])
@pytest.mark.siblings(2)
def test_a_cluster_that_is_not_running_is_recorded_with_its_state(
    config: Config, sink: DuckDBSink, replay: Replay, status: str
) -> None:
    replay.clusters[0].status = status
    run(config)
    assert rows(sink, "SELECT status, reason, cluster_status FROM snapshots") == [("failed", "not_running", status)]
    assert rows(sink, "SELECT DISTINCT outcome, reason FROM collections WHERE cluster IS NOT NULL") == [
        ("not_running", status)
    ]
    assert rows(sink, "SELECT status FROM clusters") == [(status,)]
    assert replay.requests == []


def test_denied_and_unknown_projects_cost_no_other(config: Config, sink: DuckDBSink) -> None:
    summary = run(msgspec.structs.replace(config, projects=("other-project", PROJECT)))
    assert (summary.run.projects_failed, summary.run.clusters_complete, summary.run.status) == (1, 1, "incomplete")
    sql = "SELECT project_id, location, outcome, http_status FROM collections WHERE cluster IS NULL ORDER BY 1"
    assert rows(sink, sql) == [("other-project", "-", "forbidden", 403), (PROJECT, "-", "ok", 200)]


def test_globs_choose_clusters_and_flags_win(config: Config, sink: DuckDBSink) -> None:
    for include, exclude, count in (
        (("replayed-*/europe-*/recorded",), (), 1),
        (("recorded",), (), 1),
        (("*/us-*/*", "rec*"), (), 1),
        (("*",), ("*/recorded",), 0),
    ):
        chosen = msgspec.structs.replace(config.clusters, include=include, exclude=exclude)
        assert run(msgspec.structs.replace(config, clusters=chosen)).run.clusters == count
    assert rows(sink, "SELECT DISTINCT listed_clusters FROM collections WHERE cluster IS NULL") == [
        (["europe-west1/recorded"],)
    ]


def test_plan_reads_no_cluster_and_writes_nothing(config: Config, replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").unlink()
    (planned,) = plan(config)
    assert (planned.name, planned.endpoint_type, planned.problem) == (f"{PROJECT}/{LOCATION}/{CLUSTER}", "public", None)
    assert replay.requests == []
    assert not (tmp_path / "x.duckdb").exists()


def test_a_snapshot_in_a_notebook_is_frames_with_the_right_dtypes(config: Config, tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").unlink()
    frames = snapshot(config)
    assert len(frames["pods"]) == 45
    dtypes = frames["nodes"].dtypes.astype(str)
    assert dtypes[["cpu_allocatable_millicores", "accelerator_capacity", "created_at", "ready", "name"]].to_dict() == {
        "cpu_allocatable_millicores": "Int64",
        "accelerator_capacity": "Int64",
        "created_at": "datetime64[us, UTC]",
        "ready": "boolean",
        "name": "string",
    }
    assert list(frames["nodes"]["cpu_allocatable_millicores"].unique()) == [15890]
    assert set(frames["coverage"]["status"]) == {"ok"}
    assert not (tmp_path / "x.duckdb").exists()


def test_latest_is_a_frame_of_what_is_known_now(config: Config) -> None:
    run(config)
    pods = latest("pods", sink=config.sink)
    assert {"read_age_seconds", "read_status"} <= set(pods.columns)
    assert len(latest("coverage", config=config)) == len(RESOURCES) + 2  # upgrade info, and the list of clusters
    assert len(latest("workloads", sink=config.sink).query("kind == 'Deployment'")) == 7


def _command(*arguments: str) -> int:
    code = cli.main(list(arguments), standalone_mode=False)
    assert code in (COMPLETE, BUG, USAGE, INCOMPLETE)
    return int(code)
