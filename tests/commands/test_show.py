"""`show` prints the object that was asked for, and no secret, whatever the server sends."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import msgspec
import pytest
import yaml
from replay import CLUSTER, LOCATION, PROJECT, Replay, recording

from job.commands.hidden import without_secrets
from job.commands.show import show
from job.config import Config
from job.errors import ConfigError, InventoryError, NotFoundError

CLUSTER_NAME = f"{PROJECT}/{LOCATION}/{CLUSTER}"
JSON = {"Content-Type": "application/json"}
PASSWORD = base64.b64encode(b"CANARY-password").decode()


@pytest.fixture
def config(replay: Replay) -> Config:
    for path, kinds in (
        ("/api/v1", {"secrets": "Secret", "configmaps": "ConfigMap", "namespaces": "Namespace"}),
        ("/apis/apps/v1", {"replicasets": "ReplicaSet", "deployments": "Deployment"}),
        ("/apis/batch/v1", {"jobs": "Job"}),
        ("/apis/batch.volcano.sh/v1alpha1", {"jobs": "Job"}),
        ("/apis/odd.example.com/v2", {"secrets": "Widget", "widgets": "Secret"}),
        ("/apis/odd.example.com/v1", {"gadgets": "Gadget"}),
    ):
        found = [
            {"name": name, "singularName": "", "kind": kind, "namespaced": name != "namespaces", "verbs": ["get"]}
            for name, kind in kinds.items()
        ]
        _answer(replay, path, {"kind": "APIResourceList", "groupVersion": path.partition("/")[2], "resources": found})
    groups = [_group("batch.volcano.sh", "v1alpha1"), _group("odd.example.com", "v2", "v1")]
    _answer(replay, "/apis", {"kind": "APIGroupList", "groups": groups})
    for group in (*groups, _group("batch", "v1"), _group("apps", "v1")):
        _answer(replay, f"/apis/{group['name']}", {"kind": "APIGroup", **group})
    return msgspec.convert(replay.configuration, Config)


def _group(name: str, *versions: str) -> dict[str, Any]:
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def _answer(replay: Replay, path: str, body: Any) -> None:
    replay.answers[path] = (200, JSON, json.dumps(body).encode())


def _object(kind: str, name: str, **members: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "odd"}, **members}


def paths(replay: Replay) -> list[str]:
    """What was asked for, without discovery."""
    return [request["path"] for request in replay.requests if request["path"] not in replay.answers]


@pytest.mark.parametrize(
    "name", ["odd/secrets/creds", "odd%2Fsecrets%2Fcreds", ".", "..", "", "a?b", "a#b", "a b", "\\"]
)
def test_a_name_is_never_a_path(config: Config, replay: Replay, name: str) -> None:
    with pytest.raises(ConfigError, match="could be a path"):
        show(CLUSTER_NAME, "namespace", name, None, config)
    with pytest.raises(ConfigError, match="could be a path"):
        show(CLUSTER_NAME, "secrets", "creds", name, config)
    assert replay.requests == []


@pytest.mark.parametrize("kind", ["../../api/v1/secrets", "secrets/", "pods%2Flog", "jobs.batch/v1", "", "-", "a..b"])
def test_a_kind_is_never_a_path(config: Config, replay: Replay, kind: str) -> None:
    with pytest.raises((ConfigError, NotFoundError)):
        show(CLUSTER_NAME, kind, "x", None, config)
    assert all(request["path"].startswith("/api") and ".." not in request["path"] for request in replay.requests)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("jobs", "/apis/batch/v1/namespaces/odd/jobs/x"),
        ("Job", "/apis/batch/v1/namespaces/odd/jobs/x"),
        ("jobs.batch", "/apis/batch/v1/namespaces/odd/jobs/x"),
        ("jobs.v1.batch", "/apis/batch/v1/namespaces/odd/jobs/x"),
        ("job.batch.volcano.sh", "/apis/batch.volcano.sh/v1alpha1/namespaces/odd/jobs/x"),
        ("jobs.v1alpha1.batch.volcano.sh", "/apis/batch.volcano.sh/v1alpha1/namespaces/odd/jobs/x"),
        ("replicasets.apps", "/apis/apps/v1/namespaces/odd/replicasets/x"),
        ("gadgets", "/apis/odd.example.com/v1/namespaces/odd/gadgets/x"),  # not in the preferred version
        ("gadget.odd.example.com", "/apis/odd.example.com/v1/namespaces/odd/gadgets/x"),
    ],
)
def test_a_kind_is_found_by_its_group_as_kubectl_does(config: Config, replay: Replay, kind: str, path: str) -> None:
    resource = path.split("/")[-2]
    came = {"jobs": "Job", "replicasets": "ReplicaSet", "gadgets": "Gadget"}[resource]
    _answer(replay, path, _object(came, "x", spec={"mine": path}))
    assert yaml.safe_load(show(CLUSTER_NAME, kind, "x", "odd", config))["spec"] == {"mine": path}


def test_a_group_that_is_not_there_is_not_found(config: Config) -> None:
    with pytest.raises(NotFoundError, match=r"no kind 'jobs\.example\.com'"):
        show(CLUSTER_NAME, "jobs.example.com", "x", "odd", config)


SECRET = {"data": {"password": PASSWORD}, "stringData": {"password": "CANARY-password"}}


@pytest.mark.parametrize(
    ("kind", "path", "came"),
    [
        ("secrets", "/api/v1/namespaces/odd/secrets/x", _object("Secret", "x", **SECRET)),
        ("secrets", "/api/v1/namespaces/odd/secrets/x", _object("PartialObjectMetadata", "x", **SECRET)),
        ("widgets", "/apis/odd.example.com/v2/namespaces/odd/widgets/x", _object("Secret", "x", **SECRET)),
        ("secrets.odd.example.com", "/apis/odd.example.com/v2/namespaces/odd/secrets/x", _object("Widget", "x")),
        (
            "gadgets",
            "/apis/odd.example.com/v1/namespaces/odd/gadgets/x",
            _object(
                "Gadget",
                "x",
                objects=[_object("Secret", "inner", **SECRET)],
                template={"a": {"b": _object("ConfigMap", "inner", data=["CANARY-list"], binaryData="CANARY-text")}},
                inline=json.dumps(_object("Secret", "inner", **SECRET)),
                manifest="apiVersion: v1\nkind: Secret\nstringData: {a: CANARY-yaml}",
                key="-----BEGIN RSA PRIVATE KEY-----\nCANARY-key",
                env={"PASSWORD": "CANARY-map"},
                args="--password=CANARY-text",
                command=["sh", "-c", "CANARY-list"],
                spec={"env": ["A=CANARY-list"], "extraArgs": ["CANARY"], "dbPassword": "CANARY-password"},
                probe={"httpHeaders": [{"name": "Authorization", "value": "CANARY"}]},
                csi={"driver": "smb.csi.k8s.io", "volumeAttributes": {"user": "CANARY"}},
                mountOptions=["password=CANARY"],
                rbd={"keyring": "/etc/CANARY"},
                state={"terminated": {"exitCode": 1, "message": "CANARY"}},
                clientConfig={"url": "https://u:CANARY@hooks.example.com/CANARY?key=CANARY"},
            ),
        ),
    ],
)
def test_what_is_hidden_depends_on_the_kind_that_came(
    config: Config, replay: Replay, kind: str, path: str, came: dict[str, Any]
) -> None:
    came["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"stringData": "CANARY-applied"}',
        "note": "seen",
        "a-list": ["CANARY"],
    }
    _answer(replay, path, came)
    shown = show(CLUSTER_NAME, kind, "x", "odd", config)
    assert "CANARY" not in shown
    assert PASSWORD not in shown
    assert "note: seen" in shown


@pytest.mark.parametrize(
    "came",
    [
        _object("Secret", "creds", **SECRET),
        {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [_object("Secret", "creds", **SECRET)]},
        {"kind": "Namespace", "metadata": {"name": "other"}, "data": "CANARY"},
        ["CANARY"],
        "CANARY",
    ],
)
def test_another_object_than_that_asked_for_is_refused(config: Config, replay: Replay, came: Any) -> None:
    _answer(replay, "/api/v1/namespaces/odd", came)
    with pytest.raises(InventoryError, match=r"another object|no object") as refused:
        show(CLUSTER_NAME, "namespaces", "odd", None, config)
    assert "CANARY" not in str(refused.value)


def test_a_redirect_is_not_followed(config: Config, replay: Replay) -> None:
    _answer(replay, "/api/v1/namespaces/odd/secrets/creds", _object("Secret", "creds", **SECRET))
    replay.answers["/api/v1/namespaces/odd"] = (302, {"Location": "/api/v1/namespaces/odd/secrets/creds"}, b"")
    with pytest.raises(InventoryError, match="302"):
        show(CLUSTER_NAME, "namespaces", "odd", None, config)
    assert replay.requests[-1]["path"] == "/api/v1/namespaces/odd"


def test_a_body_is_bounded_as_those_of_lists_are(config: Config, replay: Replay) -> None:
    bomb = gzip.compress(b'{"kind": "Namespace", "metadata": {}, "x": [' + b" " * (30 << 20) + b"]}")
    replay.answers["/api/v1/namespaces/odd"] = (200, JSON | {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(InventoryError, match="larger than 8 MiB"):
        show(CLUSTER_NAME, "namespaces", "odd", None, config)
    replay.answers["/api/v1/namespaces/odd"] = (200, JSON, b'{"kind":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    with pytest.raises(InventoryError, match="malformed"):
        show(CLUSTER_NAME, "namespaces", "odd", None, config)


def test_a_deep_object_is_cut_and_a_hostile_text_is_escaped(config: Config, replay: Replay) -> None:
    deep: Any = "CANARY"
    for _ in range(300):
        deep = {"a": deep}
    labels = {"esc": "\x1b]52;c;bHM=\x07", "line": "a\u2028kind: b", "order": "web\u202egnp", "own": "é"}
    came = {"kind": "Namespace", "metadata": {"name": "odd", "labels": labels}, "deep": deep}
    _answer(replay, "/api/v1/namespaces/odd", came)
    shown = show(CLUSTER_NAME, "namespaces", "odd", None, config)
    assert shown.replace("\n", "").isprintable()
    assert yaml.safe_load(shown)["metadata"]["labels"] == labels
    assert "CANARY" not in shown


def test_the_token_that_a_server_repeats_is_not_shown(config: Config, replay: Replay) -> None:
    token = "CANARY-token-0"  # the only one that the test's token endpoint has given
    labels = {"echo": f"Bearer {token}", token: "as a name"}
    _answer(replay, "/api/v1/namespaces/odd", {"kind": "Namespace", "metadata": {"name": "odd", "labels": labels}})
    shown = show(CLUSTER_NAME, "namespaces", "odd", None, config)
    assert replay.tokens == [token]
    assert token not in shown


def test_recorded_objects_are_shown_whole(config: Config, replay: Replay) -> None:
    found = json.loads(recording("get.namespace.kube-system")["response"]["body"])
    shown = yaml.safe_load(show(CLUSTER_NAME, "namespaces", "kube-system", None, config))
    assert shown == found | {"metadata": found["metadata"] | {"managedFields": "(hidden)"}}


def test_what_is_no_password_is_shown() -> None:
    spec = {
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "tls", "secret": {"secretName": "web-tls", "items": [{"key": "a", "path": "b"}]}}],
        "valuesFrom": [{"kind": "ConfigMap", "name": "values"}],
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "password"}}}],
    }
    assert without_secrets(spec) == spec


def test_json_is_what_yaml_is(config: Config, replay: Replay) -> None:
    came = _object("Gadget", "x", spec={"replicas": 2, "env": {"PASSWORD": "CANARY"}, "text": "\x1b[2J é"})
    _answer(replay, "/apis/odd.example.com/v1/namespaces/odd/gadgets/x", came)
    as_json = show(CLUSTER_NAME, "gadgets", "x", "odd", config, form="json")
    assert json.loads(as_json) == yaml.safe_load(show(CLUSTER_NAME, "gadgets", "x", "odd", config))
    assert "CANARY" not in as_json
    assert as_json.replace("\n", "").isprintable()


def _found(replay: Replay, path: str, *namespaces: str) -> None:
    """Answers a list in all namespaces as an API server that knows field selectors."""
    items = [{"metadata": {"name": "x", "namespace": namespace}} for namespace in namespaces]
    _answer(replay, path, {"kind": "PartialObjectMetadataList", "metadata": {}, "items": items})


def test_a_name_is_found_in_any_namespace(config: Config, replay: Replay) -> None:
    _found(replay, "/apis/apps/v1/deployments", "odd")
    _answer(replay, "/apis/apps/v1/namespaces/odd/deployments/x", _object("Deployment", "x", spec={"replicas": 3}))
    shown = show(CLUSTER_NAME, "deployments", "x", None, config, all_namespaces=True)
    assert yaml.safe_load(shown)["spec"] == {"replicas": 3}
    assert "/apis/apps/v1/deployments?fieldSelector=metadata.name%3Dx" in [sent["path"] for sent in replay.requests]
    _found(replay, "/apis/apps/v1/deployments", "web", "odd", "a\x1b[2J")
    with pytest.raises(ConfigError, match=r"in 3 namespaces: name one: a \[2J, odd, web"):
        show(CLUSTER_NAME, "deployments", "x", None, config, all_namespaces=True)
    _found(replay, "/apis/apps/v1/deployments")
    with pytest.raises(NotFoundError, match="in any namespace"):
        show(CLUSTER_NAME, "deployments", "x", None, config, all_namespaces=True)
    _found(replay, "/apis/apps/v1/deployments", "../../secrets")
    with pytest.raises(ConfigError, match="could be a path"):
        show(CLUSTER_NAME, "deployments", "x", None, config, all_namespaces=True)


def _table(name: str, **cells: Any) -> dict[str, Any]:
    return {
        "kind": "Table",
        "columnDefinitions": [{"name": column, "type": "string"} for column in cells],
        "rows": [{"cells": list(cells.values()), "object": _object("PartialObjectMetadata", name)}],
    }


def test_wide_is_the_table_that_the_server_makes(config: Config, replay: Replay) -> None:
    path = "/apis/apps/v1/namespaces/odd/deployments/x"
    _answer(
        replay, path, _table("x", Name="x", Ready="1/3", **{"Up-To-Date": 3}, Images="web:v1,\x1b[2J", Token="CANARY")
    )
    assert show(CLUSTER_NAME, "deployments", "x", "odd", config, form="wide") == (
        "NAME  READY  UP-TO-DATE  IMAGES          TOKEN\n"
        "----  -----  ----------  --------------  --------\n"
        "x     1/3             3  web:v1,\\x1b[2J  (hidden)\n"
    )
    _found(replay, "/apis/apps/v1/deployments", "odd")
    shown = show(CLUSTER_NAME, "deployments", "x", None, config, all_namespaces=True, form="wide")
    assert shown.splitlines()[2].split()[:3] == ["odd", "x", "1/3"]
    assert all("as=Table" in sent["accept"] for sent in replay.requests if sent["path"] == path)
    for other in (_table("y", Name="y"), {"kind": "Table", "rows": []}, {"kind": "Table", "rows": [1, 2]}):
        _answer(replay, path, other)
        with pytest.raises(InventoryError, match=r"another object|no object"):
            show(CLUSTER_NAME, "deployments", "x", "odd", config, form="wide")


def test_wide_of_a_server_without_tables_is_the_name_and_the_age(config: Config, replay: Replay) -> None:
    came = _object("Secret", "x", **SECRET)
    came["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    _answer(replay, "/api/v1/namespaces/odd/secrets/x", came)
    shown = show(CLUSTER_NAME, "secrets", "x", "odd", config, form="wide")
    assert [line.split()[0] for line in shown.splitlines()] == ["NAME", "----", "x"]
    assert "CANARY" not in shown
    assert PASSWORD not in shown
