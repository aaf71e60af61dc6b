"""Token endpoints that are slow, or send something else than a token: one sentence in time, and no valid token lost."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from replay import Replay

from job.config import load_config
from job.connect.identity import Identity, default_identity
from job.errors import ConfigError, CredentialsError, SinkError
from job.sinks.duckdb import DuckDBSink

PORTAL = b"<!DOCTYPE html><html><body>CANARY: log in to the network</body></html>"
GARBAGE = [
    PORTAL, b"", b"[]", b"null", b"0", b'"CANARY"', b"{}", b"{", b"\xff\xfe", b"[" * 5000, b'{"access_token": null}',
    b'{"access_token": ""}', b'{"access_token": 5, "expires_in": 3600}', b'{"access_token": ["CANARY"]}',
    b'{"access_token": "CANARY with\\nline", "expires_in": 3600}', b'{"access_token": "t", "expires_in": NaN}',
    b'{"access_token": "t", "expires_in": Infinity}', b'{"access_token": "t", "expires_in": 1e300}',
    b'{"access_token": "t", "expires_in": "soon"}', b'{"access_token": "t", "expires_in": {}}',
    b'{"access_token": "t", "expires_in": -99999999999999}',
]  # fmt: skip


def write_user(path: Path, **more: Any) -> None:
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "CANARY", "refresh_token": "CANARY"}
    path.write_text(json.dumps(user | more))


def write_federated(path: Path, token_uri: str, **more: Any) -> None:
    (path.parent / "subject").write_text("CANARY-subject")
    pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
    info = {"type": "external_account", "audience": pool, "token_url": token_uri}
    info |= {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
    path.write_text(json.dumps({**info, "credential_source": {"file": str(path.parent / "subject")}, **more}))


@pytest.fixture(params=["key", "user", "federated", "impersonated", "federated-impersonated"])
def adc(request: pytest.FixtureRequest, replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Credentials of each kind, whose requests all go to one endpoint."""
    path, account = tmp_path / "adc.json", "projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken"
    if request.param == "key":
        path.write_text(Path(replay.credentials).read_text())
    elif request.param == "user":
        write_user(path)
    elif request.param == "federated":
        write_federated(path, replay.token_uri)
    elif request.param == "federated-impersonated":
        write_federated(path, replay.token_uri, service_account_impersonation_url=f"{replay.token_uri}/{account}")
    else:
        key = json.loads(Path(replay.credentials).read_text())
        impersonated = {"type": "impersonated_service_account", "source_credentials": key}
        path.write_text(
            json.dumps(impersonated | {"service_account_impersonation_url": f"{replay.token_uri}/{account}"})
        )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return str(request.param)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.usefixtures("adc")
def test_garbage_in_place_of_a_token_is_a_sentence(replay: Replay, status: int) -> None:
    for body in GARBAGE if status == 200 else GARBAGE[:11:5]:  # google-auth waits before it retries a 500
        replay.token_error = (status, body)
        identity = default_identity(replay.token_uri, seconds=1)
        said = token_or_error(identity)
        assert said == "t" or said.startswith("no access token for "), body  # "t": a token whose end is unknown
        assert len(said) < 800
        assert "CANARY" not in said, body


def token_or_error(identity: Identity) -> str:
    try:
        return identity.token()
    except CredentialsError as error:
        return str(error)


def test_a_login_page_is_named(replay: Replay) -> None:
    replay.token_error = (200, PORTAL)
    with pytest.raises(CredentialsError, match=r"the login page of a network answers|malformed"):
        default_identity(replay.token_uri).token()


def test_no_answer_costs_a_token_that_is_still_valid(replay: Replay) -> None:
    replay.token_lifetime = 200  # google-auth takes it for stale
    identity = default_identity(replay.token_uri, seconds=1)
    first = identity.token()
    for body in GARBAGE:
        replay.token_error = (200, body)
        identity._next_refresh_at, identity._failure = 0.0, None
        kept = identity.token()
        assert kept in (first, "t"), body
        if kept == "t":  # a token, though its end is odd
            identity = default_identity(replay.token_uri, seconds=1)
            replay.token_error = None
            first = identity.token()


@contextmanager
def endpoint(*, trickles: bool) -> Iterator[str]:
    """A server that accepts, and never answers, or sends its answer byte by byte."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                    while not ended.wait(0.05):
                        try:
                            connection.sendall(b" ")
                        except OSError:
                            break

        if trickles:
            threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/token"
        ended.set()


@pytest.mark.parametrize("trickles", [False, True], ids=["silent", "trickle"])
@pytest.mark.usefixtures("replay")
def test_a_slow_endpoint_is_a_sentence_in_time(trickles: bool) -> None:
    with endpoint(trickles=trickles) as uri:
        began = monotonic()
        with pytest.raises(CredentialsError, match=r"no access token for .*; check the network"):
            default_identity(uri, seconds=0.3).token()
        assert monotonic() - began < 10


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "missing"])
def test_only_a_file_is_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("/dev/null") if kind == "device" else tmp_path / "f"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    words = {"folder": "Is a directory", "pipe": "a named pipe", "device": "a device", "missing": "No such file"}[kind]
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(CredentialsError, match=words):
        default_identity()
    with pytest.raises(ConfigError, match=words):
        load_config(path)
    if kind != "missing":
        with pytest.raises(SinkError, match=words):
            DuckDBSink(path, timeout_seconds=5).query("SELECT 1")
