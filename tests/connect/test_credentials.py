"""Which credentials are found, of which universe, and what a file that is none says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from replay import write_service_account

from job.config import Config
from job.connect.credentials import default_credentials
from job.connect.identity import Identity, default_identity
from job.discover.container_api import container_client
from job.errors import CredentialsError
from job.sinks.open_sink import open_sink

USER = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "http://127.0.0.1:1/v1/token",
    "credential_source": {"file": "/no/such/file"},
}
AWS = FEDERATED | {
    "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
    "credential_source": {
        "environment_id": "aws1",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity",
    },
}
PROGRAM = FEDERATED | {"credential_source": {"executable": {"command": "/bin/true"}}}
IMPERSONATED = {
    "type": "impersonated_service_account",
    "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
    "a@b.iam.gserviceaccount.com:generateAccessToken",
    "source_credentials": USER,
}
LOGIN = FEDERATED | {
    "type": "external_account_authorized_user", "refresh_token": "r", "client_id": "i", "client_secret": "s",
    "token_info_url": "https://sts.googleapis.com/v1/introspect",
}  # fmt: skip


@pytest.fixture
def adc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that GOOGLE_APPLICATION_CREDENTIALS names."""
    path = tmp_path / "adc.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.delenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", raising=False)
    return path


@pytest.mark.parametrize("info", [USER, FEDERATED, AWS, PROGRAM, IMPERSONATED, LOGIN], ids=lambda info: info["type"])
def test_each_type_is_loaded_without_a_request(info: dict[str, Any], adc: Path) -> None:
    adc.write_text(json.dumps(info))
    credentials = default_credentials()
    assert credentials.token is None
    assert credentials.universe_domain == "googleapis.com"


def test_the_gcloud_login_is_found_without_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    for value in (None, ""):
        if value is not None:
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", value)
        (tmp_path / "application_default_credentials.json").write_text(json.dumps(USER))
        assert type(default_credentials()).__module__ == "google.oauth2.credentials"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("folder", "Is a directory"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("CANARY garbage", "is not JSON"),
        (b"\xff\xfe\x00CANARY", "is not JSON"),
        ("{" * 100_000, "is not JSON"),
        ("[]", "has no `type`"),
        ('"CANARY"', "has no `type`"),
        ({}, "has no `type`"),
        ({"type": "CANARY-type" * 90}, "has the type 'CANARY"),
        ({"type": ["service_account"]}, "has the type"),
        ({"installed": {"client_secret": "CANARY"}}, "--client-id-file"),
        ({"type": "service_account", "private_key": "CANARY"}, "missing fields"),
        ({"type": "service_account", "private_key": "CANARY", "client_email": "e", "token_uri": "t"}, "no usable"),
        ({"type": "service_account", "private_key": 5}, "private_key must be text"),
        (USER | {"refresh_token": ["CANARY"]}, "refresh_token must be text"),
        (FEDERATED | {"credential_source": "CANARY"}, "no usable external_account file"),
        (FEDERATED | {"credential_source": None}, "no usable external_account file"),
        (FEDERATED | {"token_url": 7}, "token_url must be text"),
        (IMPERSONATED | {"source_credentials": None}, "no usable impersonated_service_account file"),
        (IMPERSONATED | {"service_account_impersonation_url": "x"}, "no usable impersonated_service_account file"),
        (USER | {"universe_domain": "https://CANARY"}, "is no domain such as googleapis.com"),
        (USER | {"universe_domain": "evil.example/x"}, "is no domain such as googleapis.com"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_credentials_is_one_sentence(content: Any, words: str, adc: Path) -> None:
    if content == "folder":
        adc.mkdir()
    elif isinstance(content, bytes):
        adc.write_bytes(content)
    elif content is not None:
        adc.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(CredentialsError) as raised:
        default_identity()
    message = str(raised.value)
    assert words in message
    assert str(adc) in message
    assert "\n" not in message
    assert len(message) < 600
    assert "CANARY" not in message or "type" in words or "domain" in words


def test_an_unreadable_file_is_one_sentence(adc: Path) -> None:
    adc.write_text("{}")
    adc.chmod(0)
    if os.access(adc, os.R_OK):  # root reads it, and finds that it has no type
        assert os.geteuid() == 0
    with pytest.raises(CredentialsError, match=r"Permission denied|has no `type`"):
        default_identity()


def service_account(path: Path, **fields: str) -> None:
    write_service_account(path, "http://127.0.0.1:1/token")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def endpoints(identity: Identity) -> tuple[str, str]:
    """Where the clients of the GKE API and of BigQuery send requests."""
    with container_client(Config(), identity) as container:
        sink: Any = open_sink(Config(sink="bigquery://p-1234.d"), lambda: identity)
        return container.api_endpoint, sink._client._connection.API_BASE_URL


@pytest.mark.parametrize("kind", ["key", "user", "federation"])
@pytest.mark.parametrize("by", ["file", "variable", "both"])
def test_the_universe_of_a_file_or_of_the_variable_decides_all_endpoints(
    by: str, kind: str, adc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"universe_domain": "s3nsapis.fr"} if by != "variable" else {}
    if kind == "key":
        service_account(adc, **named)
    else:
        adc.write_text(json.dumps((USER if kind == "user" else FEDERATED) | named))
    if by != "file":
        monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "s3nsapis.fr")
    identity = default_identity()
    assert identity.universe_domain == "s3nsapis.fr"
    assert endpoints(identity) == ("container.s3nsapis.fr", "https://bigquery.s3nsapis.fr")
    if kind == "user":
        assert identity.credentials.token_uri == "https://oauth2.s3nsapis.fr/token"
    if kind == "key":
        assert identity.token().count(".") == 2  # the key signs its tokens itself, so that it needs no endpoint


def test_without_a_universe_the_endpoints_are_googles(adc: Path) -> None:
    service_account(adc)
    assert endpoints(default_identity()) == ("container.googleapis.com", "https://bigquery.googleapis.com")


def test_two_universes_are_a_sentence(adc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service_account(adc, universe_domain="s3nsapis.fr")
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "apis.example.com")
    with pytest.raises(CredentialsError, match=r"apis\.example\.com, but .* s3nsapis\.fr: unset the variable"):
        default_identity()
