"""Objects of kinds that a recorded API server names in its discovery, in both forms of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from made import sink_at
from replay import Replay, recording

from job.commands.doctor import examine
from job.commands.doctor.roles import print_role
from job.config import Config
from job.config_objects import Objects
from job.kinds import RESOURCES
from job.run.one_task import run
from job.sinks.duckdb import DuckDBSink

WIDGETS = "widgets.example.com"
WIDGETS_PATH = "/apis/example.com/v1/widgets"


@pytest.fixture
def config(replay: Replay, tmp_path: Path) -> Config:
    few = {kind: kind == "namespaces" for kind in RESOURCES}
    asked = {"kinds": few, "upgrade_info": False, "sink": sink_at(tmp_path / "x.duckdb")}
    asked |= {"timeouts": {"retry_seconds": 0.5}}
    replay.answers[WIDGETS_PATH] = answer("metadata-only.widgets")
    return msgspec.convert(replay.configuration | asked, Config)


def answer(name: str) -> tuple[int, dict[str, str], bytes]:
    found = recording(f"objects/{name}")["response"]
    kept = {
        name: value for name, value in found["headers"].items() if name.startswith(("content-type", "x-kubernetes"))
    }
    return found["status"], kept, found["body"].encode()


def read(config: Config, *include: str) -> None:
    run(msgspec.structs.replace(config, objects=Objects(include=include)))


def rows(tmp_path: Path, sql: str) -> list[tuple[Any, ...]]:
    return DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5).query(sql).rows


OUTCOMES = """
SELECT resource, outcome, reason, objects, unreadable FROM collections
WHERE cluster IS NOT NULL AND (resource = 'objects' OR resource LIKE '%.%') ORDER BY 1
"""


def test_a_stale_group_of_the_recorded_discovery_costs_its_own_kinds(
    config: Config, replay: Replay, tmp_path: Path
) -> None:
    replay.answers["/apis"] = answer("discovery.aggregated.apis.broken-group")
    read(config, "*.example.com", "*.metrics.k8s.io", "*.argoproj.io")
    asked = [request["path"].partition("?")[0] for request in replay.requests]
    assert asked[1] == "/apis"
    assert "/api" not in asked  # no glob may mean a kind of the core group
    assert WIDGETS_PATH in asked  # in the preferred one of its versions
    assert "as=APIGroupDiscoveryList" in replay.requests[1]["accept"]
    assert rows(tmp_path, OUTCOMES) == [
        ("*.metrics.k8s.io", "server_error", "StaleGroup", 0, []),  # which may have kinds that it matches
        ("objects", "partial", "StaleGroup", 0, ["metrics.k8s.io"]),
        ("replicasets.apps.example.com", "not_served", "NotFound", 0, []),  # its list was not recorded
        ("rollouts.argoproj.io", "ok", None, 1, []),
        (WIDGETS, "ok", None, 1, []),
    ]
    columns = "api_version, namespace, name, finalizers, field_managers, labels, generation"
    assert rows(tmp_path, f"SELECT {columns} FROM objects WHERE resource = '{WIDGETS}'") == [
        (
            "example.com/v1", "breadth", "big", ["example.com/cleanup"], ["kubectl-client-side-apply"],
            [{"key": "team", "value": "payments"}], 1,
        )
    ]  # fmt: skip
    assert "CANARY" not in str(rows(tmp_path, "SELECT * FROM objects"))


def test_a_server_without_aggregated_discovery_is_asked_group_by_group(
    config: Config, replay: Replay, tmp_path: Path
) -> None:
    version = {"name": "widgets", "kind": "Widget", "verbs": ["list", "watch"]}
    more = [{**version, "name": "widgets/status"}, {**version, "name": "../secrets"}, {**version, "verbs": ["list"]}]
    served = json.dumps({"kind": "APIResourceList", "resources": [*more, version]}).encode()
    json_type = {"Content-Type": "application/json"}
    replay.answers |= {
        "/apis": answer("discovery.plain.apis.broken-group"),
        "/apis/example.com/v1": (200, json_type, served),
        "/apis/example.com/v1beta1": (200, json_type, served),
        "/apis/metrics.k8s.io/v1beta1": answer("error.503.broken-aggregated-api"),
    }
    read(config, WIDGETS, "pods.metrics.k8s.io")
    asked = [request["path"].partition("?")[0] for request in replay.requests]
    assert set(asked) == {
        "/version", "/apis", "/apis/example.com/v1", "/apis/example.com/v1beta1", "/apis/metrics.k8s.io/v1beta1",
        WIDGETS_PATH, "/api/v1/namespaces",
    }  # fmt: skip
    assert rows(tmp_path, OUTCOMES) == [
        ("objects", "partial", None, 0, ["metrics.k8s.io"]),
        ("pods.metrics.k8s.io", "server_error", None, 0, []),
        (WIDGETS, "ok", None, 1, []),
    ]


@pytest.mark.parametrize(
    "body", [b"{}", b'{"kind":"PodList","items":[]}', b'{"kind":"APIGroupDiscoveryList","items":7}']
)
def test_something_else_than_a_discovery_document_is_a_gap(
    config: Config, replay: Replay, tmp_path: Path, body: bytes
) -> None:
    replay.answers["/apis"] = (200, {"Content-Type": "application/json"}, body)
    read(config, WIDGETS)
    assert rows(tmp_path, OUTCOMES) == [("objects", "invalid", None, 0, []), (WIDGETS, "invalid", None, 0, [])]
    assert rows(tmp_path, "SELECT outcome FROM collections WHERE resource = 'namespaces'") == [("ok",)]


def test_doctor_checks_the_kinds_that_the_server_names(
    config: Config, replay: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    replay.answers["/apis"] = answer("discovery.aggregated.apis.broken-group")
    examine(
        lambda: msgspec.structs.replace(
            config, objects=Objects(include=("*.example.com", "*.argoproj.io", "*.metrics.k8s.io"))
        ),
        as_json=True,
    )
    checks = [check for check in json.loads(capsys.readouterr().out)["checks"] if check["category"] == "clusters"]
    assert [(check["status"], check["action"].partition(",")[0]) for check in checks] == [
        ("ok", checks[0]["action"].partition(",")[0]),
        ("finding", "learn its kinds"),
    ]
    assert checks[0]["message"].endswith("; 4 kinds may be listed")  # with namespaces
    assert "metrics.k8s.io/v1beta1 does not answer" in checks[1]["message"]


def test_the_role_and_the_cluster_role_permit_what_is_chosen(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = Objects(include=(WIDGETS, "*.argoproj.io", "leases.coordination.k8s.io", "*"))
    config = msgspec.structs.replace(config, objects=chosen)
    print_role(config, is_for_rbac=False)
    role = yaml.safe_load(capsys.readouterr().out)
    assert role["includedPermissions"][-2:] == ["container.namespaces.list", "container.thirdPartyObjects.list"]
    print_role(config, is_for_rbac=True)
    printed = capsys.readouterr().out
    assert "# * names no API group: add rules for its kinds\n" in printed
    rules = {rule["apiGroups"][0]: rule["resources"] for rule in next(yaml.safe_load_all(printed))["rules"]}
    assert rules == {
        "": ["namespaces"], "argoproj.io": ["*"], "coordination.k8s.io": ["leases"], "example.com": ["widgets"]
    }  # fmt: skip
