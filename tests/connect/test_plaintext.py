"""No token crosses a network in clear text, whichever command, endpoint, file or proxy would send it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from google.oauth2.credentials import Credentials
from loopback_bigquery import served
from proxies import http_proxy
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job import kubernetes_client, latest, query
from job.cli import cli
from job.config import Config
from job.connect.identity import Identity, bigquery_identity, configured_identity, default_identity
from job.discover.asset_client import asset_client
from job.discover.container_api import container_client
from job.discover.projects import clusters_in
from job.discover.resource_manager import resource_manager_clients
from job.errors import ConfigError, CredentialsError, InventoryError
from job.frames import snapshot
from job.sinks.open_sink import open_sink

ADDRESS = "http://plain.example.com"
CLUSTER_NAME = f"{PROJECT}/{LOCATION}/{CLUSTER}"


def config_with(replay: Replay, **endpoints: str) -> Config:
    settings = replay.configuration
    endpoints = {**settings["api_endpoints"], **endpoints}
    return msgspec.convert({**settings, "api_endpoints": endpoints, "sink": "bigquery://shop-prod.inventory"}, Config)


FACES: dict[str, tuple[tuple[str, ...], Callable[[Config], object]]] = {
    "kubernetes_client": (
        ("container", "oauth2"), lambda config: kubernetes_client(PROJECT, LOCATION, CLUSTER, config=config),
    ),
    "latest": (("bigquery", "oauth2"), lambda config: latest("pods", config=config)),
    "query": (("bigquery", "oauth2"), lambda config: query("SELECT 1", config=config)),
    "snapshot": (("container", "oauth2"), snapshot),
    "container_client": (("container",), lambda config: container_client(config, Identity(Credentials("t")))),
    "resource_manager_clients": (
        ("cloudresourcemanager",), lambda config: resource_manager_clients(config, Identity(Credentials("t")))
    ),
    "asset_client": (("cloudasset",), lambda config: asset_client(config, Identity(Credentials("t")))),
    "open_sink": (("bigquery",), lambda config: open_sink(config, lambda: Identity(Credentials("t"))).query("x")),
}  # fmt: skip


@pytest.mark.parametrize(("endpoints", "call"), FACES.values(), ids=FACES)
def test_every_python_call_refuses_an_endpoint_without_tls(
    endpoints: tuple[str, ...], call: Callable[[Config], object], replay: Replay
) -> None:
    for name in endpoints:
        with pytest.raises(ConfigError, match=rf"api_endpoints\.{name}: .* would send tokens unencrypted"):
            call(config_with(replay, **{name: ADDRESS}))


@pytest.mark.parametrize(
    ("command", "endpoint"),
    [
        (("run",), "bigquery"),
        (("run", "--tasks", "2"), "container"),
        (("plan",), "container"),
        (("query", "SELECT 1"), "bigquery"),
        (("schema", "diff"), "bigquery"),
        (("schema", "apply"), "bigquery"),
        (("prune", "--older-than", "1d"), "bigquery"),
        (("show", CLUSTER_NAME, "ns", "default"), "container"),
        (("show", CLUSTER_NAME, "ns", "default"), "oauth2"),
    ],
)
def test_every_command_refuses_an_endpoint_without_tls(
    command: tuple[str, ...], endpoint: str, replay: Replay, tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(msgspec.json.encode(config_with(replay, **{endpoint: ADDRESS})))
    done = CliRunner().invoke(cli, [*command, "--config", str(path)])
    assert isinstance(done.exception, ConfigError)
    assert "would send tokens unencrypted" in str(done.exception)
    assert replay.requests == []


def test_the_emulators_variable_is_checked_too(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", ADDRESS)
    with pytest.raises(ConfigError, match="BIGQUERY_EMULATOR_HOST"):
        query("SELECT 1", config=config_with(replay))


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1@plain.example.com",
        "http://127.0.0.1:80@plain.example.com/",
        "http://plain.example.com\\@127.0.0.1",
        "http://plain.example.com#@127.0.0.1",
        "http://localhost.example.com",
        "http://2130706433",
        "http://127.0.0.1:x",
        "HTTP://plain.example.com",
        "//plain.example.com",
        " http://127.0.0.1",
    ],
)
def test_an_address_that_parsers_read_differently_is_refused(replay: Replay, address: str) -> None:
    for name in ("container", "bigquery", "oauth2", "iamcredentials"):
        config = config_with(replay, **{name: address})
        config = msgspec.structs.replace(config, identity=msgspec.convert({"bigquery": "a@b"}, type(config.identity)))
        with pytest.raises(ConfigError, match=rf"api_endpoints\.{name}"):
            FACES["container_client" if name == "container" else "query"][1](config)


@pytest.mark.parametrize(
    "info",
    [
        {"token_uri": f"{ADDRESS}/token"},
        {"token_uri": "HTTP://127.0.0.1@plain.example.com/token"},
        {"type": "external_account", "token_url": f"{ADDRESS}/sts"},
        {"type": "external_account", "service_account_impersonation_url": f"{ADDRESS}/x"},
        {"type": "impersonated_service_account", "source_credentials": {"token_uri": f"{ADDRESS}/x"}},
    ],
)
def test_a_credentials_file_sends_no_secret_in_clear_text(
    info: dict[str, Any], replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "adc.json"
    path.write_text(json.dumps(json.loads(Path(replay.credentials).read_text()) | info))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(CredentialsError, match=r"unencrypted|is not a URL"):
        default_identity()


def test_no_proxy_reads_what_is_sent_to_this_machine(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_proxy() as proxy, served() as bigquery:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, f"http://{proxy.address}")
        config = config_with(replay, bigquery=bigquery.endpoint)
        identity = default_identity(replay.token_uri)
        identity.token()
        sink = open_sink(config, lambda: identity)
        assert len(sink.changes()) > 10  # type: ignore[attr-defined]
        rest = replay.token_uri.removesuffix("/token")  # whatever answers there is not the GKE API
        with container_client(config_with(replay, container=rest), identity) as client:
            clusters_in("p-1", lambda: client, msgspec.structs.replace(config.timeouts, retry_seconds=0.1))
    assert proxy.requests == []
    assert len(replay.tokens) == 1


def test_a_token_endpoint_that_redirects_gets_and_forwards_nothing(replay: Replay) -> None:
    seen: list[str] = []

    class Redirect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Redirect)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        with pytest.raises(InventoryError, match="no access token"):
            default_identity(f"http://127.0.0.1:{server.server_port}/token").token()
    finally:
        server.shutdown()
        server.server_close()
    assert set(seen) == {"/token"}


def test_clusters_and_bigquery_may_have_two_identities(replay: Replay) -> None:
    def accounts(**settings: Any) -> list[str | None]:
        config = msgspec.convert({**replay.configuration, "identity": settings}, Config)
        shared = configured_identity(config)
        both = (shared, bigquery_identity(config, lambda: shared))
        assert (both[0] is both[1]) == (config.identity.account("kubernetes") == config.identity.account("bigquery"))
        return [getattr(identity.credentials, "_target_principal", None) for identity in both]

    assert accounts() == [None, None]
    assert accounts(impersonate_service_account="all@x") == ["all@x", "all@x"]
    assert accounts(kubernetes="reader@x") == ["reader@x", None]
    assert accounts(bigquery="writer@x") == [None, "writer@x"]
    assert accounts(impersonate_service_account="all@x", kubernetes="reader@x") == ["reader@x", "all@x"]
    assert accounts(kubernetes="reader@x", bigquery="writer@x") == ["reader@x", "writer@x"]
