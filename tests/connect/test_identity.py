"""Application Default Credentials, with the real google-auth over sockets."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kubernetes.client import AppsV1Api, CoreV1Api
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job import kubernetes_client, load_config
from job.client import Config
from job.connect.identity import default_identity
from job.errors import CredentialsError, InventoryError, NotFoundError


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


def test_cloud_runs_metadata_server_reads_a_cluster(replay: Replay, tmp_path: Path) -> None:
    # google-auth reads the metadata server's address when it is imported, so this takes a process of its own
    (tmp_path / "c.yaml").write_text(json.dumps(replay.configuration))
    host = replay.token_uri.removeprefix("http://").removesuffix("/token")
    environment = {name: value for name, value in os.environ.items() if name != "GOOGLE_APPLICATION_CREDENTIALS"}
    environment |= {
        "GCE_METADATA_HOST": host,
        "GCE_METADATA_IP": host,
        "GKE_INVENTORY_CONFIG": str(tmp_path / "c.yaml"),
    }
    environment.pop("NO_GCE_CHECK")
    program = (
        "from job import kubernetes_client; from kubernetes.client import CoreV1Api\n"
        f"client = kubernetes_client({PROJECT!r}, {LOCATION!r}, {CLUSTER!r})\n"
        "print(CoreV1Api(client).read_namespace('kube-system').metadata.name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("kube-system\n", 0), done.stderr


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
