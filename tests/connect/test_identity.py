"""Application Default Credentials, with the real google-auth over sockets."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec
import pytest
from google.auth.credentials import Credentials
from kubernetes.client import AppsV1Api, CoreV1Api
from made import sink_at
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job import kubernetes_client, load_config
from job.client import Config
from job.config_identity import Identity as IdentitySettings
from job.connect.identity import Identity, default_identity
from job.errors import ConfigError, CredentialsError, InventoryError, NotFoundError
from job.run.one_task import run
from job.simulator import Simulator, simulate
from job.simulator.identity import ACCOUNT, IMPERSONATED


@pytest.fixture
def config(replay: Replay, tmp_path: Path) -> Config:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(replay.configuration))
    return load_config(path)


def user_credentials(path: Path) -> str:
    account = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    path.write_text(json.dumps(account))
    return str(path)


def test_a_service_accounts_file_reads_a_cluster(replay: Replay, config: Config) -> None:
    with kubernetes_client(PROJECT, LOCATION, CLUSTER, config=config) as client:
        namespace = CoreV1Api(client).read_namespace("kube-system")
        assert namespace.metadata.uid == "6932b420-ae0a-46f7-80d1-8865e579fb07"
    assert replay.requests[-1]["token"] == replay.tokens[-1]
    assert replay.requests[-1]["user_agent"].startswith("gke-inventory/")


def test_a_users_login_reads_a_cluster(
    replay: Replay, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", user_credentials(tmp_path / "user.json"))
    with kubernetes_client(PROJECT, LOCATION, CLUSTER, config=config) as client:
        assert CoreV1Api(client).read_namespace("kube-system").status.phase == "Active"


READS_A_CLUSTER = (
    "from job import kubernetes_client; from kubernetes.client import CoreV1Api\n"
    f"client = kubernetes_client({PROJECT!r}, {LOCATION!r}, {CLUSTER!r})\n"
    "print(CoreV1Api(client).read_namespace('kube-system').metadata.name)"
)


def with_metadata_server(
    host: str, replay: Replay, directory: Path, program: str = READS_A_CLUSTER, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a process of its own: google-auth reads the metadata server's address at its import."""
    (directory / "c.yaml").write_text(json.dumps(replay.configuration | settings))
    environment = {name: value for name, value in os.environ.items() if name != "GOOGLE_APPLICATION_CREDENTIALS"}
    environment |= {
        "GCE_METADATA_HOST": host,
        "GCE_METADATA_IP": host,
        "GKE_INVENTORY_CONFIG": str(directory / "c.yaml"),
    }
    environment.pop("NO_GCE_CHECK")
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_cloud_runs_metadata_server_reads_a_cluster(replay: Replay, tmp_path: Path) -> None:
    done = with_metadata_server(replay.token_uri.removeprefix("http://").removesuffix("/token"), replay, tmp_path)
    assert (done.stdout, done.returncode) == ("kube-system\n", 0), done.stderr


@contextmanager
def metadata_server_without_types(replay: Replay, answers: dict[str, bytes]) -> Iterator[str]:
    """A metadata server whose responses have no Content-Type: what Google's answers, or `answers` by path's end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            origin = Request(replay.token_uri.removesuffix("/token") + self.path, headers={"Metadata-Flavor": "Google"})
            own = [body for end, body in answers.items() if urlsplit(self.path).path.endswith(end)]
            try:
                body, status = (own[0], 200) if own else (urlopen(origin).read(), 200)
            except HTTPError as error:
                body, status = error.read(), error.code
            self.send_response(status)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:  # impersonation
            body = json.dumps({"accessToken": replay.tokens[-1], "expireTime": "2036-01-01T00:00:00Z"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("is_impersonating", [False, True])
def test_a_metadata_server_that_names_no_content_type_reads_a_cluster(
    is_impersonating: bool, replay: Replay, tmp_path: Path
) -> None:
    with metadata_server_without_types(replay, {}) as host:
        endpoints = {"api_endpoints": replay.configuration["api_endpoints"] | {"iamcredentials": f"http://{host}"}}
        identity = {"identity": {"kubernetes": "a@p.iam.gserviceaccount.com"}, **endpoints} if is_impersonating else {}
        done = with_metadata_server(host, replay, tmp_path, **identity)
    assert (done.stdout, done.returncode) == ("kube-system\n", 0), done.stderr


@pytest.mark.parametrize(
    ("end", "body"), [("/token", b'["CANARY"]'), ("/default/", b"CANARY"), ("/universe-domain", b'{"CANARY": 1}')]
)
def test_what_such_a_server_sends_in_place_of_its_answer_is_a_sentence(
    end: str, body: bytes, replay: Replay, tmp_path: Path
) -> None:
    program = "import sys; sys.argv = ['gke-inventory', 'plan']; from job.cli import main; main()"
    with metadata_server_without_types(replay, {end: body}) as host:
        done = with_metadata_server(host, replay, tmp_path, program)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "no access token for " in done.stderr
    assert not [word for word in ("Traceback", "CANARY", "a bug in") if word in done.stderr], done.stderr


def test_a_two_hour_old_client_still_works(replay: Replay, config: Config) -> None:
    identity = default_identity()
    client = kubernetes_client(PROJECT, LOCATION, CLUSTER, config=config, identity=identity)
    CoreV1Api(client).read_namespace("kube-system")
    replay.tokens.clear()  # the server has forgotten the first token, as it does after an hour
    identity.credentials.expiry = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    assert CoreV1Api(client).read_namespace("kube-system").metadata.name == "kube-system"
    assert len(replay.tokens) == 1
    client.close()


def test_every_api_class_works_with_the_client(config: Config) -> None:
    with kubernetes_client(PROJECT, LOCATION, CLUSTER, config=config) as client:
        sets = AppsV1Api(client).list_daemon_set_for_all_namespaces(limit=500)
        assert {item.metadata.name for item in sets.items} == {"cni-node", "node-exporter"}


def test_threads_with_a_stale_token_ask_for_one_new_one(replay: Replay) -> None:
    identity = default_identity()
    threads = [threading.Thread(target=identity.token) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replay.tokens) == 1


def test_a_refused_token_is_renewed_once_for_all(replay: Replay) -> None:
    identity = default_identity()
    refused = identity.token()
    assert identity.renew(refused)
    assert identity.renew(refused)  # another thread has had it renewed meanwhile
    assert len(replay.tokens) == 2


def test_no_credentials_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CredentialsError, match="gcloud auth application-default login"):
        default_identity()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json")
    with pytest.raises(CredentialsError, match="no/such/file"):
        default_identity()


def test_a_broken_credentials_file_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "adc.json").write_text('{"type": "service_account", "private_key": "CANARY-private-key"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    with pytest.raises(CredentialsError) as raised:
        default_identity()
    assert "CANARY" not in str(raised.value)


def test_an_expired_login_says_how_to_log_in(
    replay: Replay, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay.token_error = (400, b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", user_credentials(tmp_path / "user.json"))
    with pytest.raises(CredentialsError, match=r"expired or revoked.*gcloud auth application-default login"):
        kubernetes_client(PROJECT, LOCATION, CLUSTER, config=config)


def test_an_unknown_cluster_is_named_with_a_guess(config: Config) -> None:
    with pytest.raises(NotFoundError, match=f"did you mean {PROJECT}/{LOCATION}/{CLUSTER}"):
        kubernetes_client(PROJECT, LOCATION, "recordet", config=config)


def test_a_denied_project_is_told_as_denied(config: Config) -> None:
    with pytest.raises(InventoryError, match=r"forbidden.*roles/container.clusterViewer"):
        kubernetes_client("another-project", LOCATION, CLUSTER, config=config)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with simulate(clusters=1, pods=5, plain=True, bigquery=False) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


def snapshot(simulator: Simulator, tmp_path: Path, **settings: Any) -> str:
    """The status of a run with these credentials."""
    settings = {**simulator.configuration, "sink": sink_at(tmp_path / "x.duckdb"), **settings}
    return run(msgspec.convert(settings, Config)).run.status


@pytest.mark.parametrize("name", ["federated", "sovereign-service-account", "authorized-user", "service-account"])
def test_each_kind_of_credentials_takes_a_snapshot(
    name: str, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Resource Manager, which google.auth.default() asks for federation's project, cannot be reached from here
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(simulator.directory / f"{name}.json"))
    assert snapshot(simulator, tmp_path) == "complete"


def impersonating(simulator: Simulator, account: str, **more: Any) -> dict[str, Any]:
    host = simulator.token_uri.removesuffix("/token")
    return {
        "identity": {"impersonate_service_account": account, **more},
        "api_endpoints": {**simulator.configuration["api_endpoints"], "iamcredentials": host},
    }


def test_a_configured_service_account_is_impersonated(simulator: Simulator, tmp_path: Path) -> None:
    before = simulator.tokens()
    settings = impersonating(simulator, IMPERSONATED, delegates=[ACCOUNT])
    assert snapshot(simulator, tmp_path, **settings) == "complete"
    assert simulator.tokens() - before == 2  # its own, and that of the impersonated account


def test_a_refused_impersonation_names_the_role(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as raised:
        snapshot(simulator, tmp_path, **impersonating(simulator, "other@p.iam.gserviceaccount.com"))
    message = str(raised.value)
    assert "iam.serviceAccounts.getAccessToken" in message
    assert "roles/iam.serviceAccountTokenCreator" in message
    assert "other@p.iam.gserviceaccount.com" in message


@pytest.mark.parametrize("is_impersonated", [False, True])
def test_a_quota_project_goes_with_each_request_to_google_and_none_to_a_cluster(
    is_impersonated: bool, simulator: Simulator, tmp_path: Path
) -> None:
    quota = {"quota_project": "shop-staging"}
    settings = impersonating(simulator, IMPERSONATED, **quota) if is_impersonated else {"identity": quota}
    assert snapshot(simulator, tmp_path, **settings) == "complete"
    asked = simulator.requests()
    of_google = [each.get("quota_project") for each in asked if each["method"] == "gRPC"]
    assert set(of_google) == {"shop-staging"}
    assert {each.get("quota_project") for each in asked if each["cluster"]} == {None}


def test_a_quota_project_that_the_identity_may_not_use_is_named(simulator: Simulator, tmp_path: Path) -> None:
    settings = {**simulator.configuration, "sink": sink_at(tmp_path / "x.duckdb")}
    settings |= {"identity": {"quota_project": "nobodys-project"}, "projects": ["shop-prod"]}
    gaps = {gap.name: gap for gap in run(msgspec.convert(settings, Config)).gaps}
    assert gaps["shop-prod"].reason == "forbidden"
    assert "grant serviceusage.services.use on nobodys-project, or unset" in gaps["shop-prod"].message


def test_a_malformed_quota_project_is_refused_by_its_key() -> None:
    with pytest.raises(ConfigError, match=r"identity\.quota_project: '123' is not a project id"):
        run(Config(projects=("shop-prod",), identity=IdentitySettings(quota_project="123")))


def test_a_chain_of_impersonation_says_at_which_step_it_was_refused(simulator: Simulator, tmp_path: Path) -> None:
    other = "other@p.iam.gserviceaccount.com"
    with pytest.raises(CredentialsError) as raised:
        snapshot(simulator, tmp_path, **impersonating(simulator, IMPERSONATED, delegates=[ACCOUNT, other]))
    assert f"no access token for {IMPERSONATED}, by way of {ACCOUNT}, then {other}: " in str(raised.value)
    simulator.fault("token", "token_invalid_grant", "token")
    with pytest.raises(CredentialsError) as raised:
        snapshot(simulator, tmp_path, **impersonating(simulator, IMPERSONATED))
    simulator.clear()
    message = str(raised.value)
    assert f"no access token for {ACCOUNT}, needed to impersonate {IMPERSONATED}: " in message
    assert "roles/iam.serviceAccountTokenCreator" not in message
    assert "CANARY" not in message


def test_an_impersonation_that_fails_once_is_tried_again(simulator: Simulator, tmp_path: Path) -> None:
    simulator.fault("token", "token_status", "token", after=1, times=1)  # after the token of its own
    try:
        assert snapshot(simulator, tmp_path, **impersonating(simulator, IMPERSONATED)) == "complete"
    finally:
        simulator.clear()


def test_a_malformed_account_is_refused_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text('{"identity": {"impersonate_service_account": "not an email"}}')
    with pytest.raises(ConfigError, match=r"identity\.impersonate_service_account"):
        load_config(tmp_path / "c.yaml")


def test_a_token_near_its_end_is_asked_for_once_and_then_after_a_pause(replay: Replay) -> None:
    replay.token_lifetime = 200  # google-auth takes a token for stale 225 s before its end
    identity = default_identity()
    tokens = {identity.token() for _ in range(10)}
    assert len(replay.tokens) == len(tokens) == 1
    identity._next_refresh_at = 0.0  # a hundred seconds later
    assert identity.token() == replay.tokens[-1]
    assert len(replay.tokens) == 2


def test_a_token_endpoint_that_fails_is_not_asked_at_every_request(replay: Replay) -> None:
    replay.token_lifetime = 200
    identity = default_identity()
    first = identity.token()
    identity._next_refresh_at = 0.0
    replay.token_error = (500, b'{"error": "internal_failure"}')
    assert {identity.token() for _ in range(10)} == {first}  # it is still valid
    assert identity._next_refresh_at > time.monotonic() + 30


def test_an_expired_token_is_renewed_at_once(replay: Replay) -> None:
    replay.token_lifetime = 200
    identity = default_identity()
    identity.token()
    identity.credentials.expiry = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    assert identity.token() == replay.tokens[-1]
    assert len(replay.tokens) == 2


class SameToken(Credentials):
    """A source that gives the same token as long as it is valid, as a metadata server does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    def refresh(self, request: object) -> None:
        self.asked.append(request)
        self.token, self.expiry = "same", datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=100)


def test_a_refused_token_that_comes_again_is_asked_for_once() -> None:
    source = SameToken()
    identity = Identity(source)
    token = identity.token()
    assert [identity.renew(token) for _ in range(50)] == [False] * 50
    assert len(source.asked) == 2


@pytest.mark.parametrize(
    ("kind", "answer", "words", "not_words"),
    [
        ("user", (400, b'{"error": "invalid_grant", "error_description": "Expired."}'), "gcloud auth", "key"),
        ("key", (400, b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}'), "make a new key",
         "pool"),
        ("user", (503, b'{"error": "unavailable"}'), "try again later", "login"),
        ("user", None, "check the network", "login"),
        ("key", None, "check the network", "login"),
        ("federation", None, "check the network", "login"),
        ("federation", (400, b'{"error": "invalid_target", "error_description": "No such pool."}'),
         "workload identity pool", "login"),
        ("key", (200, b"CANARY"), "no access token", "CANARY"),
        ("key", (200, b'["CANARY"]'), "no access token", "CANARY"),
    ],
)  # fmt: skip
def test_advice_fits_the_cause(
    kind: str, answer: tuple[int, bytes] | None, words: str, not_words: str, replay: Replay, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    uri = replay.token_uri
    if answer is None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            uri = f"http://127.0.0.1:{closed.getsockname()[1]}/token"
    else:
        replay.token_error = answer
    path = tmp_path / "adc.json"
    if kind == "user":
        user_credentials(path)
    elif kind == "key":
        path.write_text(Path(replay.credentials).read_text())
    else:
        (tmp_path / "subject").write_text("CANARY-subject")
        pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
        info = {"type": "external_account", "audience": pool, "token_url": uri}
        info |= {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
        path.write_text(json.dumps({**info, "credential_source": {"file": str(tmp_path / "subject")}}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(CredentialsError) as raised:
        default_identity(uri).token()
    assert words in str(raised.value)
    assert not_words not in str(raised.value)
    assert "CANARY" not in str(raised.value)
