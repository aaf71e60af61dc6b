"""`doctor` on credentials: where they come from, whose they are, whom they impersonate, and what mends them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands.doctor.conftest import Doctor, commands, findings
from replay import PROJECT, Replay

from job.simulator import Simulator
from job.simulator.identity import ACCOUNT, IMPERSONATED

CATEGORY = "credentials"


def said(checks: list[Any]) -> list[tuple[str, str]]:
    """Status and message of each check of the credentials."""
    return [(check.status, check.message) for check in checks if check.category == CATEGORY]


def test_credentials_are_found_refreshed_and_named(doctor: Doctor, replay: Replay) -> None:
    assert said(doctor(replay.configuration)) == [
        ("ok", f"in GOOGLE_APPLICATION_CREDENTIALS: {replay.credentials}"),
        ("ok", f"as inventory@{PROJECT}.iam.gserviceaccount.com"),
    ]


def test_without_credentials_it_says_how_to_log_in(
    doctor: Doctor, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    assert found.message.startswith("no Application Default Credentials")
    assert commands(found) == ["gcloud auth application-default login"]
    assert found.costs == (
        "nothing can be read: every table keeps its last rows, and `coverage` says that they are stale",
    )


@pytest.mark.parametrize("content", ["", "CANARY {", '{"type": "CANARY"}'])
def test_a_file_that_is_no_credentials_is_not_quoted(
    doctor: Doctor, replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "key.json").write_text(content.replace('"CANARY"', '"other"'))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    assert str(tmp_path / "key.json") in found.message
    assert commands(found) == ["unset GOOGLE_APPLICATION_CREDENTIALS && gcloud auth application-default login"]


def test_a_key_that_is_refused_is_mended_by_a_new_one(doctor: Doctor, replay: Replay) -> None:
    replay.token_error = (400, b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}')
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    assert "Invalid JWT Signature" in found.message
    account = f"--iam-account=inventory@{PROJECT}.iam.gserviceaccount.com"
    assert commands(found) == [
        f"gcloud iam service-accounts keys list {account}",
        f"gcloud iam service-accounts keys create {replay.credentials} {account}",
    ]


def test_a_login_that_has_expired_is_made_again(
    doctor: Doctor, replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"type": "authorized_user", "client_id": "i", "client_secret": "CANARY", "refresh_token": "CANARY"}
    (tmp_path / "user.json").write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "user.json"))
    replay.token_error = (400, b'{"error": "invalid_grant", "error_description": "Token has been expired."}')
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    assert commands(found) == ["gcloud auth application-default login"]


def test_a_token_endpoint_that_cannot_be_reached_is_a_matter_of_the_network(doctor: Doctor, replay: Replay) -> None:
    endpoints = replay.configuration["api_endpoints"] | {"oauth2": "http://127.0.0.1:9/token"}
    (found,) = findings(doctor(replay.configuration, api_endpoints=endpoints), CATEGORY)
    assert [mend.how for mend in found.mends] == [
        "check the way from this machine to the token endpoint: proxy, DNS, firewall"
    ]


def impersonating(fleet: Simulator, **accounts: Any) -> dict[str, Any]:
    endpoints = fleet.configuration["api_endpoints"]
    root = fleet.token_uri.removesuffix("/token")
    return {"identity": accounts, "api_endpoints": endpoints | {"iamcredentials": root}}


def test_each_link_of_an_impersonation_is_tried_and_the_broken_one_is_named(doctor: Doctor, fleet: Simulator) -> None:
    keys = impersonating(fleet, kubernetes=IMPERSONATED)
    assert said(doctor(fleet.configuration, **keys))[2:] == [("ok", "for the clusters")]

    refused = "robot@other-project.iam.gserviceaccount.com"
    keys = impersonating(fleet, impersonate_service_account=refused, delegates=[IMPERSONATED])
    checks = doctor(fleet.configuration, **keys)
    assert said(checks)[2] == ("ok", "for the next account of `identity.delegates`")
    (found,) = findings(checks, CATEGORY)
    assert found.subject == f"service account {refused}"
    (command,) = commands(found)
    assert command == (
        f"gcloud iam service-accounts add-iam-policy-binding {refused} --member=serviceAccount:{IMPERSONATED} "
        "--role=roles/iam.serviceAccountTokenCreator --project=other-project"
    )

    keys = impersonating(fleet, bigquery=refused)
    (found,) = findings(doctor(fleet.configuration, **keys), CATEGORY)
    assert f"--member=serviceAccount:{ACCOUNT} " in str(commands(found)[0])
    assert found.costs == ("nothing can be written: every table keeps its last rows",)


def test_cloud_runs_metadata_server_says_whose_the_token_is(replay: Replay, tmp_path: Path) -> None:
    """In a process of its own: google-auth reads the address of the metadata server when it is imported."""
    host = replay.token_uri.removeprefix("http://").removesuffix("/token")
    environment = {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "CLOUDSDK_CONFIG": str(tmp_path / "none")}
    (tmp_path / "c.yaml").write_text(json.dumps(replay.configuration | {"sink": f"duckdb:///{tmp_path}/x.duckdb"}))
    done = subprocess.run(
        [sys.executable, "-m", "job.cli", "doctor", "--json", "--config", str(tmp_path / "c.yaml")],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    first = json.loads(done.stdout)["checks"][:2]
    assert [check["message"] for check in first] == ["in the metadata server", "as job@example.com"]
    assert "CANARY" not in done.stdout + done.stderr
